"""What a quantity is about: indicator phrase, unit, kind, direction, scope; one reading for each quantity of a text.

Puts the phrase of a number together from the pieces around it. The pieces are cut in `surroundings`, cleaned in
`phrases`; kinds are decided in `kinds`, units in `measures`, links in `links`; periods and places elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipelines.extraction.cues import cue, siblings_of
from pipelines.extraction.kinds import change_verb, kind_of
from pipelines.extraction.links import link
from pipelines.extraction.measures import unit_of
from pipelines.extraction.mentions import Mention
from pipelines.extraction.phrases import (
    SIBLINGS,
    compose,
    for_sibling,
    joined,
    leading_verbs,
    level_first,
    noun_phrase,
    predicate,
    purpose,
    rate_of_event,
    shorten,
    strip_numbers,
    strip_sum_adverbs,
    trim,
    verb_before,
)
from pipelines.extraction.readings import Reading
from pipelines.extraction.surroundings import SENTENCE_REACH, Layout, Surroundings

_FOUND_BY = cue("found_by")
_AMOUNT_NOUN = cue("amount_noun")
_FUNDS_NOUN = cue("funds_noun")
_FUNDS_OPENING = cue("funds_opening")
_GIVER_NOISE = cue("giver_noise")
_MONEY_VERB = cue("money_verb")
_VERB_END = cue("verb_end")
_TOTAL = cue("total")
_USED_FOR = cue("used_for")
_COMPARED = cue("compared")
_CHANGED_ONLY = cue("changed_only")
_WANTED_ONLY = cue("wanted_only")
_CHANGE_SUFFIX = cue("change_suffix")
_COMPARED_TIME = cue("compared_time")
_COMPARISON = cue("comparison")
_SUBSIDY = cue("subsidy")
_COMPARED_OPENING = cue("compared_opening")
_MEASURE_SUFFIX = cue("measure_suffix")
_TREND = cue("trend")
_LEVEL_VERB = cue("level_verb")
_GENERIC = cue("generic")
_SEX_RATIO_NAMED = cue("sex_ratio_named")
_OF_PLAN = cue("of_plan")
_COMPARED_CENSUS = cue("compared_census")
_QUALIFIER = cue("qualifier")
_HEADING_NOUN = cue("heading_noun")
_STOCK = cue("stock")

_CLAUSE_MARKS = re.compile("[，,；;]")
_DIGIT = re.compile("[0-9]")
_IGNORED_SIGNS = frozenset('“”"的、')
_IGNORED = str.maketrans("", "", "".join(_IGNORED_SIGNS))
_NOT_COUNTED = frozenset(
    ("%", "‰", "百分点", "千分点", "元", ":100", ":1", "1:", "/10万", "/万", "/千", "倍", "番", None, "比")
)
_NO_NOUN = frozenset('、和及与，,。；;：:)）（(〔［[【"”多少高低增减升降')
FINDING_SIGNS = frozenset("核排显表认")  # every word of found_by begins with one of them
_REACHING = frozenset("到至为")
_NO_NOUN_WORDS = (
    "发展到", "增加到", "增至", "上升", "提高", "减少到", "降到", "降至", "扩大到", "升至", "左右", "以上", "以下", "用于", "并", "进行", "到", "在", "于", "的目标", "分别", "实现", "完成", "受到", "为", "被",
)  # fmt: skip
_SPENT_FOR = ("用于", "主要用于", "专项用于")  # an amount whose purpose follows
# events whose unit tells number from rate
_VITAL_EVENTS = ("出生", "死亡", "自然增长", "迁入", "迁出", "自然增加")
_LEVEL_UNITS = frozenset(("人", "所", "个", "名", "户", "人次", "家"))  # 新建农村小学3所: the level is the noun itself
_POINTS = {"百分点": ("%",), "千分点": ("‰",)}
_ORDERS = frozenset(siblings_of("一孩"))
_RATIOS = (90, 200)
_RATIO_REACH = 150  # characters before a bare number in which a sex ratio can be named
_SIBLING_REACH = 4  # numbers back in which a sibling is looked for
_COUNTED_PLACES = ("镇", "乡", "村")
_COMPARING = ("与", "和", "比", "较", "同")
_SAID = 3  # characters of a statement that can name those it is made of
_LONG_NOUN = 4  # characters of a noun behind an amount that can name it by itself
_AGES = ("岁", "周岁")
_COUNT_SUFFIX = {"人次": "人次", "例": "例数", "户": "户数", "次": "次数", "期": "期数"}
_HEAD_SUFFIX = {"户": "户数", "人": "人数"}
_SCOPE_NOUN = {"户": "户数", "人": "人口数"}
_EVENT_SUFFIX = {"人": "人数", "‰": "率", "%": "率"}


@lru_cache(maxsize=65536)
def is_stock(phrase: str) -> bool:
    """True for what is counted at a moment, not over a year: 在校学生数, 床位."""
    return _STOCK.search(phrase) is not None


@lru_cache(maxsize=65536)
def _own_words(piece: str) -> tuple[str, str]:
    """The phrase in what stands left of a number, without who found the figure; and the scope in front of it."""
    phrase, scope = trim(piece)
    if not FINDING_SIGNS.isdisjoint(phrase):
        phrase = _FOUND_BY.sub("", phrase)
    return phrase, scope


@lru_cache(maxsize=65536)
def _is_motion(phrase: str) -> bool:
    """True for words that only say that a value moved: 提高到, 突破."""
    return _CHANGED_ONLY.fullmatch(phrase) is not None


@lru_cache(maxsize=65536)
def _is_comparison(phrase: str) -> bool:
    """True for words that only say with what a value is compared: 市定目标, 比上年的."""
    return _COMPARED.fullmatch(phrase) is not None


@lru_cache(maxsize=65536)
def _is_qualifier(phrase: str) -> bool:
    """True for words that only say which of several is meant, or that a standard is: 小学, 省定标准."""
    return _QUALIFIER.fullmatch(phrase) is not None


@lru_cache(maxsize=65536)
def _is_generic(phrase: str) -> bool:
    """True where a phrase is too little to name a row: 资金, 人数."""
    return _GENERIC.fullmatch(phrase) is not None


def attribute(
    layout: Layout, mentions: Sequence[Mention], planned: Callable[[int], bool | None] = lambda _: None
) -> list[Reading]:
    """Readings of all quantities among the mentions of the layout's text, in order, with their links.

    `planned` tells whether the part of the text at a position speaks of what is to come (True) or has been (False).
    """
    readings: list[Reading] = []
    for i, m in enumerate(mentions):
        if m.mention_class == "quantity":
            around = Surroundings(layout, mentions, i)
            readings.append(_read(_drafted(layout, mentions, i, around, readings, planned(m.start))))
    return link(layout, readings)


def _last(
    layout: Layout, readings: Sequence[Reading], m: Mention, sentence: tuple[int, int]
) -> tuple[Reading | None, Reading | None]:
    """The quantity before in the same sentence, and the last one that no closed bracket shuts off."""
    before = readings[-1] if readings and readings[-1].sentence == sentence else None
    if before is None:
        return None, None
    if not layout.closed:
        return before, before
    for r in reversed(readings):
        if r.sentence != sentence:
            break
        if not layout.shut_off(r.mention.end, m.start):
            return before, r
    return before, before


@dataclass(slots=True)
class _Draft:
    """One number while its phrase is put together.

    `before` is the quantity before it in the sentence, `last` the last one that no closed bracket shuts off, `old` the
    one whose indicator and unit it takes over; `own` is the phrase as it stands in its own clause.
    """

    layout: Layout
    mentions: Sequence[Mention]
    index: int
    mention: Mention
    around: Surroundings
    readings: Sequence[Reading]
    before: Reading | None
    last: Reading | None
    left: str
    right: str
    scope: str
    unit: str | None
    kind: str
    direction: str | None
    rules: list[str]
    phrase: str = ""
    noun: str = ""
    own: str = ""
    old: Reading | None = None

    @property
    def noun_follows(self) -> bool:
        """True where what stands behind the number may be a noun it counts."""
        return bool(self.right) and self.right[0] not in _NO_NOUN and not self.right.startswith(_NO_NOUN_WORDS)


def _read(d: _Draft) -> Reading:
    """The reading of a draft: its phrase named step by step."""
    _name_from_behind(d)
    if not d.phrase:
        d.phrase = d.left
        d.rules.append("before")
        if d.left:
            _name_from_before(d)
        else:
            _name_without_words(d)
    _name_by_comparison(d)
    core = d.phrase if _IGNORED_SIGNS.isdisjoint(d.phrase) else d.phrase.translate(_IGNORED)
    _name_by_kind(d, core)
    _complete(d, core)
    return _finished(d)


def _drafted(
    layout: Layout,
    mentions: Sequence[Mention],
    i: int,
    around: Surroundings,
    readings: Sequence[Reading],
    planned: bool | None,
) -> _Draft:
    """The pieces around a number with what belongs to others taken off, and its kind."""
    m = mentions[i]
    before, last = _last(layout, readings, m, around.sentence)
    if (
        before is not None
        and before.noun
        and before.mention.end >= around.clause[0]
        and (rest := around.left.lstrip("的 ")).startswith(before.noun)
    ):
        # the noun behind the number before belongs to that number: 300名|住校生|发放补助|6万元
        # an age belongs to the noun behind it all the same: 65岁以上|老年人|免费体检8230人
        around.left = rest[len(before.noun) :] if before.unit not in _AGES else before.mention.text + rest
    left, scope = _own_words(around.left)
    if left[-1:] in _REACHING and _LEVEL_VERB.fullmatch(left):
        left = ""  # 2010年回落到116.2: a verb alone names nothing
    unit, right = m.unit, around.right.strip(" 　")
    if unit == "个" and right.startswith("比值"):
        unit, right = ":100", right[2:]  # 出生人口性别比下降2.3个比值
    kind, direction, rule = kind_of(layout, m, around, unit, planned)
    return _Draft(
        layout, mentions, i, m, around, readings, before, last, left, right, scope, unit, kind, direction, [m.rule, rule]
    )  # fmt: skip


def _name_from_behind(d: _Draft) -> None:
    """The noun that a number counts, the purpose or name of an amount of money."""
    if d.unit not in _NOT_COUNTED and d.noun_follows:
        d.noun, d.phrase = _from_noun_behind(d.layout.text, d.mentions, d.index, d.around, d.right)
        if d.noun:
            d.rules.append("noun_after")
    if d.unit == "元" and not d.left and len(d.right) >= 4 and d.right[0] not in _NO_NOUN:
        # 全县|2.43亿元|财政专项扶贫资金|支出1.51亿元
        named = "" if _FUNDS_NOUN.match(d.right) else noun_phrase(d.right)[0].strip("的、 ")
        if _LONG_NOUN <= len(named) <= 20:
            d.phrase = named
            d.rules.append("noun_after")
    if not d.phrase and (d.unit in ("元", "元/年") or (d.unit is None and _MONEY_VERB.search(d.around.left))):
        d.phrase, outer, rule = _amount(d.around, d.left, d.right)
        d.scope = d.scope or outer
        if rule:
            d.rules.append(rule)


def _name_from_before(d: _Draft) -> None:
    """What the words left of a number name, completed by the numbers before it where they only say what is different."""
    left, before, last, sentence = d.left, d.before, d.last, d.around.sentence
    if d.around.list_item and before is not None and before.unit == d.unit and len(left) <= 5 and before.own:
        # 新建学校3所、卫生室5所; but 出生120人、死亡80人 are two events
        shared = "" if left.endswith(_VITAL_EVENTS) else leading_verbs(before.own)
        if shared:
            d.phrase = d.own = shared + left
            return
    if before is not None and (sibling := _of_sibling(d.readings, left, sentence)):
        d.phrase = d.own = sibling
        d.rules.append("sibling")
        return
    if _is_motion(left):
        if old := _of_unit(d.readings, d.mention.unit, sentence):
            d.phrase, d.old = old.indicator, old  # 由500元提高到560元: one indicator before and after
            d.rules.append("carried_change")
            return
        if last is None and (old := _in_line(d.layout, d.readings, d.mention)):
            d.phrase, d.old = old.indicator, old  # 人口连续减少。1961年末降到19.72万人
            d.rules.append("carried")
            return
    if last is not None and len(left) > 1 and left[0] == "占" and not _is_generic(left):
        # 50岁以上教师312人，占专任教师37.1%
        d.phrase = d.own = joined(_CHANGE_SUFFIX.sub("", _MEASURE_SUFFIX.sub("", last.indicator)), left)
        d.rules.append("share_of")
    elif last is not None and (rate := rate_of_event(last.indicator, left)):
        d.phrase = d.own = rate
        d.rules.append("rate_of_event")
    else:
        d.phrase = d.own = left if d.unit in _LEVEL_UNITS else level_first(left)


def _name_without_words(d: _Draft) -> None:
    """The phrase of a number with nothing left of it: its scope, a total, what is said behind it, the quantity before."""
    m, unit, last = d.mention, d.unit, d.last
    if d.scope and unit in _SCOPE_NOUN and last is None:
        d.phrase = _SCOPE_NOUN[unit]  # 全村213户926人: the unit alone says what is counted
    elif _TOTAL.search(d.around.left) and (totalled := _totalled(d.layout.text, d.around, d.before)):
        d.phrase = totalled
        d.rules.append("total_of")
    elif unit == "个" and m.text[-1] in _COUNTED_PLACES:
        d.phrase = d.own = m.text[-1] + "数"  # 辖7镇58村
    elif unit in _HEAD_SUFFIX and (said := _said_of_them(d)):
        d.phrase = said + _HEAD_SUFFIX[unit]  # 共有4123人|享受生活补贴
        d.rules.append("said_of_them")
    elif last is not None:
        d.old = last if last.mention.unit == m.unit else None
        d.phrase = last.indicator
        suffix, new = _HEAD_SUFFIX.get(last.unit or ""), _HEAD_SUFFIX.get(unit or "")
        if suffix and new and d.phrase.endswith(suffix):
            d.phrase = d.phrase.removesuffix(suffix) + new
        d.rules.append("carried")


def _said_of_them(d: _Draft) -> str:
    """What is said of a number of persons or households whose noun is missing, long enough to name them; else ""."""
    if not d.noun_follows or d.around.left.startswith(_COMPARING) or d.around.before.endswith("的"):
        return ""
    said = predicate(d.right)
    return said if len(said) >= _SAID else ""


def _name_by_comparison(d: _Draft) -> None:
    """Another value of what was just named: 市里下达的目标10.66‰, 比上年的295人; the noun behind a share: 70%的中小学."""
    if d.unit == "%" and d.right[:1] == "的" and (not d.left or _WANTED_ONLY.fullmatch(d.left)):
        if behind := noun_phrase(d.right)[0][:24]:
            d.phrase = behind
            d.rules.append("share_of_noun")
    elif d.before is not None and _is_comparison(d.phrase):
        d.old = _of_unit(d.readings, d.mention.unit, d.around.sentence) or d.before
        d.phrase = _CHANGE_SUFFIX.sub("", d.old.indicator)
        d.rules.append("compared_with")
    if "plan_done" in d.rules and d.last is not None:
        d.phrase = joined(_MEASURE_SUFFIX.sub("", d.last.indicator), "任务")
    if "普查" in (near := d.around.before[-30:]) and _COMPARED_CENSUS.search(near):
        d.rules.append("compared_census")


def _name_by_kind(d: _Draft, core: str) -> None:
    """What changed, what was completed, what a standard or a heading is about; `core` is the phrase's own characters."""
    sentence, around = d.around.sentence, d.around
    if d.kind in ("growth", "change") and d.mention.rule != "range":
        d.phrase = _changed(around, d.left, _changing(d.readings, sentence, d.unit) or d.last)
        d.rules.append("change_of")
        d.old = _of_unit(d.readings, d.mention.unit, sentence)
    elif d.kind == "completion":
        d.phrase = _completion_of(d) or d.phrase
        d.rules.append("completion")
    elif "标准" in d.phrase and _is_qualifier(d.phrase) and (old := _of_unit(d.readings, d.mention.unit, sentence)):
        d.phrase, d.old = old.indicator, old  # 生均图书28.7册，省定标准为25册
        d.rules.append("standard_of")
    elif d.phrase and _is_qualifier(d.phrase) and (head := around.heading) and (hit := _HEADING_NOUN.match(head)):
        d.phrase = joined(hit[1], d.phrase)
        d.rules.append("heading")
    elif "carried" not in d.rules and (len(core) <= 1 or _is_generic(core)):
        topic = _topic(d.layout, around, d.last)
        if topic:
            d.phrase = joined(topic, d.phrase)
            d.rules.append("topic")


def _completion_of(d: _Draft) -> str:
    """What a share done is a share of, with its words: 孕前检查完成比例; "" where the number names it itself."""
    topic = _completed(d.layout, d.around) or (_CHANGE_SUFFIX.sub("", d.before.indicator) if d.before else "")
    done = _OF_PLAN.sub("", d.left.removesuffix("的").removeprefix("完成"))
    if not topic or (d.last is not None and d.last.kind == "completion" and len(done) > 8):
        return ""
    return topic + done + ("" if "比例" in done or "率" in done else "完成比例")


def _complete(d: _Draft, core: str) -> None:
    """Shorten the phrase, put the bracket's owner in front, and the suffixes that tell numbers of events from rates."""
    d.phrase = shorten(d.phrase)
    if d.around.opened and len(core) <= 4 and d.kind not in ("growth", "change"):
        outer = trim(strip_numbers(d.around.opened))[0]
        if outer and len(outer) <= 10:
            d.phrase = outer + d.phrase
            d.rules.append("part_in_brackets")
    if not d.phrase:
        d.phrase = _topic(d.layout, d.around, d.last)
        d.rules.append("topic")
    d.phrase, inner_scope = trim(d.phrase)
    d.scope = d.scope or inner_scope
    if d.phrase.endswith(_VITAL_EVENTS):
        d.phrase += _EVENT_SUFFIX.get(d.unit or "", "")
    if d.unit in _COUNT_SUFFIX and d.phrase and not d.phrase.endswith(("数", "人次", "户", "例")):
        d.phrase += _COUNT_SUFFIX[d.unit]


def _finished(d: _Draft) -> Reading:
    """The reading, with the unit that its sentence completes and how sure it is."""
    m, around = d.mention, d.around
    unit, unit_rule = unit_of(m, d.unit, around.left, around.before, d.phrase, d.kind)
    if d.old is not None and unit == m.unit and not _SCALED.search(m.text) and not _INHERITING.isdisjoint(d.rules):
        unit = d.old.unit if d.old.unit and d.old.unit.startswith(f"{unit}/") else unit
    if d.kind == "actual" and unit == "元" and d.before is not None and _like_norm(d.before, m, d.phrase, around.left):
        # 生活补贴每人每月70元，护理补贴一级100元、二级80元
        d.kind, unit = "norm", d.before.unit
        d.rules.append("norm_before_it")
    if unit is None and _in_ratio_range(m.value) and (ratio := _ratio_spoken_of(d.layout, m)):
        # 出生人口性别比偏高。2000年为119.8，…；一孩为107.9，二孩高达131.5
        d.phrase = d.phrase + ratio if d.phrase in _ORDERS else ratio
        unit, unit_rule = ":100", "unit_inferred"
    flags = m.flags
    if unit_rule:
        d.rules.append(unit_rule)
        if unit_rule == "unit_inferred":
            flags = (*flags, unit_rule)
    confidence = 0.9 if d.phrase else 0.3
    if "topic" in d.rules or "carried" in d.rules:
        confidence = min(confidence, 0.7)
    if unit is None and m.value is not None:
        confidence = min(confidence, 0.5)
        flags = (*flags, "no_unit")
    norm = d.kind == "norm"
    return Reading(
        m,
        "norm" if norm else "indicator",
        d.phrase,
        unit,
        d.kind,
        d.direction,
        d.scope,
        norm or is_stock(d.phrase + around.left[-6:]),
        around.sentence,
        around.clause,
        tuple(d.rules),
        (),
        flags,
        confidence,
        d.noun,
        d.own,
    )


_INHERITING = frozenset(("carried_change", "carried", "change_of", "standard_of"))
"""Rules by which a number has the indicator, and so the unit per head, of another one."""


def _like_norm(before: Reading, m: Mention, phrase: str, left: str) -> bool:
    """True where an amount is of the same kind as the rate of payment before it in the sentence."""
    return (
        before.kind == "norm"
        and (before.unit or "").startswith("元/")
        and m.decimals_unit <= 1
        and not _SCALED.search(m.text)
        and _SUBSIDY.search(phrase) is not None
        and _MONEY_VERB.search(left) is None
    )


_SCALED = re.compile("[万亿]")


def _of_sibling(readings: Sequence[Reading], own: str, sentence: tuple[int, int]) -> str:
    """The phrase of the nearest sibling named before in the sentence, with `own` in its place; "" if there is none."""
    if own not in SIBLINGS:
        return ""
    for r in reversed(readings[-_SIBLING_REACH:]):
        if r.sentence != sentence:
            break
        if phrase := for_sibling(r.indicator, own):
            return phrase
    return ""


def _of_unit(readings: Sequence[Reading], unit: str | None, sentence: tuple[int, int]) -> Reading | None:
    """The nearest quantity of the sentence written in the same unit."""
    for r in reversed(readings[-_SIBLING_REACH:]):
        if r.sentence != sentence:
            return None
        if r.mention.unit == unit and r.kind not in ("growth", "change"):
            return r
    return None


def _in_ratio_range(value: float | None) -> bool:
    """True for what a number of boys to a hundred girls can be."""
    return value is not None and _RATIOS[0] <= value <= _RATIOS[1]


def _ratio_spoken_of(layout: Layout, m: Mention) -> str:
    """The sex ratio that the paragraph before a number without a unit names last; "" if none."""
    low = layout.line_start(m.start, max(0, m.start - _RATIO_REACH))
    named = [hit.group() for hit in _SEX_RATIO_NAMED.finditer(layout.text, low, m.start)]
    return named[-1] if named else ""


def _in_line(layout: Layout, readings: Sequence[Reading], m: Mention) -> Reading | None:
    """The nearest quantity of the paragraph written in the same unit."""
    floor = layout.line_start(m.start, max(0, m.start - SENTENCE_REACH))
    for r in reversed(readings[-_SIBLING_REACH:]):
        if r.mention.start < floor:
            return None
        if r.mention.unit == m.unit and r.kind == "actual":
            return r
    return None


def _from_noun_behind(
    text: str, mentions: Sequence[Mention], i: int, around: Surroundings, right: str
) -> tuple[str, str]:
    """The noun a counted number stands in front of, and the phrase with verb and predicate; "" where there is none."""
    noun, said = noun_phrase(right)
    noun = noun.strip("的、 ")
    if noun.endswith(("和", "及", "与", "、")) and i + 1 < len(mentions) and mentions[i + 1].start < around.clause[1]:
        # 取消了3个单位和5名个人评先资格: what follows the last noun is said of all
        shared, _ = noun_phrase(text[mentions[i + 1].end : around.clause[1]])
        noun = noun.rstrip("和及与、") + shared
    if not noun or len(noun) > 24:
        return "", ""
    phrase = compose(verb_before(around.left), predicate(said), noun)
    bare = len(noun) <= 3 and len(phrase) <= 6 and mentions[i].unit not in ("人", "户")
    if bare and around.earlier and not _DIGIT.search(around.earlier):
        phrase = trim(around.earlier)[0][-16:] + phrase
    return noun, phrase


def _amount(around: Surroundings, left: str, right: str) -> tuple[str, str, str]:
    """Phrase, scope and rule of an amount of money whose purpose or name stands behind it; "" where neither does."""
    named = _AMOUNT_NOUN.match(right)
    head = strip_sum_adverbs(around.left)
    verb = _MONEY_VERB.search(head)
    if verb is None and right.startswith(_SPENT_FOR):
        verb = _VERB_END.search(head)
    if verb is not None and named is None:
        behind = _FUNDS_OPENING.sub("", right)
        if what := purpose(behind, around.later if not behind.strip("的，,。；; ") else ""):
            head, scope = trim(head)
            tail = "资金" if head.endswith(("资金", "经费")) else ""
            phrase = what + (head if len(head) <= 10 else verb.group()) + ("" if head.endswith(tail) else tail)
            return phrase, scope, "money_for_purpose"
    if named is not None or _FUNDS_NOUN.match(right):
        giver = _GIVER_NOISE.sub("", left) or trim(strip_numbers(around.earlier))[0][-22:]
        return giver + (named.group() if named else noun_phrase(right)[0]).strip("的"), "", "money_noun_after"
    return "", "", ""


def _changing(readings: Sequence[Reading], sentence: tuple[int, int], unit: str | None) -> Reading | None:
    """The nearest quantity of the sentence that a change in `unit` can be a change of: 人 of 人, points of rates."""
    rates = _POINTS.get(unit or "")
    for r in reversed(readings[-_SIBLING_REACH:]):
        if r.sentence != sentence:
            return None
        if r.unit == unit or (rates is not None and r.unit in rates) or unit in ("%", "倍", "番"):
            return r
    return None


def _changed(around: Surroundings, left: str, last: Reading | None) -> str:
    """What grew or changed, with the verb: 出生人数减少."""
    verb = change_verb(around.left)
    if verb and left.endswith("率") and verb + "率" in left:
        return left  # 年均增长率14.1‰: the rate is named
    base = trim(around.left.partition(verb)[0])[0] if verb else left
    base = _COMPARED_TIME.sub("", base).strip()
    base = _COMPARISON.sub("", _COMPARED_OPENING.sub("", base))
    if not base:
        base = _CHANGE_SUFFIX.sub("", last.indicator) if last is not None else trim(strip_numbers(around.earlier))[0]
    return base + (verb if verb not in base else "")


def _totalled(text: str, around: Surroundings, before: Reading | None) -> str:
    """What a bare total sums up: the words since the number before it, else the clause before."""
    if before is not None and before.mention.end < around.clause[0]:
        since = _CLAUSE_MARKS.split(text[before.mention.end : around.clause[0] - 1])[-1]
        since = _USED_FOR.sub("", since.strip())
        return trim(since)[0][-20:] if len(since) >= 4 else ""
    return "" if _DIGIT.search(around.earlier) else trim(around.earlier)[0][-20:]


def _completed(layout: Layout, around: Surroundings) -> str:
    """What a share done is a share of: the nearest clause before that names a work (`续建…幼儿园`), not a bare sum."""
    start = around.clause[0] - 1
    for _ in range(4):
        if start <= around.sentence[0]:
            break
        low = layout.clause_start(start, around.sentence[0])
        clause = trim(strip_numbers(layout.text[low:start]))[0]
        if len(clause) >= 4 and not _is_generic(clause):
            return clause
        start = low - 1
    return ""


def _topic(layout: Layout, around: Surroundings, last: Reading | None) -> str:
    """What the text was speaking of: the indicator before, else the clause before, else the trend told before."""
    if last is not None and last.indicator:
        return _MEASURE_SUFFIX.sub("", last.indicator) or last.indicator
    if not around.earlier:
        return _trend_before(layout, around.sentence[0])
    return trim(strip_numbers(around.earlier))[0][-24:]


def _trend_before(layout: Layout, start: int) -> str:
    """The subject of a sentence right before that only tells a trend: 出生人口性别比持续偏高。"""
    low = layout.sentence_start(start - 1, _TREND_REACH)
    hit = _TREND.search(layout.text[low : max(low, start - 1)])
    return trim(hit["topic"])[0] if hit else ""


_TREND_REACH = 60  # characters of a sentence that says no more than how something moves
