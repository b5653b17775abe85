"""The feed of a place: valid, without anybody's words, and not sent twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from defusedxml import ElementTree

from gongzhi.understand.cases.models import Category
from gongzhi.understand.cases.tree import forget
from gongzhi.verify.checks import actions as checks

pytestmark = pytest.mark.django_db
A = "{http://www.w3.org/2005/Atom}"


def check(content: bytes) -> Any:
    """What RFC 4287 asks of a feed and of each entry."""
    root = ElementTree.fromstring(content)
    assert root.tag == f"{A}feed"
    for element in (root, *root.findall(f"{A}entry")):
        for name in ("id", "title", "updated"):
            (one,) = element.findall(f"{A}{name}")
            assert (one.text or "").strip()
        assert datetime.fromisoformat(element.find(f"{A}updated").text).tzinfo is not None
        assert element.find(f"{A}id").text.startswith("urn:uuid:")
    assert root.find(f"{A}author/{A}name").text
    assert {link.get("rel") for link in root.findall(f"{A}link")} == {"self", "alternate"}
    ids = [one.text for one in root.iter(f"{A}id")]
    assert len(ids) == len(set(ids))
    return root


def test_a_feed(client: Any, town: Any, report: Any, done: Any, deliver: Any, moment: Any) -> None:
    report(text="三号楼402的赵先生堆垃圾。", name="钱女士", phone="13800000000", address="三号楼402")
    answered, closed = done(text="西门的路灯不亮。")
    checks.answer_by_link(message=answered, helped=True, words="谢谢老王", now=moment.now)
    deliver(now=moment.now)
    answer = client.get(f"/feeds/{town.street.path}.atom")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    root = check(answer.content)
    titles = [entry.find(f"{A}title").text for entry in root.findall(f"{A}entry")]
    assert len(titles) == 3
    assert sum(title.startswith("Settled") for title in titles) == 1
    text = answer.content.decode()
    assert closed.number in text
    assert town.community.name in text
    for secret in ("赵先生", "钱女士", "13800000000", "402", "老王", "网格"):
        assert secret not in text


def test_only_its_place_its_days_and_public_matters(client: Any, town: Any, report: Any, moment: Any) -> None:
    report()
    report(place=town.other_grid)

    def count(path: str) -> int:
        return len(check(client.get(f"/feeds/{path}.atom").content).findall(f"{A}entry"))

    assert (count(town.street.path), count(town.community.path), count(town.grid.path)) == (2, 1, 1)
    Category.objects.filter(code="environment").update(private=True)
    forget()
    assert count(town.street.path) == 0
    Category.objects.filter(code="environment").update(private=False)
    forget()
    moment.now += timedelta(days=15)
    assert count(town.street.path) == 0
    for nothing in ("110108999", "1", "x", "9" * 40, "%00"):
        assert client.get(f"/feeds/{nothing}.atom").status_code == 404


def test_it_is_not_sent_twice(client: Any, town: Any, report: Any, moment: Any) -> None:
    report()
    address = f"/feeds/{town.street.path}.atom"
    first = client.get(address)
    for headers in (
        {"if-none-match": first["ETag"]},
        {"if-none-match": f'"x", W/{first["ETag"]}'},
        {"if-modified-since": first["Last-Modified"]},
    ):
        again = client.get(address, headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]
    moment.now += timedelta(minutes=1)
    report()
    for headers in ({"if-none-match": first["ETag"]}, {"if-modified-since": first["Last-Modified"]}):
        assert client.get(address, headers=headers).status_code == 200


def test_it_is_found_from_the_pages_and_costs_little(
    client: Any, town: Any, report: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        report()
    for page in ("/", "/progress/"):
        assert f'type="application/atom+xml"' in client.get(page).content.decode()  # noqa: F541
    client.get(f"/feeds/{town.street.path}.atom")
    with django_assert_max_num_queries(4):
        client.get(f"/feeds/{town.street.path}.atom")
