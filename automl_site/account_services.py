"""Changes a person's own account."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from datasets_app.selectors import datasets_of_user
from datasets_app.services import dataset_delete
from search_app.device_services import device_delete
from search_app.models import SearchRun
from search_app.selectors import search_runs_of_user
from search_app.services import search_run_delete


@transaction.atomic
def account_delete(*, user: User) -> None:
    """Deletes an account with all its searches, models, devices, data sets and files.

    The files go after the commit; if anything refuses, nothing is deleted.

    Args:
        user: Whose account it is; not the last administrator.

    Raises:
        ValidationError: A search still runs, or nobody would be left to administer the site.
    """
    admins = User.objects.filter(is_superuser=True, is_active=True)
    if user.is_superuser and not admins.exclude(pk=user.pk).exists():
        raise ValidationError(
            _("You are the only administrator. Make someone else an administrator first, then try again.")
        )
    runs = search_runs_of_user(user)
    if runs.filter(state__in=SearchRun.working_states).exists():
        raise ValidationError(
            _("A search of yours is still running. Stop it, wait until it has ended, then try again.")
        )
    for run in runs:
        search_run_delete(run=run)
    for device in user.devices.all():
        device_delete(device=device)
    for dataset in datasets_of_user(user):
        dataset_delete(dataset=dataset)
    user.delete()
