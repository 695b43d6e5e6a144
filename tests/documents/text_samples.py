"""Made-up report sentences with numbers, the material of the damage tests."""

from __future__ import annotations

import random
import re


def _words(text: str) -> list[str]:
    return re.findall(r"\S+", text)


_PLACES = _words("青溪县 白河镇 双桥区 石门市 云台县 东坪乡 全县 全区 全市 各乡镇 新区 山区 库区 园区 本县 ")
_THINGS = _words(
    "总人口 常住人口 农业人口 贫困户 低保对象 小学校 中学校 专科学校 幼儿园 教师 学生 医生 "
    "床位 耕地面积 粮食产量 财政收入 公路里程 村卫生室 养老机构 专项资金 扶贫资金 企业 "
    "合作社 新建住房 危房 自来水用户 农村劳动力 参保人数 省级示范校 重点项目 专业技术人员 "
)
_VERBS = _words(
    "达到 增加到 减少到 下降到 完成 下拨 投入 新增 共有 累计 实现 发放 新建 改造 覆盖 "
    "培训 转移 为 达 超过 获得 安排 争取 "
)
_UNITS = _words("人 万人 户 万户 所 个 亩 万亩 元 万元 亿元 公里 名 张 % 吨 万吨 平方米 家 户次 ‰ 岁 年 个百分点 ")
_PARTS = _words(
    "教育事业全面发展 基础设施进一步改善 群众生活水平明显提高 各项工作取得新成绩 "
    "医疗卫生条件不断改善 县委县政府高度重视 基本公务得到保障 当地群众参加培训 数据经过核实 "
    "优先安排贫困学生 特别是农村地区 人口老龄化程度加深 现代农业示范区初具规模 "
    "“名校带新校”管理模式初见成效 按照《全县教育发展规划》要求 学校，现代化建设加快 "
    "社会保障体系更加健全 因病导致贫困的家庭 国家规定的标准逐步落实 专科、本科学生得到资助 "
    "生态环境状况良好 受到灾害影响较大 城乡差距缩小。现将有关情况通报 "
)
_ANY = "".join(bytes((a, b)).decode("gb2312", "ignore") for a in range(0xB0, 0xD8) for b in range(0xA1, 0xFF))
_STOPS = "，，，，。。；、！"


_DIGITS = "〇一二三四五六七八九"
_POWERS = ("", "十", "百", "千", "万")


def chinese_number(rng: random.Random) -> str:
    """A number in Chinese numerals: 三千二百, 二〇一五, 百分之十二点五, 三分之一."""
    kind = rng.randrange(5)
    if kind == 0:
        return "".join(rng.choice(_DIGITS) for _ in range(4))
    if kind == 1:
        return f"百分之{_spelled(rng.randrange(1, 100))}点{rng.choice(_DIGITS[1:])}"
    if kind == 2:
        return f"{rng.choice(_DIGITS[2:])}分之{rng.choice(_DIGITS[1:])}"
    return _spelled(rng.choice((rng.randrange(1, 20), rng.randrange(1, 1000), rng.randrange(1000, 100000))))


def _spelled(n: int) -> str:
    digits = str(n)
    out = "".join(
        _DIGITS[int(d)].replace("〇", "零") + (_POWERS[len(digits) - 1 - i] if d != "0" else "")
        for i, d in enumerate(digits)
    )
    return re.sub("零+", "零", out).removesuffix("零").replace("一十", "十", 1)


def number(rng: random.Random) -> str:
    """A number as reports write it."""
    kind = rng.randrange(11)
    if kind == 0:
        return str(rng.randrange(1, 10))
    if kind == 1:
        return str(rng.randrange(10, 100000))
    if kind == 2:
        return f"{rng.uniform(0, 100):.2f}"
    if kind == 3:
        return f"{rng.randrange(1000, 9999999):,}"
    if kind == 4:
        return str(rng.randrange(1949, 2031))
    if kind == 5:
        return f"{rng.randrange(1, 30)}.{rng.randrange(1, 10)}"
    if kind == 6:
        return f"{rng.randrange(1, 50)}{rng.choice('-—～至')}{rng.randrange(51, 99)}"
    if kind == 7:
        return "、".join(f"{rng.uniform(0, 200):.1f}" for _ in range(rng.randrange(2, 5)))
    if kind == 8:
        return f"{rng.choice('-−')}{rng.uniform(0, 20):.1f}"
    return chinese_number(rng)


def sentence(rng: random.Random) -> str:
    """A clause or several, ending in a stop."""
    out = []
    for _ in range(rng.randrange(1, 5)):
        kind = rng.randrange(6)
        if kind == 0:
            out.append(rng.choice(_PARTS))
        elif kind == 1:  # any characters, for the pairs of bytes no phrase above has
            out.append("".join(rng.choices(_ANY, k=rng.randrange(1, 9))) + number(rng) + rng.choice(_UNITS))
            out.append("".join(rng.choices(_ANY, k=rng.randrange(4))))
        elif kind == 2:  # a list: where, how many, where, how many
            out.append(rng.choice(_THINGS))
            out.append("、".join(rng.choice(_PLACES) + number(rng) + rng.choice(_UNITS) for _ in range(3)))
        else:
            if rng.random() < 0.3:
                out.append(f"{rng.randrange(1990, 2025)}年" + rng.choice(("", "底", "，", "末")))
            out.append(rng.choice(_PLACES) * rng.randrange(2))
            out.append(rng.choice(_THINGS))
            out.append(rng.choice(_VERBS) * rng.randrange(2))
            out.append(number(rng) + rng.choice(_UNITS))
            if rng.random() < 0.3:
                out.append(f"（{rng.choice(_VERBS)}{number(rng)}{rng.choice(_UNITS)}）")
        out.append(rng.choice(_STOPS))
    out[-1] = "。"
    return "".join(out)


def page(rng: random.Random, sentences: int = 12) -> str:
    """A page of lines."""
    lines = ["创建服务区，规划学校质量监测，发展农业产业经济，统计调查数据，重点工作进展顺利。"]
    for _ in range(sentences):
        lines.append("".join(sentence(rng) for _ in range(rng.randrange(1, 4))))
    return "\n".join(lines)
