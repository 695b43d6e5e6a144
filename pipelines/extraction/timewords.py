"""Time expressions: what they look like and what each says by itself, in a section whose year is known.

Normal forms: 2011, 2011-Q1, 2020-H1, 2020-06, 2020-01..2020-06, 2018-05-28, 2019/2020, 2015..2017, asof:2011;
an unknown or masked year is `????`. Which year a section reports on is found in `timelines`, which expression a number
takes in `periods`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.extraction.numerals import chinese_value

_YEAR = r"(?:(?:19|20)[0-9]{2}|[一二][〇○零九][〇○零一二三四五六七八九]{2})"
_MASKED = r"(?:20[xX×*＊_○]{1,2}|二[0〇零○][xX×*＊_○]{1,2})"
_Y = rf"(?:{_YEAR}|{_MASKED})"
SPOKEN = r"(?:今年|去年|上年|明年|来年|本年度?|当年)"
_MONTH = r"(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九元])"
_CN_MONTH = r"(?:十[一二]?|[一二三四五六七八九元])"
_DAY = r"(?:(?:3[01]|[12][0-9]|0?[1-9]|三十一?|二?十[一二三四五六七八九]?|[一二三四五六七八九])[日号])"
_CN_DAY = rf"(?:{_DAY}|(?:三十一?|二?十[一二三四五六七八九]?)(?![一二三四五六七八九十百千万]))"
_TO = r"\s?[-—–~～至到]{1,2}\s?"
QUARTERS = {"一": 1, "二": 2, "三": 3, "四": 4, "1": 1, "2": 2, "3": 3, "4": 4, "首": 1}
HALVES = {"上": "H1", "前": "H1", "下": "H2", "后": "H2"}
_SEASON = {"春": "H1", "夏": "H1", "秋": "H2", "冬": "H2"}
TIME = re.compile(
    # what a time word can begin with: everything else is passed over at once
    r"(?=[0-9一二三四五六七八九十元首第上下截到目现今本当年全去明来几多历累过是同“\"])"
    r"(?=[0-9]{1,4}[\s年月日号季学和与\-—–~～至到./xX×*＊_○]|[一二][0〇零○九]|[一二三四五六七八九十元]{1,2}[月\-—–~～至到\s]"
    r"|[第一二三四首]{1,2}季|[上下]半|截[至止]|到目|目前|现有|[今本当]年|一年来|年[内初末底]|全年|[去上]年|上一|明年|来年|下一|过去"
    r"|[几多历是同]年|累计|[“\"十][十一二三四五])(?:"
    rf"(?P<school>(?P<s1>(?:19|20)[0-9]{{2}})\s?[-—–~～至]{{1,2}}\s?(?P<s2>(?:20)?[0-9]{{2}})\s?(?:学年度?))"
    rf"|(?P<span>(?P<a1>{_YEAR})\s?年?(?:{_TO}|\s?[和与]\s?(?={_YEAR}年之?间))(?P<a2>{_YEAR})\s?年?(?:[一二三四五]年)?)"
    rf"|(?P<ym>(?P<y>{_Y}\s?年(?:度)?|{SPOKEN})(?:的)?\s?(?:第?(?P<q>[一二三四1-4首])季度|(?P<h>[上下前后])半年"
    rf"|(?P<m1>{_MONTH})(?:月份?)?{_TO}(?P<m2>{_MONTH})月(?!{_DAY})"
    rf"|(?P<m>{_MONTH})月(?:份|底|末)?(?:(?P<d>{_CN_DAY})(?:{_TO}(?:(?P<m9>{_MONTH})月)?(?P<d9>{_DAY}))?)?|(?P<season>[春秋])季))"
    rf"|(?P<iso>(?P<iy>(?:19|20)[0-9]{{2}})(?P<sep>[-./])(?P<im>1[0-2]|0?[1-9])(?P=sep)(?P<id>3[01]|[12][0-9]|0?[1-9])(?![0-9]))"
    r"|(?P<reign>(?<=年[（(])(?P<ry>1[0-8][0-9]{2})年(?=[）)]))"
    rf"|(?P<year>(?P<y2>{_Y})\s?(?:年度|年底|年末|年初|年(?!代|级|龄|来)))"
    rf"|(?P<mrange>(?<![0-9.])(?P<r1>1[0-2]|0?[1-9])(?:月份?)?{_TO}(?P<r2>1[0-2]|0?[1-9])月份?(?!{_DAY})"
    rf"|(?<![十一二三四五六七八九])(?P<r3>{_CN_MONTH})月份?{_TO}(?P<r4>{_CN_MONTH})月份?(?!{_DAY}))"
    rf"|(?P<md>(?:(?<![0-9.])(?P<mm>1[0-2]|0?[1-9])月(?:份|底|末)?(?P<dd>{_DAY})?"
    rf"|(?<![0-9十一二三四五六七八九])(?P<cm>{_CN_MONTH})月(?:份|底|末|(?P<cd>{_CN_DAY})))"
    rf"(?:{_TO}(?:(?P<mm9>{_MONTH})月)?(?P<dd9>{_DAY}))?(?!活动))"
    r"|(?P<quarter>第?(?P<qq>[一二三四1-4首])季度)|(?P<half>(?P<hh>上|下)半年)"
    r"|(?P<yearend>(?<!到)年(?:末|底(?=全[市县区州镇乡]|总|共有|实有|户籍|常住|人口))(?!之?前|以前))"
    r"|(?P<now>截[至止]目前|到目前(?:为止)?|目前|现有)|(?P<past>过去的?一年|一年来)"
    r"|(?P<same>(?<![一-鿿])[是同]年(?=[，,一-鿿])(?![初均轻度级龄内末底]))"
    r"|(?P<this>今年(?:以来)?|本年度?|当年|年内|全年|年初以来|去年以来)"
    r"|(?P<last>去年(?:同期)?|上年(?:同期|度)?|上一年)|(?P<next>明年|来年|下一年)|(?P<cumulative>几年来|多年来|历年|累计至)"
    r"|(?P<fyp>[“\"]?(?P<fn>十[一二三四]?)五[”\"]?(?P<during>期间|时期)?(?P<planend>期?末)?(?:规划)?))"
)
_IGNORED_AFTER = re.compile(r"^\s?(?:[一-鿿]{0,6})?(?:制定|下发|印发|颁布|出台|修订|发布的)")
_COMPARED_BEFORE = re.compile(r"(?:比|较|同比|与|和|超过|低于|高于|不到|不及|不足|相当于|接近|恢复到|由|从)$")
_FOUNDED_BEFORE = re.compile(r"[建办立始生业设]于$")  # 始建于1956年: when a thing began is not when it was counted

_EVENT_AFTER = re.compile(r"(?:正式|全面)?(?:启动|挂牌|开工|成立|召开|施行|实施|起)")  # 7月1日启动，参保31.4万人

PLAN_AFTER = re.compile(
    r"的?(?:工作)?(?:目标|任务|计划|预算|指标)"
)  # 占全年任务的59.2%: the plan is the year's, the share is not


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
class Part:
    """A stretch of a section from one heading to the next: its year, the period of a number without a time word of its
    own, what 目前 means there, and whether it speaks of what is planned."""

    start: int
    year: str
    default: str
    now: str
    plan: bool
    evidence: str


def read_year(text: str | None) -> str:
    digits = (text or "").strip().rstrip("年度").strip()
    if re.fullmatch(r"[0-9]{4}", digits):
        return digits
    value = chinese_value(digits) if re.fullmatch(r"[一二三四五六七八九〇○零]{4}", digits) else None
    return str(int(value)) if value is not None else "????"


def read_number(text: str) -> int:
    """Value of a written month or day: 3, 十二, 元, 二十三日."""
    bare = text.rstrip("日号")
    return int(bare) if bare.isdigit() and bare.isascii() else 1 if bare == "元" else int(chinese_value(bare) or 0)


def shifted(year: str, by: int) -> str:
    return str(int(year) + by) if year.isdigit() else "????"


def spoken_year(written: str, year: str) -> str:
    if re.match(r"今年|本年|当年", written):
        return year
    if re.match(r"去年|上年", written):
        return shifted(year, -1)
    if re.match(r"明年|来年", written):
        return shifted(year, 1)
    return read_year(written)


def is_reference(text: str, hit: re.Match[str], start: int) -> bool:
    before = text[max(start, hit.start() - 3) : hit.start()]
    after = text[hit.end() : hit.end() + 12]
    if _COMPARED_BEFORE.search(before) or _FOUNDED_BEFORE.search(before) or _IGNORED_AFTER.match(after):
        return True
    if (hit["this"] and PLAN_AFTER.match(after)) or (hit.group()[-1] in "日号" and _EVENT_AFTER.match(after)):
        return True
    if before[-1:] in ("“", '"') and not hit["fyp"]:
        return True  # 荣获“2017年度先进单位”
    if (hit["y"] or hit["y2"]) and COMPARED_LIST.match(text, hit.end()):
        clause = text[max(start, hit.start() - 16) : hit.start()]
        if _WITH_OPENING.search(clause):
            return True  # 同第五次全国人口普查2000年11月1日零时的75万人相比
    opened = text.rfind("《", max(start, hit.start() - 30), hit.start())
    return opened >= 0 and text.find("》", opened, hit.start()) < 0


def time_word(text: str, hit: re.Match[str], part: Part, whole: Part, past: str, start: int) -> TimeWord:
    """A time word in its normal form. 全年, 上年 and months count from the year of the part they stand in, 今年, 去年 and
    明年 from the year of the section: a report of 2017 says 去年 under `2016年工作回顾` and means 2016."""
    year = part.year

    def word(period: str, kind: str) -> TimeWord:
        return TimeWord(hit.start(), hit.end(), hit.group(), period, kind, is_reference(text, hit, start))

    def day(year: str, month: int, first: str | None, last_month: str | None, last: str | None) -> TimeWord:
        if first is None:
            return word(f"{year}-{month:02d}", "month")
        begin = f"{year}-{month:02d}-{read_number(first):02d}"
        if last is None:
            return word(begin, "day")
        end_month = read_number(last_month) if last_month else month
        return word(f"{begin}..{year}-{end_month:02d}-{read_number(last):02d}", "span")

    if hit["school"]:
        second = hit["s2"] if len(hit["s2"]) == 4 else hit["s1"][:2] + hit["s2"]
        return word(f"{hit['s1']}/{second}", "school_year")
    if hit["span"]:
        return word(f"{read_year(hit['a1'])}..{read_year(hit['a2'])}", "span")
    if hit["ym"]:
        spoken_from = whole.year if re.match("[今去明来]", hit["y"]) else year
        y = spoken_year(hit["y"], spoken_from) if re.fullmatch(SPOKEN, hit["y"]) else read_year(hit["y"])
        if hit["q"]:
            return word(f"{y}-Q{QUARTERS[hit['q']]}", "quarter")
        if hit["h"]:
            return word(f"{y}-{HALVES[hit['h']]}", "half")
        if hit["m1"]:
            return word(f"{y}-{read_number(hit['m1']):02d}..{y}-{read_number(hit['m2']):02d}", "ytd")
        if hit["season"]:
            return word(f"{y}-{_SEASON[hit['season']]}", "half")
        if hit["d"] is None and hit.group()[-1] in "底末" and UNTIL.search(text[max(0, hit.start() - 3) : hit.start()]):
            return word(f"{y}-01..{y}-{read_number(hit['m']):02d}", "ytd")  # 截至2018年10月底，脱贫2100户
        return day(y, read_number(hit["m"]), hit["d"], hit["m9"], hit["d9"])
    if hit["iso"]:
        return word(f"{hit['iy']}-{int(hit['im']):02d}-{int(hit['id']):02d}", "day")
    if hit["reign"]:
        return word(hit["ry"], "annual")
    if hit["same"]:
        return word("????", "annual")
    if hit["year"]:
        y = read_year(hit["y2"])
        return word(f"asof:{y}" if hit.group().endswith(("底", "末")) and y != "????" else y, "annual")
    if hit["mrange"]:
        first, last = read_number(hit["r1"] or hit["r3"]), read_number(hit["r2"] or hit["r4"])
        return word(f"{year}-{first:02d}..{year}-{last:02d}", "ytd")
    if hit["md"]:
        month = read_number(hit["mm"] or hit["cm"])
        dated = hit["dd"] or hit["cd"]
        if not dated and re.search(r"[底末]$", hit.group()):
            ended = {3: "Q1", 6: "H1"}.get(month)
            if part.default != year and ended is not None and part.default.endswith(ended):
                return word(part.default, "quarter")
            until = re.search(r"(?:截[至止]|到|至)$", text[max(0, hit.start() - 2) : hit.start()])
            return word(f"{year}-01..{year}-{month:02d}" if until else f"{year}-{month:02d}", "ytd")
        return day(year, month, dated, hit["mm9"], hit["dd9"] if dated else None)
    if hit["quarter"]:
        return word(f"{year}-Q{QUARTERS[hit['qq']]}", "quarter")
    if hit["half"]:
        return word(f"{year}-{HALVES[hit['hh']]}", "half")
    if hit["now"]:
        return word(whole.now if part.plan else part.now, "now")
    if hit["yearend"]:
        return word(f"asof:{year}", "yearend")
    if hit["past"]:
        return word(past if past != whole.year else part.default, "annual")
    if hit["this"]:
        if re.match("今年", hit.group()) and not part.plan:
            return word(whole.default, "annual")
        return word(year if hit.group() == "全年" else part.default, "annual")
    if hit["last"]:
        return word(shifted(whole.year if hit.group().startswith("去年") else year, -1), "annual")
    if hit["next"]:
        return word(shifted(whole.year, 1), "annual")
    if hit["cumulative"]:
        return word(f"????..{year}", "span")
    plan = {"十": 2001, "十一": 2006, "十二": 2011, "十三": 2016, "十四": 2021}[hit["fn"]]
    # “十三五”期间，全县计划…: the plan's years are meant; 十三五规划 names the plan in passing
    if hit["planend"]:
        return word(str(plan + 4), "annual")
    period = f"{plan}..{plan + 4}"
    return TimeWord(
        hit.start(), hit.end(), hit.group(), period, "plan", not hit["during"] or is_reference(text, hit, start)
    )


_WITH_OPENING = re.compile("(?:^|[，,。；;\\n])[^，,。；;\\n]{0,4}?[与和同跟较比][^，,。；;\\n]*$")
COMPARED_LIST = re.compile(r"[^，,。；;]{0,24}?相?比(?:较)?[，,]")
UNTIL = re.compile(r"截[至止]到?$")
