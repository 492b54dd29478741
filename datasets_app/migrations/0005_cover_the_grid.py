"""Indexes that hold all a filter of the photo grid asks for; the class that a finding was about."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets_app", "0004_remove_old_columns")]

    operations = [
        migrations.AddField("finding", "label", models.TextField(blank=True, default="")),
        migrations.RemoveIndex("finding", "finding_dataset_kind"),
        migrations.RemoveIndex("image", "image_dataset_label"),
        migrations.RemoveIndex("image", "image_dataset_split"),
        migrations.AddIndex("finding", models.Index(fields=["dataset", "kind", "row"], name="finding_by_kind")),
        migrations.AddIndex("finding", models.Index(fields=["dataset", "row"], name="finding_by_row")),
        migrations.AddIndex("image", models.Index(fields=["dataset", "label", "row", "excluded", "split"], name="image_by_label")),
        migrations.AddIndex("image", models.Index(fields=["dataset", "split", "row", "excluded"], name="image_by_split")),
        migrations.AddIndex("image", models.Index(fields=["dataset", "excluded", "row"], name="image_by_excluded")),
    ]
