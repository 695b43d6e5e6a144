"""Periods: what time a number is about, from time words near it, else from its section.

Normal forms: 2011, 2011-Q1, 2020-H1, 2020-06, 2020-01..2020-06, 2018-05-28, 2019/2020, 2015..2017, asof:2011;
an unknown or masked year is `????`. Whether an indicator is a stock is told by the caller.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass

from pipelines.extraction.numerals import DIGITS

_MASKED = r"(?:20[xX×*＊_○]{1,2}|二[0〇零○][xX×*＊_○]{1,2})"
_Y = rf"(?P<y>(?:19|20)[0-9]{{2}}|{_MASKED}|[一二][〇○零九][〇○零一二三四五六七八九]{{2}})"
_QUARTERS = {"一": 1, "二": 2, "三": 3, "四": 4, "1": 1, "2": 2, "3": 3, "4": 4, "首": 1}
_SEASON = {"春": "H1", "夏": "H1", "秋": "H2", "冬": "H2"}

TIME = re.compile(
    # the characters a time word can begin with: everything else is passed over at once
    r"(?=[0-9一二三四十首第上下截到目现今本当年全去明来几多历累“\"])(?:"
    rf"(?P<school>(?P<s1>(?:19|20)[0-9]{{2}})\s?[-—–~～至]{{1,2}}\s?(?P<s2>(?:20)?[0-9]{{2}})\s?(?:学年度?))"
    rf"|(?P<span>(?P<a1>(?:19|20)[0-9]{{2}})年?\s?[-—–~～至到]{{1,2}}\s?(?P<a2>(?:19|20)[0-9]{{2}})\s?年?(?:[一二三四五]年)?)"
    rf"|(?P<ym>{_Y}\s?年(?:度)?(?:的)?(?:(?P<q>[第]?[一二三四1-4])季度|(?P<h>上|下)半年|(?P<m1>1[0-2]|0?[1-9])[-—–~至到]{{1,2}}(?P<m2>1[0-2]|0?[1-9])月"
    rf"|(?P<m>1[0-2]|0?[1-9])月(?:份|底|末)?(?:(?P<d>3[01]|[12][0-9]|0?[1-9])[日号])?|(?P<season>[春秋])季))"
    rf"|(?P<iso>(?P<iy>(?:19|20)[0-9]{{2}})[-./](?P<im>1[0-2]|0?[1-9])[-./](?P<id>3[01]|[12][0-9]|0?[1-9]))"
    rf"|(?P<year>{_Y.replace('?P<y>', '?P<y2>')}\s?(?:年度|年底|年末|年初|年(?!代|级|龄|来)))"
    r"|(?P<mrange>(?<![0-9.])(?P<r1>1[0-2]|0?[1-9])(?:月份?)?[-—–~至到]{1,2}(?P<r2>1[0-2]|0?[1-9])月份?)"
    r"|(?P<md>(?<![0-9.])(?P<mm>1[0-2]|0?[1-9])月(?:份|底|末)?(?:(?P<dd>3[01]|[12][0-9]|0?[1-9])[日号])?(?!活动))"
    r"|(?P<quarter>第?(?P<qq>[一二三四1-4首])季度)|(?P<half>(?P<hh>上|下)半年)"
    r"|(?P<now>截[至止]目前|到目前(?:为止)?|目前|现有)|(?P<this>今年(?:以来)?|本年度?|当年|一年来|年内|全年|年初以来|去年以来)"
    r"|(?P<last>去年(?:同期)?|上年(?:同期|度)?|上一年)|(?P<next>明年|来年|下一年)|(?P<cumulative>几年来|多年来|历年|累计至)"
    r"|(?P<fyp>[“\"]?(?P<fn>十[一二三四]?)五[”\"]?(?:期间|时期|规划|末)?))"
)
_IGNORED_AFTER = re.compile(r"^\s?(?:[一-鿿]{0,6})?(?:制定|下发|印发|颁布|出台|修订|发布的)")
_COMPARED_BEFORE = re.compile(r"(?:比|较|同比|与|和|超过|低于|高于|不到|不及|不足|相当于|接近|恢复到|由|从)$")
_CN_MONTH = re.compile(
    r"(?=[十一二三四五六七八九元])(?<![0-9十一二三四五六七八九])(?P<m>十[一二]?|[一二三四五六七八九元])月份"
)


REACH = 4000
"""Characters before a number in which a time word can still be about it."""


@dataclass(frozen=True, slots=True)
class TimeWord:
    """One time expression: where it stands, its normal form, and whether it speaks of part of a year."""

    start: int
    end: int
    text: str
    period: str
    kind: str
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """Time expressions of a section and the period of a number without one of its own."""

    default: str
    evidence: str
    year: str
    now: str
    words: tuple[TimeWord, ...]
    starts: tuple[int, ...]


def _year(text: str | None) -> str:
    if not text:
        return "????"
    if re.fullmatch(r"[0-9]{4}", text):
        return text
    if re.fullmatch(r"[一二〇○零九三四五六七八]{4}", text):
        return "".join(str(DIGITS[c]) for c in text)
    return "????"


def timeline(text: str, start: int, end: int, year_hint: int | None = None, title: str = "") -> Timeline:
    """Read a section's time expressions and infer its year.

    The year is the sidecar's, else the title's, else the commonest explicit year of the section (later wins a tie);
    a section whose years are masked keeps `????`.
    """
    hits = list(TIME.finditer(text, start, end))
    years: Counter[str] = Counter()
    masked = 0
    evidence: dict[str, str] = {}
    for hit in hits:
        value = _year(hit["y"] or hit["y2"] or hit["iy"])
        if hit["school"]:
            value = str(int(hit["s2"]) if len(hit["s2"]) == 4 else int(hit["s1"][:2] + hit["s2"]))
        elif not (hit["y"] or hit["y2"] or hit["iy"]):
            continue
        if value == "????":
            masked += 1
            continue
        if (
            _reference(text, hit, start)
            or text[hit.end() : hit.end() + 1] in ("起", "以")
            or text[max(0, hit.start() - 1) : hit.start()] in ("从", "自")
        ):
            continue
        years[value] += 1
        evidence.setdefault(value, hit.group())
    titled = re.search(r"((?:19|20)[0-9]{2})年", title)
    if year_hint:
        year, why = str(year_hint), "sidecar"
    elif titled:
        year, why = titled[1], titled.group()
    elif years and sum(years.values()) >= masked:
        most = max(years.values())
        year = max(y for y, n in years.items() if n >= max(1, most * 0.6))
        why = evidence[year]
    else:
        year, why = "????", "no year in the section"
    head = text[start : min(end, start + 400)]
    default = year
    opening = re.search(r"第?([一二三四1-4首])季度|([上下])半年", title + head)
    if opening:
        part = f"Q{_QUARTERS[opening[1]]}" if opening[1] else ("H1" if opening[2] == "上" else "H2")
        default, why = f"{year}-{part}", opening.group()
    months = [int(h["r2"]) for h in hits if h["mrange"] and int(h["r1"]) == 1]
    if default != year:
        now = default
    elif months and max(months) < 12:
        now = f"asof:{year}-{max(months):02d}"
    else:
        now = f"asof:{year}"
    words = [w for hit in hits if (w := _word(text, hit, year, default, now, start)) is not None]
    for hit in _CN_MONTH.finditer(text, start, end):
        month = {"元": 1, "十": 10, "十一": 11, "十二": 12}.get(hit["m"]) or DIGITS.get(hit["m"], 0)
        if month:
            words.append(TimeWord(hit.start(), hit.end(), hit.group(), f"{year}-{month:02d}", "month"))
    words.sort(key=lambda w: w.start)
    return Timeline(default, why, year, now, tuple(words), tuple(w.start for w in words))


def _reference(text: str, hit: re.Match[str], start: int) -> bool:
    before = text[max(start, hit.start() - 3) : hit.start()]
    after = text[hit.end() : hit.end() + 12]
    if _COMPARED_BEFORE.search(before) or _IGNORED_AFTER.match(after):
        return True
    opened = text.rfind("《", max(start, hit.start() - 30), hit.start())
    return opened >= 0 and text.find("》", opened, hit.start()) < 0


def _word(text: str, hit: re.Match[str], year: str, default: str, now: str, start: int) -> TimeWord | None:
    def word(period: str, kind: str) -> TimeWord:
        return TimeWord(hit.start(), hit.end(), hit.group(), period, kind, _reference(text, hit, start))

    if hit["school"]:
        second = hit["s2"] if len(hit["s2"]) == 4 else hit["s1"][:2] + hit["s2"]
        return word(f"{hit['s1']}/{second}", "school_year")
    if hit["span"]:
        return word(f"{hit['a1']}..{hit['a2']}", "span")
    if hit["ym"]:
        y = _year(hit["y"])
        if hit["q"]:
            return word(f"{y}-Q{_QUARTERS[hit['q'][-1]]}", "quarter")
        if hit["h"]:
            return word(f"{y}-{'H1' if hit['h'] == '上' else 'H2'}", "half")
        if hit["m1"]:
            return word(f"{y}-{int(hit['m1']):02d}..{y}-{int(hit['m2']):02d}", "ytd")
        if hit["season"]:
            return word(f"{y}-{_SEASON[hit['season']]}", "half")
        month = f"{y}-{int(hit['m']):02d}"
        return word(f"{month}-{int(hit['d']):02d}", "day") if hit["d"] else word(month, "month")
    if hit["iso"]:
        return word(f"{hit['iy']}-{int(hit['im']):02d}-{int(hit['id']):02d}", "day")
    if hit["year"]:
        y = _year(hit["y2"])
        return word(f"asof:{y}" if hit.group().endswith(("底", "末")) and y != "????" else y, "annual")
    if hit["mrange"]:
        return word(f"{year}-{int(hit['r1']):02d}..{year}-{int(hit['r2']):02d}", "ytd")
    if hit["md"]:
        month = f"{year}-{int(hit['mm']):02d}"
        if not hit["dd"] and hit.group().endswith(("底", "末")):
            ended = {"03": "Q1", "06": "H1"}.get(month[-2:])
            if default != year and ended is not None and default.endswith(ended):
                return word(default, "quarter")
            return word(
                f"{year}-01..{month}"
                if re.search(r"(?:截[至止]|到|至)$", text[max(0, hit.start() - 2) : hit.start()])
                else month,
                "ytd",
            )
        return word(f"{month}-{int(hit['dd']):02d}", "day") if hit["dd"] else word(month, "month")
    if hit["quarter"]:
        return word(f"{year}-Q{_QUARTERS[hit['qq']]}", "quarter")
    if hit["half"]:
        return word(f"{year}-{'H1' if hit['hh'] == '上' else 'H2'}", "half")
    if hit["now"]:
        return word(now, "now")
    if hit["this"]:
        return word(year if "-" not in default else default if hit.group() != "全年" else year, "annual")
    if hit["last"]:
        return word(str(int(year) - 1) if year.isdigit() else "????", "annual")
    if hit["next"]:
        return word(str(int(year) + 1) if year.isdigit() else "????", "annual")
    if hit["cumulative"]:
        return word(f"????..{year}", "span")
    plan = {"十": 2001, "十一": 2006, "十二": 2011, "十三": 2016, "十四": 2021}[hit["fn"]]
    return TimeWord(hit.start(), hit.end(), hit.group(), f"{plan}..{plan + 4}", "plan", True)


def period_of(line: Timeline, text: str, mention_start: int, mention_end: int, stock: bool) -> tuple[str, str, str]:
    """Period, its words, and the kind of time word that decided, for one mention.

    In order: the last time word before the number in its sentence; one after it in the same clause; the time word that
    opens an earlier sentence of the paragraph (`2018年5月28日，…`); the section's default. A part of a year named in the
    middle of a sentence ends at a semicolon (`上半年已拨付25万元；取暖费40万元`).
    """
    floor = max(0, mention_start - REACH)  # a line without end must not make every number search all of it
    paragraph = max(floor, text.rfind("\n", floor, mention_start) + 1)
    sentence = max(text.rfind(c, paragraph, mention_start) for c in "。！!\n") + 1
    sentence = max(sentence, paragraph)
    semicolon = max(text.rfind(c, sentence, mention_start) for c in ";；") + 1
    chosen: TimeWord | None = None
    i = bisect_right(line.starts, mention_start) - 1
    while i >= 0 and line.words[i].start >= paragraph:
        w = line.words[i]
        i -= 1
        if w.reference or w.end > mention_start:
            continue
        opens = w.start - sentence <= 4 if w.start >= sentence else _opens_sentence(text, w.start, paragraph)
        adjacent = _OF_THAT_TIME.fullmatch(text[w.end : mention_start]) is not None
        if _YEAR_BEFORE.match(w.text) and not adjacent and not (opens and w.start >= sentence):
            continue  # 不到上年1667人的一半；自然增长率…: the year before is named in passing
        if w.start >= sentence:
            if w.kind in ("ytd", "month", "now", "day", "half", "quarter") and w.start < semicolon and not opens:
                continue
            chosen = w
            break
        if opens and w.kind != "now" and re.search(r"[0-9]|季度|半年", w.text):
            chosen = w
            break
    if chosen is None:
        clause_end = min(
            (p for c in "，,。；;\n" if (p := text.find(c, mention_end, mention_end + REACH)) >= 0), default=len(text)
        )
        j = bisect_right(line.starts, mention_start)
        if (
            j < len(line.words)
            and line.words[j].start < clause_end
            and not line.words[j].reference
            and line.words[j].kind in ("day", "month", "ytd")
        ):
            chosen = line.words[j]
    k = bisect_right(line.starts, mention_start) - 1
    if k >= 0 and line.words[k].reference and _OF_THAT_TIME.fullmatch(text[line.words[k].end : mention_start]):
        chosen = line.words[k]  # 比上年的1960人减少: the number is that of the time compared with
    if chosen is None:
        period, words, kind = line.default, "", "default"
    else:
        period, words, kind = _anchored(line, chosen, paragraph), chosen.text, chosen.kind
    if period in (line.year, line.default) and re.fullmatch(r"[0-9]{4}", period) and stock:
        period = f"asof:{period}"
    return period, words, kind


_OF_THAT_TIME = re.compile(r"\s?(?:同期|年)?(?:末|底)?的?(?:约|近)?")
_SAME_YEAR = re.compile(r"全年|当年|年内|本年度?")
_YEAR_BEFORE = re.compile(r"去年|上年|上一年")


def _anchored(line: Timeline, word: TimeWord, paragraph: int) -> str:
    """Period of a relative word, counted from the last explicit year of its paragraph (`1953年末…；全年…`)."""
    back = 0 if _SAME_YEAR.match(word.text) else 1 if _YEAR_BEFORE.match(word.text) else None
    if back is None:
        return word.period
    i = bisect_right(line.starts, word.start) - 1
    for earlier in reversed(line.words[:i]):
        if earlier.start < paragraph:
            break
        year = re.match(r"(?:asof:)?([0-9]{4})(?:$|-)", earlier.period)
        if year and not earlier.reference and re.match(r"(?:19|20|[一二])", earlier.text):
            return str(int(year[1]) - back)
    return word.period


def _opens_sentence(text: str, position: int, paragraph: int) -> bool:
    before = text[max(paragraph, position - 4) : position]
    return position - paragraph <= 8 or before.rstrip()[-1:] in "。！!\n" or "。" in before


def period_kind(period: str | None) -> str:
    """annual, ytd, quarter, half, month, school_year, asof, span, day, or unknown."""
    if not period:
        return "unknown"
    if period.startswith("asof:"):
        return "asof"
    if "/" in period:
        return "school_year"
    if ".." in period:
        first, _, last = period.partition("..")
        return "ytd" if re.fullmatch(r"[0-9?]{4}-01", first) and first[:4] == last[:4] else "span"
    for pattern, kind in (
        (r"[0-9?]{4}", "annual"),
        (r"[0-9?]{4}-Q[1-4]", "quarter"),
        (r"[0-9?]{4}-H[12]", "half"),
        (r"[0-9?]{4}-[0-9]{2}", "month"),
        (r"[0-9?]{4}-[0-9]{2}-[0-9]{2}", "day"),
    ):
        if re.fullmatch(pattern, period):
            return kind
    return "unknown"
