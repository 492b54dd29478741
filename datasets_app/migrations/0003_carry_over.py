"""Data of 0002; apart, because PostgreSQL changes no table whose rows wait for their checks."""

from django.db import migrations
from django.db.models import F


def carry_over(apps, schema_editor):
    """Keeps the images and findings of each data set's newest version, and its upload."""
    Dataset = apps.get_model("datasets_app", "Dataset")
    Upload = apps.get_model("datasets_app", "Upload")
    Image = apps.get_model("datasets_app", "Image")
    Finding = apps.get_model("datasets_app", "Finding")
    for dataset in Dataset.objects.all():
        newest = dataset.versions.filter(complete=True).order_by("-number").first()
        images = Image.objects.filter(version__dataset_id=dataset.pk)
        if newest is not None:
            images.filter(version=newest).update(dataset_id=dataset.pk, original_label=F("label"))
        findings = Finding.objects.filter(dataset_id=dataset.pk)
        findings.exclude(version=newest).delete()
        if dataset.upload_path:
            Upload.objects.create(
                dataset_id=dataset.pk, filename="upload.zip", length=dataset.size_bytes,
                offset=dataset.size_bytes, path=dataset.upload_path, completed_at=dataset.created_at,
            )
    Image.objects.filter(dataset=None).delete()


class Migration(migrations.Migration):
    dependencies = [("datasets_app", "0002_uploads_and_edits")]
    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
