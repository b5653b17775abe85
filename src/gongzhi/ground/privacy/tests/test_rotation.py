from __future__ import annotations

import pytest

from gongzhi.ground.privacy import keys, seals
from gongzhi.ground.privacy.actions import reseal_everything
from gongzhi.ground.privacy.fields import blind
from gongzhi.ground.privacy.tests.models import Letter

PHONE = "privacy.Letter.phone"
OLD, NEW = "k1:" + "a" * 40, "k2:" + "b" * 40


def number(index: int) -> str:
    return f"138{index:08d}"


@pytest.fixture
def letters(db, settings):
    settings.GONGZHI_DATA_KEYS = [OLD]
    for index in range(7):
        Letter.objects.create(phone=number(index), sender="王小明", identity=None)


def test_rotation_step_by_step(letters, settings):
    settings.GONGZHI_DATA_KEYS = [NEW, OLD]
    fresh = Letter.objects.create(phone=number(7))
    for index in range(8):  # before: old and new rows are found and open
        assert Letter.objects.get(phone_index=blind(PHONE, number(index))).phone.open() == number(index)
    assert reseal_everything(batch=3) == 7
    assert reseal_everything(batch=3) == 0
    settings.GONGZHI_DATA_KEYS = [NEW]  # after: the old key is not needed any more
    for index in range(8):
        assert Letter.objects.get(phone_index=blind(PHONE, number(index))).phone.open() == number(index)
    assert fresh.pk


def test_another_cipher_is_a_rotation_too(letters, settings):
    if "sm4" not in keys.families():
        pytest.skip("the installed cryptography library has no SM4")
    settings.GONGZHI_CIPHER = "sm4"
    assert Letter.objects.get(phone_index=blind(PHONE, number(3))).phone.open() == number(3)
    assert reseal_everything() == 7
    raw = Letter.objects.values_list("phone", flat=True)
    assert {value[0] for value in raw} == {seals.VERSIONS["sm4"]}
    assert Letter.objects.get(phone_index=blind(PHONE, number(3))).phone.open() == number(3)


def test_a_change_made_meanwhile_is_not_overwritten(letters, settings, monkeypatch):
    settings.GONGZHI_DATA_KEYS = [NEW, OLD]
    plain_seal = seals.seal

    def somebody_saves_first(plain, place):
        monkeypatch.setattr(seals, "seal", plain_seal)
        other = Letter.objects.get(phone_index=blind(PHONE, number(0)))
        other.phone = number(99)
        other.save()
        return plain_seal(plain, place)

    monkeypatch.setattr(seals, "seal", somebody_saves_first)
    assert reseal_everything() == 6
    assert Letter.objects.get(phone_index=blind(PHONE, number(99))).phone.open() == number(99)
    assert reseal_everything() == 1  # the sender's name, still under the old key


def test_a_killed_run_is_taken_up_again(letters, settings):
    settings.GONGZHI_DATA_KEYS = [NEW, OLD]

    def power_cut(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reseal_everything(batch=3, report=power_cut)
    assert reseal_everything() == 4
