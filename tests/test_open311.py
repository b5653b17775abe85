"""GeoReport v2: by the tables of the standard, by a client from PyPI, and by the client of the how-to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from defusedxml import ElementTree

from gongzhi.ground.access.tokens import create_token
from gongzhi.ground.ledger.models import Entry
from gongzhi.loop.delivery import run_until_quiet
from gongzhi.sense.channels.models import Message, Photo
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases import merging
from gongzhi.understand.cases.models import Case, Category, Question
from gongzhi.understand.cases.tree import forget
from tests import georeport_schemas as schemas
from tests.scenes import LITTER
from tests.town import NOW, build_town

BASE = "/open311/v2"
HOWTO = Path(__file__).parent.parent / "docs" / "howto" / "open311.md"
pytestmark = pytest.mark.django_db
WHERE = {"lat": "40.00012", "long": "116.32034"}


@pytest.fixture
def key(town: Any, moment: Any) -> str:
    given = {"by": town.desk, "now": moment.now, "expires_on": moment.now.date() + timedelta(days=9)}
    return create_token(name="hotline", verbs=["cases.enter"], **given)[1]


@pytest.fixture
def questions(town: Any) -> Any:
    node = Category.objects.get(code=LITTER)
    kinds = Question.Kind
    choices = [{"key": "small", "zh": "少", "en": "a little"}, {"key": "large", "zh": "多", "en": "a lot"}]
    Question.objects.filter(category=node).delete()
    for position, (code, kind, required) in enumerate(
        [("how", kinds.ONE, True), ("what", kinds.SOME, False), ("since", kinds.DAY, False),
         ("count", kinds.NUMBER, False), ("words", kinds.TEXT, False)]
    ):  # fmt: skip
        Question.objects.create(
            category=node, code=code, kind=kind, label_zh=code, label_en=code.title(), required=required,
            position=position, choices=choices if kind in (kinds.ONE, kinds.SOME) else [],
        )  # fmt: skip
    forget()
    yield node
    forget()


@pytest.fixture
def plain(town: Any) -> Any:
    """The category without questions of its own."""
    Question.objects.all().delete()
    forget()
    yield
    forget()


def read(client: Any, path: str, schema: Any, expected: int = 200, **query: Any) -> Any:
    """The JSON answer, held against its schema, and beside it the XML answer with the same number of things."""
    answer = client.get(f"{BASE}/{path}.json", query)
    assert answer.status_code == expected, answer.content
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    found = answer.json()
    jsonschema.Draft4Validator(schema).validate(found)
    other = client.get(f"{BASE}/{path}.xml", query)
    assert other.status_code == expected
    assert other["Content-Type"] == "text/xml; charset=utf-8"
    root = ElementTree.fromstring(other.content)
    if isinstance(found, list):
        assert len(root) == len(found)
    return found


def send(client: Any, form: str = "json", **fields: Any) -> Any:
    return client.post(f"{BASE}/requests.{form}", fields)


# --- reading --------------------------------------------------------------------------------------------------------


def test_discovery_and_services(client: Any, town: Any, questions: Any) -> None:
    for address in ("/open311/discovery.json", f"{BASE}/discovery.json"):
        jsonschema.Draft4Validator(schemas.DISCOVERY).validate(client.get(address).json())
    root = ElementTree.fromstring(client.get("/open311/discovery.xml").content)
    assert [one.text for one in root.findall("endpoints/endpoint/formats/format")] == ["text/xml", "application/json"]
    found = {one["service_code"]: one for one in read(client, "services", schemas.SERVICES)}
    assert found[LITTER]["metadata"] is True
    assert found[LITTER]["group"]
    assert not any(Category.objects.get(code=code).private for code in found)
    definition = read(client, f"services/{LITTER}", schemas.DEFINITION)
    kinds = [one["datatype"] for one in definition["attributes"]]
    assert kinds == ["singlevaluelist", "multivaluelist", "datetime", "number", "string"]
    assert [one["order"] for one in definition["attributes"]] == [1, 2, 3, 4, 5]
    assert definition["attributes"][0]["values"] == [
        {"key": "small", "name": "a little"},
        {"key": "large", "name": "a lot"},
    ]
    read(client, "services/no.such", schemas.ERRORS, 404)


def test_requests_tell_nothing_personal(client: Any, report: Any, town: Any, deliver: Any, moment: Any) -> None:
    _m, case = report(
        text="三号楼402的赵先生总在楼道里堆垃圾。",
        name="钱女士",
        phone="13800000000",
        address="三号楼402",
        point=(116.3203449, 40.0001234),
    )
    cases.sort_case(case_id=case.pk, category=LITTER, summary="赵先生堆垃圾", by=town.clerk, now=moment.now)
    for query in ({}, {"extensions": "true"}):
        (row,) = read(client, "requests", schemas.REQUESTS, **query)
    (same,) = read(client, f"requests/{case.number}", schemas.REQUESTS)
    text = json.dumps([row, same], ensure_ascii=False)
    for secret in ("赵先生", "钱女士", "13800000000", "402", "垃圾。", "116.3203"):
        assert secret not in text
    assert (row["lat"], row["long"], row["address"]) == (40.0, 116.32, None)
    assert row["description"] == row["service_name"]
    assert row["notes"]
    assert same["status"] == "open"


def test_private_matters_are_not_there(client: Any, report: Any, town: Any) -> None:
    _m, case = report()
    Category.objects.filter(code="environment").update(private=True)
    forget()
    assert read(client, "requests", schemas.REQUESTS) == []
    read(client, f"requests/{case.number}", schemas.ERRORS, 404)
    assert read(client, "servicerequestupdates", schemas.UPDATES) == []
    assert LITTER not in {one["service_code"] for one in client.get(f"{BASE}/services.json").json()}
    read(client, f"services/{LITTER}", schemas.ERRORS, 404)
    forget()


def test_filters_of_the_list(client: Any, report: Any, town: Any, moment: Any, done: Any) -> None:
    start = moment.now
    _m, first = report(point=(116.3203, 40.0001))
    moment.now += timedelta(days=60)
    _m, second = report()
    moment.now += timedelta(days=40)
    _m, third = done()

    def numbers(**query: Any) -> list[str]:
        return [one["service_request_id"] for one in read(client, "requests", schemas.REQUESTS, **query)]

    assert numbers() == [third.number, second.number], "the last 90 days"
    assert numbers(start_date=start.isoformat()) == [second.number, first.number], "90 days from the start"
    assert numbers(end_date=(start + timedelta(days=1)).isoformat()) == [first.number]
    assert numbers(start_date=(start + timedelta(days=99)).isoformat(), end_date=moment.now.isoformat()) == [
        third.number
    ]
    assert numbers(service_request_id=f"{first.number},{third.number}", status="closed") == [first.number, third.number]
    assert numbers(service_code=LITTER, status="open,closed") == [third.number, second.number]
    assert numbers(status="closed") == []
    assert numbers(page_size=1) == [third.number]
    assert numbers(page_size=1, page=2) == [second.number]
    assert numbers(end_date=(start + timedelta(days=1)).isoformat(), bbox="116,39,117,41") == [first.number]
    assert numbers(end_date=(start + timedelta(days=1)).isoformat(), bbox="116.3205,39,117,41") == []
    assert numbers(service_code="", start_date="", jurisdiction_id="") == numbers(), (
        "an empty parameter is an absent one"
    )
    for wrong in (
        {"start_date": "yesterday"}, {"end_date": "2026-13-01"}, {"status": "done"}, {"page": "0"}, {"page_size": "x"},
        {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-06-01T00:00:00Z"}, {"bbox": "1,2,3"},
        {"bbox": "9,9,1,1"},
        {"start_date": "2026-02-01T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"}, {"bbox": "nan,nan,nan,nan"},
    ):  # fmt: skip
        read(client, "requests", schemas.ERRORS, 400, **wrong)
    read(client, "requests", schemas.ERRORS, 404, service_code="no.such")
    read(client, "requests/261118-9999999", schemas.ERRORS, 404)


def test_a_small_box_tells_no_more_than_the_answer(client: Any, report: Any) -> None:
    report(point=(116.3203449, 40.0001234))
    found = client.get(f"{BASE}/requests.json", {"bbox": "116.32,40.0,116.32,40.0"}).json()
    assert len(found) == 1, "asked by the rounded point"
    for box in ("116.3203,40.0001,116.3204,40.0002", "116.3203449,40.0001234,116.3203449,40.0001234"):
        assert client.get(f"{BASE}/requests.json", {"bbox": box}).json() == []


def test_a_merged_request_keeps_its_number(client: Any, report: Any, town: Any, moment: Any) -> None:
    _m, first = report()
    _m, second = report(text="东门还是一堆垃圾。")
    for case in (first, second):
        cases.sort_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
    merging.merge_cases(source_id=second.pk, target_id=first.pk, by=town.clerk, now=moment.now)
    (row,) = read(client, f"requests/{second.number}", schemas.REQUESTS)
    assert (row["service_request_id"], row["status"]) == (second.number, "open")


def test_updates(client: Any, done: Any, moment: Any) -> None:
    _m, case = done()
    moment.now += timedelta(minutes=5)
    found = read(client, "servicerequestupdates", schemas.UPDATES)
    assert {one["service_request_id"] for one in found} == {case.number}
    assert [one["update_id"] for one in found] == sorted(one["update_id"] for one in found)
    assert len(found) >= 3
    read(client, "servicerequestupdates", schemas.ERRORS, 400, start_date="x")


def test_the_list_asks_few_questions(client: Any, report: Any, django_assert_max_num_queries: Any) -> None:
    for _ in range(8):
        report()
    client.get(f"{BASE}/requests.json")
    with django_assert_max_num_queries(3):
        assert len(client.get(f"{BASE}/requests.json?extensions=true").json()) == 8


# --- handing in -----------------------------------------------------------------------------------------------------


def test_handing_in(client: Any, town: Any, key: str, questions: Any, deliver: Any, moment: Any) -> None:
    answer = send(
        client, api_key=key, service_code=LITTER, **WHERE, description="东门垃圾", email="a@example.com",
        first_name="三", last_name="张", phone="13800000000", device_id="d", account_id="A7", media_url="https://pictures.example/1.jpg",
        **{"attribute[how]": "large", "attribute[what][]": ["small", "large"], "attribute[count]": "3",
           "attribute[since]": "2026-11-01T00:00:00+08:00"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.content
    jsonschema.Draft4Validator(schemas.POSTED).validate(answer.json())
    (made,) = answer.json()
    message = Message.objects.get(number=made["service_request_id"])
    assert (message.channel, message.entered_by, message.category) == ("system", town.desk, LITTER)
    assert message.answers == {"how": "large", "what": ["small", "large"], "count": 3, "since": "2026-11-01"}
    assert message.text.startswith("东门垃圾")
    assert "https://pictures.example/1.jpg" in message.text
    assert message.answer_by == "email"
    assert made["account_id"] == "A7"
    link = re.search(r"http\S+", made["service_notice"])
    assert link is not None
    assert client.get(link[0]).status_code == 200
    (row,) = read(client, f"requests/{message.number}", schemas.REQUESTS)
    assert (row["status"], row["service_code"]) == ("open", LITTER), "before a worker has made it a case"
    deliver(now=moment.now)
    assert Case.objects.filter(number=message.number).exists()
    (token,) = read(client, f"tokens/{message.number}", schemas.TOKEN)
    assert token == {"service_request_id": message.number, "token": message.number}
    read(client, "tokens/x", schemas.ERRORS, 404)
    entry = Entry.objects.get(event="channels.MessageReceived")
    assert entry.by_id == town.desk.pk


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"api_key": None}, 403),
        ({"api_key": "gz_wrong"}, 403),
        ({"service_code": None}, 400),
        ({"service_code": "no.such"}, 404),
        ({"lat": None}, 400),
        ({"lat": None, "long": None}, 400),
        ({"lat": "x"}, 400),
        ({"lat": "91"}, 400),
        ({"lat": "nan"}, 400),
        ({"lat": None, "long": None, "address_id": "99"}, 400),
        ({"email": "x"}, 400),
        ({"media_url": "file:///etc/passwd"}, 400),
        ({"description": "x" * 4001}, 400),
        ({"attribute[how]": None}, 400),
        ({"attribute[how]": "other"}, 400),
        ({"attribute[count]": "many"}, 400),
        ({"attribute[nothing]": "x"}, 400),
    ],
)
def test_what_is_refused(client: Any, key: str, questions: Any, change: dict[str, Any], status: int) -> None:
    given = {
        "api_key": key,
        "service_code": LITTER,
        **WHERE,
        "description": "垃圾",
        "attribute[how]": "small",
        **change,
    }
    given = {name: value for name, value in given.items() if value is not None}
    for form in ("json", "xml"):
        answer = send(client, form, **given)
        assert answer.status_code == status, answer.content
        if form == "json":
            jsonschema.Draft4Validator(schemas.ERRORS).validate(answer.json())
            assert answer.json()[0]["code"] == status
        else:
            assert ElementTree.fromstring(answer.content).find("error/code").text == str(status)
    assert not Message.objects.exists()


def test_a_key_for_something_else_opens_nothing(client: Any, town: Any, moment: Any, plain: Any) -> None:
    given = {"by": town.clerk, "now": moment.now, "expires_on": moment.now.date()}
    other = create_token(name="x", verbs=["cases.read"], **given)[1]
    assert send(client, api_key=other, service_code=LITTER, **WHERE).status_code == 403


def test_where_by_name_and_by_code(client: Any, town: Any, key: str, plain: Any) -> None:
    assert send(client, api_key=key, service_code=LITTER, address_string="东门").status_code == 200
    for spelled in (town.community.path, town.community.code):
        answer = send(client, api_key=key, service_code=LITTER, address_id=spelled)
        assert Message.objects.get(number=answer.json()[0]["service_request_id"]).place == town.community
    assert Message.objects.get(number=answer.json()[0]["service_request_id"]).text, "no description: the service's name"


def test_the_same_report_under_one_key_is_taken_once(client: Any, key: str, plain: Any) -> None:
    def post(text: str) -> Any:
        given = {"api_key": key, "service_code": LITTER, **WHERE, "description": text}
        return client.post(f"{BASE}/requests.json", given, headers={"idempotency-key": "7"})

    first, again = post("一"), post("一")
    assert first.json()[0]["service_request_id"] == again.json()[0]["service_request_id"]
    assert Message.objects.count() == 1
    assert post("二").status_code == 400


def test_a_photo_sent_along(client: Any, key: str, plain: Any) -> None:
    import io

    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (20, 20)).save(picture, "PNG")
    for content, status in ((picture.getvalue(), 200), (b"<svg/>", 400)):
        file = io.BytesIO(content)
        file.name = "x.png"
        answer = send(client, api_key=key, service_code=LITTER, **WHERE, media=file)
        assert answer.status_code == status
    assert Photo.objects.count() == 1


def test_characters_that_xml_cannot_write(client: Any, town: Any) -> None:
    Category.objects.filter(code=LITTER).update(name_en="A\x0bB\ufffe<&>", hint_en="\x01")
    forget()
    root = ElementTree.fromstring(client.get(f"{BASE}/services.xml").content)
    assert "AB<&>" in {one.text for one in root.iter("service_name")}
    forget()


def test_jurisdiction_and_forms_and_limits(client: Any, town: Any, settings: Any, monkeypatch: Any, key: str) -> None:
    settings.GONGZHI_JURISDICTION = "town.example"
    read(client, "services", schemas.SERVICES, jurisdiction_id="town.example")
    read(client, "services", schemas.ERRORS, 404, jurisdiction_id="other.example")
    answer = send(client, api_key=key, service_code=LITTER, **WHERE, jurisdiction_id="other.example")
    assert answer.status_code == 404
    assert client.get(f"{BASE}/services.csv").status_code == 404
    monkeypatch.setattr("gongzhi.front.limits.rule", lambda *_a, **_k: 0)
    read(client, "services", schemas.ERRORS, 429)


# --- real clients ---------------------------------------------------------------------------------------------------


@pytest.fixture
def house(live_server: Any) -> Callable[..., tuple[str, str]]:
    """A running house with a town in it, and a key."""
    from django.utils import timezone

    now = timezone.now()
    town = build_town(NOW)
    Question.objects.all().delete()
    forget()
    secret = create_token(
        name="hotline", verbs=["cases.enter"], expires_on=timezone.localdate(now), by=town.desk, now=now
    )[1]
    return live_server.url + BASE, secret


def howto_client() -> Any:
    code = re.search(r"```python\n(import json.*?)```", HOWTO.read_text(), re.DOTALL)
    assert code is not None
    assert len(code[1].splitlines()) <= 60
    space: dict[str, Any] = {}
    exec(code[1], space)
    return space["Open311"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_real_clients_drive_a_running_house(house: Any) -> None:
    from georeport import GeoReport

    base, secret = house
    client = howto_client()
    for form in ("json", "xml"):
        mine = client(base, secret, form)
        number = mine.report(LITTER, lat=40.0001, long=116.3203, description="东门有垃圾 <b>&")
        assert mine.status(number) == "open"
        run_until_quiet()  # where a worker makes the cases, it has had its turn
        with pytest.raises(RuntimeError, match="403"):
            client(base, "wrong", form).report(LITTER, lat=1, long=1)
        with pytest.raises(RuntimeError, match="404"):
            mine.get("requests/nothing")
        theirs = GeoReport(base, output_format=form)
        services = theirs.get_service_list()
        assert LITTER in {one["service_code"] for one in services}
        assert theirs.get_service_definition(LITTER)["service_code"] == LITTER
        found = theirs.get_service_requests(status="open")
        rows = found if isinstance(found, list) else [found]
        assert number in {one["service_request_id"] for one in rows}
        assert theirs.get_service_request(number)["status"] == "open"
