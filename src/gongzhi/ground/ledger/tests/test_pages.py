"""The public pages, and the command line."""

from __future__ import annotations

import io
import json
import urllib.request
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from django.urls import reverse

from gongzhi.ground.ledger import views, witness
from gongzhi.ground.ledger.actions import seal
from gongzhi.ground.ledger.commands import ledger
from gongzhi.ground.ledger.models import Entry, Seal, proof_key
from gongzhi.ground.ledger.verify import verify

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def seals(add):
    for number in range(10, 15):
        add(str(number))
        add(f"{number}01")
        seal(now=LATER)
    witness.catch_up()
    return list(Seal.objects.order_by("number"))


def test_roots_page_is_public_and_paged(client, seals, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(views, "PER_PAGE", 2)
    with django_assert_max_num_queries(3):
        page = client.get(reverse("ledger:roots"))
    assert page.status_code == 200
    text = page.content.decode()
    assert bytes(seals[4].chained).hex() in text
    assert bytes(seals[2].chained).hex() not in text
    older = client.get(reverse("ledger:roots"), {"before": 4}).content.decode()
    assert bytes(seals[2].chained).hex() in older
    assert "?before=2" in older


@pytest.mark.parametrize("before", ["", "x", "-1", "²", "9" * 30, "9" * 18])
def test_nonsense_in_the_address_does_no_harm(client, seals, before):
    assert client.get(reverse("ledger:roots"), {"before": before}).status_code == 200
    assert client.get(reverse("ledger:roots_json"), {"since": before}).status_code == 200


def test_roots_page_before_the_first_seal(client, db):
    page = client.get(reverse("ledger:roots"))
    assert "Nothing has been sealed yet." in page.content.decode()


def test_roots_as_json_can_be_followed_and_compared(client, seals, monkeypatch, tmp_path):
    monkeypatch.setattr(views, "PER_FILE", 2)
    address, found = reverse("ledger:roots_json"), []
    while address:
        answer = client.get(address).json()
        found += answer["seals"]
        address = answer["next"]
    assert found == [one.facts() for one in seals]
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps({"seals": found}))
    assert verify(now=LATER, roots=saved) == []
    assert client.get(reverse("ledger:roots_json"), {"since": 3}).json()["seals"] == found[3:]
    assert client.get(reverse("ledger:seal_json", args=[2])).json() == found[1]
    assert client.get(reverse("ledger:seal_json", args=[99])).status_code == 404


def test_wording_needs_the_key(client, seals):
    entry = Entry.objects.order_by("id")[0]
    content = entry.canonical().decode()
    for address in (reverse("ledger:proof", args=[entry.pk]), reverse("ledger:proof_json", args=[entry.pk])):
        for key in ("", "x", proof_key(entry.pk + 1), "中"):
            answer = client.get(address, {"key": key})
            assert answer.status_code == 200
            assert entry.event not in answer.content.decode()
            assert "fingerprint" not in answer.content.decode()
    assert client.get(reverse("ledger:proof_json", args=[entry.pk])).json()["entry"] is None
    opened = client.get(entry.proof_url())
    assert opened.context["content"] == content
    assert "place added" in opened.content.decode()
    assert client.get(opened.context["json"]).json()["entry"] == content


def test_proof_of_nothing(client, seals):
    for number in (10**6, 10**25):
        assert client.get(reverse("ledger:proof", args=[number])).status_code == 404
        assert client.get(reverse("ledger:proof_json", args=[number])).status_code == 404


def test_proof_before_the_seal(client, add):
    entry = Entry.objects.about(add("11")).get()
    page = client.get(entry.proof_url())
    assert page.status_code == 200
    assert "not been sealed yet" in page.content.decode()
    answer = client.get(reverse("ledger:proof_json", args=[entry.pk]))
    assert answer.status_code == 409


@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize("tampered", ["", "entry", "root"])
def test_the_program_on_the_page_recomputes_the_root(client, seals, monkeypatch, opened, tampered):
    entry = Entry.objects.order_by("id")[3]
    page = client.get(entry.proof_url() if opened else reverse("ledger:proof", args=[entry.pk]))
    program = page.context["program"]
    assert program.count("\n") <= 16

    def answer(url):
        facts = client.get(url).json()
        if tampered == "entry":
            facts["entry"], facts["leaf"] = (facts["entry"] or "") + " ", "00" * 32
        if tampered == "root":
            facts["seal"]["root"] = "00" * 32
        return io.BytesIO(json.dumps(facts).encode())

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    said = io.StringIO()
    with redirect_stdout(said):
        exec(program, {})
    good = {"": "root True chain True", "entry": "root False chain False", "root": "root False chain True"}
    assert said.getvalue().strip() == good[tampered]


def test_every_view_is_declared_public():
    from gongzhi.ground.ledger.urls import urlpatterns

    assert {pattern.callback.view_class.verb for pattern in urlpatterns} == {"public"}


def run(*arguments):
    return CliRunner().invoke(ledger, list(arguments))


def test_verify_says_clean(seals):
    result = run("verify")
    assert result.exit_code == 0, result.output
    assert "10 entries (0 not sealed yet) under 5 seals: 0 findings." in result.stderr


def test_verify_says_what_is_wrong(seals, tmp_path, add):
    saved = tmp_path / "saved.jsonl"
    saved.write_text(run("roots").stdout)
    assert run("verify", "--roots", str(saved)).exit_code == 0
    facts = [json.loads(line) for line in saved.read_text().splitlines()]
    facts[2]["chained"] = "00" * 32
    saved.write_text("\n".join(json.dumps(one) for one in facts))
    result = run("verify", "--roots", str(saved))
    assert result.exit_code == 1
    assert result.stdout.startswith("seal-altered: seal 3: ")
    lines = run("verify", "--roots", str(saved), "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["seal-altered"]


def test_roots_since(seals):
    lines = run("roots", "--since", "3").stdout.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [4, 5]


def test_seal_and_prove(add):
    entry = Entry.objects.about(add("11")).get()
    assert run("prove", str(entry.pk)).exit_code == 1
    assert "1 seals made." in run("seal").stdout
    result = run("prove", str(entry.pk))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["entry"] == entry.canonical().decode()
    assert run("prove", "999999").exit_code == 1
    assert run("prove", "x").exit_code == 2
