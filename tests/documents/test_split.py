"""Sections: title lines that open a document of their own inside a compilation, and lines that are no titles."""

import pytest

from pipelines.documents import split as module
from pipelines.documents.split import split

PROSE = "全年完成造林80亩，新建水池6口，解决300人的饮水困难。\n"


def starts(text: str) -> list[str]:
    """First line of each section."""
    return [text[s.start : s.end].split("\n", 1)[0] for s in split(text)]


@pytest.mark.parametrize(
    "title",
    [
        "元谋县羊街镇2013年上半年教育工作汇报",
        "秀山县梅江镇二〇一四年第三季度扶贫工作小结",
        "2015年梅江镇脱贫攻坚工作开展情况",
        "关于忠路镇2012年工作情况的报告",
        "　　宝石乡人民政府工作总结（摘要）",
        "江东街道计划生育工作通报",
    ],
)
def test_a_title_after_prose_and_a_blank_line_opens_a_section(title: str) -> None:
    assert starts(f"各乡镇材料\n{PROSE}\n{title}\n{PROSE}") == ["各乡镇材料", title]
    assert starts(f"各乡镇材料\n{PROSE}{title}\n{PROSE}") == ["各乡镇材料"]


@pytest.mark.parametrize(
    "line",
    [
        "全县经济运行情况",
        "我县2013年教育工作情况",
        "各乡镇2013年工作总结",
        "二、梅江镇2013年工作情况",
        "梅江镇工作情况",
        "2013年上半年工作总结",
        "梅江镇2013年工作总结已经印发。",
        "附件：梅江镇2013年工作总结",
        "梅江镇2013年扶贫工作汇报如下，请审阅",
    ],
)
def test_what_is_no_title_opens_none(line: str) -> None:
    assert len(split(f"各乡镇材料\n{PROSE}\n{line}\n{PROSE}")) == 1


def test_a_title_above_all_prose_belongs_to_its_text() -> None:
    assert len(split(f"某某网\n\n梅江镇2013年工作总结\n{PROSE}")) == 1


def test_numbering_that_begins_again_opens_a_section() -> None:
    part = "一、开展情况\n" + PROSE + "二、下一步打算\n" + PROSE
    assert len(split(part + "工作汇报如下：\n" + part)) == 2


def test_lines_that_open_or_number_a_section_begin_with_the_characters_looked_for() -> None:
    lines = (
        "一、|十二、|第一部分|第一章|第三部分|2、发展|9．发展|（一）|(十)|第五章|1.|12、|9）|1)|尊敬的领导：|各位代表：|领导:|代表：|"
        "同志们：|委员：|来宾：|作者系某局|（作者单位：某局|供稿：某局|报送单位：某局"
    )
    patterns = (
        module.HEADING_ONE, module.HEADING_LATER, module.HEADING_ABOVE, module.ITEM, module.GREETING, module.SIGNATURE
    )  # fmt: skip
    for line in lines.split("|"):
        assert any(pattern.match(line) for pattern in patterns), line
        assert line[0] in module._OPENS, line
    unknown = [c for c in map(chr, range(0x3000, 0xA000)) if c not in module._OPENS and not c.isspace()]
    for tail in ("、", "部分", "、发展", "）", "：", "位代表：", "敬的领导：", "者系", "稿", "送单位"):
        assert not any(pattern.match(c + tail) for c in unknown for pattern in patterns)
