"""What a quantity is about: indicator phrase, unit, kind, direction, scope; one reading for each quantity of a text.

Puts the phrase of a number together from the pieces around it. The pieces are cut in `surroundings`, cleaned in
`phrases`; kinds are decided in `kinds`, units in `measures`, links in `links`; periods and places elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from pipelines.extraction.cues import cue, siblings_of
from pipelines.extraction.kinds import TargetWords, change_verb, kind_of
from pipelines.extraction.links import link
from pipelines.extraction.measures import unit_of
from pipelines.extraction.mentions import Mention
from pipelines.extraction.phrases import (
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
_IGNORED = str.maketrans("", "", '“”"的、')
_NOT_COUNTED = frozenset(
    ("%", "‰", "百分点", "千分点", "元", ":100", ":1", "1:", "/10万", "/万", "/千", "倍", "番", None, "比")
)
_NO_NOUN = frozenset('、和及与，,。；;：:)）（(〔［[【"”多少高低增减升降')
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
    return _FOUND_BY.sub("", phrase), scope


@lru_cache(maxsize=65536)
def _is_motion(phrase: str) -> bool:
    """True for words that only say that a value moved: 提高到, 突破."""
    return _CHANGED_ONLY.fullmatch(phrase) is not None


@lru_cache(maxsize=65536)
def _is_comparison(phrase: str) -> bool:
    """True for words that only say with what a value is compared: 市定目标, 比上年的."""
    return _COMPARED.fullmatch(phrase) is not None


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
    words = TargetWords(layout.text)
    readings: list[Reading] = []
    for i, m in enumerate(mentions):
        if m.mention_class == "quantity":
            around = Surroundings(layout, mentions, i)
            readings.append(_read(layout, words, mentions, i, around, readings, planned(m.start)))
    return link(layout, readings)


def _last(
    layout: Layout, readings: Sequence[Reading], m: Mention, sentence: tuple[int, int]
) -> tuple[Reading | None, Reading | None]:
    """The quantity before in the same sentence, and the last one that no closed bracket shuts off."""
    before = readings[-1] if readings and readings[-1].sentence == sentence else None
    if before is None:
        return None, None
    for r in reversed(readings):
        if r.sentence != sentence:
            break
        if not layout.shut_off(r.mention.end, m.start):
            return before, r
    return before, before


def _read(
    layout: Layout,
    words: TargetWords,
    mentions: Sequence[Mention],
    i: int,
    around: Surroundings,
    readings: Sequence[Reading],
    planned: bool | None,
) -> Reading:
    text = layout.text
    m = mentions[i]
    unit = m.unit
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
    if _LEVEL_VERB.fullmatch(left):
        left = ""  # 2010年回落到116.2: a verb alone names nothing
    right = around.right.strip(" 　")
    if unit == "个" and right.startswith("比值"):
        unit, right = ":100", right[2:]  # 出生人口性别比下降2.3个比值
    old: Reading | None = None
    kind, direction, kind_rule = kind_of(layout, words, m, around, unit, planned)
    rules = [m.rule, kind_rule]
    phrase = noun = own = ""
    if right and unit not in _NOT_COUNTED and right[0] not in _NO_NOUN and not right.startswith(_NO_NOUN_WORDS):
        noun, phrase = _from_noun_behind(text, mentions, i, around, right)
        if noun:
            rules.append("noun_after")
    if unit == "元" and not left and len(right) >= 4 and right[0] not in _NO_NOUN and not _FUNDS_NOUN.match(right):
        # 全县|2.43亿元|财政专项扶贫资金|支出1.51亿元
        named = noun_phrase(right)[0].strip("的、 ")
        phrase = named if _LONG_NOUN <= len(named) <= 20 else ""
        if phrase:
            rules.append("noun_after")
    if not phrase and (unit in ("元", "元/年") or (unit is None and _MONEY_VERB.search(around.left))):
        phrase, outer, rule = _amount(around, left, right)
        scope = scope or outer
        if rule:
            rules.append(rule)
    if not phrase:
        phrase = left
        rules.append("before")
        shared = ""
        if around.list_item and before is not None and before.unit == unit and 0 < len(left) <= 5 and before.own:
            # 新建学校3所、卫生室5所; but 出生120人、死亡80人 are two events
            shared = "" if left.endswith(_VITAL_EVENTS) else leading_verbs(before.own)
        if shared:
            phrase = own = shared + left
        elif not left and scope and unit in _SCOPE_NOUN and last is None:
            phrase = _SCOPE_NOUN[unit]  # 全村213户926人: the unit alone says what is counted
        elif not left and _TOTAL.search(around.left) and (totalled := _totalled(text, around, before)):
            phrase = totalled
            rules.append("total_of")
        elif before is not None and left and (sibling := _of_sibling(readings, left, around.sentence)):
            phrase = own = sibling
            rules.append("sibling")
        elif left and _is_motion(left) and (old := _of_unit(readings, m.unit, around.sentence)):
            phrase = old.indicator  # 由500元提高到560元: one indicator before and after
            rules.append("carried_change")
        elif left and last is None and _is_motion(left) and (old := _in_line(layout, readings, m)):
            phrase = old.indicator  # 人口连续减少。1961年末降到19.72万人
            rules.append("carried")
        elif not left and unit == "个" and m.text[-1] in _COUNTED_PLACES:
            phrase = own = m.text[-1] + "数"  # 辖7镇58村
        elif (
            not left
            and unit in _HEAD_SUFFIX
            and right
            and right[0] not in _NO_NOUN
            and not right.startswith(_NO_NOUN_WORDS)
            and not around.left.startswith(_COMPARING)
            and not around.before.endswith("的")
            and len(said := predicate(right)) >= _SAID
        ):
            phrase = said + _HEAD_SUFFIX[unit]  # 共有4123人|享受生活补贴
            rules.append("said_of_them")
        elif not left and last is not None:
            old = last if last.mention.unit == m.unit else None
            phrase = last.indicator
            suffix, new = _HEAD_SUFFIX.get(last.unit or ""), _HEAD_SUFFIX.get(unit or "")
            if suffix and new and phrase.endswith(suffix):
                phrase = phrase.removesuffix(suffix) + new
            rules.append("carried")
        elif last is not None and len(left) > 1 and left[0] == "占" and not _is_generic(left):
            # 50岁以上教师312人，占专任教师37.1%
            phrase = own = joined(_CHANGE_SUFFIX.sub("", _MEASURE_SUFFIX.sub("", last.indicator)), left)
            rules.append("share_of")
        elif last is not None and (rate := rate_of_event(last.indicator, left)):
            phrase = own = rate
            rules.append("rate_of_event")
        else:
            phrase = own = left if unit in _LEVEL_UNITS else level_first(left)
    if unit == "%" and right[:1] == "的" and (not left or _WANTED_ONLY.fullmatch(left)):
        if behind := noun_phrase(right)[0][:24]:
            phrase = behind  # 争取70%的中小学接入宽带
            rules.append("share_of_noun")
    elif before is not None and _is_comparison(phrase):
        # 市里下达的目标10.66‰, 比上年的295人: the number is another value of what was just named
        old = _of_unit(readings, m.unit, around.sentence) or before
        phrase = _CHANGE_SUFFIX.sub("", old.indicator)
        rules.append("compared_with")
    if kind_rule == "plan_done" and last is not None:
        phrase = joined(_MEASURE_SUFFIX.sub("", last.indicator), "任务")
    if _COMPARED_CENSUS.search(around.before[-30:]):
        rules.append("compared_census")
    core = phrase.translate(_IGNORED)
    if kind in ("growth", "change") and m.rule != "range":
        phrase = _changed(around, left, _changing(readings, around.sentence, unit) or last)
        rules.append("change_of")
        old = _of_unit(readings, m.unit, around.sentence)
    elif kind == "completion":
        topic = _completed(layout, around) or (_CHANGE_SUFFIX.sub("", before.indicator) if before is not None else "")
        done = _OF_PLAN.sub("", left.removesuffix("的").removeprefix("完成"))
        if topic and not (last is not None and last.kind == "completion" and len(done) > 8):
            phrase = topic + done + ("完成比例" if "比例" not in done and "率" not in done else "")
        rules.append("completion")
    elif "标准" in phrase and _QUALIFIER.fullmatch(phrase) and (old := _of_unit(readings, m.unit, around.sentence)):
        phrase = old.indicator  # 生均图书28.7册，省定标准为25册
        rules.append("standard_of")
    elif phrase and (head := around.heading) and _QUALIFIER.fullmatch(phrase) and (hit := _HEADING_NOUN.match(head)):
        phrase = joined(hit[1], phrase)
        rules.append("heading")
    elif "carried" not in rules and (len(core) <= 1 or _is_generic(core)):
        topic = _topic(layout, around, last)
        if topic:
            phrase = joined(topic, phrase)
            rules.append("topic")
    phrase = shorten(phrase)
    if around.opened and len(core) <= 4 and kind not in ("growth", "change"):
        outer = trim(strip_numbers(around.opened))[0]
        if outer and len(outer) <= 10:
            phrase = outer + phrase
            rules.append("part_in_brackets")
    if not phrase:
        phrase = _topic(layout, around, last)
        rules.append("topic")
    phrase, inner_scope = trim(phrase)
    if phrase.endswith(_VITAL_EVENTS):
        phrase += _EVENT_SUFFIX.get(unit or "", "")
    if unit in _COUNT_SUFFIX and phrase and not phrase.endswith(("数", "人次", "户", "例")):
        phrase += _COUNT_SUFFIX[unit]
    unit, unit_rule = unit_of(m, unit, around.left, around.before, phrase, kind)
    if (
        {"carried_change", "carried", "change_of", "standard_of"} & set(rules)
        and not _SCALED.search(m.text)
        and unit == m.unit
        and (unit_before := old.unit if old else None)
    ):
        unit = unit_before if unit_before.startswith(f"{unit}/") else unit
    if kind == "actual" and unit == "元" and before is not None and _like_norm(before, m, phrase, around.left):
        # 生活补贴每人每月70元，护理补贴一级100元、二级80元
        kind, unit = "norm", before.unit
        rules.append("norm_before_it")
    if unit is None and _in_ratio_range(m.value) and (ratio := _ratio_spoken_of(layout, m)):
        # 出生人口性别比偏高。2000年为119.8，…；一孩为107.9，二孩高达131.5
        phrase = phrase + ratio if phrase in _ORDERS else ratio
        unit, unit_rule = ":100", "unit_inferred"
    flags = m.flags
    if unit_rule:
        rules.append(unit_rule)
        if unit_rule == "unit_inferred":
            flags = (*flags, unit_rule)
    confidence = 0.9 if phrase else 0.3
    if "topic" in rules or "carried" in rules:
        confidence = min(confidence, 0.7)
    if unit is None and m.value is not None:
        confidence = min(confidence, 0.5)
        flags = (*flags, "no_unit")
    return Reading(
        m,
        "norm" if kind == "norm" else "indicator",
        phrase,
        unit,
        kind,
        direction,
        scope or inner_scope,
        kind == "norm" or is_stock(phrase + around.left[-6:]),
        around.sentence,
        around.clause,
        tuple(rules),
        (),
        flags,
        confidence,
        noun,
        own,
    )


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
