"""Uploads in pieces, one working copy of the images for each data set, edits, findings with evidence."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets_app", "0001_initial")]

    operations = [
        migrations.AddField("dataset", "job", models.CharField(choices=[("inspect", "Read the list of files"), ("import", "Import"), ("version", "Make a version"), ("recheck", "Check again"), ("fetch", "Fetch a public set")], default="import", max_length=20)),
        migrations.AddField("dataset", "confirm", models.BooleanField(default=False)),
        migrations.AddField("dataset", "n_uploads", models.PositiveIntegerField(default=1)),
        migrations.AddField("dataset", "interpretation", models.JSONField(blank=True, null=True)),
        migrations.AddField("dataset", "preview", models.JSONField(blank=True, null=True)),
        migrations.AddField("dataset", "source", models.CharField(blank=True, default="", max_length=100)),
        migrations.AddField("dataset", "stage", models.CharField(blank=True, default="", max_length=100)),
        migrations.AddField("dataset", "health", models.JSONField(blank=True, default=dict)),
        migrations.AlterField("dataset", "state", models.CharField(choices=[("UPLOADING", "Uploading"), ("UPLOADED", "Waiting"), ("CHECKING", "Checking"), ("PREVIEW", "Please confirm"), ("READY", "Ready"), ("NEEDS_ATTENTION", "Needs attention"), ("REJECTED", "Rejected")], default="UPLOADED", max_length=20)),
        migrations.AddField("datasetversion", "changes", models.JSONField(blank=True, default=list)),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("filename", models.TextField()),
                ("length", models.BigIntegerField()),
                ("offset", models.BigIntegerField(default=0)),
                ("fingerprint", models.CharField(blank=True, default="", max_length=200)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("expected_sha256", models.CharField(blank=True, default="", max_length=64)),
                ("path", models.CharField(max_length=255)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("dataset", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="uploads", to="datasets_app.dataset")),
            ],
            options={"ordering": ["created_at", "id"]},
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("kind", models.CharField(max_length=20)),
                ("text", models.TextField()),
                ("undo", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("dataset", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="changes", to="datasets_app.dataset")),
                ("version", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="taken_in", to="datasets_app.datasetversion")),
            ],
            options={
                "ordering": ["number"],
                "constraints": [models.UniqueConstraint(fields=("dataset", "number"), name="change_number_once_per_dataset")],
            },
        ),
        migrations.AddField("image", "dataset", models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name="images", to="datasets_app.dataset")),
        migrations.AddField("image", "original_label", models.TextField(default="")),
        migrations.AddField("image", "excluded", models.BooleanField(default=False)),
        migrations.AddField("image", "group", models.IntegerField(default=-1)),
        migrations.AddField("finding", "row", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddField("finding", "other_row", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddField("finding", "score", models.FloatField(blank=True, null=True)),
        migrations.AddField("finding", "suggestion", models.TextField(blank=True, default="")),
        migrations.AddField("finding", "dismissed", models.BooleanField(default=False)),
    ]
