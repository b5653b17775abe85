"""Training the classifier: the packaged one can be made anew, and a place's own cases make its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from gongzhi.config.demonstration.examples import invented
from gongzhi.config.train_cases import FLOOR_SEEN, FLOOR_UNSEEN, cases, make_synthetic
from gongzhi.ground.ledger.models import Entry
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases.models import Case, Voice
from gongzhi.understand.cases.tree import category_by_code
from gongzhi.understand.suggestions.classifier import PACKAGED, classifier, forget, own_file, read
from gongzhi.understand.suggestions.models import TrainedModel
from tests.town import NOW


@pytest.fixture
def packaged():
    return read(PACKAGED)


@pytest.mark.slow
def test_the_packaged_classifier_can_be_made_anew_and_holds_the_floor(packaged):
    """On a fifth of the texts; the figures of the packaged one stand in its file."""
    made = make_synthetic(NOW, each=12, say=lambda words: None)
    assert set(made.codes) == set(packaged.codes)
    assert made.facts["figures"]["macro_f1"] > 0.7
    assert packaged.facts["figures"]["macro_f1"] >= FLOOR_SEEN
    assert packaged.facts["figures"]["unseen"]["macro_f1"] >= FLOOR_UNSEEN
    assert packaged.facts["source"] == "synthetic"


def test_invented_texts_are_the_same_each_time_and_split_by_their_sentences():
    assert [one.text for one in invented(5, 2)] == [one.text for one in invented(5, 2)]
    seen, unseen = ({one.text for one in invented(6, 6, unseen=which)} for which in (False, True))
    assert not seen & unseen


@pytest.fixture
def own_home(tmp_path: Any, settings: Any) -> Any:
    settings.HOME = tmp_path
    forget()
    yield tmp_path
    forget()


LAMP, LITTER, PAY = "facilities.lighting", "environment.litter", "work.wages"
SAID = {
    LAMP: "第{n}号灯杆的灯又灭了，夜里黑得看不见台阶",
    LITTER: "第{n}号院门口一堆废纸壳烂菜叶没人扫",
    PAY: "干了{n}个月，老板一分钱没给就换了电话",
}


def close_cases(town: Any, each: int) -> None:
    """Closed and confirmed cases, as an import with a mapping leaves them."""
    rows = [(code, said.format(n=n)) for n in range(each) for code, said in SAID.items()]
    messages = Message.objects.bulk_create(
        [
            Message(
                number=f"261101-{n:07d}", channel="import", received_at=NOW - timedelta(hours=n), text=text,
                place=town.grid, place_path=town.grid.path,
            )
            for n, (_code, text) in enumerate(rows)
        ]
    )  # fmt: skip
    made = Case.objects.bulk_create(
        [
            Case(
                number=message.number, state="closed", closed_as="imported", closed_at=NOW, summary="…",
                channel="import", category=category_by_code(code), sorted_at=NOW, place=town.grid,
                place_path=town.grid.path, opened_at=message.received_at,
            )
            for message, (code, _text) in zip(messages, rows, strict=True)
        ]
    )  # fmt: skip
    Voice.objects.bulk_create(
        [Voice(case=case, first_case=case, message=message) for case, message in zip(made, messages, strict=True)]
    )


@pytest.mark.django_db
def test_too_few_own_cases_are_refused_and_nothing_changes(town, own_home):
    close_cases(town, 10)
    result = CliRunner().invoke(cases, ["train"])
    assert result.exit_code == 1
    assert "Too little to learn from: 30 different texts" in result.output
    assert not own_file().exists()
    assert not TrainedModel.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_own_cases_make_a_better_classifier_and_the_training_is_recorded(town, own_home):
    close_cases(town, 80)
    assert classifier().facts["source"] == "synthetic"
    dry = CliRunner().invoke(cases, ["train", "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert not own_file().exists()
    result = CliRunner().invoke(cases, ["train"])
    assert result.exit_code == 0, result.output
    assert "240 closed and confirmed cases; the newest 48 are held out." in result.output
    row = TrainedModel.objects.get()
    assert row.in_use
    assert row.before is not None
    assert row.macro_f1 > row.before
    assert row.figures["curve"][-1][0] == 192
    entry = Entry.objects.about(row).get()
    assert entry.event == "suggestions.ModelTrained"
    assert entry.data == {
        "model_id": row.pk, "texts": 240, "macro_f1_thousandths": round(row.macro_f1 * 1000), "in_use": True,
    }  # fmt: skip
    assert classifier().version == row.name
    assert classifier().guess("灯又灭了，看不见台阶").code == LAMP
    assert own_file().with_name(f"{row.name}.npz").exists()
    assert not list(own_home.rglob("*.part"))


@pytest.mark.django_db(transaction=True)
def test_a_worse_classifier_stays_out_of_use_unless_forced(town, own_home, monkeypatch):
    close_cases(town, 80)
    assert CliRunner().invoke(cases, ["train"]).exit_code == 0
    good = classifier().version
    from gongzhi.understand.suggestions import training

    fit = training._fit

    def forgetful(examples: Any, sharpness: float) -> Any:
        model = fit(examples, sharpness)
        model.weights = np.zeros_like(model.weights)
        return model

    monkeypatch.setattr(training, "_fit", forgetful)
    result = CliRunner().invoke(cases, ["train"])
    assert result.exit_code == 1
    assert "stays in use" in result.output
    assert classifier().version == good
    assert [row.in_use for row in TrainedModel.objects.order_by("pk")] == [True, False]
    assert CliRunner().invoke(cases, ["train", "--force"]).exit_code == 0
    assert classifier().version != good


def test_a_damaged_own_file_does_not_stop_the_desk(own_home):
    own_file().parent.mkdir(parents=True)
    own_file().write_bytes(b"not a model")
    forget()
    assert classifier().facts["source"] == "synthetic"
