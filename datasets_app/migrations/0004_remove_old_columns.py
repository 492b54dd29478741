"""What 0003 no longer needs."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets_app", "0003_carry_over")]

    operations = [
        migrations.RemoveConstraint("image", "image_row_once_per_version"),
        migrations.RemoveIndex("image", "image_version_split"),
        migrations.RemoveField("image", "version"),
        migrations.RemoveField("finding", "version"),
        migrations.RemoveField("dataset", "upload_path"),
        migrations.AlterField("image", "dataset", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="images", to="datasets_app.dataset")),
        migrations.AddConstraint("image", models.UniqueConstraint(fields=("dataset", "row"), name="image_row_once_per_dataset")),
        migrations.AddIndex("image", models.Index(fields=["dataset", "label", "row"], name="image_dataset_label")),
        migrations.AddIndex("image", models.Index(fields=["dataset", "split", "row"], name="image_dataset_split")),
        migrations.AddIndex("finding", models.Index(fields=["dataset", "kind"], name="finding_dataset_kind")),
    ]
