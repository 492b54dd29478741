"""Changes a person's own account."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from datasets_app.audit import record
from datasets_app.models import BULKY, Action, Dataset
from datasets_app.services import dataset_delete
from datasets_app.teams import check_may_leave_all, leave_all
from search_app.device_services import device_delete
from search_app.models import SearchRun
from search_app.services import search_run_delete


@transaction.atomic
def account_delete(*, user: User) -> None:
    """Deletes an account with all its searches, models, devices, data sets and files.

    The files go after the commit; if anything refuses, nothing is deleted.

    Args:
        user: Whose account it is; not the last administrator.

    Raises:
        ValidationError: A search still runs, others search on its data sets, or nobody would be left to
            administer the site or own a team.
    """
    admins = User.objects.filter(is_superuser=True, is_active=True)
    if user.is_superuser and not admins.exclude(pk=user.pk).exists():
        raise ValidationError(
            _("You are the only administrator. Make someone else an administrator first, then try again.")
        )
    check_may_leave_all(user)
    runs = SearchRun.objects.filter(owner=user)
    if runs.filter(state__in=SearchRun.working_states).exists():
        raise ValidationError(
            _("A search of yours is still running. Stop it, wait until it has ended, then try again.")
        )
    for run in runs:
        search_run_delete(run=run)
    for device in user.devices.all():
        device_delete(device=device)
    for dataset in Dataset.objects.filter(owner=user).defer(*BULKY):
        dataset_delete(dataset=dataset)
    leave_all(user=user)
    record(Action.ACCOUNT_DELETE, actor=user, target=user)
    user.delete()
