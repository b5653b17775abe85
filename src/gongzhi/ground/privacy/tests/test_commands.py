from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.core import checks
from django.utils import timezone

from gongzhi.ground.privacy import Personal, declarations
from gongzhi.ground.privacy.commands import privacy
from gongzhi.ground.privacy.inventory import as_markdown
from gongzhi.ground.privacy.tests.models import Letter

ROOT = Path(__file__).parents[5]
KEEP = Personal("privacy.Letter", "phone", why="calling back", basis="duty", keep_days=30, clock="answered_at")


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(privacy, words, catch_exceptions=False)


def test_the_documented_list_is_up_to_date():
    """To renew it: gongzhi privacy inventory --markdown > docs/reference/personal-data.md"""
    assert (ROOT / "docs/reference/personal-data.md").read_text(encoding="utf-8") == as_markdown()


def test_inventory_names_each_field(run, declared, monkeypatch):
    declared(KEEP)
    monkeypatch.setattr("gongzhi.ground.privacy.commands.undeclared", list)
    shown = run("inventory", "--markdown")
    assert shown.exit_code == 0
    assert (
        "| `privacy.Letter.phone` | personal | yes | calling back | duty | 30 days from answered_at |" in shown.output
    )
    assert "calling" in run("inventory").output


def test_inventory_fails_on_undeclared_and_unknown_fields(run, declared):
    declared(KEEP)
    shown = run("inventory")
    assert shown.exit_code == 1
    assert "access.Post.reason is not declared." in shown.output
    declared(harmless={"privacy.Letter.wrong"})
    shown = run("inventory")
    assert shown.exit_code == 1
    assert "there is no such field" in shown.output


@pytest.mark.django_db
def test_erase_says_before_it_does(run, declared):
    declared(KEEP)
    Letter.objects.create(phone="13800138000", answered_at=timezone.now() - timedelta(days=31))
    shown = run("erase", "--dry-run")
    assert "privacy.Letter.phone" in shown.output
    assert "due" in shown.output
    assert Letter.objects.get().phone
    assert "erased" in run("erase").output
    assert not Letter.objects.get().phone
    assert "Nothing is due." in run("erase").output


@pytest.mark.django_db
def test_rotate_says_how_many(run, settings):
    settings.GONGZHI_DATA_KEYS = ["k1:" + "a" * 40]
    Letter.objects.create(phone="13800138000")
    settings.GONGZHI_DATA_KEYS = ["k2:" + "b" * 40, "k1:" + "a" * 40]
    assert "1 rows sealed anew." in run("rotate").output
    settings.GONGZHI_DATA_KEYS = ["k2:" + "b" * 40]
    assert Letter.objects.get().phone.open() == "13800138000"


def test_a_wrong_declaration_stops_the_start(declared):
    declared(harmless={"privacy.Nobody.name"})
    assert [found.id for found in checks.run_checks(tags=["privacy"])] == ["privacy.E001"]
    assert declarations.problems()
