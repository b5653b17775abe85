"""The index table, and what makes each database quick at it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import gongzhi.understand.search.models

# FTS5 keeps only its index; the words stand in the table, and triggers keep the two in step.
SQLITE = (
    """CREATE VIRTUAL TABLE search_casetext_found USING fts5(
        words, content='search_casetext', content_rowid='case_id', tokenize='unicode61 remove_diacritics 0')""",
    """CREATE TRIGGER search_casetext_written AFTER INSERT ON search_casetext BEGIN
        INSERT INTO search_casetext_found(rowid, words) VALUES (new.case_id, new.words); END""",
    """CREATE TRIGGER search_casetext_gone AFTER DELETE ON search_casetext BEGIN
        INSERT INTO search_casetext_found(search_casetext_found, rowid, words)
        VALUES ('delete', old.case_id, old.words); END""",
    """CREATE TRIGGER search_casetext_changed AFTER UPDATE ON search_casetext BEGIN
        INSERT INTO search_casetext_found(search_casetext_found, rowid, words)
        VALUES ('delete', old.case_id, old.words);
        INSERT INTO search_casetext_found(rowid, words) VALUES (new.case_id, new.words); END""",
)
SQLITE_BACK = (
    "DROP TRIGGER IF EXISTS search_casetext_written",
    "DROP TRIGGER IF EXISTS search_casetext_gone",
    "DROP TRIGGER IF EXISTS search_casetext_changed",
    "DROP TABLE IF EXISTS search_casetext_found",
)
# The words lie apart from the rows: what a question meets is then read from a hundred rows a page, and never unpacked,
# because the index alone decides. The list of what is not yet sorted into the index is kept short: each question reads
# it through.
POSTGRESQL = (
    "ALTER TABLE search_casetext SET (toast_tuple_target = 128, autovacuum_vacuum_insert_scale_factor = 0.05)",
    "ALTER TABLE search_casetext ALTER COLUMN words SET STORAGE EXTERNAL",
    "ALTER TABLE search_casetext ALTER COLUMN words SET STATISTICS 300",
    "CREATE INDEX search_casetext_words ON search_casetext USING gin (words) WITH (gin_pending_list_limit = 256)",
)
POSTGRESQL_BACK = ("DROP INDEX IF EXISTS search_casetext_words",)


def make(apps, schema_editor):
    for sql in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(sql)


def unmake(apps, schema_editor):
    for sql in POSTGRESQL_BACK if schema_editor.connection.vendor == "postgresql" else SQLITE_BACK:
        schema_editor.execute(sql)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("access", "0001_initial"),
        ("cases", "0004_every_voice_knows_its_first_case"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CaseText",
            fields=[
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="words",
                        serialize=False,
                        to="cases.case",
                    ),
                ),
                ("words", gongzhi.understand.search.models.Bigrams(verbose_name="words")),
            ],
        ),
        migrations.RunPython(make, unmake),
        migrations.CreateModel(
            name="CallerSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("found", models.PositiveIntegerField()),
                ("at", models.DateTimeField(verbose_name="when")),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "post",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="access.post"),
                ),
            ],
            options={"verbose_name": "search by telephone", "verbose_name_plural": "searches by telephone"},
        ),
    ]
