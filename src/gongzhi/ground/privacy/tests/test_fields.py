from __future__ import annotations

import copy
import json
import logging
import pickle
import uuid

import pytest
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.ground.ledger.actions import record
from gongzhi.ground.privacy import keys, seals, spellings
from gongzhi.ground.privacy.events import PersonalDataRevealed
from gongzhi.ground.privacy.fields import Secret, blind
from gongzhi.ground.privacy.seals import SealBroken
from gongzhi.ground.privacy.tests.models import Letter

PHONE = "privacy.Letter.phone"
PLAIN = {
    "sender": "王小明",
    "phone": "138 0013 8000",
    "identity": "110108199013310012",  # month 13: no such person
    "address": "清华园街道荷清苑12号楼3单元401",
    "remark": "looks after an ill mother",
}
MASKED = {
    "sender": "王**",
    "phone": "138****8000",
    "identity": "110*************12",
    "address": "清华园街道荷****",
    "remark": "****",
}


@pytest.fixture(params=["aes", "sm4"])
def cipher(request, settings):
    if request.param not in keys.families():
        pytest.skip(f"the installed cryptography library has no {request.param}")
    settings.GONGZHI_CIPHER = request.param
    return request.param


# Laws of sealing ---------------------------------------------------------------------------------------------------


@given(plain=st.text(st.characters(exclude_categories=["Cs"])), row=st.text(max_size=8))
def test_what_is_sealed_opens_again_in_its_place(plain, row):
    place = seals.where("letter", "phone", row)
    sealed = seals.seal(plain, place)
    assert seals.unseal(sealed, place) == plain
    assert not plain.encode() or plain.encode() not in sealed or len(plain.encode()) < 4


@given(
    here=st.tuples(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4)),
    there=st.tuples(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4)),
)
def test_a_sealed_value_opens_in_no_other_place(here, there):
    try:
        own, other = seals.where(*here), seals.where(*there)
    except UnicodeEncodeError:
        return
    sealed = seals.seal("secret", own)
    if here == there:
        assert seals.unseal(sealed, other) == "secret"
    else:
        with pytest.raises(SealBroken):
            seals.unseal(sealed, other)


@given(at=st.integers(min_value=0), to=st.integers(1, 255))
def test_a_changed_byte_is_noticed(at, to):
    place = seals.where("letter", "phone", "1")
    sealed = bytearray(seals.seal("13800138000", place))
    sealed[at % len(sealed)] ^= to
    with pytest.raises(SealBroken):
        seals.unseal(bytes(sealed), place)


@pytest.mark.parametrize(
    "garbage", [b"x", b"\x01", b"\x01\x02k1", b"\x07\x02k1" + b"0" * 40, b"\x01\xff" + b"\xff" * 300]
)
def test_garbage_is_not_a_sealed_value(garbage):
    with pytest.raises(SealBroken):
        seals.unseal(garbage, seals.where("a", "b", "c"))


def test_the_same_text_looks_different_each_time():
    place = seals.where("letter", "phone", "1")
    assert seals.seal("13800138000", place) != seals.seal("13800138000", place)


# Round trip --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["save", "bulk_create", "record"])
def test_round_trip(cipher, way, now):
    letter = Letter(**PLAIN)
    if way == "save":
        letter.save()
    elif way == "bulk_create":
        Letter.objects.bulk_create([letter])
    else:
        letter = Letter.objects.create()
        letter.phone, letter.sender, letter.identity = PLAIN["phone"], PLAIN["sender"], PLAIN["identity"]
        letter.address, letter.remark = PLAIN["address"], PLAIN["remark"]
        with transaction.atomic():
            record(
                PersonalDataRevealed(model="test", object_id=1, field="test"),
                about=letter,
                by=None,
                now=now,
                save=PLAIN,
            )
    for name, plain in PLAIN.items():
        found = Letter.objects.get(phone_index=blind(PHONE, "13800138000"))
        assert isinstance(getattr(found, name), Secret)
        assert getattr(found, name).open() == plain == getattr(letter, name)
        raw = Letter.objects.values_list(name, flat=True).get()
        assert isinstance(raw, bytes)
        assert raw[0] == seals.VERSIONS[cipher]
        assert plain.encode() not in raw


@pytest.mark.django_db
def test_nothing_stays_nothing():
    Letter.objects.create()
    found = Letter.objects.get()
    assert not found.phone
    assert found.phone.open() == str(found.phone) == ""
    assert found.identity is None
    assert found.phone_index is None
    assert Letter.objects.filter(phone="", identity__isnull=True).count() == 1


@pytest.mark.django_db
def test_lists_that_never_show_it_open_nothing(monkeypatch):
    Letter.objects.create(**PLAIN)
    monkeypatch.setattr(seals, "unseal", lambda *_: pytest.fail("opened"))
    found = Letter.objects.get()
    assert found.phone
    assert str(found.remark) == "****"
    found.body = "changed"
    found.save()


@pytest.mark.django_db
def test_an_unchanged_value_keeps_its_bytes_and_index():
    Letter.objects.create(**PLAIN)
    before = Letter.objects.values().get()
    found = Letter.objects.get()
    assert found.phone.open()
    found.save()
    assert Letter.objects.values().get() == before


@pytest.mark.django_db
def test_only_defer_and_refresh():
    letter = Letter.objects.create(**PLAIN)
    narrow = Letter.objects.only("pk").get()
    assert narrow.phone.open() == PLAIN["phone"]
    narrow = Letter.objects.defer("phone").get()
    narrow.save()
    letter.phone = "139 0013 9000"
    letter.refresh_from_db()
    assert letter.phone.open() == PLAIN["phone"]
    assert Letter.objects.get(phone_index=blind(PHONE, PLAIN["phone"])) == letter


# Wrong row, column, key --------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_ciphertext_copied_to_another_row_or_column_does_not_open():
    one, two = Letter.objects.create(**PLAIN), Letter.objects.create(**PLAIN)
    sealed = Letter.objects.values_list("phone", flat=True).get(pk=one.pk)
    Letter.objects.filter(pk=two.pk).update(phone=sealed)
    Letter.objects.filter(pk=one.pk).update(remark=sealed)
    with pytest.raises(SealBroken):
        Letter.objects.get(pk=two.pk).phone.open()
    with pytest.raises(SealBroken):
        str(Letter.objects.get(pk=two.pk).phone)
    with pytest.raises(SealBroken):
        Letter.objects.get(pk=one.pk).remark.open()


@pytest.mark.django_db
def test_the_wrong_key_fails_loudly(settings):
    Letter.objects.create(**PLAIN)
    own = keys.current().id
    settings.GONGZHI_DATA_KEYS = [f"{own}:" + "z" * 40]
    with pytest.raises(SealBroken):
        Letter.objects.get().phone.open()
    settings.GONGZHI_DATA_KEYS = ["other:" + "z" * 40]
    with pytest.raises(SealBroken, match="does not hold"):
        Letter.objects.get().phone.open()


@pytest.mark.django_db
def test_a_secret_given_to_another_row_is_sealed_anew():
    one = Letter.objects.create(**PLAIN)
    two = Letter.objects.create(phone=Letter.objects.get(pk=one.pk).phone, remark=one.phone)
    found = Letter.objects.get(pk=two.pk)
    assert found.phone.open() == found.remark.open() == PLAIN["phone"]


@pytest.mark.django_db
@pytest.mark.parametrize("opened", [True, False])
def test_a_copied_row_never_keeps_bytes_that_will_not_open(opened):
    Letter.objects.create(**PLAIN)
    copied = Letter.objects.get()
    if opened:
        for name in PLAIN:
            getattr(copied, name).open()
    copied.pk, copied.uid, copied._state.adding = None, uuid.uuid4(), True
    if opened:
        copied.save()
        assert Letter.objects.get(pk=copied.pk).phone.open() == PLAIN["phone"]
    else:
        with pytest.raises(SealBroken):
            copied.save()


@pytest.mark.parametrize(
    "ring", [[], ["nocolon"], [":secret"], ["k1:"], ["k1:a", "k1:b"], ["a key:secret"], [f"{'k' * 33}:secret"]]
)
def test_a_ring_that_makes_no_sense_is_refused(settings, ring):
    settings.GONGZHI_DATA_KEYS = ring
    with pytest.raises(ImproperlyConfigured):
        keys.ring()


# Masked everywhere -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAIN)
def test_masked_wherever_it_prints(name, caplog):
    letter = Letter(**PLAIN)
    secret, masked = getattr(letter, name), MASKED[name]
    assert str(secret) == f"{secret}" == f"{secret}" == f"{secret:s}" == masked
    template = Template("{{ value }}|{{ value.open }}|{{ value|upper }}")
    page = template.render(Context({"value": secret}))
    assert page == f"{masked}||{masked}"
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("a letter: %s %r", secret, [secret])
    for printed in (repr(secret), repr([secret]), repr(letter), repr(vars(letter)), caplog.text, page):
        assert PLAIN[name] not in printed
    with pytest.raises(TypeError):
        json.dumps({"value": secret}, cls=DjangoJSONEncoder)
    with pytest.raises(TypeError):
        pickle.dumps(letter)
    assert copy.deepcopy(secret) == secret == PLAIN[name]
    assert secret != "something else"


@given(st.text())
def test_a_mask_shows_few_letters(value):
    for kind in spellings.MASKS:
        shown = [letter for letter in spellings.mask(kind, value) if letter != "*"]
        assert len(shown) <= 7
    assert spellings.mask("all", value) == ("****" if value.strip() else "")


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        ("name", "欧阳修", "欧**"),
        ("phone", "+86 138-0013-5678", "138****5678"),
        ("phone", "62781234", "****34"),
        ("phone", "110", "****"),
        ("identity", "A1", "****"),
        ("address", "12号楼", "****"),
        ("address", "一号", "****"),
        ("name", "  ", ""),
    ],
)
def test_masks(kind, value, masked):
    assert spellings.mask(kind, value) == masked


# Blind index -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    "spelling",
    [
        "13800138000",
        "138-0013-8000",
        "+86 138 0013 8000",
        "8613800138000",
        "0086-13800138000",
        "１３８００１３８０００",
    ],
)
def test_the_index_finds_across_spellings(spelling):
    letter = Letter.objects.create(phone=PLAIN["phone"])
    Letter.objects.create(phone="13900139000")
    Letter.objects.create()
    assert Letter.objects.get(phone_index=blind(PHONE, spelling)) == letter
    assert list(Letter.objects.exclude(phone_index=blind(PHONE, spelling)).values_list("phone_index", flat=True))


@pytest.mark.parametrize(("one", "other"), [("010-62781234", "+86 10 6278 1234"), ("(0571) 8808 0000", "057188080000")])
def test_landlines_have_one_spelling(one, other):
    assert spellings.phone(one) == spellings.phone(other)


@given(st.text())
def test_normalising_twice_changes_nothing(value):
    for way in (spellings.text, spellings.identity):
        assert way(way(value)) == way(value)


@pytest.mark.django_db
def test_an_empty_search_finds_nothing():
    Letter.objects.create()
    assert not Letter.objects.filter(phone_index=blind(PHONE, " - ")).exists()


@pytest.mark.django_db
def test_the_index_follows_every_way_of_writing(now):
    letter = Letter.objects.create(phone=PLAIN["phone"])
    letter.phone = "13900139000"
    letter.save()
    assert Letter.objects.get(phone_index=blind(PHONE, "139 0013 9000"))
    letter = Letter.objects.get()
    letter.phone = "13700137000"
    letter.save(update_fields=["phone", "phone_index"])
    assert Letter.objects.get(phone_index=blind(PHONE, "137 0013 7000"))
    letter = Letter.objects.get()
    letter.phone = ""
    with transaction.atomic():
        event = PersonalDataRevealed(model="test", object_id=1, field="test")
        record(event, about=letter, by=None, now=now, save=["phone"])
    assert Letter.objects.get().phone_index is None


@pytest.mark.django_db
def test_what_cannot_keep_seal_and_index_is_refused():
    letter = Letter.objects.create(**PLAIN)
    letter.phone = "13900139000"
    for wrong in (
        lambda: Letter.objects.update(phone="13900139000"),
        lambda: Letter.objects.update(phone=letter.phone),
        lambda: Letter.objects.bulk_update([letter], ["phone"]),
        lambda: letter.save(update_fields=["phone"]),
        lambda: Letter.objects.filter(phone="13900139000").exists(),
        lambda: Letter.objects.filter(phone_index="13900139000").exists(),
        lambda: setattr(letter, "phone", 13900139000),
    ):
        with pytest.raises(TypeError), transaction.atomic():
            wrong()
    for lookup in ("contains", "icontains", "startswith", "regex", "gt"):
        with pytest.raises(FieldError):
            Letter.objects.filter(**{f"phone__{lookup}": "139"}).exists()
    with pytest.raises(LookupError):
        blind("privacy.Letter.remark", "x")
    assert Letter.objects.get().phone.open() == PLAIN["phone"]


def test_one_text_has_unrelated_indexes_in_two_fields():
    field = Letter._meta.get_field("phone_index")
    key = keys.current()
    assert field.blind("13800138000") != keys.digest(key, "aes", "index other.Model.phone", b"13800138000")[:12]
    assert len(field.blind("13800138000")) == 12


def test_migrations_build_the_same_fields():
    for name in (*PLAIN, "phone_index"):
        field = Letter._meta.get_field(name)
        _name, path, args, kwargs = field.deconstruct()
        again = type(field)(*args, **kwargs)
        assert path == f"gongzhi.ground.privacy.fields.{type(field).__name__}"
        assert again.deconstruct()[1:] == field.deconstruct()[1:]
