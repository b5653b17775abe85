"""Several people reported the same: each is asked, and what their answers come to."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps

from gongzhi.act.tasks import actions as tasks
from gongzhi.ground.ledger.models import Entry
from gongzhi.ground.ledger.verify import verify
from gongzhi.ground.refusals import Refusal
from gongzhi.loop.schedule import SCHEDULES
from gongzhi.sense.channels.actions import Draft, receive_message
from gongzhi.sense.channels.follow import token_of
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case, Voice
from gongzhi.verify.checks import actions as checks
from gongzhi.verify.checks.models import Answer, Call, Check
from tests.scenes import LITTER

pytestmark = pytest.mark.django_db

PHONE = {"answer_by": "phone", "phone": "13800000000"}


@pytest.fixture
def many(town, moment, deliver):
    """A case behind which several people stand, reported as done; each argument is one reporter's message."""

    def many(*ways):
        told = [
            receive_message(
                Draft(**{"text": f"第{index}个人：路灯不亮。", "category": LITTER, "place": town.grid, **way}),
                by=None,
                now=moment.now,
            )
            for index, way in enumerate(ways)
        ]
        deliver(now=moment.now)
        case = Case.objects.get(voices__message=told[0])
        Voice.objects.filter(message__in=told[1:]).update(case=case)  # as a merge leaves them
        cases.dispatch_case(case_id=case.pk, category=LITTER, by=town.clerk, now=moment.now)
        deliver(now=moment.now)
        tasks.report_done(task_id=case.tasks.get().pk, words="修好了。", by=town.worker, now=moment.now)
        deliver(now=moment.now)
        return told, case.checks.get()

    return many


def say(message, moment, helped=True, words="", **more):
    if not helped:
        words = words or "还是不亮"
    return checks.answer_by_link(message=message, helped=helped, words=words, now=moment.now, **more)


def test_all_say_it_helped(many, moment, deliver):
    told, check = many({}, {}, {})
    for message in told:
        check.refresh_from_db()
        assert check.state == "asked"
        say(message, moment, satisfied="satisfied" if message != told[1] else "partly")
    check.refresh_from_db()
    assert (check.state, check.result, check.method, check.by_id) == ("passed", "helped", "answers", None)
    assert (check.said, check.satisfied) == ("helped", "partly")
    deliver(now=moment.now)
    case = Case.objects.get(pk=check.case_id)
    assert (case.state, case.closed_as) == ("closed", "helped")
    assert verify(now=moment.now) == []


def test_one_says_it_did_not_help_and_another_post_looks(many, moment, town, deliver, client):
    told, check = many({}, {}, {})
    say(told[0], moment, words="我家门口好了")
    say(told[1], moment, helped=False, words="楼后面那盏还是不亮")
    check.refresh_from_db()
    assert (check.state, check.said) == ("at_desk", "not_helped")
    say(told[2], moment)  # the others' answers do not overrule it
    check.refresh_from_db()
    assert check.state == "at_desk"
    assert checks.move_unanswered(now=moment.now + timedelta(days=30)) == 0
    client.force_login(town.clerk, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert "楼后面那盏还是不亮" in client.get(f"/staff/checks/{check.pk}/").content.decode()
    checks.conclude_check(
        check_id=check.pk, result="seen_not_done", method="site", words="有一盏不亮", by=town.clerk, now=moment.now
    )
    deliver(now=moment.now)
    assert Case.objects.get(pk=check.case_id).state == "assigned"


def test_time_is_over_and_somebody_answered(many, moment):
    told, check = many({}, {})
    say(told[0], moment)
    assert checks.move_unanswered(now=check.answer_until) == 1
    check.refresh_from_db()
    assert (check.state, check.method) == ("passed", "answers")


def test_time_is_over_and_nobody_answered(many, moment):
    told, check = many({}, {})
    assert checks.move_unanswered(now=check.answer_until) == 1
    check.refresh_from_db()
    assert check.state == "at_desk"
    moment.now = check.answer_until
    say(told[1], moment)  # late, but nobody is waited for any longer
    check.refresh_from_db()
    assert check.state == "passed"


def test_some_are_called_while_others_are_asked_by_link(many, moment, town):
    told, check = many({}, PHONE, {"answer_by": "none"})
    say(told[0], moment)
    check.refresh_from_db()
    assert check.state == "asked"  # the one who wants a call has not been heard
    checks.conclude_check(
        check_id=check.pk,
        message_id=told[1].pk,
        result="helped",
        method="phone",
        words="",
        satisfied="satisfied",
        by=town.clerk,
        now=moment.now,
    )
    check.refresh_from_db()
    assert (check.state, check.result) == ("passed", "helped")
    assert Answer.objects.get(message=told[1]).by == town.clerk


def test_whoever_cannot_be_reached_is_not_waited_for(many, moment, town):
    told, check = many({}, PHONE)
    say(told[0], moment)
    for _attempt in range(3):
        check.refresh_from_db()
        assert check.state == "asked"
        checks.call_failed(check_id=check.pk, message_id=told[1].pk, by=town.clerk, now=moment.now)
    check.refresh_from_db()
    assert (check.state, check.attempts, Call.objects.count()) == ("passed", 3, 3)


def test_unreachable_counts_each_reporter(many, moment, town):
    told, check = many(PHONE, {"answer_by": "phone", "phone": "13900000000"})
    for message in (told[0], told[0], told[0], told[1], told[1]):
        checks.call_failed(check_id=check.pk, message_id=message.pk, by=town.clerk, now=moment.now)
    with pytest.raises(Refusal):
        checks.conclude_check(
            check_id=check.pk, result="unreachable", method="site", words="", by=town.clerk, now=moment.now
        )
    checks.call_failed(check_id=check.pk, message_id=told[1].pk, by=town.clerk, now=moment.now)
    concluded = checks.conclude_check(
        check_id=check.pk, result="unreachable", method="site", words="", by=town.clerk, now=moment.now
    )
    assert (concluded.state, concluded.said) == ("passed", "")


def test_nobody_answers_twice_and_satisfaction_may_follow_once(many, moment, client):
    told, check = many({}, {})
    say(told[0], moment)
    with pytest.raises(Refusal):
        say(told[0], moment, helped=False)
    page = client.get(f"/follow/{token_of(told[0])}/").content.decode()
    assert "Thank you for your answer" in page
    assert 'id="answer"' not in page
    answer = client.post(f"/follow/{token_of(told[0])}/satisfied/", {"satisfied": "not"})
    assert answer.status_code == 302
    assert client.post(f"/follow/{token_of(told[0])}/satisfied/", {"satisfied": "partly"}).status_code == 409
    assert client.post(f"/follow/{token_of(told[1])}/satisfied/", {"satisfied": "x"}).status_code == 422
    check.refresh_from_db()
    assert (check.said, check.satisfied) == ("helped", "not")
    assert verify(now=moment.now) == []


def test_a_reporter_never_reads_the_words_of_another(many, moment, client, town):
    told, _check = many({}, {})
    say(told[0], moment, words="这是我的秘密话")
    say(told[1], moment, words="我也说一句")
    mine, theirs = (client.get(f"/follow/{token_of(message)}/").content.decode() for message in told)
    assert "这是我的秘密话" in mine
    assert "我也说一句" not in mine
    assert "这是我的秘密话" not in theirs
    client.force_login(town.clerk, backend="allauth.account.auth_backends.AuthenticationBackend")
    staff = client.get(f"/staff/cases/{told[0].number}/").content.decode()
    assert "这是我的秘密话" in staff
    assert "我也说一句" in staff


def test_several_reporters_need_to_be_told_apart(many, moment, town):
    _told, check = many(PHONE, PHONE)
    with pytest.raises(Refusal) as refusal:
        checks.conclude_check(
            check_id=check.pk, result="helped", method="phone", words="", by=town.clerk, now=moment.now
        )
    assert refusal.value.status == 422


def test_old_answers_move_into_rows_of_their_own(done, moment):
    message, case = done()
    checks.answer_by_link(message=message, helped=True, words="谢谢", now=moment.now)
    # As it was before answers had rows.
    Answer.objects.all().delete()
    Check.objects.update(said="")
    migration = import_module("gongzhi.verify.checks.migrations.0004_old_answers")
    migration.keep_answers(apps, None)
    migration.keep_answers(apps, None)
    answer = Answer.objects.get()
    assert (answer.helped, answer.words, answer.message_id) == (True, "谢谢", message.pk)
    assert case.checks.get().said == "helped"
    entry = Entry.objects.get(noun="checks.Answer", object_id=answer.pk)
    assert bytes(entry.fingerprint) == answer.fingerprint()


# --- the telephone desk ---------------------------------------------------------------------------------------------


def test_the_queue_and_a_call(many, moment, town, as_user):
    told, check = many(PHONE, {}, {"answer_by": "phone", "phone": "13911112222", "name": "王女士"})
    page = as_user(town.clerk).get("/staff/calls/").content.decode()
    assert f"/staff/calls/{check.pk}/{told[0].pk}/" in page
    assert f"/staff/calls/{check.pk}/{told[2].pk}/" in page
    assert f"/staff/calls/{check.pk}/{told[1].pk}/" not in page
    assert "13911112222" not in page
    assert f"/staff/calls/{check.pk}/" not in as_user(town.worker).get("/staff/calls/").content.decode()
    url = f"/staff/calls/{check.pk}/{told[0].pk}/"
    client = as_user(town.clerk)
    assert client.get(url).status_code == 200
    assert client.post(f"{url}number/", {"reason": "x"}).status_code == 422
    shown = client.post(f"{url}number/", {"reason": "Call back"})
    assert "13800000000" in shown.content.decode()
    assert shown["Cache-Control"] == "private, no-store"
    # Nobody answers; call again in the evening: gone from the queue until then.
    later = moment.now + timedelta(hours=8)
    answer = client.post(url, {"result": "nobody", "again_at": later.strftime("%Y-%m-%dT%H:%M")})
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/calls/{check.pk}/{told[2].pk}/")
    assert url not in client.get("/staff/calls/").content.decode()
    assert url in client.get("/staff/calls/?when=later").content.decode()
    # The second one is heard; nobody is left to call now.
    answer = client.post(answer["Location"], {"result": "helped", "satisfied": "satisfied"})
    assert (answer.status_code, answer["Location"]) == (303, "/staff/calls/")
    moment.now = later
    client = as_user(town.clerk)
    assert url in client.get("/staff/calls/").content.decode()
    assert client.post(url, {"result": "not_helped"}).status_code == 422
    assert client.post(url, {"result": "not_helped", "words": "还是不亮", "then": "list"}).status_code == 303
    check.refresh_from_db()
    assert check.state == "at_desk"


def test_calls_are_only_for_those_who_may(many, moment, town, as_user):
    told, check = many(PHONE)
    url = f"/staff/calls/{check.pk}/{told[0].pk}/"
    assert as_user(town.other_clerk).get(url).status_code == 404
    assert as_user(town.other_clerk).post(url, {"result": "helped"}).status_code == 404
    assert as_user(town.worker).post(url, {"result": "helped"}).status_code == 403
    assert as_user(town.clerk).get(f"/staff/calls/{check.pk}/999999/").status_code == 404
    assert as_user(town.clerk).post(url, {"result": "helped", "again_at": "x"}).status_code == 422
    past = (moment.now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    assert as_user(town.clerk).post(url, {"result": "nobody", "again_at": past}).status_code == 422
    check.refresh_from_db()
    assert (check.state, check.attempts) == ("at_desk", 0)


def test_the_queue_costs_the_same_for_many(many, town, as_user, django_assert_max_num_queries):
    many(*[{"answer_by": "phone", "phone": f"138000000{index:02}"} for index in range(20)])
    client = as_user(town.clerk)
    client.get("/staff/calls/")
    with django_assert_max_num_queries(8):
        client.get("/staff/calls/")


def test_the_schedule_tells_and_counts():
    runs = {one.run: one for one in SCHEDULES}
    assert runs["gongzhi.verify.notices.jobs.send_waiting"].seconds == 60
    assert str(runs["gongzhi.learn.bulletins.jobs.make_missing"].at) == "00:20:00"
