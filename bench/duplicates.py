"""The search for duplicates: what it finds of what an exhaustive comparison finds, and what it costs.

    python -m bench.duplicates [--texts 1000000] [--queries 400] [--keep FOLDER]

Texts are made up here: clauses about twenty subjects with numbers and names in them, and clauses of invented words
whose frequencies fall as those of real ones do. A query is a rewrite of one of them: a quarter of its clauses left
out, nine of a hundred characters left out, changed or added. The exhaustive comparison is the cosine of the same
weighed grams with every text. Recall: of the ten most alike (cosine 0.35 or more), how many are among the ten that
the search gives back, by their text alone; then with the place, as the form asks.
"""

from __future__ import annotations

import argparse
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.house import Cluster, cpu

SUBJECTS = [
    subject.split("|")
    for subject in """路灯不亮|晚上走路看不清|老人摔了一跤|灯杆歪了|希望尽快修好|已经{n}天没有人来
垃圾桶满了没人清|味道很大|苍蝇很多|夏天开不了窗|垃圾堆在{p}门口|环卫车{n}天没来
楼上漏水|天花板湿了一大片|墙皮掉下来|物业说不归他们管|住户不开门|协商了{n}次没有结果
电梯坏了|困了{n}个人|老人上不了楼|维保单位一直不来|每个月都坏{n}次|按钮没有反应
停车位被占|消防通道堵了|救护车进不来|地锁没有拆|有人私装地锁|收费没有公示
广场舞太吵|晚上{n}点还在放音乐|孩子没法写作业|音响开得很大|劝了也不听|影响休息
施工噪音大|半夜{n}点还在打桩|围挡占了人行道|渣土车没有盖布|灰尘很大|工地没有公示牌
自来水发黄|水压太低|停水没有通知|{n}楼以上没有水|水表走得快|检修到什么时候
暖气不热|室内只有{n}度|管道有响声|缴了费没有供|放气也没有用|老人孩子受不了
井盖松了|车压过去很响|旁边没有警示|井里有积水|怕孩子掉下去|路面塌了一块
流浪狗很多|有狗追人|没有拴绳|遛狗不清理粪便|咬伤了人|希望管一管
违章搭建|楼顶加盖了房子|把公共绿地围了|举报了{n}次没有拆|影响采光|有安全隐患
充电桩不够|电动车推上楼|飞线充电|怕着火|车棚一直锁着|充电桩坏了{n}个
树枝挡住窗户|树快倒了|刮风就断枝|砸到了车|绿化带没有人浇水|草都枯了
公交车等了{n}分钟|站牌不见了|末班车太早|司机不停站|线路改了没通知|希望加车
社保卡办不了|窗口排队很长|材料交了{n}次|说系统坏了|没有人答复|来回跑了{n}趟
物业费涨了|没有开业主大会|服务没有变好|保洁{n}天来一次|保安经常不在|账目不公开
学校门口堵车|家长乱停车|没有交警|过马路危险|希望设护栏|放学时走不动
小区门禁坏了|陌生人随便进|快递丢了{n}件|监控看不清|报修没有回应|楼道灯也不亮
油烟味很大|餐馆烟道对着窗|噪声从早到晚|没有净化设备|投诉{n}次没有用|衣服都有味道""".splitlines()
]


class Writer:
    """Somebody who makes up demands, always the same ones for the same seed."""

    def __init__(self, seed: int, *, words: int = 40_000, places: int = 6_000) -> None:
        self.random = np.random.default_rng(seed)
        marks = [chr(code) for code in self.random.permutation(np.arange(0x4E00, 0x9FA5))[:3500]]
        often = 1 / np.arange(1, 3501) ** 0.8
        often /= often.sum()
        lengths = self.random.choice([1, 2, 3], size=words, p=[0.1, 0.7, 0.2])
        drawn = iter(self.random.choice(3500, size=int(lengths.sum()), p=often))
        self.words = ["".join(marks[next(drawn)] for _ in range(length)) for length in lengths]
        self.shares = np.cumsum(1 / np.arange(1, words + 1) ** 0.9)
        self.shares /= self.shares[-1]
        self.places = [
            "".join(marks[place] for place in self.random.choice(3500, size=self.random.integers(2, 4)))
            + str(self.random.choice(["小区", "社区", "花园", "家园", "里"]))
            for _ in range(places)
        ]

    def some_words(self, count: int) -> str:
        return "".join(self.words[place] for place in np.searchsorted(self.shares, self.random.random(count)))

    def clause(self, subject: int) -> str:
        if self.random.random() < 0.45:
            words = SUBJECTS[subject][self.random.integers(6)]
            place = self.places[self.random.integers(len(self.places))]
            return words.replace("{n}", str(self.random.integers(2, 60))).replace("{p}", place)
        return self.some_words(int(self.random.integers(3, 8)))

    def text(self) -> tuple[int, str]:
        """The number of the place, and what is said."""
        subject, place = int(self.random.integers(len(SUBJECTS))), int(self.random.integers(len(self.places)))
        count = int(np.clip(self.random.lognormal(1.9, 0.5), 2, 25))
        told = "，".join(self.clause(subject) for _ in range(count))
        return place, f"{self.places[place]}{self.random.integers(1, 60)}号楼{told}。"

    def again(self, text: str) -> str:
        clauses = text.rstrip("。").split("，")
        kept = [clause for clause in clauses if self.random.random() > 0.25] or clauses[:1]
        told = []
        for mark in "，".join(kept):
            chance = self.random.random()
            if chance < 0.03:
                continue
            told.append(self.some_words(1)[0] if chance < 0.06 else mark)
            if 0.06 <= chance < 0.09:
                told.append(self.some_words(1)[0])
        return "".join(told) + "。"


def point_of(place: int) -> tuple[float, float]:
    return 116.0 + (place % 80) * 0.01, 39.6 + (place // 80) * 0.008


def rows_like(row: Any, count: int, changed: Sequence[str], values: Iterator[Sequence[Any]]) -> Iterator[list[Any]]:
    """As many rows as this one, with other values in some columns."""
    fields = row._meta.concrete_fields
    from django.db import connection

    given = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    places = [next(n for n, field in enumerate(fields) if field.attname == name) for name in changed]
    for _number, fresh in zip(range(count), values, strict=False):
        made = list(given)
        for place, value in zip(places, fresh, strict=True):
            made[place] = value
        yield made


def copy(model: Any, rows: Iterator[list[Any]]) -> None:
    from django.db import connection

    columns = ", ".join(connection.ops.quote_name(field.column) for field in model._meta.concrete_fields)
    with connection.cursor() as cursor, cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as sink:
        for row in rows:
            sink.write_row(row)


def fill(told: Sequence[tuple[int, str]], now: datetime) -> None:
    """A message, a case and a voice for each text; written with COPY and without the story."""
    from django.db import connection

    from gongzhi.ground.places.cells import cell_of
    from gongzhi.ground.places.models import Place
    from gongzhi.sense.channels.models import Message
    from gongzhi.understand.cases.models import Case, Category, Voice

    place = Place.objects.create(code="110108014001", path="110108014001", level="village", name="x")
    count = len(told)
    message = Message(channel="web", received_at=now, place=place, place_path=place.path)
    case = Case(state="new", channel="web", place=place, place_path=place.path, lead_place=place, lead_role="x",
                opened_at=now)  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # no foreign key is looked up while this is written
    copy(Message, rows_like(message, count, ("id", "uid", "number", "text", "lon", "lat"), (
        (key, uuid.UUID(int=key), f"b{key}", text, *point_of(where)) for key, (where, text) in enumerate(told, 1)
    )))  # fmt: skip
    cells = [cell_of(*point_of(where)) for where in range(6_000)]
    subjects = [Category.objects.create(code=f"b{number}").pk for number in range(len(SUBJECTS))]
    copy(Case, rows_like(case, count, ("id", "number", "lon", "lat", "cell", "opened_at", "category_id"), (
        (key, f"b{key}", *point_of(where), cells[where], now - timedelta(minutes=key % 80_000), subjects[key % 20])
        for key, (where, _text) in enumerate(told, 1)
    )))  # fmt: skip
    copy(Voice, rows_like(Voice(), count, ("id", "case_id", "first_case_id", "message_id"),
                          ((key, key, key, key) for key in range(1, count + 1))))  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")


def sign_all(told: Sequence[tuple[int, str]], now: datetime) -> float:
    """The signatures of all texts but the last 2,000, with the index made afterwards. CPU seconds of making them."""
    from django.db import connection

    from gongzhi.understand.duplicates.grams import pack, signature
    from gongzhi.understand.duplicates.models import Posting, Signature

    spent = 0.0
    table = Posting._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        cursor.execute("SET session_replication_role = replica")
    for start in range(0, len(told) - 2000, 20_000):
        began = time.process_time()
        made = [(key, signature(told[key - 1][1]))
                for key in range(start + 1, min(start + 20_000, len(told) - 2000) + 1)]  # fmt: skip
        spent += time.process_time() - began
        copy(Signature, ([key, key, pack(grams), now] for key, grams in made))
        copy(Posting, ([gram, key] for key, grams in made for gram in grams))
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (gram, message_id)")
    return spent


def exhaustive(queries: Sequence[str], told: Sequence[tuple[int, str]]) -> Any:
    """The cosine of every query with every text, as a sparse matrix, by the weights of the search itself."""
    from scipy import sparse

    from gongzhi.understand.duplicates.grams import counts, grams_of_all

    def weighed(texts: Sequence[str]) -> tuple[Any, Any, Any]:
        """Whose, which gram, and what it weighs, of all grams of these texts."""
        grams, owners = grams_of_all(texts)
        keys, times = np.unique(owners.astype(np.uint64) << np.uint64(32) | grams, return_counts=True)
        grams, owners = keys & np.uint64(0xFFFFFFFF), (keys >> np.uint64(32)).astype(np.int64)
        values = (1 + np.log(times)) * counts().weights(grams)
        return owners, grams, values / np.sqrt(np.bincount(owners, values * values))[owners]

    columns = np.unique(weighed(queries)[1])

    def matrix(texts: Sequence[str]) -> Any:
        owners, grams, values = weighed(texts)
        place = np.minimum(np.searchsorted(columns, grams), len(columns) - 1)
        known = columns[place] == grams
        shape = (len(texts), len(columns))
        return sparse.csr_matrix((values[known], (owners[known], place[known])), shape=shape)

    left = matrix(queries)
    found = []
    for start in range(0, len(told), 20_000):
        share = left @ matrix([text for _place, text in told[start : start + 20_000]]).T
        share.data[share.data < 0.2] = 0
        share.eliminate_zeros()
        found.append(share)
    return sparse.hstack(found).tocsr()


def measure(texts: int, asked: int, keep: Path | None) -> None:
    with Cluster(keep) as cluster:
        os.environ["DATABASE_URL"] = cluster.url
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongzhi.config.settings")
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection, transaction

        from gongzhi.understand.cases.models import Category
        from gongzhi.understand.duplicates.actions import sign
        from gongzhi.understand.duplicates.finding import like_text
        from gongzhi.understand.duplicates.jobs import count_grams
        from gongzhi.understand.duplicates.models import Posting, Signature

        def say(what: str, value: object) -> None:
            print(f"{what:60} {value}", flush=True)

        now = datetime(2026, 11, 18, 2, 0, tzinfo=UTC)
        writer = Writer(seed=2026)
        told = [writer.text() for _ in range(texts)]
        call_command("migrate", verbosity=0)
        filled = Posting.objects.exists()
        if filled and not Signature.objects.filter(pk=texts - 2000).exists():
            raise SystemExit("the folder holds another number of texts")
        began = time.perf_counter()
        if not filled:
            fill(told, now)
        say("texts", f"{texts:,}, half of them shorter than {int(np.median([len(text) for _p, text in told]))}")
        say("loaded in s", f"{time.perf_counter() - began:.0f}")
        if not filled:
            began = time.process_time()
            count_grams(now=now, anyway=True)
            say("counting the newest 100,000 texts, CPU s", f"{time.process_time() - began:.1f}")
            began = time.perf_counter()
            spent = sign_all(told, now)
            say("signatures a CPU second (made, not written)", f"{(texts - 2000) / spent:,.0f}")
            say("written and indexed in s", f"{time.perf_counter() - began:.0f}")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("SELECT pg_total_relation_size(%s)", [Posting._meta.db_table])
            say("table of postings with its index, MB", f"{cursor.fetchone()[0] / 2**20:,.0f}")

        def cost(what: str, count: int, calls: Iterator[Any]) -> list[Any]:
            server, own, wall = cpu(cluster.pid), time.process_time(), []
            results = []
            for _number in range(count):
                begin = time.perf_counter()
                results.append(next(calls))
                wall.append(time.perf_counter() - begin)
            own, server = time.process_time() - own, cpu(cluster.pid) - server
            middle, late = np.quantile(wall, [0.5, 0.95])
            say(what, f"{1000 * (own + server) / count:.2f} CPU ms ({1000 * own / count:.2f} here, "
                      f"{1000 * server / count:.2f} database), wall p50 {1000 * middle:.1f}, "
                      f"p95 {1000 * late:.1f} ms")  # fmt: skip
            return results

        def signed(keys: Sequence[int]) -> int:
            with transaction.atomic():
                return sign(keys, now=now)

        for start in range(texts - 1999, texts, 500):  # of a folder that was kept
            Signature.objects.filter(case_id__gte=start, case_id__lt=start + 500).delete()
        single = iter(range(texts - 1999, texts - 1499))
        cost("sign one case", 500, (signed([key]) for key in single))
        cost("sign 500 cases of an import", 3,
             (signed(range(start, start + 500)) for start in (texts - 1499, texts - 999, texts - 499)))  # fmt: skip

        planted = [int(one) for one in writer.random.choice(texts - 2000, asked, replace=False)]
        queries = [writer.again(told[one][1]) for one in planted]
        three = [({query[n : n + 3] for n in range(len(query) - 2)},
                  {told[one][1][n : n + 3] for n in range(len(told[one][1]) - 2)})
                 for query, one in zip(queries, planted, strict=True)]  # fmt: skip
        say("Jaccard of triples of a rewrite and its original, median",
            f"{np.median([len(a & b) / len(a | b) for a, b in three]):.2f}")  # fmt: skip
        began = time.perf_counter()
        truth = exhaustive(queries, told)
        say("exhaustive comparison, s", f"{time.perf_counter() - began:.0f}")
        for query in queries[:20]:
            like_text(query, now=now)  # what a process reads once
        alone = cost("look for one, by its text, first time", asked, (like_text(query, now=now) for query in queries))
        cost("the same again: its pages are in memory", asked, (like_text(query, now=now) for query in queries))
        subject = Category.objects.order_by("pk")[0].pk
        places = [point_of(told[one][0]) for one in planted]
        nearby = cost("look for one, by text and place", asked,
                      (like_text(query, now=now, point=point, category_id=subject)
                       for query, point in zip(queries, places, strict=True)))  # fmt: skip

        wanted = kept = pairs = 0
        hits = {"text": 0, "place": 0, "exhaustive": 0}
        for number, one in enumerate(planted):
            row = truth[number]
            cosines = dict(zip((row.indices + 1).tolist(), row.data.tolist(), strict=True))
            best = sorted((value for value in cosines.values() if value >= 0.35), reverse=True)[:10]
            if best:
                # Texts that are as like as the tenth stand for each other.
                found = sum(1 for like in alone[number] if cosines.get(like.case_id, 0) >= best[-1] - 1e-6)
                kept += min(found, len(best))
                wanted += len(best)
            pairs += len(best)
            top = sorted(cosines, key=lambda key: -cosines[key])[:10]
            hits["exhaustive"] += one + 1 in top
            hits["text"] += one + 1 in [like.case_id for like in alone[number]]
            hits["place"] += one + 1 in [like.case_id for like in nearby[number]]
        say("pairs of 0.35 and more a query (at most ten)", f"{pairs / asked:.2f}")
        say("recall of the exhaustive comparison's", f"{kept / wanted:.4f}")
        for name, words in (("exhaustive", "by comparing with all"), ("text", "by text"), ("place", "text and place")):
            say(f"the original is among the ten, {words}", f"{hits[name] / asked:.4f}")
        connection.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--texts", type=int, default=1_000_000)
    options.add_argument("--queries", type=int, default=400)
    options.add_argument("--keep", type=Path)
    chosen = options.parse_args()
    measure(chosen.texts, chosen.queries, chosen.keep)


if __name__ == "__main__":
    main()
