"""Finding every numeric mention of a text and deciding what it is: date, label, noise, or a quantity with its unit.

One compiled pattern runs over the text; each hit gets a class and the name of the rule that decided it. What a quantity
is about, and when, is decided elsewhere (`attribution`, `periods`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from pipelines.catalogue.units import UNITS
from pipelines.documents.model import DAMAGE_MARK
from pipelines.extraction.numerals import ARABIC, SCALE, arabic_value, chinese_value, fraction_value, scale_value


@dataclass(frozen=True, slots=True)
class Mention:
    """One numeric mention in restored text; `value` is in `unit` with scale words applied."""

    start: int
    end: int
    text: str
    mention_class: str  # quantity, date, label, noise, unread
    rule: str
    value: float | None = None
    values: tuple[float, ...] = ()
    unit: str | None = None
    approx: str = "exact"
    number_start: int = 0
    number_end: int = 0
    decimals_unit: float = 0.0  # size of the last written place, scale applied; 0 for an exact count
    flags: tuple[str, ...] = ()
    candidates: tuple[str, ...] = field(default=())
    ratio: bool = False


MASK = r"[xX×*＊_○]"
YEAR = rf"(?:(?:19|20)[0-9]{{2}}|20{MASK}{{1,2}}(?![0-9])|二[0〇零○]{MASK}{{1,2}}|二〇[〇一二三四五六七八九]{{2}}|一九[〇一二三四五六七八九]{{2}})"
DASH = r"(?:\s?[-—–~～至到]{1,2}\s?)"
MONTH = r"(?:1[0-2]|0?[1-9])"
DAY = r"(?:3[01]|[12][0-9]|0?[1-9])"

DATE = re.compile(
    rf"(?P<date>{YEAR}{DASH}{YEAR}\s?(?:学年度?|年度?)?(?:[一二三四五六七八九十]年)?(?![0-9%])"
    rf"|{YEAR}{DASH}[0-9]{{2}}\s?学年度?"
    rf"|{YEAR}年(?:代)?(?:度|底|末|初)?(?:[春夏秋冬]季)?(?:学期)?(?:的)?{MONTH}{DASH}{MONTH}月(?:份|底|初|末)?"
    rf"|{YEAR}年(?:度)?{MONTH}月(?:份)?{DAY}[日号]?(?:{DASH}(?:{MONTH}月)?{DAY}[日号])?"
    rf"|{YEAR}年(?:度)?{MONTH}月(?:份|底|初|末)?"
    rf"|{YEAR}\s?(?:学年度?|年[春夏秋冬]季(?:学期)?|年度|年底|年末|年初|年代|年)"
    rf"|{YEAR}[-./]{MONTH}[-./]{DAY}(?:\s+[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?)?"
    rf"|(?<![0-9.]){MONTH}月(?:份)?{DAY}[日号](?:{DASH}(?:{MONTH}月(?:份)?)?{DAY}[日号])?"
    rf"|(?<![0-9.]){MONTH}(?:月份?)?{DASH}{MONTH}月(?:份|底|末)?"
    rf"|(?<![0-9.]){MONTH}月(?:份|底|初|末|上旬|中旬|下旬)?(?!活动|龄)"
    rf"|(?<![0-9.第]){DAY}[日号](?={DASH}|，|,|、|上午|下午|晚|凌晨|$|在|召开|起|前|后|至)"
    rf"|(?<![0-9:.])(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?(?![0-9])(?=\s|$|分|[^0-9:/万]{{0,3}}$)"
    rf"|(?<![0-9.])(?:19|20)[0-9]{{2}}(?=[、和与]\s?(?:19|20)[0-9]{{2}}(?:[、和与]\s?(?:19|20)[0-9]{{2}})*(?:年|两年|三年))"
    rf"|(?<![0-9.])(?:19|20)[0-9]{{2}}(?=[两三四五六七八九十]年)"
    rf"|(?<![0-9.])[1-4一二三四]季度)"
)

LABEL = re.compile(
    r"(?P<label>[〔\[（(【](?:19|20)[0-9]{2}[〕\])）】]\s?(?:第)?[0-9]+号"
    r"|[0-9]+(?:[+＋][0-9一二三四五六七八九十xXⅹ]+)+"
    r"|(?<=第)[0-9]+(?:次|届|位|名|号|期|条|章|页|批|期|轮|个|周|季度|产业|医院|中学|小学|师|团|军|项|类|款)?"
    r"|(?:(?<=附件)|(?<=图)|(?<=表)|(?<=编号)|(?<=电话)|(?<=邮编)|(?<=热线))[:：]?\s?[0-9][0-9-]*"
    r"|(?<=[“\"‘《])[0-9]+(?:[.·][0-9]+)+(?=[”\"’》])"
    r"|1[3-9][0-9]{9}(?![0-9])|0[0-9]{2,3}-[0-9]{7,8}"
    r"|[A-Za-z]+[-]?[0-9]+(?:[-.][0-9A-Za-z]+)*|[0-9]+[A-Za-z](?![A-Za-z]*[²³])[A-Za-z0-9]*"
    r"|\[[0-9]{1,3}\])"
)

# `个乡镇` is the counter 个 and a noun; only 个百分点 and its like are one unit
_UNIT_WORDS = sorted(
    (
        u
        for u in UNITS
        if u and not (u[0] == "个" and len(u) > 1 and UNITS[u].dimension == "count" and UNITS[u].base != "人次")
    ),
    key=len,
    reverse=True,
)
UNIT = "(?:" + "|".join(re.escape(u) for u in _UNIT_WORDS) + ")"
_UNITISH = re.compile(UNIT)
ABOUT = r"(?:余|多|来|几)"
PER_HEAD_TAIL = r"(?:/[一-鿿]{1,4}(?:[·.][一-鿿]{1,2})?)?"

QUANTITY = re.compile(
    rf"(?P<n1>{ARABIC})(?P<a1>{ABOUT})?(?P<s1>{SCALE})?(?P<n1b>(?<=[万亿])[0-9]+(?:千|百)?(?=余|多|人|元|户|亩|吨|{UNIT}))?(?P<a2>{ABOUT})?"
    rf"(?P<rest>"
    rf"(?P<ratio>\s?[:∶：](?P<n2>{ARABIC})(?:[:∶：](?P<n3>{ARABIC}))?(?![:0-9]))"
    rf"|/(?P<per>10万|1?万|千)(?![元人户])"
    rf"|(?P<u0>{UNIT})?(?P<dash>[-—–~～至]{{1,2}}|到(?=[0-9]))(?P<m1>{ARABIC})(?P<ma>{ABOUT})?(?P<ms>{SCALE})?(?P<ma2>{ABOUT})?(?P<u1>{UNIT})?"
    rf"|\s?(?P<u2>{UNIT})?(?P<a3>多(?![0-9出])|余)?(?P<slash>{PER_HEAD_TAIL}))"
    r"(?P<suffix>左右|上下|以上|以下|以内|之内|以外)?"
)

CN = r"[零〇一二两三四五六七八九十百千万亿]"
CHINESE = re.compile(
    rf"(?P<fraction>(?:百|千|万|[一二三四五六七八九十]+)分之(?:[0-9.]+|[一二三四五六七八九十百零点两]+))(?:强|弱)?(?P<fs>左右|以上|以下|以内)?"
    rf"|(?P<cheng>[一二三四五六七八九]成)(?P<ch5>五)?(?P<cs>左右|以上|以下)?(?=[的，,。；;、]|人|以|学生|农|群众|村)"
    rf"|(?P<fan>(?<=翻)[一二两三四]?番|(?<=翻了)[一二两三四]番)"
    rf"|(?P<bei>(?<=提高|增长|增加|扩大|上升|提升)(?:了|近|约|到)?[一二两三四五六七八九十]+倍)"
    rf"|(?P<cn>(?<![一二三四五六七八九十百千万第每“\"]){CN}*[百千万亿]{CN}*)(?P<ca>{ABOUT})?(?P<cu>人次|人|名|户|元|亩|吨|公里|平方米|平方公里|件|册|份|所|个|株|例|学生|群众|农户|干部|职工)(?P<ct>左右|以上|以下|以内)?"
)

BEFORE = re.compile(
    r"(?P<about>近|约|大约|将近|接近|大概)$|(?P<least>不低于|不少于|不小于|至少|超过|超|突破|逾|高于|大于|≥|>|＞|达到或超过|最低|年满|满|多达|上)$"
    r"|(?P<most>不超过|不高于|不足|不大于|不到|不多于|低于|少于|小于|≤|<|＜|至多|最多|最高)$"
)
NAME_AFTER = re.compile(
    r"^(?:医院|部队|中学|小学|中|小|厂|矿|团|师|号(?!线)|路|国道|省道|县道|工程|行动|计划|频道|航班|钢|分队|高地|所(?=农|监)|型|级公路|热线|平台|网|公司|集团)"
)
NOUN_UNIT = {
    "学生": "人",
    "群众": "人",
    "农户": "户",
    "干部": "人",
    "职工": "人",
    "孤儿": "人",
    "党员": "人",
    "农民": "人",
    "教师": "人",
    "儿童": "人",
    "妇女": "人",
    "老人": "人",
    "贫困人口": "人",
    "人口": "人",
    "居民": "人",
    "村民": "人",
    "劳动力": "人",
    "贫困户": "户",
    "青年": "人",
    "村": "个",
    "乡镇": "个",
    "乡": "个",
    "镇": "个",
    "社区": "个",
    "行政村": "个",
    "自然村": "个",
    "贫困村": "个",
    "单位": "个",
    "大": "个",
    "企业": "家",
    "学校": "所",
    "家庭": "户",
    "特困群众": "人",
}
_NOUN = re.compile("^(?:" + "|".join(sorted(NOUN_UNIT, key=len, reverse=True)) + ")")
SYMBOLS = ("%", "‰", "百分点", "千分点")


@lru_cache(maxsize=4096)
def _base(unit: str) -> str:
    entry = UNITS.get(unit)
    return entry.base if entry else unit


def _place_size(digits: str, factor: float) -> float:
    """Size of the last written place: "94.9" with factor 10**4 -> 1000."""
    _, _, decimals = digits.partition(".")
    return float(factor / 10.0 ** len(decimals))


def find_mentions(text: str, noise: Sequence[tuple[int, int]] = ()) -> list[Mention]:
    """All numeric mentions of restored text in order, not overlapping.

    `noise` are the spans of page furniture. Every Arabic digit of the text lies in exactly one mention: what no rule
    reads comes out with the class `unread`.
    """
    found: list[Mention] = []
    position = 0
    noise = sorted(noise)
    scanner = _SCAN.finditer(text)
    for hit in scanner:
        start = hit.start()
        if start < position:
            continue
        mention = _read(text, start, hit.group())
        if mention is None:
            continue
        if any(a <= mention.start < b for a, b in noise):
            mention = replace(mention, mention_class="noise", rule="furniture", value=None, unit=None)
        found.append(mention)
        position = mention.end
    return _share_units(text, found)


# Where a mention may begin: an Arabic digit (not inside one already read), or a Chinese numeral that measures.
_SCAN = re.compile(
    # the characters a mention can begin with: everything else is passed over at once
    r"(?=[0-9A-Za-z〔\[（(【\-−零〇一二两三四五六七八九十百千万亿番了近约])(?:"
    rf"[〔\[（(【](?=(?:19|20)[0-9]{{2}}[〕\])）】]\s?(?:第)?[0-9]+号)|[A-Za-z]+-?(?=[0-9])|[0-9]"
    r"|(?:(?<=[为是率到达长值至])|(?<=[：:（(，,、和及\t ]))[-−](?=[0-9])"
    rf"|二[0〇零○](?={MASK}|[〇一二三四五六七八九]{{2}}年)|(?:百|千|万|[一二三四五六七八九十]+)分之|[一二三四五六七八九]成(?!员|立|功|为|果|绩|长|人|本|都|熟|就|效|了|材|才|教)"
    rf"|(?<=翻)[一二两三四]?番|(?<=翻了)[一二两三四]番|(?<=提高|增长|增加|扩大|上升|提升)[了近约]?[一二两三四五六七八九十]+倍"
    rf"|(?<![一二三四五六七八九十百千万第每“\"]){CN}*[百千万亿]{CN}*(?=(?:{ABOUT})?(?:人次|人|名|户|元|亩|吨|公里|平方米|平方公里|件|册|份|所|株|例|学生|群众|农户|干部|职工)))"
)
_IDIOM = re.compile(r"千家万户|千方百计|百姓|千村万户|万人大|千人计划|百名|百年|万元户")


def _read(text: str, start: int, opening: str) -> Mention | None:
    first = text[start]
    if first not in "-−" and (not first.isascii() or not (first.isdigit() or first.isalpha() or first in "([")):
        if first in "〔（【":
            label = LABEL.match(text, start)
            if label:
                return Mention(start, label.end(), label.group(), "label", "document_number")
            return None
        if first == "二" and (date := DATE.match(text, start)):
            return (
                Mention(start, date.end(), date.group(), "date", "date")
                if any(c.isdigit() and c.isascii() for c in date.group())
                else None
            )
        return _read_chinese(text, start)
    if first in "-−":
        # 自然增长率为-1.27‰: a minus after a copula, a colon or a cell's border is a sign, elsewhere it is a dash
        positive = _read(text, start + 1, text[start + 1])
        if positive is None or positive.mention_class != "quantity" or positive.value is None:
            return positive
        return replace(
            positive, start=start, text=text[start : positive.end], value=-positive.value, number_start=start
        )
    if first.isalpha() or first in "([":
        label = LABEL.match(text, start)
        if label is None:
            return None
        before = text[start - 1] if start else ""
        if before and before.isascii() and before.isalnum():
            return None
        return Mention(start, label.end(), label.group(), "label", "name_with_letters")
    date = DATE.match(text, start)
    if date and not _is_duration(text, date):
        return Mention(start, date.end(), date.group(), "date", "date")
    label = LABEL.match(text, start)
    if label and not _UNITISH.match(text, label.end() - 1 if label.group()[-1:].isalpha() else label.end()):
        return Mention(start, label.end(), label.group(), "label", "name_or_number")
    if label and "+" in label.group():
        return Mention(start, label.end(), label.group(), "label", "name_with_plus")
    if label and text[start - 1 : start] == "第":
        return Mention(start, label.end(), label.group(), "label", "ordinal")
    return _read_quantity(text, start)


def _is_duration(text: str, date: re.Match[str]) -> bool:
    """`3个月` never matches; `15年以上` needs no year, so only a four-digit number can be one: nothing else to undo."""
    return bool(re.fullmatch(r"[0-9]{1,2}日", date.group())) and text[date.end() : date.end() + 1] in "均"


def _before(text: str, start: int) -> tuple[int, str | None]:
    """Start of the span with an adjacent modifier, and what the modifier makes of the number."""
    window = text[max(0, start - 6) : start].rstrip()
    hit = BEFORE.search(window)
    if not hit:
        return start, None
    if hit.group() == "上" and text[start : start + 1].isdigit():
        return start, None  # 网上30人, 州上100人: not an approximate number
    if hit.group() in ("超", "满") and window[-2:-1] in ("赶", "圆", "期"):
        return start, None
    kind = "about" if hit["about"] else "at_least" if hit["least"] else "at_most"
    return start - len(hit.group()), kind


def _read_quantity(text: str, start: int) -> Mention | None:
    hit = QUANTITY.match(text, start)
    if hit is None:
        return None
    end = hit.end()
    span_start, modifier = _before(text, start)
    g = hit.groupdict()
    flags: list[str] = []
    after = text[end : end + 8]
    previous = text[start - 1 : start]
    damaged = DAMAGE_MARK in text[max(0, start - 1) : start] or DAMAGE_MARK in text[hit.end("n1") : hit.end("n1") + 1]

    if g["ratio"]:
        a, b = arabic_value(g["n1"]), arabic_value(g["n2"])
        ratio_unit, ratio_value, values = _ratio(g["n1"], g["n2"], a, b)
        if g["n3"]:
            ratio_unit, ratio_value, values = ":", None, (a, b, arabic_value(g["n3"]))
        approx = _approx(modifier, None, g["suffix"])
        return Mention(
            span_start,
            end,
            text[span_start:end],
            "quantity",
            "ratio",
            ratio_value,
            values,
            ratio_unit,
            approx,
            start,
            hit.end("n1"),
            0.0,
            tuple(flags),
            ratio=True,
        )
    if g["per"]:
        per = {"10万": "/10万", "万": "/万", "1万": "/万", "千": "/千"}[g["per"]]
        return Mention(
            span_start,
            end,
            text[span_start:end],
            "quantity",
            "per_" + per[1:],
            arabic_value(g["n1"]),
            (),
            per,
            _approx(modifier, None, g["suffix"]),
            start,
            hit.end("n1"),
            _place_size(g["n1"], 1),
        )
    if g["dash"] and g["m1"] and text[hit.end("m1") : hit.end("m1") + 1] != "月":
        scale = g["ms"] or ""
        first_scale = g["s1"] or (scale if not g["u0"] else "")
        lo, hi = arabic_value(g["n1"], first_scale), arabic_value(g["m1"], scale)
        range_unit = g["u1"] or g["u0"]
        if hi > lo and (range_unit or _NOUN.match(after) is not None or g["dash"] not in "至到"):
            base = _base(range_unit) if range_unit else None
            if range_unit is None and (noun := _NOUN.match(after)):
                base = NOUN_UNIT[noun.group()]
            if base is None and previous in "0123456789.-":
                return Mention(start, end, text[start:end], "label", "number_string")
            return Mention(
                span_start,
                end,
                text[span_start:end],
                "quantity",
                "range",
                None,
                (lo, hi),
                base,
                _approx(modifier, g["a2"] or g["ma"] or g["ma2"], g["suffix"]),
                start,
                hit.end("m1"),
                0.0,
            )
        hit = _without_range(text, start) or hit
        g = hit.groupdict()
        end = hit.end()
        after = text[end : end + 8]

    unit_word = g.get("u2") or None
    scale = g["s1"] or ""
    about = g["a1"] or g["a2"] or g.get("a3")
    value = arabic_value(g["n1"], scale)
    if g["n1b"]:
        inner = g["n1b"]
        tail = inner.rstrip("千百")
        value += arabic_value(tail, inner[len(tail) :])
    if scale == "" and unit_word is None:
        verdict = _bare_number(text, start, hit.end("n1"), after)
        if verdict is not None:
            cls, rule = verdict
            if cls == "noun":
                noun_unit = NOUN_UNIT[rule]
                return Mention(
                    span_start,
                    end,
                    text[span_start:end],
                    "quantity",
                    "noun_unit",
                    value,
                    (),
                    noun_unit,
                    _approx(modifier, about, g["suffix"]),
                    start,
                    hit.end("n1"),
                    0.0,
                    ("damaged",) if damaged else (),
                )
            return Mention(start, hit.end("n1"), text[start : hit.end("n1")], cls, rule)
    if unit_word in ("号", "级") or (unit_word and previous == "第"):
        return Mention(start, end, text[start:end], "label", "ordinal_or_name")
    if unit_word and _is_name(text, start, hit, unit_word):
        return Mention(start, end, text[start:end], "label", "name")
    unit = _base(unit_word) if unit_word else None
    if unit_word is None and (noun := _NOUN.match(after)):
        unit = NOUN_UNIT[noun.group()]
    if g["slash"]:
        unit = (unit or "") + _slash(g["slash"])
    if damaged:
        flags.append("damaged")
        a, b = span_start, end
        if text[start - 1 : start] == DAMAGE_MARK:
            a = min(a, start - 1)
        return Mention(
            a,
            b,
            text[a:b],
            "quantity",
            "damaged",
            None,
            (),
            unit,
            _approx(modifier, about, g["suffix"]),
            start,
            hit.end("n1"),
            0.0,
            ("damaged",),
        )
    factor = scale_value(scale)
    exact = not scale and unit not in ("元", *SYMBOLS) and "." not in g["n1"]
    return Mention(
        span_start,
        end,
        text[span_start:end],
        "quantity",
        "quantity",
        value,
        (),
        unit,
        _approx(modifier, about, g["suffix"]),
        start,
        hit.end("n1"),
        0.0 if exact else _place_size(g["n1"], factor),
        tuple(flags),
    )


_PLAIN_QUANTITY = re.compile(
    rf"(?P<n1>{ARABIC})(?P<a1>{ABOUT})?(?P<s1>{SCALE})?(?P<n1b>(?!))?(?P<a2>{ABOUT})?\s?(?P<u2>{UNIT})?(?P<a3>多(?![0-9出])|余)?"
    rf"(?P<slash>{PER_HEAD_TAIL})(?P<suffix>左右|上下|以上|以下|以内|之内|以外)?"
)


def _without_range(text: str, start: int) -> re.Match[str] | None:
    return _PLAIN_QUANTITY.match(text, start)


def _slash(tail: str) -> str:
    return tail.replace(".", "·")


def _ratio(first: str, second: str, a: float, b: float) -> tuple[str, float | None, tuple[float, ...]]:
    """Ratios as the field writes them: 106.9:100 -> 106.9 `:100`, 1.09:1 -> `:1`, 1:19.4 -> 19.4 `1:`, 1:1 stays a pair."""
    if b == 100:
        return ":100", a, ()
    if b == 1 and a != 1:
        return ":1", a, ()
    if a == 1 and b != 1:
        return "1:", b, ()
    return "比", None, (a, b)


def _approx(modifier: str | None, about: str | None, suffix: str | None) -> str:
    if suffix in ("以上",) or modifier == "at_least":
        return "at_least"
    if suffix in ("以下", "以内", "之内") or modifier == "at_most":
        return "at_most"
    if about in ("余", "多", "几"):
        return "at_least"
    if suffix in ("左右", "上下") or modifier == "about" or about == "来":
        return "about"
    return "exact"


def _bare_number(text: str, start: int, end: int, after: str) -> tuple[str, str] | None:
    """What a number without scale and unit is; None if it may be a quantity whose unit stands elsewhere."""
    before = text[max(0, start - 12) : start]
    line_start = max(start - 80, text.rfind("\n", max(0, start - 80), start) + 1)
    head = text[line_start:start].strip(' 　\t(（[【“"')
    digits = text[start:end]
    if (noun := _NOUN.match(after)) and not (noun.group() == "大" and not re.match(r"大[一-鿿]", after)):
        return "noun", noun.group()
    opens = not head or before[-1:] in "。；;：:!！?？)）\n(（" or re.search(r"[：:。；;]\s?$", before)
    if opens and "." not in digits and len(digits) <= 2 and re.match(r"^\s?[、.．)）]", after):
        return "label", "list_number"
    if re.match(r"^\s?[、.．]\s?[一-鿿“]", after) and not head:
        return "label", "list_number"
    if NAME_AFTER.match(after):
        return "label", "name"
    if before[-1:] in ".-/_" and before[-2:-1].isalnum():
        return "label", "number_string"
    if after[:1] in "-/_" and after[1:2].isalnum():
        return "label", "number_string"
    if len(digits) == 4 and digits[:2] in ("19", "20") and re.match(r"^[)）〕\]]", after):
        return "date", "year_in_brackets"
    if before[-1:] in '“"' and after[:1] in '”"':
        return "label", "quoted"
    if re.match(r"^\s?[、,，]\s?[0-9]", after):
        return None  # a list of numbers: the unit comes with the last
    if re.search(r"(?:为|是|达|达到|到|比|率|数|值|性别比|指数|系数|共|计|的)$", before) and re.match(
        r"^[，,。；;、)）\s]|^$", after
    ):
        return None
    return "label", "bare_number"


def _is_name(text: str, start: int, hit: re.Match[str], unit_word: str) -> bool:
    """A number and a unit-like character that are part of a name: 254医院 has none; `88镇`, `3中`, `12所农监`."""
    return unit_word in ("镇", "乡", "村", "站", "团", "师") and not re.match(
        r"[的，,。、；;共均已全有以实通完]", text[hit.end() : hit.end() + 1] or "。"
    )


def _read_chinese(text: str, start: int) -> Mention | None:
    hit = CHINESE.match(text, start)
    if hit is None or _IDIOM.match(text, max(0, start)) or _IDIOM.match(text, max(0, start - 1)):
        return None
    span_start, modifier = _before(text, start)
    end = hit.end()
    if hit["fraction"]:
        fraction = fraction_value(hit["fraction"])
        if fraction is None:
            return None
        return Mention(
            span_start,
            end,
            text[span_start:end],
            "quantity",
            "fraction",
            fraction[0],
            (),
            fraction[1],
            _approx(modifier, None, hit["fs"]),
            start,
            end,
        )
    if hit["cheng"]:
        tenth = (chinese_value(hit["cheng"][0]) or 0) * 10 + (5 if hit["ch5"] else 0)
        return Mention(
            span_start,
            end,
            text[span_start:end],
            "quantity",
            "tenths",
            tenth,
            (),
            "%",
            _approx(modifier, None, hit["cs"]),
            start,
            end,
        )
    if hit["fan"]:
        times = chinese_value(hit["fan"][:-1] or "一") or 1.0
        return Mention(start, end, hit["fan"], "quantity", "doublings", times, (), "番", "exact", start, end)
    if hit["bei"]:
        multiple = chinese_value(re.sub(r"[^零〇一二两三四五六七八九十百千万亿]", "", hit["bei"]))
        return Mention(start, end, hit["bei"], "quantity", "times", multiple, (), "倍", "exact", start, end)
    words = hit["cn"]
    unit_word = hit["cu"]
    unit: str = NOUN_UNIT.get(unit_word) or _base(unit_word)
    end = hit.end("cu") if unit_word not in NOUN_UNIT else hit.start("cu")
    if hit["ct"] and hit.end("cu") == end:
        end = hit.end()
    before = text[start - 1 : start]
    if before in "数几":
        return Mention(
            start - 1,
            end,
            text[start - 1 : end],
            "quantity",
            "indefinite",
            None,
            (),
            unit,
            "about",
            start,
            end,
            0.0,
            ("indefinite",),
        )
    if before == "成" or (len(words) == 1 and words in "百千" and modifier is None and before != "上"):
        return None  # 成千上万; 百人, 千户 alone are figures of speech
    if words == "万" and modifier is None and before != "上":
        return None
    value = chinese_value(words)
    if value is None:
        return None
    if before == "上" and words[0] in "百千万亿":
        return Mention(
            start - 1, end, text[start - 1 : end], "quantity", "chinese", value, (), unit, "at_least", start, end
        )
    approx = _approx(modifier, hit["ca"], hit["ct"])
    return Mention(span_start, end, text[span_start:end], "quantity", "chinese", value, (), unit, approx, start, end)


def _share_units(text: str, found: list[Mention]) -> list[Mention]:
    """A unit written once for a list: `500、1000、2000元`, `89.2和70%`; each number before takes the unit of the last."""
    result = list(found)
    for i in range(len(result) - 2, -1, -1):
        here, after = result[i], result[i + 1]
        if (
            here.mention_class != "quantity"
            or here.unit
            or here.ratio
            or after.mention_class != "quantity"
            or not after.unit
        ):
            continue
        between = text[here.end : after.start]
        if re.fullmatch(r"\s?[、,，和与及]\s?", between):
            result[i] = replace(here, unit=after.unit, flags=(*here.flags, "unit_from_list"))
    return result
