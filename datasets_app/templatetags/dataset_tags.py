"""What templates say about a data set on its way."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from datasets_app.models import Dataset, Job
from datasets_app.words.engine import said

register = template.Library()

WORK_TITLES = {
    Job.INSPECT: _("Reading your files"),
    Job.IMPORT: _("Importing your photos"),
    Job.VERSION: _("Making a new version"),
    Job.RECHECK: _("Checking your photos again"),
    Job.FETCH: _("Fetching the photos"),
}
WORK_TEXTS = {
    Job.INSPECT: _(
        "The list of files is read to find your classes. Then you are asked whether that is right."
    ),
    Job.IMPORT: _("Every photo is opened, turned the right way up, stored small and checked for problems."),
    Job.VERSION: _("Your changes are written down for good. The photos themselves are not copied."),
    Job.RECHECK: _("Copies, wrong classes, bad photos and shortcuts are searched for again."),
    Job.FETCH: _("The public set is downloaded, then imported like an upload."),
}


@register.filter
def sent_percent(dataset: Dataset) -> int:
    """Returns how much of the files has arrived, 0 to 100; 100 only when all has."""
    uploads = list(dataset.uploads.all())
    length = sum(upload.length for upload in uploads)
    return 100 * sum(upload.offset for upload in uploads) // length if length else 0


@register.filter
def work_title(dataset: Dataset) -> str:
    """Returns what the worker does, or will do, as a heading."""
    return str(WORK_TITLES[Job(dataset.job)])


@register.filter
def work_text(dataset: Dataset) -> str:
    """Returns a sentence that explains the work."""
    return str(WORK_TEXTS[Job(dataset.job)])


@register.filter
def stage_text(dataset: Dataset) -> str:
    """Returns what the worker is doing at this moment."""
    return said(dataset.stage) or gettext("Beginning")
