from django.db import migrations, models


class Migration(migrations.Migration):
    """The table that is searched names the message. What stood in it is written again within the hour (sign_missing)."""

    dependencies = [
        ("duplicates", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL("DELETE FROM duplicates_signature", migrations.RunSQL.noop),
        migrations.DeleteModel(name="Posting"),
        migrations.CreateModel(
            name="Posting",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "gram", "message_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("gram", models.IntegerField()),
                ("message_id", models.BigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name="signature",
            name="message_id",
            field=models.BigIntegerField(default=0),
            preserve_default=False,
        ),
    ]
