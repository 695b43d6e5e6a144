"""Levels: whether a number says how things stand at a moment (a stock), rather than what happened in a period.

By the words of its name and by the number it belongs to: parts and shares of a level are levels. Which moment is meant
is decided in `periods`.
"""

from __future__ import annotations

import re

from pipelines.extraction.readings import Reading

# what happens, or is done, in a period; a name with one of these is no level, whatever noun it holds
_EVENT = re.compile(  # each alternative begins with a literal, so that `re` passes over the other characters at once
    "出生|死亡|迁[入出]|流[入出]|脱贫|减贫|退出|出列|新|增|减少|投|完成|建成|改成|改造|续建|扩建|改建|修建|兴建|筹建|开工|竣工|完工|缺编|配备"
    "|维修|培训|发放|受益|救助|资助|补[助贴]|帮扶|走访|慰问|搬迁|识别|清退|接[待受]|落实|实施|开展|举办|查|体检|辍学|毕业|招|录|升|转移|输出"
    "|就业|支出|收入|征收|评|表彰|通过|创建|验收|安置|解决|化解|消除|累计|惠及|参加|参与|发现|评为|调查|发出|回收|满意|得分|总分|产量|产值"
    "|出栏|存在"
)
_DONE = re.compile("[开竣完]工|新[增建办](?!.*总)|完成|确认|[续扩改]建|增加|减少")
# people, households and bodies counted where they live, study or stand; their density, ratio and size
_SCHOOLS = (
    "小学",
    "初中",
    "中学",
    "高中",
    "幼儿园",
    "学校",
    "教学点",
    "卫生院",
    "卫生室",
    "完小",
)
_POOR = "贫?困?(?:户|村|人口)(?:户?数|人数)?$"
_HOUSEHOLDS = "户(?:的?人口)?(?:户?数|人数)?$"
_PLACES = "年县市区州镇乡村"
_LEVEL = re.compile(
    rf"持证|领证[户率]|建档立卡{_POOR}|低收入{_POOR}|贫困{_POOR}|五保(?:对象|户|人员)|集[中散]供养|分[中散]供养"
    rf"|家庭{_HOUSEHOLDS}|集体{_HOUSEHOLDS}|农{_HOUSEHOLDS}|单身{_HOUSEHOLDS}|行政村|自然村|村民委员会|寄宿生|专任教师|教职工|留守儿童"
    r"|随迁子女|人口(?<!流动人口)(?:的?(?:密度|比重|比例|占比|总数|数))?(?:户数|人数)?$|平方公里|教学班|班额(?<!大班额)"
    r"|平均每[个一]?家?庭?户|户均人口|育龄妇女$"
    + "".join(rf"|{school}(?:数|个数|所数)?$" for school in _SCHOOLS)
    + "".join(
        rf"|{heads}$(?:(?<=^..)|(?<=^总..)|(?<=[{_PLACES}]..)|(?<=[{_PLACES}]总..))" for heads in ("户数", "人数")
    )
    + r"|余额$|在[校园册编]"
)
_NAME_LENGTH = 12  # a longer name holds a verb: 深入家中宣传扶贫政策贫困户
_CENSUS = re.compile("人口普查|第[一二三四五六七八]次(?:全国)?普查")
_SHARE = re.compile(r"(?:占|占比|比重|比例|率)$")
_MONEY_HELD = re.compile("余额|资产|生均|设备值")
_AMONG = re.compile(r"[，,；;：:（(]?其中[，,：:]?[^0-9，,。；;]{0,12}|、[^0-9，,。；;、]{0,12}")
_NEXT_TO = frozenset(("", "、"))
_HEADS = frozenset(("人", "户", "口", "名"))


def is_level(reading: Reading, text: str, before: tuple[Reading, bool] | None, moment: bool) -> bool:
    """Whether a number is a level. `before` is the number before it with its own answer; `moment` says that the text
    gives the moment all it counts was counted at (数据截至2014年9月).

    A change is none, though it be that of a level; a standard is in force at a moment.
    """
    if reading.kind in ("change", "growth", "completion"):
        return False
    if reading.stock or reading.kind != "actual":
        return reading.stock and (reading.kind != "actual" or not _DONE.search(reading.indicator))
    name = reading.indicator
    if _EVENT.search(name):
        return False
    if moment:
        return reading.unit != "元" or _MONEY_HELD.search(name) is not None
    if len(name) <= _NAME_LENGTH and _LEVEL.search(name):
        return True
    if reading.unit == "人" and reading.mention.text[-1:] == "口":
        return True  # 18.9万口: heads are counted at a moment
    start, end = reading.sentence[0], reading.mention.start
    if text.find("普查", start, end) >= 0 and _CENSUS.search(text, start, end):
        return True
    return before is not None and _belongs(reading, text, *before)


def names_level(reading: Reading) -> bool:
    """Whether the name itself is that of a level (在校学生, 行政村, 贷款余额), whatever the period of the text."""
    name = reading.indicator
    return (
        reading.kind == "actual"
        and len(name) <= _NAME_LENGTH
        and _LEVEL.search(name) is not None
        and _EVENT.search(name) is None
    )


def _belongs(reading: Reading, text: str, earlier: Reading, level: bool) -> bool:
    """True for a part (其中肢体残疾8915人), a share (占40.3%) or the next count (7镇58村) of a level before."""
    if not level or earlier.kind != "actual" or earlier.sentence != reading.sentence:
        return False
    if reading.unit == "%":
        return (
            earlier.unit != "%"
            and _SHARE.search(reading.indicator) is not None
            and "占" in reading.own[:1] + reading.own[-1:]
        )
    between = text[earlier.mention.end : reading.mention.start]
    if between in _NEXT_TO:
        return reading.unit != "元"
    alike = earlier.unit == reading.unit or (reading.unit in _HEADS and earlier.unit in _HEADS)
    return alike and _AMONG.fullmatch(between) is not None
