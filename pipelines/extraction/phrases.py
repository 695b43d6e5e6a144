"""Indicator phrases: the noun phrase a piece of text holds, without scope, adverbs, copulas and other numbers.

Pure functions of short pieces of text, remembered, since reports repeat their wording. Which pieces a number's phrase
is made of is decided in `attribution`.
"""

from __future__ import annotations

import re
from functools import lru_cache

import rjieba

from pipelines.extraction.cues import cue, siblings

_SCOPE = cue("scope")
_SCOPE_WORDS = cue("scope_words")
_LEADING = cue("leading")
_TRAILING = cue("trailing")
_PER_ONLY = cue("per_only")
_LIST_NUMBER = cue("list_number")
_HEADING_TAG = cue("heading_tag")
_PLACE_HAVING = cue("place_having")
_CENSUS_ROUND = cue("census_round")
_TIME_WORDS = cue("time_words")
_VILLAGE_ACTING = cue("village_acting")
_MASKED_PLACE = cue("masked_place")
_NUMBER_WITH_UNIT = cue("number_with_unit")
_ADVERBS_OF_SUM = cue("adverbs_of_sum")
_BEFORE_NOUN = cue("before_noun")
_PREDICATE_OPENING = cue("predicate_opening")
_SUM_WORDS = cue("sum_words")
_JOINING = cue("joining")
_PURPOSE_OPENING = cue("purpose_opening")
_PURPOSE_VERB = cue("purpose_verb")
_NOTHING_ADDED = cue("not_a_verb_of_having")
_SUBJECT_HEAD = cue("subject_head")
_SHARED_HEAD = cue("shared_head")
_MEASURE_SUFFIX = cue("measure_suffix")
_MODIFIED_NOUN = cue("modified_noun")

_EDGES = " \t　“”\"'‘’:：、-—·()（）\n"
_ROUNDS = 8  # a phrase sheds at most so many words at either end
_NUMBERING = frozenset("(（0123456789一二三四五六七八九十 \t　")
_LONGEST_TRAILING = 8
# the signs that leading words begin with and trailing ones end with: most phrases have neither
LEADING_FIRST = frozenset(
    "每其全按确力争务另此同并以及和与还又也再均都已共总合累先继今去上本年当至目截到现第一二三四下幾几通经照依根在于将对为向给由从把使让因等有是所即公统登内末底的实"
)
TRAILING_LAST = frozenset(
    '“”"‘’:：、(（为是达到了约近共计有已也均都仅高多破过在至升别分等预实完现成增占可各每年月天日期人户生村尚还仍于低少就能要的来由从将比中'
).union(sign for sign in map(chr, range(0x3001)) if sign.isspace())
PER_FIRST = frozenset("每月年天日人户生村学")
_PREPOSITIONS = frozenset("有是对在于向给由从")
_FUNCTION_WORDS = frozenset("的为是达约近共有也均都仅在至到了计等可各就能由从将比和与及")  # no phrase by themselves
_MASKS = frozenset("*xX×＊_")

_VERBAL = frozenset(("v", "p", "d", "vd", "vi", "vq", "r", "ad", "s"))
_NOMINAL = frozenset(("vn", "l", "i", "b", "q", "k", "zg", "eng"))
_NOT_IN_HEAD = frozenset(("v", "p", "d", "r", "u", "c", "x"))
_HEADS = ("率", "数", "额", "量", "收入", "支出", "标准", "比例", "产值")
_LIST_MARKS_WIDE = re.compile("[、和与及或到至]")
_LONGEST_NAME = 8
_LIST_MARKS = re.compile("[、,，和与及]")
_BRACKETED_LIST = re.compile(r"[（(]([^（）()]+)[)）]")
_ATTRIBUTE = re.compile(r"的(?=[一-鿿])")


@lru_cache(maxsize=65536)
def trim(phrase: str) -> tuple[str, str]:
    """The phrase without scope, leading and trailing function words; and the scope that stood in front.

    >>> trim("全县已累计完成投资额达到")
    ('完成投资额', '全县')
    """
    scope = ""
    first = phrase[:1]
    if first in _NUMBERING:
        phrase = _LIST_NUMBER.sub("", phrase)
    if phrase[:1] == "【":
        phrase = _HEADING_TAG.sub("", phrase)
    if "村" in phrase or "镇" in phrase or "乡" in phrase:
        phrase = _VILLAGE_ACTING.sub("", phrase)
    if "有" in phrase[:8] or "辖" in phrase[:8]:
        phrase = _PLACE_HAVING.sub("", phrase)
    if "普查" in phrase:
        phrase = _CENSUS_ROUND.sub("", phrase)
    if phrase[:1] in _MASKS:
        phrase = _MASKED_PLACE.sub("", phrase)
    phrase = phrase.strip(_EDGES)
    for _ in range(_ROUNDS):
        before = phrase
        if phrase[:1] in ("全", "我", "本") and (hit := _SCOPE.match(phrase)):
            scope = scope or _SCOPE_WORDS.sub("", hit.group())
            phrase = phrase[hit.end() :]
        hit = _LEADING.match(phrase) if phrase[:1] in LEADING_FIRST else None
        if hit and (end := hit.end()) < len(phrase) and not (hit.group() in _PREPOSITIONS and len(phrase) <= 2):
            phrase = phrase[end:]
        phrase = phrase.strip(" \t　:：、")
        if phrase == before:
            break
    for _ in range(_ROUNDS):
        if phrase[-1:] not in TRAILING_LAST:
            break
        before = phrase
        hit = _TRAILING.search(phrase, max(0, len(phrase) - _LONGEST_TRAILING))
        if hit and hit.start() > 0:
            phrase = phrase[: hit.start()]
        phrase = phrase.rstrip(" \t　:：、(（")
        if phrase == before:
            break
    if len(phrase) <= _LONGEST_TRAILING and phrase[:1] in PER_FIRST and _PER_ONLY.fullmatch(phrase):
        phrase = ""
    if phrase in _FUNCTION_WORDS:
        phrase = ""
    if phrase.count("“") != phrase.count("”"):
        phrase = phrase.replace("“", "").replace("”", "")
    return phrase, scope


def strip_numbers(piece: str) -> str:
    """The piece without its numbers and their units."""
    return _NUMBER_WITH_UNIT.sub("", _TIME_WORDS.sub("", piece))


@lru_cache(maxsize=65536)
def noun_phrase(piece: str) -> tuple[str, str]:
    """The noun phrase a piece begins with, and what follows it: 贫困计生户|发放慰问金和慰问品."""
    piece = piece.strip(" 　")
    if piece[:1] == "的":
        piece = piece[1:]
    tokens = rjieba.tag(piece)
    position = 0
    cut = None
    nouns = False
    for k, (word, tag) in enumerate(tokens):
        is_verb = tag in _VERBAL and word not in ("农业", "经济")
        if is_verb and tag == "v" and k + 1 < len(tokens) and tokens[k + 1][1] == "uj":
            is_verb = False
        if is_verb and not nouns and tag in ("v", "vi") and k + 1 < len(tokens) and tokens[k + 1][1][:1] in "nj":
            is_verb = False  # 达标村, 贫困监测户: a verb that modifies the noun after it
        if is_verb:
            rest = piece[position:]
            modified = _ATTRIBUTE.search(rest)
            attributive = modified is not None and modified.start() <= 14 and not nouns
            if modified is None or not attributive or any(c in rest[: modified.start()] for c in "，,"):
                cut = position
                break
        if tag[:1] in "njs" or tag in _NOMINAL:
            nouns = True
        position += len(word)
    if cut is None:
        return piece, ""
    head = piece[:cut]
    modified = _MODIFIED_NOUN.match(piece)
    if modified and cut < modified.start(1) and head:
        noun = _head_noun(piece[modified.start(1) :])
        if noun:
            full = piece[: modified.start(1) + len(noun)]
            return full, piece[len(full) :]
    return head, piece[cut:]


def _head_noun(piece: str) -> str:
    position = 0
    for word, tag in rjieba.tag(piece):
        if tag in _NOT_IN_HEAD or (tag[:1] == "v" and tag != "vn"):
            break
        position += len(word)
    return piece[:position]


def shorten(phrase: str) -> str:
    """At most about thirty characters: the end of an enumeration, or what follows its 等."""
    if len(phrase) > 14 and (at := phrase.rfind("等")) >= 8 and len(phrase) - at > 3:
        phrase = phrase[at + 1 :]
    while len(phrase) > 26 and "、" in phrase[:-6]:
        phrase = phrase.partition("、")[2]
    return phrase if len(phrase) <= 40 else phrase[-30:]


def strip_sum_adverbs(left: str) -> str:
    """The text before an amount without 累计, 约, 各 and the like at its end."""
    return _ADVERBS_OF_SUM.sub("", left.rstrip())


@lru_cache(maxsize=65536)
def verb_before(left: str) -> str:
    """What stands before a number whose noun follows it, without prepositions: `续建`24所, `取消了`37个, `为`187户 -> ''."""
    bare = _BEFORE_NOUN.sub("", trim(left)[0])
    return bare if len(bare) <= 14 else bare[-10:]


def predicate(said: str) -> str:
    """What is said of the noun behind a number, short: of an enumeration only what follows its 等."""
    for bracket in "（(":
        said = said.partition(bracket)[0]
    said = _SUM_WORDS.sub("", said.strip(" 　、"))
    said = _PREDICATE_OPENING.sub("", said)
    said = _JOINING.sub("", said)
    if len(said) > 18:
        _, _, after = said.rpartition("等")
        said = after if 3 <= len(after) <= 18 else said[-10:]
    return said


@lru_cache(maxsize=65536)
def leading_verbs(phrase: str) -> str:
    """At most two verbs a phrase begins with, which the items of a list share: `新建`卫生室, 幼儿园."""
    verbs = ""
    for n, (word, tag) in enumerate(rjieba.tag(phrase[:10])):
        if n == 2 or (tag not in ("v", "vn", "d") and word != "计划"):
            break
        verbs += word
    return verbs


def compose(verb: str, said: str, noun: str) -> str:
    """Phrase of a number from the verb before it, the noun behind it and what is said of the noun."""
    if verb and _NOTHING_ADDED.fullmatch(verb):
        verb = ""
    if said and len(said) + len(noun) <= 26:
        return (verb if len(verb) <= 6 else "") + said + noun
    return (verb if len(verb) <= 12 else verb[-8:]) + noun


def purpose(right: str, later: str) -> str:
    """What an amount is for: from the words behind it, else from the clause after; "" where neither tells."""
    own = right.strip(" 　的，,")
    source = own or later.strip()
    if not source or (not own and not _PURPOSE_VERB.match(source)):
        return ""
    return trim(strip_numbers(_PURPOSE_OPENING.sub("", source)))[0][:24]


def subjects(own: str, count: int) -> list[str]:
    """`A、B和C率` with three values -> [A率, B率, C率]; [] when the list does not fit."""
    own = trim(own)[0]
    bracket = _BRACKETED_LIST.search(own)
    if bracket and len(items := _LIST_MARKS.split(bracket.group(1))) == count:
        rest = own[: bracket.start()] + own[bracket.end() :]
        return [item + rest for item in items]
    items = _LIST_MARKS.split(own)
    if len(items) != count or not all(items):
        return []
    last = items[-1]
    if head := _SHARED_HEAD.match(last):
        # 县、乡两级住院补偿比: what follows the number word is said of all
        return [item + head[2] for item in (*items[:-1], head[1])]
    shared = ""
    if _SUBJECT_HEAD.search(last):
        words = list(rjieba.cut(last))
        shared = words[-1] if len(words) > 1 else ""
    return [item if item.endswith(_HEADS) or not shared or item == last else item + shared for item in items]


def listed(clause: str, count: int) -> list[str]:
    """The names a clause lists if they are so many: 对升入高职、专科到重本的学生 with three -> [升入高职, 专科, 重本]; else []."""
    items = _LIST_MARKS_WIDE.split(clause)
    if len(items) != count or not all(items):
        return []
    names = [trim(items[0])[0], *items[1:-1], items[-1].partition("的")[0]]
    return names if all(0 < len(name) <= _LONGEST_NAME for name in names) else []


def joined(topic: str, phrase: str) -> str:
    """Topic and phrase as one, what they share written once: 婴儿死亡 + 死亡率 -> 婴儿死亡率.

    >>> joined("婴儿死亡", "死亡率"), joined("税收收入", "占比"), joined("学生补助金额", "金额")
    ('婴儿死亡率', '税收收入占比', '学生补助金额')
    """
    if phrase in topic:
        return topic
    for shared in range(min(len(topic), len(phrase) - 1), 0, -1):
        if topic.endswith(phrase[:shared]):
            return topic + phrase[shared:]
    return topic + phrase


def rate_of_event(topic: str, phrase: str) -> str:
    """The rate of the events counted before: (婴儿死亡人数, 死亡率) -> 婴儿死亡率; "" where the topic is no such event.

    >>> rate_of_event("婴儿死亡例数", "死亡率"), rate_of_event("人口出生率", "死亡率")
    ('婴儿死亡率', '')
    """
    event = phrase.removesuffix("率")
    if event == phrase:
        return ""
    stem = _MEASURE_SUFFIX.sub("", topic)
    return stem + "率" if len(stem) > len(event) >= 2 and stem.endswith(event) else ""


_LEVELS = cue("level_behind_measure")
LEVEL_ENDS = frozenset(("小学", "初中", "高中", "儿园", "城镇", "农村"))


def level_first(phrase: str) -> str:
    """The level of a measure in front of it: 生均图书小学 -> 小学生均图书.

    >>> level_first("生均图书小学"), level_first("小学")
    ('小学生均图书', '小学')
    """
    hit = _LEVELS.search(phrase) if phrase[-2:] in LEVEL_ENDS else None
    return hit[1] + phrase[: hit.start()].rstrip("为的") if hit and len(phrase) >= len(hit[1]) + 2 else phrase


_SIBLINGS = tuple(frozenset(words.split()) for words in siblings())
SIBLINGS = frozenset().union(*_SIBLINGS)
"""All words that stand for one another in lists of like figures."""


@lru_cache(maxsize=4096)
def for_sibling(phrase: str, own: str) -> str:
    """The phrase of a sibling with `own` in its place: (小学生均公用经费, 初中) -> 初中生均公用经费; "" if they are none.

    >>> for_sibling("师生比小学", "初中")
    '师生比初中'
    """
    for words in _SIBLINGS:
        if own in words:
            named = [w for w in words if w in phrase and w != own]
            if named and own not in phrase:
                return phrase.replace(max(named, key=len), own, 1)
    return ""
