"""Masking what is personal in a sentence: telephone and identity numbers, plates, e-mail, names, doors of homes.

Rules, not a guess of a model: what they miss, the person who chooses the quote takes out. Everything that is masked
becomes ``××``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

BOX: Final = "××"

_SURNAMES: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭"
    "陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
_TITLES: Final = (
    "先生|女士|小姐|师傅|老师|大爷|大妈|大叔|阿姨|叔叔|奶奶|爷爷|主任|书记|经理|队长|科长|局长|医生|警官|同志|某某|某"
)
_WHO: Final = "业主|邻居|住户|居民|租户|房东|户主|老板|联系人"
_PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_NUMERAL: Final = r"[0-9一二三四五六七八九十百零〇两]"

# In this order: the longer numbers first, so that a part of one is not taken for another.
RULES: Final[tuple[re.Pattern[str], ...]] = tuple(
    re.compile(pattern)
    for pattern in (
        r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",  # e-mail
        r"(?<!\d)\d{6}(?:18|19|20)\d{2}\d{4}\d{3}[0-9Xx](?!\d)",  # identity number
        r"(?<!\d)\d{13,19}(?!\d)",  # cards, accounts
        r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)",  # mobile
        r"(?<!\d)0\d{2,3}[- ]\d{7,8}(?!\d)",  # landline with code
        r"(?<!\d)[2-9]\d{6,7}(?!\d)",  # landline
        rf"[{_PROVINCES}][A-Z][·• ]?[A-Z0-9]{{4,6}}[A-Z0-9挂学警港澳]",  # plates
        r"(?:微信|QQ|qq|wx|wechat|WeChat)(?:号|同号)?[:： ]*[A-Za-z0-9_-]{5,20}",
        # doors of homes: building, unit, floor, room
        rf"{_NUMERAL}+ ?(?:号楼|栋|幢|座|号院){_NUMERAL}*(?:单元|门)?{_NUMERAL}*(?:层|楼)?{_NUMERAL}*(?:号|室|户)?",
        rf"{_NUMERAL}+ ?(?:单元|门){_NUMERAL}*(?:层|楼)?{_NUMERAL}*(?:号|室|户)?",
        rf"{_NUMERAL}+ ?(?:室|户)(?!外|内)",
        rf"[东西南北中]?{_NUMERAL}+ ?楼(?!上|下|道|梯|市|顶层)",
        rf"[东西南北中]{_NUMERAL}+ ?楼",
        r"(?<![\d-])\d{1,2}-\d{1,2}-\d{3,4}(?![\d-])",  # 3-2-501
        # names: after "I am", and before a title
        rf"(?<=我叫)[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}",
        rf"(?<=姓名)[:： ]*[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}",
        rf"(?<=我是)[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}(?=[，,。；; ]|$)",
        rf"(?:{_WHO})[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}(?=[，,。；;、（( 的和家]|$)",
        rf"[{_SURNAMES}][\u4e00-\u9fff]{{0,2}}?(?:{_TITLES})",
        rf"[老小][{_SURNAMES}](?![\u4e00-\u9fff]*(?:区|路|街|村|院))(?=[，,。、的家说他她 ])",
    )
)


def mask_personal(text: str) -> str:
    """The text with everything that the rules know as personal replaced."""
    plain = unicodedata.normalize("NFKC", text)
    # Full stops and commas of Chinese stay as they were written.
    plain = (
        "".join(mark if mark in "，。；：？！（）" else letter for mark, letter in zip(text, plain, strict=False))
        if len(plain) == len(text)
        else plain
    )
    for rule in RULES:
        plain = rule.sub(BOX, plain)
    return re.sub(rf"(?:{BOX})(?:[ ,，、-]*{BOX})+", BOX, plain)


def sentences(text: str, *, least: int = 8, most: int = 120) -> list[str]:
    """The sentences of a text that are neither a word nor a page."""
    parts = re.split(r"(?<=[。！？!?；;\n])", text)
    return [part.strip() for part in parts if least <= len(part.strip()) <= most]
