"""Finding every numeric mention of a text and deciding what it is: date, label, noise, or a quantity with its unit.

One compiled pattern runs over the text; each hit gets a class and the name of the rule that decided it. What a quantity
is about, and when, is decided elsewhere (`attribution`, `periods`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from string import ascii_letters

from pipelines.catalogue.units import UNITS
from pipelines.documents.model import DAMAGE_MARK
from pipelines.extraction.chinese import FIRST, START, read_chinese
from pipelines.extraction.cues import nouns, siblings_of
from pipelines.extraction.numerals import ARABIC, SCALE, arabic_value, chinese_value, scale_value


@dataclass(slots=True)
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
    r"|(?<![0-9.])[1-9]0年代"
    rf"|(?<![0-9.])[1-4一二三四]季度|(?<=[（(])1[0-8][0-9]{{2}}年(?=[）)]))"
)

LABEL = re.compile(
    r"(?P<label>[〔\[（(【](?:19|20)[0-9]{2}[〕\])）】]\s?(?:第)?[0-9]+号"
    r"|[0-9]{3,4}[×xX*][0-9]{3,4}(?![0-9])"  # the resolution of a screen
    r"|[0-9]+(?:[+＋][0-9一二三四五六七八九十xXⅹ]+)+"
    r"|(?<=第)[0-9]+(?:次|届|位|名|号|期|条|章|页|批|期|轮|个|周|季度|产业|医院|中学|小学|师|团|军|项|类|款)?"
    r"|(?:(?<=附件)|(?<=图)|(?<=表)|(?<=编号)|(?<=电话)|(?<=邮编)|(?<=热线))[:：]?\s?[0-9][0-9-]*"
    r"|(?<=[“\"‘《])[0-9]+(?:[.·][0-9]+)+(?=[”\"’》])"
    r"|https?://[!-~]+|www\.[!-~]+"
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
_COMMON_UNITS = "人元%个户名所‰亩项次年平件"  # first characters of the units met most, tried first


def _any_of(words: Sequence[str]) -> str:
    """Pattern for the longest of many words: by first character, so that a miss costs one look and a hit few."""
    by_first: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        by_first.setdefault(word[0], []).append(re.escape(word))
    ordered = sorted(by_first, key=lambda c: (_COMMON_UNITS.find(c) if c in _COMMON_UNITS else len(_COMMON_UNITS), c))
    first = "".join(map(re.escape, by_first))
    return f"(?:(?=[{first}])(?:" + "|".join("|".join(by_first[c]) for c in ordered) + "))"


UNIT = _any_of(_UNIT_WORDS)
_UNITISH = re.compile(UNIT)
ABOUT = r"(?:余|多|来|几)"
# behind a scale word a number may go on: 28万4千, 5亿1万4千6百, 1千零20; four bare digits only before a counter: 3万4000人
INNER = (
    r"(?:(?<=亿)零?[0-9]{1,4}万(?:零?[0-9]千)?(?:零?[0-9]百)?|(?<=[万亿])零?[0-9]千(?:零?[0-9]百)?|(?<=[千万亿])零?[0-9]百(?!分)"
    r"|(?<=千)零[0-9]{1,2}万?|(?<=[万亿])零[0-9]{1,4}|(?<=万)[0-9]{4}(?=余|多|[人名户元亩吨个件份册只头例公平米]))"
)
SUFFIX = "左右|上下|及?以上|及?以下|以内|之内|以外"
PER_HEAD_TAIL = r"(?:/[一-鿿]{1,4}(?:[·.][一-鿿]{1,2})?)?"

QUANTITY = re.compile(
    rf"(?P<n1>{ARABIC})(?P<a1>{ABOUT})?(?P<s1>{SCALE})?(?P<n1b>{INNER})?(?P<a2>{ABOUT})?"
    rf"(?P<rest>"
    rf"(?P<ratio>\s?[:∶：](?P<n2>{ARABIC})(?:[:∶：](?P<n3>{ARABIC}))?(?![:0-9]))"
    rf"|/(?P<per>10万|1?万|千)(?![元人户])"
    rf"|(?P<u0>{UNIT})?(?P<dash>[-—–~～至]{{1,2}}|到(?=[0-9]))(?P<m1>{ARABIC})(?P<ma>{ABOUT})?(?P<ms>{SCALE})?(?P<ma2>{ABOUT})?(?P<u1>{UNIT})?"
    rf"|\s?(?P<u2>{UNIT})?(?P<a3>多(?![0-9出])|余)?(?P<slash>{PER_HEAD_TAIL}))"
    rf"(?P<suffix>{SUFFIX})?"
)

BEFORE = re.compile(
    r"(?P<about>(?<![附临邻就最亲])近|(?<![签预节履契条公合制集])约|大约|将近|接近|大概)$|(?P<least>不低于|不少于|不小于|至少|超过了?|超|突破了?|逾|高于|大于|≥|>|＞|达到或超过|最低|年满|满|多达|上)$"
    r"|(?P<most>不超过|不高于|不足|不大于|不到|不多于|低于|少于|小于|≤|<|＜|至多|最多|最高)$"
)
NAME_AFTER = re.compile(
    r"^(?:医院|部队|中学|小学|中|小|厂|矿|团|师|号(?!线)|路|国道|省道|县道|工程|行动|计划|频道|航班|钢|分队|高地|所(?=农|监)|型|级公路|热线|平台|网|公司|集团)"
)
NOUN_UNIT = {noun: unit for unit, words in nouns()["counted"].items() for noun in words}
_NOUN = re.compile(_any_of(tuple(NOUN_UNIT)))
# a noun of people or households behind an attribute, after a scale word: 4.1万低收入人口, 8.2万老年农民
_NOUN_NEAR = re.compile(
    "[^，,。；;、：:（）()0-9用于为给对由和及与元的]{1,6}?("
    + "|".join(n for n, u in NOUN_UNIT.items() if u in ("人", "户"))
    + ")"
)
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
    for hit in _SCAN.finditer(text):
        start, end = hit.span()
        if start >= position:
            shape = hit.lastindex
            if shape is None:
                if (read := _read(text, start)) is None:
                    continue
                mention = read
            elif shape == _YEAR_ALONE:
                mention = Mention(start, end, hit.group(), "date", "date")
            else:
                mention = _read_measure(text, start, end, hit)
        elif end > position and (run := _DIGITS.search(text, position, end) if hit.lastindex else hit):
            # digits behind a mention that ended among them
            if (read := _read(text, max(position, run.start()))) is None:
                continue
            mention = read
        else:
            continue
        if mention.start < position:  # 65岁及以上万人: the 上 of the age is no 上 of 上万人
            mention = replace(mention, start=position, text=text[position : mention.end])
        found.append(mention)
        position = mention.end
    if noise:
        _set_aside(found, noise)
    return _share_units(text, found)


def _set_aside(found: Sequence[Mention], noise: Sequence[tuple[int, int]]) -> None:
    """Mentions inside page furniture are noise."""
    noise = sorted(noise)
    starts = [a for a, _ in noise]
    for m in found:
        if (k := bisect_right(starts, m.start)) and m.start < noise[k - 1][1]:
            m.mention_class, m.rule, m.value, m.unit = "noise", "furniture", None, None


_DIGITS = re.compile("[0-9]+")
# what follows the first digits of a date: 5月, 2012年, 2012-2013, 8:30, 20xx年, 2011、2012年, 2010两年, 1季度
_IN_DATE = frozenset("年月日号:-/—–~～至到季学xX×*＊_○、和与两三四五六七八九十 \t\n\u3000\xa0")
# what stands before the digits of a label (第3次, 附件2, “4.25”) or follows them (1+2, 12B)
_BEFORE_LABEL = frozenset('第件图表号话编线“"‘《')
_IN_LABEL = frozenset("+＋×*" + ascii_letters)
_ITEM_OPENS = frozenset(("", *"\n\u3000 \t。；;：:，,"))
_PHONE = 10  # digits from which a number may be one of a telephone
# units whose whole numbers are rounded, not counted
_MEASURED = frozenset(("元", *SYMBOLS))
# 88镇, 3村: a unit that is part of a name, unless a sentence goes on behind it
_NAMED_UNITS = frozenset(("镇", "乡", "村", "站", "团", "师"))

# Nine of ten numbers are digits with their unit and little else: 3.2万人, 94.5%以上. One pattern tells them: no other
# word of `_read_quantity` may stand behind (余, a range, /), and none of what makes a date, a label or a name may be near.
_OTHER_BEHIND = re.escape("-—–~～至到/余多左上及以之")
_OTHER_BEFORE = re.escape("".join(sorted(_BEFORE_LABEL | {"每", DAMAGE_MARK} | set(ascii_letters))))
_OTHER_UNITS = re.escape("".join(sorted(_NAMED_UNITS | frozenset("号级成第") | _IN_DATE | _IN_LABEL)))
_MEASURE_WORDS = (
    rf"(?<![{_OTHER_BEFORE}])(?!(?:19|20)[0-9]{{2}}\.)([0-9]{{1,{_PHONE - 1}}}+(?:\.[0-9]++)?+)({SCALE}?+)"
    rf"(?![{_OTHER_UNITS}])((?>{UNIT}))(?:({SUFFIX})|(?![{_OTHER_BEHIND}]))"
)
# a year with nothing behind it that belongs to the date: 2012年底, 2012年的3.5% (not 2012年3月, 2012年的1-3月)
_YEAR_WORDS = r"((?:19|20)[0-9]{2}年[度底末初]?+(?![代度底末初春夏秋冬学0-9]|的[0-9]{1,2}\s?[-—–~～至到]))"
_YEAR_ALONE = 5  # number of its group, behind the four of a measure

# Where a mention may begin: an Arabic digit (not inside one already read), or a Chinese numeral that measures.
_SCAN = re.compile(
    # the characters a mention can begin with: everything else is passed over at once
    rf"(?=[0-9A-Za-z〔\[（(【\-−负{FIRST}])(?:"
    rf"{_MEASURE_WORDS}|{_YEAR_WORDS}"
    rf"|[〔\[（(【](?=(?:19|20)[0-9]{{2}}[〕\])）】]\s?(?:第)?[0-9]+号)|https?://[!-~]+|www\.[!-~]+|[A-Za-z]+-?(?=[0-9])|[0-9]+"
    rf"|(?:(?<=[为是率到达长值至])|(?<=[：:（(，,、和及\t ]))[-−](?=[0-9])|(?<![抱肩担自欺胜])负(?=[0-9{FIRST}])"
    rf"|二[0〇零○](?={MASK}|[〇一二三四五六七八九]{{2}}年)|{START})"
)


def _read_measure(text: str, start: int, end: int, hit: re.Match[str]) -> Mention:
    """A number with its unit and no more: what `_read_digits` makes of it, at a third of the cost."""
    digits, scale, word, suffix = hit.groups()[:4]
    unit = _BASES[word]
    span_start, approx = start, "exact"
    previous = text[start - 1] if start else ""
    if previous in _MODIFIER_ENDS or previous.isspace():
        span_start, modifier = _before(text, start)
        if modifier is not None or suffix is not None:
            approx = _approx(modifier, None, suffix)
    elif suffix is not None:
        approx = _approx(None, None, suffix)
    if scale:
        value, place = arabic_value(digits, scale), _place_size(digits, scale_value(scale))
    elif "." in digits:
        value, place = float(digits), _place_size(digits, 1)
    else:
        value, place = float(digits), 1.0 if unit in _MEASURED else 0.0
    return Mention(
        span_start, end, text[span_start:end], "quantity", "quantity", value, (), unit, approx, start, hit.end(1), place
    )


_BASES = {word: UNITS[word].base for word in _UNIT_WORDS}


def _read(text: str, start: int) -> Mention | None:
    first = text[start]
    if "0" <= first <= "9":
        return _read_digits(text, start)
    if first not in "-−负" and (not first.isascii() or not (first.isdigit() or first.isalpha() or first in "([")):
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
    if first in "-−负":
        # 自然增长率为-1.27‰, 负1.27‰: a minus after a copula, a colon or a cell's border is a sign, else it is a dash
        positive = _read(text, start + 1)
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
    return None


# a list number that stands close to a year: 1.2016年底前新建…
_ITEM_BEFORE_YEAR = re.compile(r"[1-9][0-9]?(?=\.(?:19|20)[0-9]{2}年)")


def _read_digits(text: str, start: int) -> Mention | None:
    """A mention that begins with an Arabic digit: a date, a label, else a quantity or a bare number."""
    if (item := _ITEM_BEFORE_YEAR.match(text, start)) and text[start - 1 : start] in _ITEM_OPENS:
        return Mention(start, item.end(), item.group(), "label", "list_number")
    run = _DIGITS.match(text, start)
    end = run.end() if run else start + 1
    follows, precedes = text[end : end + 1], text[start - 1 : start]
    if follows in _IN_DATE or (follows == "." and end - start == 4):
        date = DATE.match(text, start)
        if date and not _is_duration(text, date):
            return Mention(start, date.end(), date.group(), "date", "date")
    if precedes not in _BEFORE_LABEL and follows not in _IN_LABEL and end - start < _PHONE and text[start] != "0":
        return _read_quantity(text, start)
    label = LABEL.match(text, start)
    if label and not _UNITISH.match(text, label.end() - 1 if label.group()[-1:].isalpha() else label.end()):
        return Mention(start, label.end(), label.group(), "label", "name_or_number")
    if label and ("+" in label.group() or "×" in label.group()):
        return Mention(start, label.end(), label.group(), "label", "name_with_sign")
    if label and text[start - 1 : start] == "第":
        return Mention(start, label.end(), label.group(), "label", "ordinal")
    return _read_quantity(text, start)


def _is_duration(text: str, date: re.Match[str]) -> bool:
    """`3个月` never matches; `15年以上` needs no year, so only a four-digit number can be one: nothing else to undo."""
    return bool(re.fullmatch(r"[0-9]{1,2}日", date.group())) and text[date.end() : date.end() + 1] in "均"


_REACH = 6  # characters before a number in which its modifier stands
# the last characters of the words in BEFORE
_MODIFIER_ENDS = frozenset("近约概于少过超破了逾≥>＞低满达上足大到≤<＜多高")


def _before(text: str, start: int) -> tuple[int, str | None]:
    """Start of the span with an adjacent modifier, and what the modifier makes of the number."""
    before = start
    while before and start - before < _REACH and text[before - 1].isspace():
        before -= 1
    if not before or text[before - 1] not in _MODIFIER_ENDS:
        return start, None
    word, kind = _modifier(text[max(0, start - _REACH) : before])
    if kind is None or (word == "上" and text[start : start + 1].isdigit()):
        return start, None  # 网上30人, 州上100人: not an approximate number
    return before - len(word), kind


@lru_cache(maxsize=8192)
def _modifier(window: str) -> tuple[str, str | None]:
    """The word of approximation at the end of the characters before a number, and its kind; None if there is none."""
    hit = BEFORE.search(window)
    if not hit:
        return "", None
    word = hit.group()
    if word in ("超", "满") and window[-2:-1] in ("赶", "圆", "期"):
        return "", None
    return word, "about" if hit["about"] else "at_least" if hit["least"] else "at_most"


def _read_quantity(text: str, start: int) -> Mention | None:
    hit = QUANTITY.match(text, start)
    if hit is None:
        return None
    span_start, modifier = _before(text, start)
    if hit["ratio"]:
        return _ratio(text, span_start, start, hit, modifier)
    if hit["per"]:
        return _per_population(text, span_start, start, hit, modifier)
    if hit["dash"]:
        found = _range(text, span_start, start, hit, modifier)
        if found is not None:
            return found
        hit = _PLAIN_QUANTITY.match(text, start) or hit
    return _plain(text, span_start, start, hit, modifier)


def _ratio(text: str, span_start: int, start: int, hit: re.Match[str], modifier: str | None) -> Mention:
    """Ratios as the field writes them: 106.9:100 -> 106.9 `:100`, 1.09:1 -> `:1`, 1:19.4 -> 19.4 `1:`, 1:1 stays a pair."""
    first, second = arabic_value(hit["n1"]), arabic_value(hit["n2"])
    unit = "比"
    value: float | None = None
    values: tuple[float, ...] = (first, second)
    if hit["n3"]:
        unit, values = ":", (first, second, arabic_value(hit["n3"]))
    elif second == 100:
        unit, value, values = ":100", first, ()
    elif second == 1 and first != 1:
        unit, value, values = ":1", first, ()
    elif first == 1 and second != 1:
        unit, value, values = "1:", second, ()
    end = hit.end()
    approx = _approx(modifier, None, hit["suffix"])
    return Mention(
        span_start, end, text[span_start:end], "quantity", "ratio", value, values, unit, approx, start, hit.end("n1"),
        ratio=True,
    )  # fmt: skip


_POPULATIONS = {"10万": "/10万", "万": "/万", "1万": "/万", "千": "/千"}


def _per_population(text: str, span_start: int, start: int, hit: re.Match[str], modifier: str | None) -> Mention:
    unit = _POPULATIONS[hit["per"]]
    end = hit.end()
    return Mention(
        span_start, end, text[span_start:end], "quantity", "per_" + unit[1:], arabic_value(hit["n1"]), (), unit,
        _approx(modifier, None, hit["suffix"]), start, hit.end("n1"), _place_size(hit["n1"], 1),
    )  # fmt: skip


def _range(text: str, span_start: int, start: int, hit: re.Match[str], modifier: str | None) -> Mention | None:
    """103—108, 5-8万元; None where the second number is no upper end."""
    if text[hit.end("m1") : hit.end("m1") + 1] == "月":
        return None
    end = hit.end()
    scale = hit["ms"] or ""
    unit_word = hit["u1"] or hit["u0"]
    lo = arabic_value(hit["n1"], hit["s1"] or ("" if hit["u0"] else scale))
    hi = arabic_value(hit["m1"], scale)
    noun = None if unit_word else _NOUN.match(text, end)
    if hi <= lo or not (unit_word or noun or hit["dash"] not in "至到"):
        return None
    unit = _base(unit_word) if unit_word else NOUN_UNIT[noun.group()] if noun else None
    if unit is None and text[start - 1 : start] in _NUMBER_CHARACTERS:
        return Mention(start, end, text[start:end], "label", "number_string")
    about = hit["a2"] or hit["ma"] or hit["ma2"]
    return Mention(
        span_start, end, text[span_start:end], "quantity", "range", None, (lo, hi), unit,
        _approx(modifier, about, hit["suffix"]), start, hit.end("m1"),
    )  # fmt: skip


_NUMBER_CHARACTERS = ("", *"0123456789.-")


def _plain(text: str, span_start: int, start: int, hit: re.Match[str], modifier: str | None) -> Mention:
    """A number with what stands directly behind it: scale words, unit, a tail per head."""
    digits, a1, scale, inner, a2, unit_word, a3, slash, suffix = hit.group(
        "n1", "a1", "s1", "n1b", "a2", "u2", "a3", "slash", "suffix"
    )
    end, number_end = hit.end(), hit.end("n1")
    previous = text[start - 1 : start]
    damaged = previous == DAMAGE_MARK or text[number_end : number_end + 1] == DAMAGE_MARK
    approx = _approx(modifier, a1 or a2 or a3, suffix)
    if not scale and not unit_word:
        verdict = _bare_number(text, start, number_end, end)
        if verdict is not None:
            mention_class, rule = verdict
            if mention_class != "noun":
                return Mention(start, number_end, text[start:number_end], mention_class, rule)
            if not damaged:
                return Mention(
                    span_start, end, text[span_start:end], "quantity", "noun_unit", arabic_value(digits), (),
                    NOUN_UNIT[rule], approx, start, number_end,
                )  # fmt: skip
    if previous == "每" and (unit_word or scale):
        return Mention(start, end, text[start:end], "label", "denominator")  # 每10万人中, 每5个贫困人口中
    if unit_word and (unit_word in ("号", "级") or previous == "第"):
        return Mention(start, end, text[start:end], "label", "ordinal_or_name")
    if unit_word in _NAMED_UNITS and previous not in _HAVING and not _AFTER_UNIT.match(text[end : end + 1] or "。"):
        return Mention(start, end, text[start:end], "label", "name")
    unit = _base(unit_word) if unit_word else None
    if unit_word in _COUNTED_PLACES and not slash:
        unit = "个"  # 辖7镇58村
    if unit is None and (noun := _NOUN.match(text, end) or (_NOUN_NEAR.match(text, end) if scale else None)):
        unit = NOUN_UNIT[noun[1] if noun.re is _NOUN_NEAR else noun.group()]
    if slash:
        unit = (unit or "") + slash.replace(".", "·")
    if damaged:
        begin = min(span_start, start - 1) if previous == DAMAGE_MARK else span_start
        return Mention(
            begin, end, text[begin:end], "quantity", "damaged", None, (), unit, approx, start, number_end,
            flags=("damaged",),
        )  # fmt: skip
    value = arabic_value(digits, scale or "")
    if unit == "成":
        value, unit = 10 * value, "%"
    if inner:
        value = chinese_value(digits + (scale or "") + inner) or value
        digits, scale = "1", inner[-1] if inner[-1] in "百千万" else ""
    exact = not scale and unit not in _MEASURED and "." not in digits
    return Mention(
        span_start, end, text[span_start:end], "quantity", "quantity", value, (), unit, approx, start, number_end,
        0.0 if exact else _place_size(digits, scale_value(scale) if scale else 1),
    )  # fmt: skip


_HAVING = frozenset("辖有共设含")
_COUNTED_PLACES = frozenset(("镇", "乡", "村"))
_AFTER_UNIT = re.compile("[的，,。、；;共均已全有以实通完]")
_PLAIN_QUANTITY = re.compile(
    rf"(?P<n1>{ARABIC})(?P<a1>{ABOUT})?(?P<s1>{SCALE})?(?P<n1b>(?!))?(?P<a2>{ABOUT})?\s?(?P<u2>{UNIT})?(?P<a3>多(?![0-9出])|余)?"
    rf"(?P<slash>{PER_HEAD_TAIL})(?P<suffix>{SUFFIX})?"
)


def _approx(modifier: str | None, about: str | None, suffix: str | None) -> str:
    if modifier is None and about is None and suffix is None:
        return "exact"
    if (suffix and suffix.endswith("以上")) or modifier == "at_least":
        return "at_least"
    if (suffix and suffix.endswith(("以下", "内"))) or modifier == "at_most":
        return "at_most"
    if about in ("余", "多", "几"):
        return "at_least"
    if suffix in ("左右", "上下") or modifier == "about" or about == "来":
        return "about"
    return "exact"


_OPENING_MARKS = frozenset("。；;：:!！?？)）\n(（")
_ITEM_MARK = re.compile(r"\s?[、.．)）]")
_ITEM_TEXT = re.compile(r"\s?[、.．]\s?[一-鿿“]")
_COLON_BEFORE = re.compile(r"[：:。；;]\s?$")
_LEVEL_NOUNS = (*siblings_of("小学"), *siblings_of("一孩"))  # 差异系数小学0.42、初中0.31
_STRING_SIGNS = frozenset((".", "-", "/", "_", ""))
_DECIMALS_GO_ON = re.compile(r"[和与、][0-9]+\.[0-9]")
_DECIMALS_BEFORE = re.compile(r"[0-9]\.[0-9]+[和与、]$")
_LIST_GOES_ON = re.compile(r"\s?[、,，和与及]\s?[0-9]")
_COPULA_BEFORE = re.compile(
    "(?:为|是|达|达到|到|比|率|数|值|性别比|指数|系数|共|计|的|低于|高于|下降|上升|缩小了?|扩大了?|[高低]|目标)$"
)
# a decimal whose unit is that of an index: 综合差异系数小学0.42、初中0.31
_INDEX_BEFORE = re.compile("(?:系数|指数)[^，,。；;]{0,12}$")
_ENDS_AFTER = re.compile(r"[，,。；;、)）\s]|的?(?:峰值|水平|低点|高点|高位)|$")
_COMPARED_AFTER = re.compile("[低高]|下降|上升|提高|的上限|的下限")
_DEFINITION = re.compile("[（(，,][以按][^，,（()）]{1,6}为$")
_HAN = re.compile("[一-鿿]")


def _bare_number(text: str, start: int, end: int, span_end: int) -> tuple[str, str] | None:
    """What a number without scale and unit is; None if it may be a quantity whose unit stands elsewhere."""
    if (noun := _NOUN.match(text, span_end)) and (noun.group() != "大" or _HAN.match(text, span_end + 1)):
        return "noun", noun.group()
    after = text[span_end : span_end + 8]
    before = text[max(0, start - 12) : start]
    line_start = max(start - 80, text.rfind("\n", max(0, start - 80), start) + 1)
    head = text[line_start:start].strip(' 　\t(（[【“"')
    digits = text[start:end]
    opens = not head or before[-1:] in _OPENING_MARKS or _COLON_BEFORE.search(before)
    if opens and "." not in digits and len(digits) <= 2 and _ITEM_MARK.match(after):
        return "label", "list_number"
    if not head and _ITEM_TEXT.match(after):
        return "label", "list_number"
    if NAME_AFTER.match(after):
        return "label", "name"
    if before[-1:] in _STRING_SIGNS and before[-2:-1].isalnum():
        return "label", "number_string"
    if after[:1] in ("-", "/", "_") and after[1:2].isalnum():
        return "label", "number_string"
    if len(digits) == 4 and digits[:2] in ("19", "20") and after[:1] in (")", "）", "〕", "]"):
        return "date", "year_in_brackets"
    if before[-1:] in ('"', "“") and after[:1] in ('"', "”"):
        return "label", "quoted"
    if "." in digits and (
        before.endswith(_LEVEL_NOUNS) or _DECIMALS_GO_ON.match(after) or _DECIMALS_BEFORE.search(before)
    ):
        return None  # 差异系数分别为0.42和0.31
    if _LIST_GOES_ON.match(after):
        return None  # a list of numbers: the unit comes with the last
    if _DEFINITION.search(before):
        return "label", "definition"  # 性别比（以女性为100）
    if _COPULA_BEFORE.search(before) and (_ENDS_AFTER.match(after) or ("." in digits and _COMPARED_AFTER.match(after))):
        return None
    if "." in digits and _INDEX_BEFORE.search(before) and _ENDS_AFTER.match(after):
        return None
    return "label", "bare_number"


def _read_chinese(text: str, start: int) -> Mention | None:
    span_start, modifier = _before(text, start)
    before = text[start - 1 : start]
    found = read_chinese(text, start, modifier is not None or before in ("上", "数"))
    if found is None:
        return None
    unit = NOUN_UNIT[found.noun] if found.noun else _base(found.unit)
    if before in ("数", "几") or found.value is None:
        begin = start - 1 if before in ("数", "几") else start
        return Mention(
            begin, found.end, text[begin : found.end], "quantity", "indefinite", None, (), unit, "about", start,
            found.end, flags=("indefinite",),
        )  # fmt: skip
    approx = _approx(modifier, found.about, found.suffix)
    if before == "上" and text[start] in "百千万亿":
        span_start, approx = start - 1, "at_least"  # 上千万元
    return Mention(
        span_start, found.end, text[span_start : found.end], "quantity", found.rule, found.value, (), unit, approx,
        start, found.end,
    )  # fmt: skip


_OF_ITS_OWN = frozenset(
    ("岁", "周岁", "年", "个月", "天")
)  # 死亡率为0，5岁以下…: an age or a span of time is no list's unit


def _share_units(text: str, found: list[Mention]) -> list[Mention]:
    """A unit written once for a list: `500、1000、2000元`, `89.2和70%`; each number before takes the unit of the last."""
    for i in range(len(found) - 2, -1, -1):
        here = found[i]
        if here.unit and here.unit != "个":
            continue
        after = found[i + 1]
        if (
            here.mention_class != "quantity"
            or (here.unit and after.unit not in ("百分点", "千分点"))  # 提高3.1个和2.4个百分点
            or here.ratio
            or after.mention_class != "quantity"
            or not after.unit
            or after.unit in _OF_ITS_OWN
        ):
            continue
        if _LISTED.fullmatch(text, here.end, after.start):
            here.unit, here.flags = after.unit, (*here.flags, "unit_from_list")
    return found


_LISTED = re.compile(r"\s?[、,，和与及]\s?")
