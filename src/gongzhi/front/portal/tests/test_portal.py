"""The residents' pages: from the form to the answer, without an account and without scripts."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest

from gongzhi.ground.privacy.actions import reveal
from gongzhi.ground.privacy.declarations import every_personal
from gongzhi.sense.channels.follow import token_of
from gongzhi.sense.channels.models import Message
from gongzhi.understand.cases import actions as cases
from gongzhi.understand.cases.models import Case
from tests.scenes import LITTER, WORDS

pytestmark = pytest.mark.django_db


def post_report(client, **fields):
    return client.post("/report/", {"text": WORDS, "answer_by": "link", "key": uuid.uuid4().hex, **fields})


def text_of(answer) -> str:
    return re.sub(r"<[^>]+>", " ", answer.content.decode())


def test_a_report_in_one_request(client, town, moment, deliver):
    answer = post_report(client, category=LITTER, place=town.community.pk, phone="138 0000 0000", name="赵先生")
    assert answer.status_code == 302
    message = Message.objects.get()
    assert answer["Location"] == f"/received/{token_of(message)}/"
    page = client.get(answer["Location"]).content.decode()
    assert message.number in page
    assert f"/follow/{token_of(message)}/" in page
    deliver(now=moment.now)
    assert Case.objects.get().place == town.community


def test_the_form_works_without_scripts(client, town):
    page = client.get("/report/").content.decode()
    form = re.search(r"<form[^>]*data-draft.*?</form>", page, re.DOTALL)[0]
    assert 'method="post"' in form
    assert 'enctype="multipart/form-data"' in form
    for name in ("text", "category", "place", "address", "phone", "answer_by", "photos", "key", "csrfmiddlewaretoken"):
        assert f'name="{name}"' in form
    for control in re.findall(r'id="(id_[a-z_]+)"', form):
        if control in ("id_lon", "id_lat", "id_key") or control.endswith(("_error", "_helptext", "_hint")):
            continue
        assert f'for="{control}"' in form or "answer_by" in control, control


def test_each_form_has_a_key_of_its_own(client, town):
    keys = {
        re.search(r'name="key" value="([0-9a-f]{32})"', client.get("/report/").content.decode())[1] for _ in range(3)
    }
    assert len(keys) == 3


def test_link_pages_stay_out_of_caches_and_of_other_sites(done, client):
    message, _case = done()
    for page in ("follow/{}/", "received/{}/", "follow/{}/withdraw/"):
        answer = client.get("/" + page.format(token_of(message)))
        assert "no-store" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert answer["Referrer-Policy"] in ("no-referrer", "same-origin")  # other sites are told nothing


def test_the_story_grows_and_asks_at_the_end(done, client, moment, deliver):
    message, case = done()
    url = f"/follow/{token_of(message)}/"
    page = text_of(client.get(url))
    for words in ("We have received your report", "Reported as done", "垃圾已清走。", "Did it help? Please tell us"):
        assert words in page
    assert "王格一" not in page  # the post answers, not the name
    answer = client.post(f"{url}answer/", {"helped": "yes", "words": "谢谢"})
    assert (answer.status_code, answer["Location"]) == (302, url)
    deliver(now=moment.now)
    page = text_of(client.get(url))
    assert "This matter is closed" in page
    assert "谢谢" in page
    case.refresh_from_db()
    assert case.closed_as == "helped"


def test_reopening_and_withdrawing_by_link(done, report, client, moment, deliver):
    message, case = done()
    url = f"/follow/{token_of(message)}/"
    client.post(f"{url}answer/", {"helped": "yes"})
    deliver(now=moment.now)
    moment.now += timedelta(days=1)
    assert client.post(f"{url}reopen/").status_code == 302
    case.refresh_from_db()
    assert case.state == "assigned"
    assert client.get(f"{url}withdraw/").status_code == 200  # asked once more
    case.refresh_from_db()
    assert case.state == "assigned"
    assert client.post(f"{url}withdraw/").status_code == 302
    case.refresh_from_db()
    assert case.state == "withdrawn"


def test_the_reporter_reads_who_looked_and_why_but_no_note(done, client, town, moment):
    message, case = done(name="赵先生", phone="13800000000")
    cases.add_note(case_id=case.pk, text="内部备注", by=town.clerk, now=moment.now)
    reveal(message, "reporter_phone", by=town.clerk, reason="核实位置", now=moment.now)
    page = text_of(client.get(f"/follow/{token_of(message)}/"))
    assert "核实位置" in page
    assert "李社工" not in page
    assert "内部备注" not in page
    assert "13800000000" not in page


def test_sums_are_public_and_single_matters_are_not(done, client):
    _message, case = done()
    for page in ("/", "/progress/"):
        text = client.get(page).content.decode()
        assert case.number not in text
        assert WORDS[:8] not in text


def test_categories_are_served_from_memory_with_a_tag(client, town):
    answer = client.get("/categories.json")
    assert answer.json()["categories"]
    assert client.get("/categories.json", headers={"if-none-match": answer["ETag"]}).status_code == 304
    assert client.get("/categories.json", headers={"if-none-match": '"other"'}).status_code == 200
    chinese = client.get("/categories.json", headers={"accept-language": "zh-hans"})
    assert chinese["ETag"] != answer["ETag"]


@pytest.mark.parametrize("display", ["elder", "ordinary", "nonsense", ""])
def test_the_elder_display_is_kept_in_a_cookie(client, town, display):
    client.cookies["display"] = display
    page = client.get("/report/").content.decode()
    assert f'data-display="{display if display == "elder" else "ordinary"}"' in page


def test_what_is_kept_is_told_from_the_declarations(client, town):
    page = text_of(client.get("/privacy/"))
    assert "to call back and ask whether it helped" in page
    for one in every_personal():
        if one.model.split(".")[0] in {"channels", "tasks", "checks"} and one.data_class != "internal":
            assert " ".join(str(one.why).split()) in " ".join(page.split()).replace("&#x27;", "'"), one.label


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_has_one_heading_and_says_its_language(done, client, language):
    message, _case = done()
    client.cookies["django_language"] = language
    for page in ("/", "/report/", "/progress/", "/how/", "/privacy/", f"/follow/{token_of(message)}/"):
        text = client.get(page).content.decode()
        assert text.count("<h1") == 1, page
        assert f'<html lang="{"zh-Hans" if language == "zh-hans" else "en"}"' in text
