"""What a quantity is about: indicator phrase, unit per head, kind, direction, scope, links to other quantities.

Reads the clauses around a mention; cue words come from `cues.yaml`. Periods and places are decided elsewhere; whether a
target phrase means a level or a margin is decided in `target_reading` alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

import rjieba
import yaml

from pipelines.extraction.mentions import Mention

CLAUSE_ENDS = "，,。；;：:！!？?\n"
SENTENCE_REACH = 3000
"""Characters a sentence is followed back; a text without full stops must not make each number search all of it."""
SENTENCE_ENDS = "。！!？?\n"


@lru_cache(maxsize=1)
def cues() -> dict[str, Any]:
    """The cue words of `cues.yaml`."""
    return dict(yaml.safe_load(files(__package__).joinpath("cues.yaml").read_text(encoding="utf8")))


class _Patterns:
    def __init__(self) -> None:
        c = cues()
        join = "|".join
        self.scope = re.compile("^(?:" + join(c["scope_openers"]) + ")")
        self.leading = re.compile("^(?:" + c["leading"][0] + ")")
        self.trailing = re.compile("(?:" + c["trailing"][0] + ")$")
        self.target_before = re.compile(c["target_before"][0])
        self.target_after = re.compile(c["target_after"][0])
        self.completion = re.compile(c["completion"][0])
        self.growth = re.compile(c["growth_before"] + "$")
        self.change = re.compile(c["change_before"] + "$")
        self.down = re.compile("|".join(c["down_verbs"].split()))
        self.level = re.compile(c["level_after_verb"])
        self.norm_before = re.compile(c["norm_before"])
        self.norm_after = re.compile(c["norm_after"])
        self.money = re.compile(f"(?:{c['money_verbs']})(?:了|资金|经费)?$")
        self.generic = re.compile("(?:" + c["generic_heads"][0] + ")$")
        self.stock = re.compile(c["stock_words"])


@lru_cache(maxsize=1)
def _p() -> _Patterns:
    return _Patterns()


@dataclass(frozen=True, slots=True)
class Reading:
    """One attributed quantity; `index` is the mention's place in the list of mentions."""

    index: int
    mention: Mention
    mention_class: str
    indicator: str
    unit: str | None
    kind: str
    direction: str | None
    scope: str
    stock: bool
    sentence: tuple[int, int]
    clause: tuple[int, int]
    rules: tuple[str, ...]
    links: tuple[tuple[str, int], ...] = ()
    flags: tuple[str, ...] = ()
    confidence: float = 0.9
    set_by: str = ""
    tone: str = ""
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Context:
    """Text around one quantity, cut at clause borders and neighbouring mentions."""

    left: str
    right: str
    clause: tuple[int, int]
    sentence: tuple[int, int]
    before: str  # the whole sentence before the number
    earlier: str  # the clause before this one, without its numbers
    later: str  # the clause after this one
    list_item: bool  # joined to the mention before by 、 or 和
    opened: str  # bracket opener's left context


def attribute(text: str, mentions: Sequence[Mention]) -> list[Reading]:
    """Readings of all quantities among the mentions, in order."""
    readings: list[Reading] = []
    for i, m in enumerate(mentions):
        if m.mention_class != "quantity":
            continue
        context = _context(text, mentions, i)
        readings.append(_read(text, mentions, i, context, readings))
    return _distribute(text, _plan_amounts(text, _link(text, readings)))


def _last(
    text: str, readings: Sequence[Reading], m: Mention, sentence: tuple[int, int]
) -> tuple[Reading | None, Reading | None]:
    """The quantity before in the same sentence, and the last one that no closed bracket shuts off."""
    before = readings[-1] if readings and readings[-1].sentence == sentence else None
    for r in reversed(readings):
        if r.sentence != sentence:
            break
        between = text[r.mention.end : m.start]
        if between.count(")") + between.count("）") <= between.count("(") + between.count("（"):
            return before, r
    return before, before


def _rfind_any(text: str, chars: str, start: int, end: int) -> int:
    return max(text.rfind(c, start, end) for c in chars)


def _find_any(text: str, chars: str, start: int, end: int) -> int:
    hits = [p for c in chars if (p := text.find(c, start, end)) >= 0]
    return min(hits) if hits else end


def _context(text: str, mentions: Sequence[Mention], i: int) -> _Context:
    m = mentions[i]
    low = max(0, m.start - SENTENCE_REACH)
    high = min(len(text), m.end + 200)
    sentence_start = max(low, _rfind_any(text, SENTENCE_ENDS, low, m.start) + 1)
    sentence_end = _find_any(text, SENTENCE_ENDS, m.end, high)
    clause_start = max(sentence_start, _rfind_any(text, CLAUSE_ENDS, sentence_start, m.start) + 1)
    # a bracket that opens inside the clause starts the text of its own; one that closed is skipped
    bracket = _rfind_any(text, "（(", clause_start, m.start)
    closed = _rfind_any(text, "）)", clause_start, m.start)
    opened = ""
    if bracket >= 0 and bracket > closed:
        opened = text[clause_start:bracket]
        clause_start = bracket + 1
    if not opened:
        # a list of parts inside one bracket: 资助224人（其中，甲36人，乙186人）
        outside = _rfind_any(text, "（(", sentence_start, clause_start)
        if outside >= 0 and _rfind_any(text, "）)", outside, clause_start) < 0:
            opened = text[max(sentence_start, _rfind_any(text, CLAUSE_ENDS, sentence_start, outside) + 1) : outside]
    clause_end = _find_any(text, CLAUSE_ENDS, m.end, sentence_end)
    close = _find_any(text, "）)", m.end, clause_end)
    if close < clause_end and text.count("（", m.end, close) + text.count("(", m.end, close) == 0:
        clause_end = close
    left_start = clause_start
    list_item = False
    for k in range(i - 1, -1, -1):
        before = mentions[k]
        if before.end <= clause_start:
            break
        if before.mention_class == "label":
            continue
        left_start = max(left_start, before.end)
        break
    right_end = clause_end
    for k in range(i + 1, len(mentions)):
        if mentions[k].start >= clause_end:
            break
        if mentions[k].mention_class == "label":
            continue
        right_end = mentions[k].start
        break
    left = text[left_start : m.start]
    if left[:1] in "、和及与" and left_start > clause_start:
        list_item = True
    right = text[m.end : right_end]
    previous_start = max(
        sentence_start, _rfind_any(text, CLAUSE_ENDS, sentence_start, max(sentence_start, clause_start - 1)) + 1
    )
    earlier = text[previous_start : max(previous_start, clause_start - 1)] if clause_start > sentence_start else ""
    after_end = _find_any(text, CLAUSE_ENDS, min(clause_end + 1, sentence_end), sentence_end)
    later = text[clause_end + 1 : after_end] if clause_end < sentence_end else ""
    return _Context(
        left,
        right,
        (clause_start, clause_end),
        (sentence_start, sentence_end),
        text[sentence_start : m.start],
        earlier,
        later,
        list_item,
        opened,
    )


def _strip_numbers(fragment: str) -> str:
    return re.sub(
        r"[近约超]?[0-9][0-9.,]*(?:余|多)?(?:[十百千万亿]+)?(?:余|多)?(?:人次|平方米|公里|[人名户个所件份例项元亩%‰次位家座处台套对])?(?:以上|以下|左右)?",
        "",
        fragment,
    )


def _trim(phrase: str) -> tuple[str, str]:
    """The phrase without scope, leading and trailing function words; and the scope that stood in front."""
    p = _p()
    scope = ""
    phrase = re.sub(r"^\s*[(（]?[0-9一二三四五六七八九十]+[)）、.．]", "", phrase)
    phrase = re.sub(r"^【[^】]{1,12}】", "", phrase)
    phrase = re.sub(r"^(?:为|给|向|在)?[一-鿿]{2,4}(?:村|镇|乡)(?=捐|送|修|建|发放|投|新建|拨)", "", phrase)
    phrase = re.sub(r"^[*xX×＊_]+(?:县|区|市|镇|乡|旗|州)", "", phrase)
    phrase = phrase.strip(" \t　“”\"'‘’:：、-—·()（）\n")
    for _ in range(8):
        before = phrase
        hit = p.scope.match(phrase)
        if hit:
            scope = scope or re.sub(r"(?:共有|共|现有|有|的)$", "", hit.group())
            phrase = phrase[hit.end() :]
        hit = p.leading.match(phrase)
        if hit and len(phrase) > len(hit.group()):
            word = hit.group()
            if not (word in "有是对在于向给由从" and len(phrase) <= 2):
                phrase = phrase[hit.end() :]
        phrase = phrase.strip(" \t　:：、")
        if phrase == before:
            break
    for _ in range(8):
        before = phrase
        hit = p.trailing.search(phrase)
        if hit and len(hit.group()) < len(phrase):
            phrase = phrase[: hit.start()]
        phrase = phrase.rstrip(" \t　:：、(（")
        if phrase == before:
            break
    if phrase.count("“") != phrase.count("”"):
        phrase = phrase.replace("“", "").replace("”", "")
    return phrase, scope


def _noun_phrase(fragment: str) -> tuple[str, str]:
    """The noun phrase a fragment begins with, and what follows it: 贫困计生户|发放慰问金和慰问品."""
    fragment = fragment.strip(" 　")
    if fragment[:1] == "的":
        fragment = fragment[1:]
    tokens = rjieba.tag(fragment)
    position = 0
    cut = None
    nouns = False
    for k, (word, tag) in enumerate(tokens):
        is_verb = tag in ("v", "p", "d", "vd", "vi", "vq", "r", "ad", "s") and word not in ("农业", "经济")
        if is_verb and tag == "v" and k + 1 < len(tokens) and tokens[k + 1][1] in ("uj",):
            is_verb = False
        if is_verb and not nouns and tag in ("v", "vi") and k + 1 < len(tokens) and tokens[k + 1][1][:1] in "nj":
            is_verb = False  # 达标村, 贫困监测户: a verb that modifies the noun after it
        if is_verb:
            rest = fragment[position:]
            modified = re.search(r"的(?=[一-鿿])", rest)
            if modified and modified.start() <= 14 and not re.search(r"[，,]", rest[: modified.start()]) and not nouns:
                position += 0
            else:
                cut = position
                break
        if tag[:1] in "njs" or tag in ("vn", "l", "i", "b", "q", "k", "zg", "eng"):
            nouns = True
        position += len(word)
    if cut is None:
        return fragment, ""
    head = fragment[:cut]
    tail = fragment[cut:]
    modified = re.match(r"[^，,；;。]{1,16}?的([一-鿿]{1,8})", fragment)
    if modified and cut < modified.start(1) and head:
        noun, _ = _head_noun(fragment[modified.start(1) :])
        if noun:
            full = fragment[: modified.start(1) + len(noun)]
            return full, fragment[len(full) :]
    return head, tail


def _head_noun(fragment: str) -> tuple[str, str]:
    position = 0
    for word, tag in rjieba.tag(fragment):
        if tag in ("v", "p", "d", "r", "u", "c", "x") or (tag[:1] == "v" and tag != "vn"):
            break
        position += len(word)
    return fragment[:position], fragment[position:]


_BESIDE_TARGET = re.compile(
    r"(?:(?P<below>低于|少于|不及)|(?:高于|高出|超过|超出|超额完成|超额|超))[^，,；;：:。0-9]{0,10}(?:目标|任务|指标)$"
    r"|比[^，,；;：:。0-9]{0,8}(?:目标|任务|指标)[^，,；;：:。0-9]{0,2}(?:(?P<less>低|少)|(?:高|多|超))[^，,；;：:。0-9]{0,2}$"
)


def beside_target(before: str) -> str:
    """低于 or 高于 where the words before a number compare a value with a target (`比市定目标高出…`), else ""."""
    hit = _BESIDE_TARGET.search(before)
    if hit is None:
        return ""
    return "低于" if hit["below"] or hit["less"] else "高于"


_COMPARED = re.compile(
    r"(?:比|较|与|和)?(?:[国省市州县区镇](?:定|里)?|上级)?(?:委|政府)?(?:下达|确定|规定)?的?(?:责任|控制|考核|年度|年初)?(?:目标|任务|指标|要求|计划)"
    r"(?:高|低|多|少|超|高出|低于|高于|超过|相比|比)*|(?:比|较|由|从)?(?:上年|去年|[0-9]{4}年)?(?:同期|末|底)?的?"
)
_COUNT_SUFFIX = {"人次": "人次", "例": "例数", "户": "户数", "次": "次数", "期": "期数"}


def _read(text: str, mentions: Sequence[Mention], i: int, c: _Context, readings: Sequence[Reading]) -> Reading:
    p = _p()
    m = mentions[i]
    rules: list[str] = [m.rule]
    unit = m.unit
    before, last = _last(text, readings, m, c.sentence)
    if (
        before is not None
        and before.mention.end >= c.clause[0]
        and (noun := before.extra.get("noun"))
        and c.left.lstrip("的 ").startswith(noun)
    ):
        # the noun behind the number before belongs to that number: 300名|住校生|发放补助|6万元
        c.left = c.left.lstrip("的 ")[len(noun) :]
    left, scope = _trim(c.left)
    left = re.sub(r"^.*(?:核实|核查|排查|显示|表明|认定为?)(?=[一-鿿]{2})", "", left)
    right = c.right.strip(" 　")
    kind, direction, kind_rule = _kind(text, m, c, unit)
    rules.append(kind_rule)
    phrase = ""
    extra: dict[str, str] = {}
    is_count = unit not in (
        "%",
        "‰",
        "百分点",
        "千分点",
        "元",
        ":100",
        ":1",
        "1:",
        "/10万",
        "/万",
        "/千",
        "倍",
        "番",
        None,
        "比",
    )
    noun_after = (
        is_count
        and bool(right)
        and right[0] not in '、和及与，,。；;：:)）（(”"多少高低增减升降'
        and not right.startswith(
            (
                "左右",
                "以上",
                "以下",
                "用于",
                "并",
                "进行",
                "到",
                "在",
                "于",
                "的目标",
                "分别",
                "实现",
                "完成",
                "受到",
                "为",
                "被",
            )
        )
    )
    if noun_after:
        np, predicate = _noun_phrase(right)
        np = np.strip("的、 ")
        verb = _left_verb(c.left)
        if np.endswith(("和", "及", "与", "、")) and i + 1 < len(mentions) and mentions[i + 1].start < c.clause[1]:
            # 取消了3个单位和5名个人评先资格: what follows the last noun is said of all
            shared, _ = _noun_phrase(text[mentions[i + 1].end : c.clause[1]])
            np = np.rstrip("和及与、") + shared
        if np and len(np) <= 24:
            extra["noun"] = np
            phrase = _compose(verb, _predicate(predicate), np)
            rules.append("noun_after")
            if (
                len(np) <= 3
                and len(phrase) <= 6
                and unit not in ("人", "户")
                and c.earlier
                and not re.search(r"[0-9]", c.earlier)
            ):
                phrase = _trim(c.earlier)[0][-16:] + phrase
    amount_noun = re.match(
        r"^(?:的)?(?:独生子女|一次性|生活|培训|产业)?(?:补助|补贴|奖励金?|救助金|奖金|启动资金|产值|收入|风险补偿金|慰问金|助学金|奖学金)(?!力度)",
        right,
    )
    if not phrase and (unit in ("元", "元/年") or (unit is None and p.money.search(c.left))):
        money = p.money.search(_strip_tail(c.left))
        bare_right = re.sub(r"^(?:的)?(?:经费|资金|扶贫资金|财政资金)", "", right)
        if right.startswith(("用于", "主要用于", "专项用于")) and not money:
            money = re.search(r"[一-鿿]{2,4}$", _strip_tail(c.left))
        if (
            not amount_noun
            and money
            and (purpose := _purpose(bare_right, c.later if not bare_right.strip("的，,。；; ") else ""))
        ):
            head = _strip_tail(c.left)
            head, scope2 = _trim(head)
            scope = scope or scope2
            tail = "资金" if head.endswith(("资金", "经费")) else ""
            phrase = purpose + (head if len(head) <= 10 else money.group()) + ("" if head.endswith(tail) else tail)
            rules.append("money_for_purpose")
        elif amount_noun or re.match(r"^(?:的)?(?:资助|资金|经费|贷款)", right):
            giver = re.sub(r"每(?:人|户|生|月|年|学年|村|例|对)|一次性|发放|给予|再|按|补助$|提供", "", left)
            noun = amount_noun.group().strip("的") if amount_noun else _noun_phrase(right)[0].strip("的")
            giver = giver or _trim(_strip_numbers(c.earlier))[0][-22:]
            phrase = giver + noun
            rules.append("money_noun_after")
    if not phrase:
        phrase = left
        rules.append("before")
        if (
            c.list_item
            and before is not None
            and phrase
            and len(phrase) <= 5
            and before.unit == unit
            and before.extra.get("verb")
        ):
            phrase = before.extra["verb"] + phrase
            extra["verb"] = before.extra["verb"]
        elif not phrase and re.search(r"共计?|合计|总计|计$", c.left) and (totalled := _totalled(text, c, before)):
            phrase = totalled
            rules.append("total_of")
        elif not phrase and last is not None:
            phrase = last.indicator
            suffix = {"户": "户数", "人": "人数"}
            if last.unit in suffix and unit in suffix and phrase.endswith(suffix[str(last.unit)]):
                phrase = phrase.removesuffix(suffix[str(last.unit)]) + suffix[str(unit)]
            rules.append("carried")
        else:
            extra["verb"] = "".join(_leading_verbs(phrase))
    if before is not None and _COMPARED.fullmatch(phrase):
        # 市里下达的目标10.66‰, 比上年的295人: the number is another value of what was just named
        phrase = re.sub(r"(?:增长|下降|增加|减少|提高)$", "", before.indicator)
        rules.append("compared_with")
    core = re.sub(r"[“”\"的、]", "", phrase)
    if kind in ("growth", "change") and m.rule != "range":
        verb = _change_verb(c.left)
        base = _trim(re.sub(re.escape(verb) + r".*$", "", c.left))[0] if verb else left
        base = re.sub(
            r"(?:比|较|同比|环比)(?:上年|去年|同期|上年同期|去年同期|年初|上月)?(?:同期)?(?:年均)?$", "", base
        ).strip()
        base = re.sub(r"^(?:同比|环比|比上年|比去年|较上年|年均)+", "", base)
        if not base and last is not None:
            base = last.indicator
        elif not base:
            base = _trim(_strip_numbers(c.earlier))[0]
        phrase = base + (verb if verb and verb not in base else "")
        rules.append("change_of")
    elif kind == "completion":
        topic = _completed(text, c)
        own = re.sub(r"^(?:完成)", "", re.sub(r"的$", "", left))
        if topic and not (last is not None and last.kind == "completion" and len(own) > 8):
            phrase = topic + own + ("完成比例" if "比例" not in own and "率" not in own else "")
        rules.append("completion")
    elif p.generic.fullmatch(core) or len(core) <= 1:
        topic = _topic(c, last)
        if topic:
            phrase = topic + phrase if phrase not in topic else topic
            rules.append("topic")
    phrase = _shorten(phrase)
    if c.opened and len(core) <= 4 and kind not in ("growth", "change"):
        outer = _trim(_strip_numbers(c.opened))[0]
        if outer and len(outer) <= 10:
            phrase = outer + phrase
            rules.append("part_in_brackets")
    if not phrase:
        phrase = _topic(c, last)
        rules.append("topic")
    phrase, scope3 = _trim(phrase)
    scope = scope or scope3
    if re.search(r"(?:出生|死亡|自然增长|迁入|迁出|自然增加)$", phrase):
        phrase += {"人": "人数", "‰": "率", "%": "率"}.get(unit or "", "")
    if unit in _COUNT_SUFFIX and phrase and not phrase.endswith(("数", "人次", "户", "例")):
        phrase += _COUNT_SUFFIX[unit]
    unit, unit_rule = _unit(m, unit, c, phrase, kind)
    if unit_rule:
        rules.append(unit_rule)
    mention_class = "norm" if kind == "norm" else "indicator"
    stock = kind == "norm" or bool(p.stock.search(phrase + c.left[-6:]))
    flags = tuple(f for f in (*m.flags, "unit_inferred" if unit_rule == "unit_inferred" else "") if f)
    confidence = 0.9 if phrase else 0.3
    if "topic" in rules or "carried" in rules:
        confidence = min(confidence, 0.7)
    if unit is None and m.value is not None:
        confidence = min(confidence, 0.5)
        flags = (*flags, "no_unit")
    set_by = (re.search(r"(国|省|市|州|县|区)(?:定|下达|里下达|上下达|政府下达)", c.before[-30:]) or [""])[0]
    tone = (
        re.search(r"力争|争取|确保|务必|必须|不低于|不高于|不超过|控制在|左右|预计|计划|拟", c.before[-30:] + right[:4])
        or [""]
    )[0]
    return Reading(
        i,
        m,
        mention_class,
        phrase,
        unit,
        kind,
        direction,
        scope,
        stock,
        c.sentence,
        c.clause,
        tuple(rules),
        (),
        flags,
        confidence,
        set_by,
        tone,
        extra,
    )


def _shorten(phrase: str) -> str:
    """At most about thirty characters: the end of an enumeration, or what follows its 等."""
    if len(phrase) > 14 and (at := phrase.rfind("等")) >= 8 and len(phrase) - at > 3:
        phrase = phrase[at + 1 :]
    while len(phrase) > 26 and "、" in phrase[:-6]:
        phrase = phrase.partition("、")[2]
    return phrase if len(phrase) <= 40 else phrase[-30:]


def _strip_tail(left: str) -> str:
    return re.sub(r"(?:共计?|总计|合计|累计|近|约|达到?|了|为|各|再|每年|每月)+$", "", left.rstrip())


def _left_verb(left: str) -> str:
    """What stands before a number whose noun follows it, without prepositions: `续建`24所, `取消了`37个, `为`187户 -> ''."""
    bare = _trim(left)[0]
    bare = re.sub(r"(?:为|对|向|给|将|把|由|让|使|从|在|于|了|已|共|有|各|并|和|、)+$", "", bare)
    return bare if len(bare) <= 14 else bare[-10:]


def _predicate(predicate: str) -> str:
    """What is said of the noun behind a number, short: of an enumeration only what follows its 等."""
    predicate = re.split(r"[（(]", predicate)[0]
    predicate = re.sub(r"(?:共计?|总计|合计|累计)$", "", predicate.strip(" 　、"))
    predicate = re.sub(r"^(?:进行|开展|给予|实行|被|在|为|由|于|均|已|都|分别|具有|均具有|了)+", "", predicate)
    predicate = re.sub(r"(?:和|与|及|并|、)$", "", predicate)
    if len(predicate) > 18:
        _, _, after = predicate.rpartition("等")
        predicate = after if 3 <= len(after) <= 18 else predicate[-10:]
    return predicate


def _totalled(text: str, c: _Context, before: Reading | None) -> str:
    """What a bare total sums up: the words since the number before it, else the clause before."""
    if before is not None and before.mention.end < c.clause[0]:
        since = re.split("[，,；;]", text[before.mention.end : c.clause[0] - 1])[-1]
        since = re.sub(r"^(?:主要|专项)?用于", "", since.strip())
        return _trim(since)[0][-20:] if len(since) >= 4 else ""
    return "" if re.search(r"[0-9]", c.earlier) else _trim(c.earlier)[0][-20:]


def _leading_verbs(phrase: str) -> list[str]:
    verbs: list[str] = []
    for word, tag in rjieba.tag(phrase[:10]):
        if (tag not in ("v", "vn", "d") and word != "计划") or len(verbs) == 2:
            break
        verbs.append(word)
    return verbs


def _completed(text: str, c: _Context) -> str:
    """What a share done is a share of: the nearest clause before that names a work (`续建…幼儿园`), not a bare sum."""
    start = c.clause[0] - 1
    for _ in range(4):
        if start <= c.sentence[0]:
            break
        low = max(c.sentence[0], _rfind_any(text, CLAUSE_ENDS, c.sentence[0], start) + 1)
        clause = _trim(_strip_numbers(text[low:start]))[0]
        if len(clause) >= 4 and not _p().generic.fullmatch(clause):
            return clause
        start = low - 1
    return ""


def _compose(verb: str, predicate: str, noun: str) -> str:
    if verb and re.fullmatch(r"(?:其中|其余|共有|全市|全县|有|现有|辖|转|下辖|含|包括)", verb):
        verb = ""
    if predicate and len(predicate) + len(noun) <= 26:
        return (verb if len(verb) <= 6 else "") + predicate + noun
    return (verb if len(verb) <= 12 else verb[-8:]) + noun


def _purpose(right: str, later: str) -> str:
    own = right.strip(" 　的，,")
    source = own or later.strip()
    if not source:
        return ""
    if not own and not re.match(
        r"^(?:主要|全部|专项)?(?:用于|续建|新建|扩建|改建|建设|建成|修建|新修|购置|购买|支持|用以|改善|配备|为|扶持|资助|完善|实施|改造|启动|补助|奖励|建)",
        source,
    ):
        return ""
    source = re.sub(r"^(?:主要|全部|专项)?(?:用于|作为|用作|用以|来|进行|专门用于|为)", "", source)
    source = _strip_numbers(source)
    return _trim(source)[0][:24]


def _topic(c: _Context, last: Reading | None) -> str:
    if last is not None and last.indicator:
        base = re.sub(r"(?:金额|资金|人次|人数|户数|例数|数|增长|下降|提高|减少)$", "", last.indicator)
        return base or last.indicator
    if c.earlier:
        return _trim(_strip_numbers(c.earlier))[0][-24:]
    return ""


def _change_verb(left: str) -> str:
    hit = re.search(
        r"(增长|增加|上升|提高|提升|增幅|高出|下降|减少|降低|回落|缩小|降幅|高于|低于|高|低|多|少)(?:[^增减升降高低多少，,]{0,12})$",
        left,
    )
    return hit.group(1) if hit else ""


def _kind(text: str, m: Mention, c: _Context, unit: str | None) -> tuple[str, str | None, str]:
    """Kind, direction and the rule that decided."""
    p = _p()
    left = c.left.rstrip()
    right = c.right
    tail = left[-24:]
    before = text[c.clause[0] : m.start]
    percent = unit in ("%", "‰", "倍", "番")
    points = unit in ("百分点", "千分点", "点")
    direction: str | None = None
    if m.text.startswith("翻") or unit == "番":
        return "growth", "up", "doubling"
    level = p.level.search(tail) and re.search(
        r"(?:提高|增加|上升|下降|减少|降低|增长|提升|降|升|增|减)[一-鿿]{0,4}(?:到|至|为)$", tail
    )
    natural = re.search(r"自然(?:增长|增加|减少)率?(?:了|为|是|达到?)?$", tail)
    if not level and not natural:
        compare = re.search(r"(高于|低于|高出|超过|低|高)[^，,0-9]{0,14}$", tail)
        if points or (
            unit == "%" and compare and re.search(r"(?:高于|低于)[^，,]{0,10}(?:目标|平均|水平|计划|任务|要求)$", tail)
        ):
            verb = _change_verb(left) or (compare.group(1) if compare else "")
            direction = "down" if p.down.search(verb) else "up"
            if points or unit == "%":
                return "change", direction, "points"
        if percent:
            hit = p.growth.search(tail) or (
                c.list_item and re.search(r"分别.{0,8}(增长|下降|增加|减少|提高)[^，,]*$", c.before)
            )
            if hit:
                verb = _change_verb(left) or _change_verb(c.before)
                direction = "down" if p.down.search(verb) else "up"
                return "growth", direction, "growth"
        elif hit2 := re.search(
            r"(?:比|较)(?:上年|去年|同期|上年同期|去年同期|年初|上月|[0-9]{4}年|往年)[^，,]{0,10}(增加|增长|提高|高出|多|减少|下降|降低|少|低)(?:了|约|近)?$",
            tail,
        ):
            direction = "down" if p.down.search(hit2.group(1)) else "up"
            return "change", direction, "change"
        elif re.search(
            r"(?:净增加?|净减少?|增加|减少|少生|多生|下降|提高)(?:了|约|近)?$", tail
        ) and not p.target_before.search(before):
            direction = "down" if re.search(r"减|少|降", tail[-4:]) else "up"
            return "change", direction, "change"
        if (
            not percent
            and (bare := re.fullmatch(r"(多|少|高|低|增|减|增加|减少)(?:出|了)?", left.strip()))
            and c.before[:1]
        ):
            # 比上年的698人多260人: a difference that follows the value compared with
            return "change", "down" if bare[1] in ("少", "低", "减", "减少") else "up", "change"
    if percent and unit == "%" and p.completion.search(tail):
        return "completion", None, "completion"
    aggregated = re.search(r"共计?|累计|合计|总计|发放.{0,10}金(?:额)?$", tail)
    if (
        (
            not p.target_after.match(right.lstrip("资助"))
            and (p.norm_before.search(before[-18:]) or p.norm_after.match(right))
            and not aggregated
        )
        and unit in ("元", "岁", "周岁", "公斤", "千克", "斤", None, "小时", "元/人", "年")
        and not re.search(r"总|共|投入|安排|拨付", tail[-6:])
    ):
        return "norm", direction, "norm"
    if unit in ("岁", "周岁"):
        return "norm", None, "age_condition"
    if (
        re.search(r"(?:由|从)(?:原来的?|过去的?)?[^，,]{0,8}$", tail)
        and re.search(r"标准", c.before[-30:])
        and unit == "元"
    ):
        return "norm", None, "norm"
    if unit in ("元", None) and re.search(r"标准[^，,。]{0,24}(?:提高到|调整为|增加到|达到|为)$", c.before[-36:]):
        return "norm", None, "norm"
    target = _target(text, m, c, before, right)
    if target:
        at = {"at_least": "at_least", "at_most": "at_most"}.get(m.approx)
        if re.search(r"控制在|不超过|不高于|低于", before[-12:]):
            at = "at_most"
        elif re.search(r"不低于|不少于|高于", before[-12:]):
            at = "at_least"
        return "target", at, target
    return "actual", None, "actual"


def _target(text: str, m: Mention, c: _Context, before: str, right: str) -> str:
    """Whether the number is wanted, planned or foreseen, and by which words; an outcome word nearer to it undoes that."""
    p = _p()
    if p.target_after.match(right) or re.match(r"^(?:的)?(?:资助|投资|合作|捐赠)?意向", right):
        return "target_after"
    if right.startswith(("已", "均已", "全部已")):
        return ""
    if beside_target(before):
        return "target_compared"
    if (
        m.text.endswith("以上")
        and re.search(r"(?:组织|开展|培训|选派|安排|举办)[^已，,]*$", before)
        and m.unit not in ("%", "‰", "百分点", "元")
    ):
        return "target_floor"  # what was done is counted; 培训100人次以上 is what shall be done
    bound = re.match(r"不低于|不高于|不超过|不少于|≤|≥", m.text) or (re.search(r"控制在$", before.rstrip()))
    outcome = re.search(
        r"已|实际|达到了|保持|稳定|均|始终|继续|仍|一直|实现|完成|连续|首次|比上年|今年以来", before[-14:]
    )
    if bound and not outcome and m.unit not in ("岁", "周岁"):
        return "target_bound"
    hits = list(p.target_before.finditer(before))
    if hits:
        after = before[hits[-1].end() :]
        if not re.search(r"已|完成了|实际", after) and not re.search(r"(?:超额)?完成$", before[: hits[-1].start()]):
            if hits[-1].group() == "目标" and re.search(r"目标(?:责任|人群|管理|考核)", before):
                return ""
            return "target_before"
        return ""
    # one 预计 or 计划 governs a list of clauses up to the full stop or semicolon (预计实现…亿元，…亿元，…元)
    sentence_before = text[c.sentence[0] : c.clause[0]]
    part = sentence_before[_rfind_any(sentence_before, "；;", 0, len(sentence_before)) + 1 :]
    hits = list(re.finditer(r"预计|计划(?!生育|单列|内|外|免疫)|力争|争取(?!到|了)|确保|拟|目标是|可减少|据预测", part))
    if hits:
        between = re.sub(r"^(?:完成|实现)", "", part[hits[-1].end() :] + before)
        if (
            not re.search(r"已|完成(?!率)|目前|截[至止]|实际|其中|累计|发放|建成|投入使用|达到了", between)
            and len(between) < 90
        ):
            return "target_list"
    return ""


def _unit(m: Mention, unit: str | None, c: _Context, phrase: str, kind: str) -> tuple[str | None, str]:
    before = c.before[-40:]
    near = c.left[-14:]
    if unit == "%" and kind == "change":
        return "百分点", "points_written_percent"
    if unit is None:
        money_words = r"资金|捐款|金额|经费|收入|支出|投资|投入|资助|产值|财政|贷款|补贴|补助"
        if (
            re.search(r"人口|人数|学生|劳动力|群众", near + phrase[-6:])
            and (m.value or 0) >= 1000
            and not re.search(money_words, near)
        ):
            return "人", "unit_inferred"
        if re.search(money_words, near + phrase[-8:]) and m.text[-1:] in "万亿余多":
            return "元", "unit_inferred"
        if re.search(r"性别比", near + phrase):
            return ":100", "unit_inferred"
        return None, ""
    if unit == "元":
        clause = near
        if kind == "norm" or re.search(r"每人|每生|每户", clause):
            wide = before[-26:]
            if re.search(r"每人每月|每月每人|人均每月|人均月|每人每个月", wide):
                return "元/人·月", "per_head"
            if re.search(r"每生每学年|每生每年级", wide):
                return "元/生·学年", "per_head"
            if re.search(r"每人每学年", wide):
                return "元/人·学年", "per_head"
            if re.search(r"每生每年", wide):
                return "元/生·年", "per_head"
            if re.search(r"每人每年", wide):
                return "元/人·年", "per_head"
            if re.search(r"每(?:个)?村每年", wide):
                return "元/村·年", "per_head"
            if hit := re.search(r"每(人|户|生|村|公里|亩|例|对|个)(?:一次性)?[^，,]{0,12}$", wide):
                return f"元/{hit.group(1)}", "per_head"
            if kind == "norm":
                return ("元/生", "per_head") if "生均" in wide else ("元/人", "per_head")
        if re.search(r"人均(?!每月)", near + phrase):
            return "元/人", "per_head"
        if re.search(r"生均", phrase + near) and not re.search(r"[万亿]", m.text):
            return "元/生", "per_head"
        if re.search(r"户均", near):
            return "元/户", "per_head"
        if re.search(r"每年(?:投入|发放|安排|补助|落实)?(?:[一-鿿、]{0,10})?$", near) and kind != "growth":
            return "元/年", "per_year"
        return unit, ""
    if "生均" in near + phrase and unit in ("平方米", "册", "元", "台"):
        return f"{unit}/生", "per_head"
    if "户均" in near and unit == "人":
        return "人/户", "per_head"
    if hit := re.search(
        r"每(?:个|所|名|位)?(学校|校|村|单位|户|人|班|乡镇|社区)[^，,]{0,8}(?:配备|安排|不少于|至少|配置|确定|帮扶|派驻)[^，,]{0,3}$",
        before,
    ):
        per = {"学校": "所", "校": "所", "单位": "单位"}.get(hit.group(1), hit.group(1))
        return f"{unit}/{per}", "per_unit"
    return unit, ""


def _link(text: str, readings: list[Reading]) -> list[Reading]:
    """Links inside a sentence: parts of a whole, values before and after, numerator and denominator, targets."""
    out = list(readings)
    for n, r in enumerate(out):
        links: list[tuple[str, int]] = []
        m = r.mention
        previous = out[n - 1] if n and out[n - 1].sentence == r.sentence else None
        left = text[max(r.sentence[0], m.start - 30) : m.start]
        if r.kind in ("actual", "target") and m.value is not None:
            whole = _whole(text, out, n)
            if whole is not None:
                links.append(("part_of", out[whole].mention.start))
        if (
            r.kind in ("growth", "change")
            and previous is not None
            and not any(x in r.rules for x in ("target_compared",))
        ):
            if beside_target(left):
                links.append(("margin_to_target", previous.mention.start))
            else:
                links.append(("growth_of" if r.kind == "growth" else "change_of", previous.mention.start))
        if "target_compared" in r.rules and previous is not None:
            links.append(("target_of", previous.mention.start))
        if (
            previous is not None
            and previous.unit == r.unit
            and re.search(r"(?:提高|增加|上升|下降|减少|降低|增长|提升|整合|调整|降|升|增)(?:到|至|为)$", left.rstrip())
        ):
            between = text[previous.mention.end : m.start]
            if len(between) <= 10 and re.search(
                r"(?:由|从|将)[^，,。]{0,14}$", text[max(0, previous.mention.start - 16) : previous.mention.start]
            ):
                out[n - 1] = replace(previous, links=(*previous.links, ("previous_of", m.start)))
                if r.kind != previous.kind and previous.kind == "norm":
                    r = replace(r, kind="norm", mention_class="norm", unit=previous.unit)
                if len(r.indicator) < len(previous.indicator):
                    r = replace(r, indicator=previous.indicator)
        if r.unit == "%" and r.kind == "actual" and n >= 2 and out[n - 1].sentence == r.sentence == out[n - 2].sentence:
            a, b = out[n - 2], out[n - 1]
            below, above = a.mention.value, b.mention.value
            counts = a.unit == b.unit and below and above is not None and m.value is not None
            if counts and abs(100 * (above or 0.0) / (below or 1.0) - (m.value or 0.0)) <= 0.06:
                out[n - 2] = replace(a, links=(*a.links, ("denominator_of", m.start)))
                out[n - 1] = replace(b, links=(*b.links, ("numerator_of", m.start)))
        if links:
            r = replace(r, links=(*r.links, *links))
        out[n] = r
    return out


def _plan_amounts(text: str, readings: list[Reading]) -> list[Reading]:
    """A year's amount of which a part is paid is a plan: `助学金60万元，上半年已拨付25万元`."""
    out = list(readings)
    for n, r in enumerate(out[1:], 1):
        before = out[n - 1]
        if (
            r.unit != "元"
            or r.sentence != before.sentence
            or r.mention.value is None
            or not re.search(
                r"(?:完成|已|实际)(?:拨付|支付|支出|到位|下达|兑现)(?:资金)?$",
                text[max(0, r.mention.start - 10) : r.mention.start],
            )
        ):
            continue
        k = n - 1
        while k >= 0 and out[k].sentence == r.sentence and n - k <= 2 and out[k].unit != "元":
            k -= 1
        plan = out[k]
        between = text[plan.mention.end : r.mention.start]
        if (
            k < 0
            or plan.unit != "元"
            or plan.kind != "actual"
            or (plan.mention.value or 0) < r.mention.value
            or re.search(r"[；;。]", between)
        ):
            continue
        if re.search(r"已|完成|实际|投入|发放", text[plan.clause[0] : plan.mention.start]):
            continue
        out[k] = replace(
            plan,
            kind="target",
            direction=None,
            rules=(*plan.rules, "plan_amount"),
            links=(*plan.links, ("target_of", r.mention.start)),
        )
        out[n] = replace(r, links=(*r.links, ("part_of", plan.mention.start)))
    return out


def _whole(text: str, readings: list[Reading], n: int) -> int | None:
    """The quantity this one is a part of: the last before `其中` or before the bracket it stands in, of the same unit."""
    r = readings[n]
    start = r.sentence[0]
    head = text[start : r.mention.start]
    opened = max(head.rfind("（"), head.rfind("("))
    closed = max(head.rfind("）"), head.rfind(")"))
    among = head.rfind("其中")
    anchor = -1
    if opened > closed:
        anchor = start + opened
    if among >= 0 and ";" not in head[among:] and "；" not in head[among:]:
        anchor = max(anchor, start + among)
    if anchor < 0:
        return None
    for k in range(n - 1, -1, -1):
        other = readings[k]
        if other.mention.start < start:
            return None
        if other.mention.end <= anchor:
            if (
                other.unit == r.unit
                and other.mention.value is not None
                and r.mention.value is not None
                and other.mention.value >= r.mention.value
            ):
                return k
            return None
    return None


def _distribute(text: str, readings: list[Reading]) -> list[Reading]:
    """`分别`: values given to a list of subjects in order.

    Subjects are the quantities of the clauses before (`收入3亿元，支出2亿元，分别增长8%、5%`), or a list of
    names in the same clause (`小学、初中入学率分别为99.8%、98.7%`).
    """
    out = list(readings)
    n = 0
    while n < len(out):
        r = out[n]
        if "unit_from_list" in r.mention.flags and n + 1 < len(out):
            k = n + 1
            while k < len(out) and text[out[k - 1].mention.end : out[k].mention.start].strip() in (
                "、",
                ",",
                "，",
                "和",
                "及",
            ):
                out[k] = replace(
                    out[k],
                    indicator=r.indicator,
                    kind=r.kind,
                    direction=r.direction,
                    unit=r.unit,
                    mention_class=r.mention_class,
                    rules=(*out[k].rules, "list"),
                )
                k += 1
        before = text[r.sentence[0] : r.mention.start]
        at = before.rfind("分别")
        if at < 0 or re.search(r"[0-9]", before[at:]) or len(before) - at > 22:
            n += 1
            continue
        group = [n]
        while group[-1] + 1 < len(out):
            here, after = out[group[-1]], out[group[-1] + 1]
            between = text[here.mention.end : after.mention.start]
            if re.fullmatch(r"\s?[、,，和与及]{1,2}\s?", between):
                group.append(group[-1] + 1)
            else:
                break
        if len(group) >= 2:
            head = before[:at]
            clause_start = max(head.rfind(c) for c in "，,；;：:") + 1
            own = head[clause_start:].strip()
            earlier = [k for k in range(n - 1, -1, -1) if out[k].sentence == r.sentence][: len(group)][::-1]
            if not own and len(earlier) == len(group) and r.kind in ("growth", "change", "completion"):
                for k, e in zip(group, earlier, strict=True):
                    verb = _change_verb(before) or ""
                    relation = {"growth": "growth_of", "change": "change_of"}.get(r.kind, "part_of")
                    out[k] = replace(
                        out[k],
                        indicator=out[e].indicator + verb,
                        kind=r.kind,
                        direction=r.direction,
                        unit=r.unit if r.unit == out[k].unit or out[k].unit == "%" else out[k].unit,
                        links=((relation, out[e].mention.start),),
                        rules=(*out[k].rules, "distributed"),
                    )
            else:
                subjects = _subjects(own, len(group))
                if not subjects:
                    # values dealt out over subjects that were not found: none of them may pass for the last one named
                    for k in group:
                        out[k] = replace(
                            out[k],
                            confidence=0.3,
                            flags=(*out[k].flags, "undistributed"),
                            rules=(*out[k].rules, "undistributed"),
                        )
                else:
                    for k, subject in zip(group, subjects, strict=True):
                        out[k] = replace(
                            out[k],
                            indicator=subject,
                            kind=r.kind,
                            direction=r.direction,
                            mention_class=r.mention_class,
                            rules=(*out[k].rules, "distributed"),
                        )
        n = group[-1] + 1
    return out


def _subjects(own: str, count: int) -> list[str]:
    """`A、B和C率` with three values -> [A率, B率, C率]; [] when the list does not fit."""
    own = _trim(own)[0]
    bracket = re.search(r"[（(]([^（）()]+)[)）]", own)
    if bracket and len(items := re.split(r"[、,，和与及]", bracket.group(1))) == count:
        rest = own[: bracket.start()] + own[bracket.end() :]
        return [item + rest for item in items]
    items = re.split(r"[、,，和与及]", own)
    if len(items) != count or not all(items):
        return []
    last = items[-1]
    tail = re.search(r"(?:人口|平均|义务教育)?[一-鿿]{1,4}(?:率|数|额|量|收入|支出|标准|比例|面积|经费|指数)$", last)
    shared = ""
    if tail:
        words = list(rjieba.cut(last))
        shared = words[-1] if len(words) > 1 else ""
    return [
        item
        if item.endswith(("率", "数", "额", "量", "收入", "支出", "标准", "比例", "产值")) or not shared or item == last
        else item + shared
        for item in items
    ]
