"""Booked rows are only ever added: the database itself refuses to change or remove one."""

from django.db import migrations

SQLITE = """
CREATE TRIGGER points_booking_stays_{verb} BEFORE {VERB} ON points_booking
BEGIN SELECT RAISE(ABORT, 'booked points stay as they are'); END
"""

POSTGRESQL_FUNCTION = """
CREATE OR REPLACE FUNCTION points_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'booked points stay as they are' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""

POSTGRESQL = """
CREATE TRIGGER points_booking_stays_{verb} BEFORE {VERB} ON points_booking
FOR EACH STATEMENT EXECUTE FUNCTION points_refuse()
"""


def verbs(vendor):
    return ("update", "delete", "truncate") if vendor == "postgresql" else ("update", "delete")


def statements(vendor):
    """The SQL that puts the guard up."""
    sql, found = (POSTGRESQL, [POSTGRESQL_FUNCTION]) if vendor == "postgresql" else (SQLITE, [])
    return found + [sql.format(verb=verb, VERB=verb.upper()) for verb in verbs(vendor)]


def removals(vendor):
    """The SQL that takes it down again."""
    place = " ON points_booking" if vendor == "postgresql" else ""
    return [f"DROP TRIGGER IF EXISTS points_booking_stays_{verb}" + place for verb in verbs(vendor)]


def put_up(apps, schema_editor):
    for sql in statements(schema_editor.connection.vendor):
        schema_editor.execute(sql)


def take_down(apps, schema_editor):
    for sql in removals(schema_editor.connection.vendor):
        schema_editor.execute(sql)


class Migration(migrations.Migration):
    dependencies = [("points", "0001_initial")]

    operations = [migrations.RunPython(put_up, take_down)]
