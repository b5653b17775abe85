"""Entries, leaves and seals are only ever added: the database itself refuses to change or remove them."""

from django.db import migrations

TABLES = ("ledger_entry", "ledger_leaf", "ledger_seal")

SQLITE = """
CREATE TRIGGER {table}_stays_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END
"""

POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the record is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""

# Per statement, so that even a change that meets no row is refused.
POSTGRESQL = """
CREATE TRIGGER {table}_stays_{verb} BEFORE {VERB} ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()
"""


def statements(vendor):
    """The SQL that puts the guard up."""
    if vendor == "postgresql":
        verbs, sql, found = ("update", "delete", "truncate"), POSTGRESQL, [POSTGRESQL_FUNCTION]
    else:
        verbs, sql, found = ("update", "delete"), SQLITE, []
    return found + [sql.format(table=table, verb=verb, VERB=verb.upper()) for table in TABLES for verb in verbs]


def removals(vendor):
    """The SQL that takes it down again."""
    verbs = ("update", "delete", "truncate") if vendor == "postgresql" else ("update", "delete")
    place = " ON {table}" if vendor == "postgresql" else ""
    return [
        f"DROP TRIGGER IF EXISTS {table}_stays_{verb}" + place.format(table=table) for table in TABLES for verb in verbs
    ]


def put_up(apps, schema_editor):
    for sql in statements(schema_editor.connection.vendor):
        schema_editor.execute(sql)


def take_down(apps, schema_editor):
    for sql in removals(schema_editor.connection.vendor):
        schema_editor.execute(sql)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [migrations.RunPython(put_up, take_down)]
