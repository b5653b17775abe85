"""Finding cases: the same on both databases, never beyond the reach of who looks, and nothing after erasure."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from gongzhi.ground.access.reach import forget_posts
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.privacy.actions import erase_due, lookups_about
from gongzhi.ground.refusals import Refusal
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case
from gongzhi.understand.search.actions import index_cases, look_up_caller, rebuild, write_index
from gongzhi.understand.search.finding import matching
from gongzhi.understand.search.models import CallerSearch, CaseText

pytestmark = pytest.mark.django_db

LAMP = "3号楼西侧路灯不亮了，晚上老人出门看不清。"
RUBBISH = "小区东门垃圾堆成山，三天没有清运，味道很大。"
TRADITIONAL = "樓道裡的電梯壞了，WiFi也斷了。"


@pytest.fixture
def told(town, now, deliver):
    def tell(text, place=None, **more):
        message = receive_message(Draft(text=text, place=place or town.grid, **more), by=None, now=now)
        deliver(now=now)
        return Case.objects.get(voices__message=message)

    return tell


def found(words):
    return set(Case.objects.filter(matching(words)).values_list("summary", flat=True))


def test_words_in_any_part_of_a_text_are_found(told):
    lamp, rubbish = told(LAMP).summary, told(RUBBISH).summary
    assert found("路灯") == {lamp}
    assert found("灯不亮") == {lamp}
    assert found("看不清") == {lamp}
    assert found("路灯 老人") == {lamp}
    assert found("路灯 垃圾") == set()
    assert found("三天没有清运") == {rubbish}
    assert found("亮灯") == set()
    assert found("") == {lamp, rubbish}
    assert found("。，!") == set()


def test_one_character_finds_its_words_also_at_the_end_of_a_run(told):
    lamp, rubbish = told(LAMP).summary, told(RUBBISH).summary
    assert found("楼") == {lamp}
    assert found("山") == {rubbish}
    assert found("梯") == set()


def test_traditional_and_simplified_find_each_other(told):
    lift = told(TRADITIONAL).summary
    for words in ("电梯", "電梯", "楼道里的电梯坏了", "樓道裡的電梯壞了", "楼道裡的電梯坏了", "ＷＩＦＩ", "wi"):
        assert found(words) == {lift}, words


def test_quotation_marks_ask_for_words_side_by_side(told):
    told("路灯亮着，可是门口不亮。")
    exact = told("路灯不亮。").summary
    assert len(found("路灯 不亮")) == 2
    assert found('"路灯不亮"') == {exact}
    assert found("“灯不亮”") == {exact}
    assert found("“3号楼 路灯") == set()
    second = told("请看3号楼的门。").summary
    assert found("“看3号楼的”") == {second}


def test_a_number_or_its_beginning_finds_the_case(told):
    case = told(LAMP)
    assert found(case.number) == {case.summary}
    assert found(case.number[:9]) == {case.summary}
    assert found(case.number.replace("-", "")) == {case.summary}
    assert found(case.number[:4]) == {case.summary}
    assert found("999999-") == set()


def test_the_address_and_every_voice_are_found_but_nobodys_name_or_telephone(told):
    case = told(LAMP, address="学府路甲17号院", name="欧阳测试", phone="13800138000")
    assert found("学府路 17") == {case.summary}
    assert found("欧阳") == set()
    assert found("13800138000") == set()
    other = receive_message(Draft(text="自行车棚那边也黑漆漆的", place=case.place), by=None, now=case.opened_at)
    voice = Message.objects.get(pk=other.pk)
    case.voices.create(first_case=case, message=voice)
    write_index([case.pk])
    assert found("黑漆漆") == {case.summary}


def test_a_telephone_number_in_the_text_is_not_in_the_index(told):
    told("有事请打13912345678联系我，车牌京A12345。")
    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM search_casetext")
        assert "13912345678" not in str(cursor.fetchall())
    assert found("13912345678") == set()
    assert found("a12345")


def test_a_new_summary_is_found(told, town, now, deliver):
    case = told(LAMP)
    cases.sort_case(
        case_id=case.pk, category="facilities.lighting", summary="西侧灯杆倾斜", by=town.street_clerk, now=now
    )
    deliver(now=now)
    assert found("灯杆倾斜") == {"西侧灯杆倾斜"}
    assert found("路灯") == {"西侧灯杆倾斜"}, "what the reporter said is still found"


def test_nothing_outside_ones_reach_is_found(told, town):
    near, far = told(LAMP), told(LAMP.replace("老人", "孩子"), place=town.other_grid)
    mine = Case.objects.visible_to(town.clerk).filter(matching("路灯"))
    assert [case.pk for case in mine] == [near.pk]
    assert mine.count() == 1
    assert not Case.objects.visible_to(town.clerk).filter(matching("孩子")).exists()
    assert Case.objects.visible_to(town.other_clerk).filter(matching("孩子")).get().pk == far.pk
    assert not Case.objects.visible_to(town.stranger).filter(matching("路灯")).exists()


def test_the_list_of_cases_finds_within_its_one_statement(told, town, client, django_assert_max_num_queries):
    case, _other = told(LAMP), told(RUBBISH)
    client.force_login(town.clerk)
    with django_assert_max_num_queries(12):
        page = client.get("/staff/cases/", {"q": "路燈", "place": town.community.path, "state": "new"})
    assert page.status_code == 200
    assert case.number in page.content.decode()
    assert _other.number not in page.content.decode()


def test_erased_texts_are_found_no_more(told, town, now):
    case = told(LAMP)
    Case.objects.filter(pk=case.pk).update(
        state="closed", closed_at=now - timedelta(days=1900), closed_as="verified", opened_at=now - timedelta(days=1910)
    )
    erase_due(now=now)
    assert Message.objects.get(voice__case=case).text == ""
    assert not CaseText.objects.filter(case=case).exists()
    assert found("路灯") == set()
    list(rebuild())
    assert found("路灯") == set()
    assert found(case.number) != set()
    call_command("check")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO search_casetext_found(search_casetext_found) VALUES ('integrity-check')")


def test_the_index_can_be_written_anew(told):
    lamp, rubbish = told(LAMP).summary, told(RUBBISH).summary
    CaseText.objects.all().delete()
    assert found("路灯") == set()
    assert list(rebuild(batch=1)) == [1, 2]
    assert found("路灯") == {lamp}
    assert list(rebuild()) == [2], "a second time changes nothing"
    assert found("垃圾") == {rubbish}


def test_reactions_index_what_their_events_are_about(told):
    case = told(LAMP)
    CaseText.objects.all().delete()
    event = type("Merged", (), {"case_id": case.pk, "target_id": case.pk})()
    index_cases([event, event], entries=[], now=case.opened_at)
    assert found("路灯") == {case.summary}
    index_cases([], entries=[], now=case.opened_at)


def test_a_caller_is_found_by_telephone_with_a_reason_on_record(told, town, now):
    first = told(LAMP, phone="138 0013 8000", answer_by="phone")
    told(RUBBISH, phone="13900000000", answer_by="phone")
    told(LAMP, place=town.other_grid, phone="13800138000", answer_by="phone")
    with pytest.raises(Refusal):
        look_up_caller(phone="13800138000", reason="", by=town.clerk, now=now)
    with pytest.raises(Refusal):
        look_up_caller(phone="12", reason="来电询问进度", by=town.clerk, now=now)
    with pytest.raises(Refusal):
        look_up_caller(phone="13800138000", reason="来电询问进度", by=town.property_manager, now=now)
    forget_posts(town.clerk)
    assert look_up_caller(phone="+86 138-0013-8000", reason="来电询问进度", by=town.clerk, now=now) == [first]
    message = Message.objects.get(voice__case=first)
    assert [look.reason for look in lookups_about("channels.Message", message.pk)] == ["来电询问进度"]
    search = CallerSearch.objects.get()
    assert search.found == 1
    assert Entry.objects.about(search).get().event == "search.CallerLookedUp"
    assert "138" not in str(Entry.objects.about(search).get().data)
