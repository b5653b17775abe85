"""Tables through the pages: bring, look, change what columns mean, take in, and see what was refused."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from gongzhi.sense.channels.models import BulkImport, Mapping, Message
from gongzhi.understand.cases.models import Case

pytestmark = pytest.mark.django_db

TABLE = (
    "工单编号,受理时间,诉求内容,问题分类,所属社区,办理状态\n"
    "A1,2026-11-01 08:30,灯坏了,路灯,东区第一网格,办理中\n"
    "A2,昨天,垃圾没人清,垃圾,东区第一网格,已办结\n"
    "A3,2026-11-02 09:00,=1+1,垃圾,东区第一网格,已办结\n"
).encode("gb18030")


@pytest.fixture
def street(client, town):
    client.force_login(town.street_clerk)
    return client


def bring(client, town, content=TABLE, **more):
    data = {"file": SimpleUploadedFile("台账.csv", content), "source": "hotline", "place": town.street.path, **more}
    return client.post(reverse("workbench:import_new"), data)


def filled(response):
    """What the form of the page would send."""
    form = response.context["form"]
    return {name: form[name].value() or "" for name in form.fields}


@pytest.fixture
def bulk(street, town):
    bring(street, town)
    return BulkImport.objects.get()


def url(name, bulk):
    return reverse(f"workbench:{name}", args=[bulk.pk])


def test_from_the_file_to_the_cases(street, town, deliver):
    response = bring(street, town)
    bulk = BulkImport.objects.get()
    assert response.status_code == 302
    page = street.get(response.url)
    assert (page.context["look"].takeable, page.context["refused"]) == (2, 1)
    assert "昨天" not in page.content.decode()
    assert Message.objects.count() == 0

    values = filled(page)
    wanted = {
        bound.label: name for name in values if name.startswith("v_category") for bound in [page.context["form"][name]]
    }
    values[wanted["垃圾"]] = "environment.litter"
    values["mapping_name"] = "热线台账"
    assert street.post(url("import", bulk), values).status_code == 302
    assert Mapping.objects.get().columns["fields"]["category"]["values"]["垃圾"] == "environment.litter"

    assert street.post(url("import_start", bulk)).status_code == 302
    deliver(now=timezone.now())
    page = street.get(url("import", bulk))
    assert page.context["bulk"].state == "done"
    assert (page.context["bulk"].rows_taken, page.context["bulk"].rows_refused) == (2, 1)
    closed = Case.objects.get(state="closed")
    assert closed.category.code == "environment.litter"
    lines = b"".join(street.get(url("import_refused", bulk)).streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("3,受理时间,")


def test_a_kept_mapping_can_be_chosen(street, town, bulk):
    values = {**filled(street.get(url("import", bulk))), "mapping_name": "mine", "zone": "Asia/Urumqi"}
    street.post(url("import", bulk), values)
    bring(street, town, mapping="mine")
    assert BulkImport.objects.latest("pk").columns["fields"]["received_at"]["zone"] == "Asia/Urumqi"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"zone": "Mars/Base"}, "received_at"),
        ({"received_at": ""}, "received_at"),
        ({"received_at": "nowhere"}, "received_at"),
        ({"text_0": ""}, "text_0"),
    ],
)
def test_a_mapping_that_does_not_fit_is_told_beside_the_field(street, bulk, change, field):
    before = bulk.columns
    response = street.post(url("import", bulk), {**filled(street.get(url("import", bulk))), **change})
    assert response.status_code == 422
    assert field in response.context["form"].errors
    bulk.refresh_from_db()
    assert bulk.columns == before


@pytest.mark.parametrize("content", [b"", b"id,text\n", b"PK\x03\x04 nothing", b"\x89PNG\r\n\x1a\n\x00\x00\xff\xff"])
def test_a_file_that_is_no_table_is_told_beside_the_field(street, town, content):
    response = bring(street, town, content)
    assert response.status_code == 422
    assert "file" in response.context["form"].errors
    assert BulkImport.objects.count() == 0


def test_a_guess_that_lacks_something_asks_for_it(street, town):
    bring(street, town, "甲,乙\n1,2026-11-01\n".encode())
    page = street.get(url("import", BulkImport.objects.get()))
    assert page.status_code == 200
    assert page.context["look"] is None
    assert "Take" not in page.content.decode().split('<form class="form')[0].split("<main")[1]


def test_another_place_cannot_be_chosen(street, town):
    assert bring(street, town, place=town.county.path).status_code == 422


@pytest.mark.parametrize("who", ["worker", "clerk", "desk", "officer", "system", "audit", "stranger"])
def test_the_pages_are_not_there_for_others(client, town, who, street, bulk):
    client.force_login(getattr(town, who))
    for name in ("imports", "import_new"):
        assert client.get(reverse(f"workbench:{name}")).status_code == 404
    for name in ("import", "import_refused"):
        assert client.get(url(name, bulk)).status_code == 404
    for name in ("import", "import_start", "import_again", "import_discard"):
        assert client.post(url(name, bulk)).status_code == 404
    bulk.refresh_from_db()
    assert bulk.state == "uploaded"


def test_the_import_of_another_street_is_not_there(client, town, bulk, now):
    from gongzhi.ground.access.roles import Role
    from tests.town import make_place, make_user

    elsewhere = make_place("110108999", "town", "别处街道", town.county)
    client.force_login(make_user("elsewhere", "别处", (Role.STREET_CLERK, elsewhere)))
    assert client.get(reverse("workbench:imports")).context["total"] == 0
    assert client.get(url("import", bulk)).status_code == 404
    assert client.post(url("import_start", bulk)).status_code == 404


def test_it_begins_only_once_and_is_then_fixed(street, bulk):
    values = filled(street.get(url("import", bulk)))
    street.post(url("import_start", bulk))
    assert street.post(url("import_start", bulk)).status_code == 409
    assert street.post(url("import_discard", bulk)).status_code == 409
    columns = BulkImport.objects.get().columns
    street.post(url("import", bulk), {**values, "outcome": "诉求内容"})
    assert BulkImport.objects.get().columns == columns


def test_a_discarded_table_is_gone(street, bulk):
    assert street.post(url("import_discard", bulk)).status_code == 302
    assert street.get(url("import", bulk)).status_code == 200
    assert BulkImport.objects.get().file == ""


def test_the_list_asks_few_questions(street, town, bulk, django_assert_max_num_queries):
    for _number in range(20):
        bring(street, town)
    with django_assert_max_num_queries(8):
        street.get(reverse("workbench:imports"))
