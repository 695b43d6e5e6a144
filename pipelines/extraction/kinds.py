"""What kind of statement a number makes: actual, target, norm, change, growth or completion, and in which direction.

Whether a compared target is a level or a margin is decided in `target_reading` alone.
"""

from __future__ import annotations

import re

from pipelines.extraction.cues import cue
from pipelines.extraction.mentions import Mention
from pipelines.extraction.surroundings import Layout, Surroundings

_GROWTH = cue("growth")
_LEVEL = cue("level")
_LEVEL_REACHED = cue("level_reached")
_NATURAL_INCREASE = cue("natural_increase")
_COMPARE = cue("compare")
_COMPARE_STANDARD = cue("compare_standard")
_DEALT_GROWTH = cue("dealt_growth")
_CHANGE_COMPARED = cue("change_compared")
_CHANGE_VERB_END = cue("change_verb_end")
_CHANGE_BARE = cue("change_bare")
_CHANGE_VERB = cue("change_verb")
_DOWN = cue("down")
_COMPLETION = cue("completion")
_PLAN_DONE = cue("plan_done")
_PLAN_SHARE = cue("plan_share")
_LEVEL_BEHIND = cue("level_behind")
_LEVEL_BEFORE = cue("level_before")
_LIMIT_BEHIND = cue("limit_behind")
_STANDARD_BEFORE = cue("standard_before")
_TARGET_IN_BRACKETS = cue("target_in_brackets")
_HAVE_SO_MANY = cue("have_so_many")
_AGGREGATED = cue("aggregated")
_NORM_BEFORE = cue("norm_before")
_NORM_AFTER = cue("norm_after")
_NORM_LINE = cue("norm_line")
_MEAN_PAID = cue("mean_paid")
_QUOTED = cue("quoted")
_PUPIL_NORM = cue("pupil_norm")
_MEAN_AGE = cue("mean_age")
_SUM_NEAR = cue("sum_near")
_FROM_OLD = cue("from_old")
_STANDARD_SET = cue("standard_set")
_TARGET_BEFORE = cue("target_before")
_TARGET_AFTER = cue("target_after")
_ACTIVITY = cue("activity")
_OUTCOME = cue("outcome")
_OUTCOME_SINCE = cue("outcome_since")
_DONE_END = cue("done_end")
_TARGET_OFFICE = cue("target_office")
_TARGET_LIST = cue("target_list")
_OUTCOME_LIST = cue("outcome_list")
_PAST_WORDS = cue("past_words")
_UNDONE = cue("undone")
_DONE_OPENING = cue("done_opening")
_CEILING_WORDS = cue("ceiling_words")
_FLOOR_WORDS = cue("floor_words")
_BESIDE_TARGET = cue("beside_target")
_SET_BY = cue("set_by")
_TONE = cue("tone")

# every pattern of change and comparison holds one of these; most numbers have none of them before them
_MOVES = re.compile("[增升提高低下减降回缩少多超涨跌压]")
# what stands behind most numbers begins with none of these: norm_line, level_behind and target_after need not be tried
BEHIND_FIRST = frozenset("的警红国省进序时合控目要任指上标以之计意预资投捐")
_NORM_UNITS = frozenset(("元", "岁", "周岁", "公斤", "千克", "斤", None, "小时", "元/人", "年"))
_COUNTED = frozenset(("人", "户", "所", "个", "家", "人次", "例", "件", "项", "次", "村"))
_SYMBOLS = frozenset(("%", "‰", "百分点", "千分点"))
_SUM = re.compile("[万亿]")  # scale words that no payment per head has
_LIST_REACH = 90
_WORD_REACH = 12  # characters of a word that plans, with those that its pattern looks at behind it
_NEXT_SENTENCE = 12  # characters of the next sentence that can still speak of this one's numbers
_DONE_AFTER = ("已", "均已", "全部已")  # behind the number: it has happened
_BOUNDS = ("不低于", "不高于", "不超过", "不少于", "≤", "≥")  # a bound as part of the number


def change_verb(left: str) -> str:
    """The verb of change that governs what follows `left`, "" if none."""
    hit = _CHANGE_VERB.search(left) if _MOVES.search(left) else None
    return hit.group(1) if hit else ""


def beside_target(before: str) -> str:
    """低于 or 高于 where the words before a number compare a value with a target (`比市定目标高出…`), else ""."""
    if "目标" not in before and "任务" not in before and "指标" not in before:
        return ""
    hit = _BESIDE_TARGET.search(before)
    if hit is None:
        return ""
    return "低于" if hit["below"] or hit["less"] else "高于"


def set_by(before: str) -> str:
    """Who set the target that the words before a number speak of: 国, 省, 市, 州, 县, 区 with the verb; "" if unsaid."""
    hit = _SET_BY.search(before[-30:])
    return hit.group() if hit else ""


def tone(before: str, right: str) -> str:
    """How a target is worded: 力争, 确保, 控制在 …; "" if plainly."""
    hit = _TONE.search(before[-30:] + right[:4])
    return hit.group() if hit else ""


def _direction(verb: str) -> str:
    return "down" if _DOWN.search(verb) else "up"


def kind_of(
    layout: Layout, m: Mention, around: Surroundings, unit: str | None, planned: bool | None
) -> tuple[str, str | None, str]:
    """Kind, direction (up, down, at_most, at_least or None) and the rule that decided, for one quantity.

    `planned` says whether the part of the text it stands in speaks of what is to come (二、下一步打算) or of what has been;
    None where nothing tells.
    """
    left = around.left.rstrip()
    tail = left[-24:]
    if unit == "番" or m.text.startswith("翻"):
        return "growth", "up", "doubling"
    percent = unit in ("%", "‰", "倍")
    points = unit in ("百分点", "千分点", "点")
    before = layout.text[around.clause[0] : m.start]
    moved = _moved(around, left, tail, unit, percent, points, before)
    if moved is not None:
        return moved
    right = around.right
    if unit in ("%", "倍") and (_COMPLETION.search(tail) or (left == "的" and _PLAN_SHARE.search(before))):
        return "completion", None, "completion"
    if right == "的" and _PLAN_DONE.search(tail) and layout.text[m.end + 1 : m.end + 2].isdigit():
        return "target", None, "plan_done"  # 完成任务400对的100.75%
    if right[:1] in BEHIND_FIRST:
        if _NORM_LINE.match(right):
            return "norm", None, "norm_line"
        if (behind := _LEVEL_BEHIND.match(right)) and (m.start < m.number_start or _LEVEL_BEFORE.search(tail)):
            # 低于省定75%的要求, 超过省定85%的标准
            return ("norm" if _LIMIT_BEHIND.search(behind.group()) else "target"), None, "level_behind"
    if around.opened and not left and _TARGET_IN_BRACKETS.search(around.opened):
        return "target", None, "target_in_brackets"
    if (
        unit not in _COUNTED
        and ("标准" in left or "定的" in left or "要求的" in left)
        and _STANDARD_BEFORE.search(left)
    ):
        return "norm", None, "standard_before"
    if unit == "元" and _PUPIL_NORM.search(around.before[-24:]) and not _SUM.search(m.text):
        return "norm", None, "pupil_norm"
    if unit in _NORM_UNITS and not (unit == "元" and _MEAN_PAID.search(tail)):
        if (
            not _TARGET_AFTER.match(right.lstrip("资助"))
            and (_NORM_BEFORE.search(before[-18:]) or _NORM_AFTER.match(right))
            and not _AGGREGATED.search(tail)
            and not _SUM_NEAR.search(tail[-6:])
        ):
            return "norm", None, "norm"
        if unit in ("岁", "周岁"):
            return ("actual", None, "mean_age") if _MEAN_AGE.search(before) else ("norm", None, "age_condition")
        if unit in ("元", None) and "标准" in around.before[-36:]:
            if unit == "元" and "标准" in around.before[-30:] and _FROM_OLD.search(tail):
                return "norm", None, "norm"
            if _STANDARD_SET.search(around.before[-36:]):
                return "norm", None, "norm"
    target = _target(layout, m, around, before, right, planned)
    if not target and planned and not _PAST_WORDS.search(before):
        target = "target_part"
    if not target and _undone(layout.text, m.end, around.sentence[1]) and not _PAST_WORDS.search(before):
        target = "target_undone"
    if target:
        at = m.approx if m.approx in ("at_least", "at_most") else None
        if _CEILING_WORDS.search(before[-12:]):
            at = "at_most"
        elif _FLOOR_WORDS.search(before[-12:]):
            at = "at_least"
        return "target", at, target
    return "actual", None, "actual"


def _moved(
    around: Surroundings, left: str, tail: str, unit: str | None, percent: bool, points: bool, before: str
) -> tuple[str, str | None, str] | None:
    """Growth or change, if the words before the number say so."""
    moves = _MOVES.search(tail)
    if moves is None and not points and not (percent and around.list_item):
        return None
    if moves is not None and ((_LEVEL.search(tail) and _LEVEL_REACHED.search(tail)) or _NATURAL_INCREASE.search(tail)):
        return None
    if unit == "元" and _COMPARE_STANDARD.search(tail) and not ("高于" in tail or "低于" in tail):
        return "change", "up", "above_standard"  # 分别高出省定标准636元
    if points or unit == "%":
        compare = _COMPARE.search(tail)
        if points or (compare and _COMPARE_STANDARD.search(tail)):
            return "change", _direction(change_verb(left) or (compare.group(1) if compare else "")), "points"
    if percent:
        if _GROWTH.search(tail) or (around.list_item and _DEALT_GROWTH.search(around.before)):
            return "growth", _direction(change_verb(left) or change_verb(around.before)), "growth"
        return None
    if hit := _CHANGE_COMPARED.search(tail):
        return "change", _direction(hit[hit.lastindex or 0]), "change"
    if _CHANGE_VERB_END.search(tail) and not _TARGET_BEFORE.search(before):
        return "change", "down" if any(c in tail[-4:] for c in "减少降") else "up", "change"
    if around.before and (bare := _CHANGE_BARE.fullmatch(left.strip())):
        # 比上年的698人多260人: a difference that follows the value compared with
        return "change", "down" if bare[1] in ("少", "低", "减", "减少") else "up", "change"
    return None


def _undone(text: str, start: int, end: int) -> bool:
    """True where the clauses behind a number, or a short sentence after, say that it is still to come."""
    if (
        "未" not in text[start : end + _NEXT_SENTENCE]
        and "推迟" not in text[start:end]
        and "才能" not in text[start:end]
    ):
        return False
    hit = _UNDONE.search(text, start, min(len(text), end + _NEXT_SENTENCE))
    if hit is None or hit.start() < end < hit.end():
        return False
    # a bracket speaks of the number before it alone: 选派10人（招生未开始，9月份才能完成）
    return hit["border"] not in "（(" or not any(c.isdigit() for c in text[start : hit.start()])


def _target(layout: Layout, m: Mention, around: Surroundings, before: str, right: str, planned: bool | None) -> str:
    """Whether the number is wanted, planned or foreseen, and by which words; an outcome word nearer to it undoes that."""
    if right[:1] in BEHIND_FIRST and _TARGET_AFTER.match(right):
        return "target_after"
    if right.startswith(_DONE_AFTER) or (before[-1:] == "有" and _HAVE_SO_MANY.search(before)):
        return ""
    if beside_target(before):
        return "target_compared"
    if m.text.endswith("以上") and m.unit not in _SYMBOLS and _ACTIVITY.search(before):
        return "target_floor"  # what was done is counted; 培训100人次以上 is what shall be done
    # 控制在5‰以内 is an outcome in a review and a target in a plan
    bound = m.text.startswith(_BOUNDS) or (planned is not False and before.rstrip().endswith("控制在"))
    if bound and m.unit not in ("岁", "周岁") and not _OUTCOME.search(before[-14:]):
        return "target_bound"
    if "“" in before:
        before = _QUOTED.sub("", before)
    hits = list(_TARGET_BEFORE.finditer(before))
    if hits:
        last = hits[-1]
        if not _OUTCOME_SINCE.search(before, last.end()) and not _DONE_END.search(before[: last.start()]):
            return "" if last.group() == "目标" and _TARGET_OFFICE.search(before) else "target_before"
        return ""
    # one 预计 or 计划 governs a list of clauses up to the full stop or semicolon (预计实现…亿元，…亿元，…元)
    part = layout.part_start(around.clause[0], around.sentence[0])
    at = _governing(layout.text, part, around.clause[0])
    if at >= 0 and m.start - at < _LIST_REACH + 2:
        between = _DONE_OPENING.sub("", layout.text[at : m.start])
        if len(between) < _LIST_REACH and not _OUTCOME_LIST.search(between):
            return "target_list"
    return ""


def _governing(text: str, low: int, high: int) -> int:
    """End of the last word between two positions that makes targets of what follows (预计, 力争, 计划); -1 if none."""
    last = -1
    if low < high:
        start = max(low, high - _LIST_REACH - _WORD_REACH)
        for hit in _TARGET_LIST.finditer(text, start, min(len(text), high + _WORD_REACH)):
            if hit.end() <= high:
                last = hit.end()
    return last
