"""Pause, notices, and the key by which trainings of one network are told together."""

import hashlib
import json

from django.conf import settings
from django.db import migrations, models
from django.db.models import deletion
from django.db.models.functions import Now

ENDED = ("DONE", "STOPPED", "FAILED")
BATCH = 500


def mark_old_ends(apps, schema_editor):
    """Searches that ended before mails existed are not told of."""
    apps.get_model("search_app", "SearchRun").objects.filter(state__in=ENDED).update(noticed_at=Now())


def twin_key(source, architecture):
    """As `search_app.models.twin_key` was when this was written."""
    text = json.dumps([source, architecture], sort_keys=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")


def fill_twins(apps, schema_editor):
    """Candidates of earlier versions get the key that new ones are saved with."""
    candidates = apps.get_model("search_app", "Candidate").objects
    batch = []
    for one in candidates.only("source", "architecture").iterator(BATCH):
        one.twin = twin_key(one.source, one.architecture)
        batch.append(one)
        if len(batch) == BATCH:
            candidates.bulk_update(batch, ["twin"])
            batch = []
    candidates.bulk_update(batch, ["twin"])


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("search_app", "0006_cost_of_a_search"),
    ]

    operations = [
        migrations.AddField(
            "candidate",
            "twin",
            models.BigIntegerField(default=0, editable=False, help_text="See `twin_key`."),
        ),
        migrations.AddField(
            "searchrun",
            "language",
            models.CharField(default="en", help_text="Of whoever started it, for mails.", max_length=10),
        ),
        migrations.AddField(
            "searchrun",
            "notice_tries",
            models.PositiveSmallIntegerField(default=0, help_text="Mails that could not be sent."),
        ),
        migrations.AddField(
            "searchrun",
            "noticed_at",
            models.DateTimeField(
                blank=True,
                db_index=True,
                help_text="When the end was seen to: told by mail, or not wanted.",
                null=True,
            ),
        ),
        migrations.AlterField(
            "searchrun",
            "state",
            models.CharField(
                choices=[
                    ("QUEUED", "Waiting for a free worker"),
                    ("RUNNING", "Running"),
                    ("PAUSED", "Paused"),
                    ("STOPPING", "Stopping and keeping the best"),
                    ("DONE", "Finished"),
                    ("STOPPED", "Stopped"),
                    ("FAILED", "Failed"),
                ],
                db_index=True,
                default="QUEUED",
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            "NoticeChoice",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("mail_off", models.BooleanField(default=False, help_text="No mail at the end of a search.")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=deletion.CASCADE, related_name="notice_choice", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.RunPython(mark_old_ends, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(fill_twins, migrations.RunPython.noop, elidable=True),
    ]
