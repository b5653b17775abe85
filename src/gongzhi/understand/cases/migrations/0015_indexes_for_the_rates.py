"""The three rates look for what was due for contact, and what was excluded, within a period."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0014_parts_and_rulings_go_up")]

    operations = [
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                fields=["contact_due_at"], name="case_by_contact", condition=models.Q(contact_due_at__isnull=False)
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                fields=["excluded_at"], name="case_by_exclusion", condition=models.Q(excluded_at__isnull=False)
            ),
        ),
    ]
