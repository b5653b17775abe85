import pytest

pytestmark = pytest.mark.django_db


def test_pages(town, assigned, report, as_user, django_assert_max_num_queries):
    _m, case = assigned(name="张三丰", phone="13800000000")
    report()
    for who in (town.clerk, town.worker, town.officer, town.audit, town.stranger, town.street_clerk):
        c = as_user(who)
        print(who, c.get("/staff/").status_code)
        r = c.get("/staff/cases/")
        print(r.status_code)
    c = as_user(town.clerk)
    with django_assert_max_num_queries(40) as q:
        r = c.get(f"/staff/cases/{case.number}/")
    print(len(q))
    print("\n".join(x["sql"][:140] for x in q))
    assert r.status_code == 200, r
    with django_assert_max_num_queries(40) as q:
        c.get("/staff/")
    print(len(q))
    with django_assert_max_num_queries(40) as q:
        c.get("/staff/cases/")
    print(len(q))
    print("\n".join(x["sql"][:140] for x in q))
