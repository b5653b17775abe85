import django.db.models.deletion
from django.db import migrations, models


def remember(apps, editor):
    apps.get_model("cases", "Voice").objects.filter(first_case=None).update(first_case=models.F("case"))


class Migration(migrations.Migration):
    # Filling and tightening a column are two transactions on PostgreSQL.
    atomic = False

    dependencies = [
        ("cases", "0003_many_voices_and_rulings"),
    ]

    operations = [
        migrations.RunPython(remember, migrations.RunPython.noop, atomic=True),
        migrations.AlterField(
            model_name="voice",
            name="first_case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="first_voices", to="cases.case"
            ),
        ),
    ]
