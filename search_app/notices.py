"""Tells people by mail that a search has ended. Sent by the sweeper: no run waits for a mail server."""

from __future__ import annotations

from smtplib import SMTPConnectError, SMTPServerDisconnected
from socket import gaierror

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from search_app.models import NoticeChoice, SearchRun

MAX_TRIES = 5
AT_ONCE = 20
MAIL_SECONDS = 10
TOLD_STATES = (SearchRun.State.DONE, SearchRun.State.FAILED)
"""Whoever stops a search is there already."""

_AWAY = (ConnectionError, TimeoutError, gaierror, SMTPServerDisconnected, SMTPConnectError)

log = structlog.get_logger(__name__)


class _ServerAwayError(Exception):
    """The mail server cannot be reached."""


def send_notices(*, again: bool = False) -> int:
    """Sees to runs that have ended since; returns how many mails were sent.

    A run's row is marked by one conditional UPDATE before its mail is sent, so of several sweepers one sends
    it, and no run is told twice. A mail that cannot be sent takes the mark back, at most `MAX_TRIES` times.

    Args:
        again: True also tries those whose mail could not be sent before; call it once a minute.
    """
    due = SearchRun.objects.filter(state__in=SearchRun.ended_states, noticed_at=None)
    due = due if again else due.filter(notice_tries=0)
    sent = 0
    for run in due.select_related("owner").order_by("finished_at")[:AT_ONCE]:
        mine = SearchRun.objects.filter(pk=run.pk, noticed_at=None, state=run.state)
        if mine.update(noticed_at=Now()) and _wanted(run):
            try:
                sent += _send(run)
            except _ServerAwayError:  # the others would only wait for the same
                break
    return sent


def mail_choose(*, user_id: int, wanted: bool) -> None:
    """Keeps whether a person wants mails."""
    NoticeChoice.objects.update_or_create(user_id=user_id, defaults={"mail_off": not wanted})


def _wanted(run: SearchRun) -> bool:
    if run.state not in TOLD_STATES or not run.owner.email or not run.owner.is_active:
        return False
    return not NoticeChoice.objects.filter(user=run.owner, mail_off=True).exists()


def _send(run: SearchRun) -> int:
    try:
        with translation.override(run.language):
            _mail(run).send()
        return 1
    except Exception as error:  # a mail must not end the sweeper, whatever a server answers
        log.warning("a mail could not be sent", run=str(run.pk)[:8], error=str(error)[:200])
        mark = {} if run.notice_tries + 1 >= MAX_TRIES else {"noticed_at": None}
        SearchRun.objects.filter(pk=run.pk).update(notice_tries=F("notice_tries") + 1, **mark)
        if isinstance(error, _AWAY):
            raise _ServerAwayError from error
        return 0


def _mail(run: SearchRun) -> EmailMessage:
    failed = run.state == SearchRun.State.FAILED
    page = "search:live" if failed else "search:result"
    words = gettext("Search failed: %(name)s") if failed else gettext("Search finished: %(name)s")
    text = render_to_string(
        "mail/search_ended.txt",
        {
            "run": run,
            "failed": failed,
            "percent": None if run.best_accuracy is None else round(100 * run.best_accuracy, 1),
            "link": settings.BASE_URL + reverse(page, args=[run.pk]),
            "choice": settings.BASE_URL + reverse("search:notices"),
        },
    )
    return EmailMessage(
        words % {"name": run.name},
        text,
        to=[run.owner.email],
        # The same for every try: a mail that arrives twice after all is recognised by mail programs.
        headers={"Message-ID": f"<search-{run.pk}-{run.fence}@automl>", "Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=MAIL_SECONDS) if settings.EMAIL_HOST else None,
    )
