"""Grouping texts: planted incidents are found, and nothing is chained together that only touches."""

from __future__ import annotations

import random
from itertools import combinations

from gongzhi.understand.themes.clustering import SIMILARITY, Text, group_texts

# What happened (planted), in clauses that each voice says in its own way and leaves out at will.
INCIDENTS = (
    (
        "三号线地铁站施工夜间噪音",
        "地铁三号线工地半夜还在打桩",
        "震得窗户直响",
        "孩子没法睡觉",
        "已经连续一个星期",
        "施工单位不理会",
    ),
    (
        "清河边排污口发黑发臭",
        "清河北岸排污口流出黑水",
        "臭味隔着马路都闻得到",
        "水面漂着死鱼",
        "夏天根本不敢开窗",
        "请环保查一查",
    ),
    (
        "暖气不热室温只有十四度",
        "供暖以来暖气片一直是凉的",
        "室温才十四度",
        "老人冻得感冒了",
        "供热公司说是管道问题",
        "交了采暖费却不热",
    ),
    (
        "学校门口早高峰堵车",
        "实验小学门口早上堵得水泄不通",
        "家长的车停在马路中间",
        "公交车也过不去",
        "没有交警疏导",
        "孩子过马路危险",
    ),
    (
        "新装充电桩全部不能用",
        "小区地下车库的充电桩全坏了",
        "扫码提示设备离线",
        "电动车充不上电",
        "物业说要等厂家",
        "已经报修三次",
    ),
    (
        "广场舞音响太大",
        "文化广场晚上跳舞音响震耳",
        "跳到十点半还不停",
        "隔着三栋楼都听得见",
        "多次劝说没有用",
        "高三学生没法复习",
    ),
    (
        "自来水发黄有铁锈味",
        "早上放出来的自来水是黄的",
        "有一股铁锈味",
        "烧开了还有沉淀",
        "不敢拿来做饭",
        "水务所说在冲洗管网",
    ),
    (
        "快递柜超时收费不合理",
        "楼下快递柜放了半天就要收费",
        "没有经过同意就放柜子",
        "上班族根本来不及取",
        "客服电话打不通",
        "要求取消收费",
    ),
)
BACKGROUND = (
    "想咨询{x}办理居住证需要什么材料",
    "{x}的健身器材螺丝松了",
    "感谢{x}的网格员帮忙",
    "{x}路口的井盖有异响",
    "建议在{x}增设座椅",
    "{x}的流浪猫没人管",
    "{x}的树枝挡住了红绿灯",
    "退役军人{x}优待证什么时候能领",
    "{x}的公厕没有洗手液",
    "{x}的宣传栏内容过期了",
    "医保报销在{x}怎么办",
    "{x}的台阶缺一块砖",
    "孩子在{x}入学的划片问题",
    "{x}的电梯按键不灵",
    "{x}的路面有一个坑",
)
SOMEWHERE = (
    "东区",
    "西区",
    "南里",
    "北里",
    "荷清苑",
    "蓝旗营",
    "双清苑",
    "学清路",
    "成府路",
    "西王庄",
    "华清园",
    "展春园",
)
ODDS = ("您好，", "领导好！", "我想反映一下，", "", "", "投诉：", "麻烦看看，")
ENDS = ("请尽快处理。", "谢谢！", "", "希望有人管。", "什么时候能解决？", "盼回复。")


def rewritten(die: random.Random, clauses: tuple[str, ...]) -> tuple[str, str]:
    """One voice: a quarter of the clauses left out, some letters changed, in another order."""
    kept = [clause for clause in clauses if die.random() > 0.25] or [clauses[0]]
    die.shuffle(kept)
    text = die.choice(ODDS) + "，".join(kept) + "。" + die.choice(ENDS)
    letters = [letter if die.random() > 0.05 else die.choice("的了很也又") for letter in text]
    body = "".join(letters)
    return body[:40], body


def corpus(seed: int, voices: int = 14, noise: int = 500) -> tuple[list[Text], dict[int, int]]:
    """Planted incidents among unrelated demands, all of one town, within 30 days."""
    die = random.Random(seed)
    texts, gold = [], {}
    for number, clauses in enumerate(INCIDENTS):
        start = die.uniform(0, 20)
        for _ in range(die.randint(voices // 2, voices)):
            summary, body = rewritten(die, clauses)
            pk = len(texts)
            texts.append(Text(pk, summary, body, start + die.uniform(0, 10), "110108014"))
            gold[pk] = number
    for _ in range(noise):
        place = die.choice(SOMEWHERE)
        body = die.choice(ODDS) + die.choice(BACKGROUND).format(x=place) + "，" + die.choice(ENDS)
        texts.append(Text(len(texts), body[:30], body + str(die.random())[2:5], die.uniform(0, 30), "110108014"))
    die.shuffle(texts)
    return texts, gold


def pairwise_f1(texts: list[Text], gold: dict[int, int], **given: float) -> tuple[float, float, float]:
    """Precision, recall and F1 over pairs of planted voices (a noise text in a planted group costs precision)."""
    found = group_texts(texts, days=60, smallest=3, **given)
    truth = {frozenset(pair) for pair in combinations(gold, 2) if gold[pair[0]] == gold[pair[1]]}
    said = set()
    for group in found:
        members = [pk for pk, _closeness in group.members]
        if any(pk in gold for pk in members):
            said |= {frozenset(pair) for pair in combinations(members, 2)}
    right = len(truth & said)
    precision, recall = right / max(1, len(said)), right / len(truth)
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def test_planted_incidents_are_found() -> None:
    """The floor: pairwise F1 at least 0.95 on four corpora of eight incidents among 500 other demands."""
    for seed in (1, 2, 3, 4):
        precision, recall, f1 = pairwise_f1(*corpus(seed))
        assert f1 >= 0.95, (seed, precision, recall, f1)
        assert precision >= 0.9


def test_a_text_between_two_groups_does_not_chain_them() -> None:
    """Connected parts would be one group of all; average link keeps two."""
    first = [Text(n, "地铁工地夜间打桩噪音", f"地铁三号线工地半夜打桩，噪音很大。第{n}次", 1.0, "t") for n in range(5)]
    second = [
        Text(10 + n, "广场舞音响晚上扰民", f"文化广场跳舞音响太响，晚上扰民。第{n}次", 1.0, "t") for n in range(5)
    ]
    bridge = [
        Text(20, "地铁工地夜间打桩噪音，广场舞音响晚上扰民", "地铁三号线工地半夜打桩，文化广场跳舞音响太响。", 1.0, "t")
    ]
    noise = [Text(30 + n, f"咨询第{n}种证件", f"请问办理{chr(0x4E00 + 50 * n)}证要带什么", 1.0, "t") for n in range(20)]
    groups = group_texts([*first, *second, *bridge, *noise], days=60, smallest=3)
    big = [{pk for pk, _closeness in group.members} for group in groups if len(group.members) >= 4]
    assert any(members >= set(range(5)) and not members & set(range(10, 15)) for members in big)
    assert any(members >= set(range(10, 15)) and not members & set(range(5)) for members in big)


def test_far_in_time_and_in_other_towns_is_not_the_same() -> None:
    words = ("暖气不热，室温十四度", "供暖以来暖气片一直是凉的，室温才十四度。")
    noise = [
        Text(100 + n, f"咨询第{n}种证件", f"请问办理{chr(0x4E00 + 50 * n)}证要带什么", 1.0, "a") for n in range(20)
    ]
    texts = [Text(n, *words, day=1.0 + n / 10, town="a") for n in range(4)]
    texts += [Text(10 + n, *words, day=300.0 + n / 10, town="a") for n in range(4)]
    texts += [Text(20 + n, *words, day=1.0 + n / 10, town="b") for n in range(4)]
    groups = group_texts([*texts, *noise], days=60, smallest=3)
    found = sorted(sorted(pk for pk, _closeness in group.members) for group in groups if len(group.members) == 4)
    assert found == [[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]]


def test_typical_words_tell_what_it_is() -> None:
    texts, _gold = corpus(1)
    groups = group_texts(texts, days=60, smallest=3)
    words = " ".join(" ".join(group.terms) for group in groups)
    for term in ("地铁", "排污口", "充电", "快递柜"):
        assert term in words


def test_nothing_and_almost_nothing() -> None:
    assert group_texts([], days=60, smallest=3) == []
    one = Text(1, "路灯不亮", "路灯不亮", 1.0, "a")
    assert group_texts([one], days=60, smallest=3) == []
    odd = [Text(n, text, text, 1.0, "a") for n, text in enumerate(("", "。", "👍", "a"))]
    assert group_texts(odd, days=60, smallest=3) == []
    assert 0 < SIMILARITY < 1


def test_the_order_of_the_texts_changes_nothing() -> None:
    texts, _gold = corpus(2, noise=100)
    here = {frozenset(pk for pk, _c in group.members) for group in group_texts(texts, days=60, smallest=3)}
    there = {frozenset(pk for pk, _c in group.members) for group in group_texts(texts[::-1], days=60, smallest=3)}
    assert here == there
