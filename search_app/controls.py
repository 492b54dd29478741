"""Pauses a running search and gives it more minutes; stop and resume stand in services."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from search_app.models import SearchRun
from search_app.publish import publish_hint
from search_app.services import check_may_train

State = SearchRun.State

ENDING = "export"
"""The phase in which nothing is searched any more: the test photos may have been opened."""


@transaction.atomic
def search_run_pause(*, run: SearchRun) -> SearchRun:
    """Pauses a run that waits or is worked on; its worker gives it back at the next step.

    Its minutes do not run on until `services.search_run_resume`. Pausing a paused run changes nothing.

    Raises:
        ValidationError: If the run is ending or has ended.
    """
    mine = SearchRun.objects.filter(pk=run.pk)
    waiting = mine.filter(state=State.QUEUED).update(
        state=State.PAUSED, fence=F("fence") + 1, lease_until=None
    )
    paused = waiting or mine.filter(state=State.RUNNING).exclude(phase=ENDING).update(state=State.PAUSED)
    run.refresh_from_db()
    if not paused and run.state != State.PAUSED:
        if run.ended:
            raise ValidationError(gettext("This search has ended, so there is nothing to pause."))
        raise ValidationError(
            gettext("The search is writing its results, which cannot be paused. Wait until they are there.")
        )
    publish_hint(run.pk)
    return run


@transaction.atomic
def search_run_extend(*, run: SearchRun, minutes: float) -> SearchRun:
    """Raises the budget of a run that has not begun its ending; a worker takes the new one up within seconds.

    Args:
        run: The run.
        minutes: Minutes to add, at least 1.

    Raises:
        ValidationError: If the minutes are no sensible number, the sum is above the limit of this server, or
            the ending has begun, or the owner of the run may only look at its data set now.
        Dataset.DoesNotExist: If the owner of the run may not see the data set any more.
    """
    longest = settings.MAX_SEARCH_MINUTES
    if not 1 <= minutes <= longest:  # also refuses NaN
        raise ValidationError(
            gettext("Choose between 1 and %(longest)s minutes to add.") % {"longest": longest}
        )
    check_may_train(run)
    mine = SearchRun.objects.filter(pk=run.pk, state__in=(State.QUEUED, State.RUNNING, State.PAUSED))
    changed = mine.filter(minutes__lte=longest - minutes).exclude(phase=ENDING)
    total_seconds = 60.0 * (F("minutes") + minutes)
    extended = changed.update(
        minutes=F("minutes") + minutes,
        progress=F("spent_seconds") / total_seconds,
        eta_seconds=F("eta_seconds") + 60.0 * minutes,
    )
    run.refresh_from_db()
    if not extended:
        raise ValidationError(_why_not_longer(run, longest))
    publish_hint(run.pk)
    return run


def _why_not_longer(run: SearchRun, longest: int) -> str:
    if run.ended:
        return gettext("This search has ended. Start a new one with more minutes.")
    if run.state == State.STOPPING or run.phase == ENDING:
        return gettext(
            "The search is already writing its results, so more minutes would change nothing. "
            "Start a new one with more minutes when it is done."
        )
    room = longest - run.minutes
    return gettext(
        "A search may take %(longest)s minutes on this server, and this one has %(minutes)g. "
        "Add at most %(room)g minutes."
    ) % {"longest": longest, "minutes": run.minutes, "room": max(0.0, room)}
