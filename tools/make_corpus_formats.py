"""Rebuild the sample documents of data/raw/documents/ that are not plain UTF-8 text.

usage: python tools/make_corpus_formats.py [--out data/raw/documents]

Writes the damaged traditional-character copy, the HTML page, the Word file and, where reportlab is installed, the PDF. The
figures of the tables come from data/raw/series/. The damage is that of old web mirrors: traditional characters written as GBK
bytes, pieces cut before punctuation, pinyin inserted behind a fixed list of characters at any byte offset, then decoded leniently.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import html
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERIES = ROOT / "data" / "raw" / "series"

KEPT = "干于并范里后余采游愿占征杰云筑系制只谷"  # simplified characters the converter left alone
VARIANTS = str.maketrans("爲衆啓鑑閒淨羣", "為眾啟鑒閑凈群")
NOTED = (
    "網發業規續創數優現質務區衛風關轉結協穩構環據領驅導鄉學設執權農醫術監產養預絡統責調內訓經鎮側復態進標準應聯時濟強認識個達動礎驗"
    "謹當機項錯細點擴譽臺運實會財堅戰對擔隊災長計號獻紀級勢價報冊節評國萬營陽來習遠"
)
READINGS = {
    "長": "zhǎng",
    "會": "huì",
    "應": "yīng",
    "當": "dāng",
    "調": "diào",
    "強": "qiáng",
    "結": "jié",
    "據": "jù",
    "數": "shù",
}
MARKS = "，。、；！？"


def traditional(text: str) -> str:
    """Character by character, as the old converters did it: no phrases, one-to-many characters mostly kept."""
    from opencc import OpenCC

    convert = OpenCC("s2t").convert
    return "".join(c if c in KEPT else convert(c) for c in text).translate(VARIANTS)


def cut(data: bytes) -> list[bytes]:
    """Separate the bytes before each mark, one mark after the other, wherever its two bytes stand side by side."""
    pieces = [data]
    for mark in (m.encode("gbk") for m in MARKS):
        done: list[bytes] = []
        for piece in pieces:
            start, at = 0, piece.find(mark)
            while at >= 0:
                if at > start:
                    done.append(piece[start:at])
                    start = at
                at = piece.find(mark, at + 2)
            done.append(piece[start:])
        pieces = done
    return pieces


def annotate(piece: bytes) -> bytes:
    """Insert `(pinyin)` behind the two bytes of each listed character, in list order, at any offset."""
    from pypinyin import Style, pinyin

    for char in NOTED:
        reading = READINGS.get(char) or pinyin(char, style=Style.TONE)[0][0]
        key = char.encode("gbk")
        piece = piece.replace(key, key + f"({reading})".encode("gbk"))
    return piece


def lenient(data: bytes) -> str:
    """Decode GBK: an undefined pair vanishes; a lead byte without a trail byte shows as `?` and swallows what follows."""
    shown: list[str] = []
    at = 0
    while at < len(data):
        lead = data[at]
        if lead < 0x80:
            shown.append(chr(lead))
            at += 1
        elif lead in (0x80, 0xFF):
            shown.append("€" if lead == 0x80 else "")
            at += 1
        elif at + 1 < len(data) and 0x40 <= data[at + 1] <= 0xFE and data[at + 1] != 0x7F:
            shown.append(data[at : at + 2].decode("gbk", errors="ignore"))
            at += 2
        else:
            shown.append("?")
            at += 2
    return "".join(shown)


def fold(text: str) -> str:
    """Full-width ASCII to ASCII."""
    return "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in text)


def damage(text: str) -> str:
    lines = []
    for line in traditional(text).split("\n"):
        pieces = cut(line.encode("gbk"))
        lines.append(fold("".join(lenient(annotate(piece)) for piece in pieces)))
    return "\n".join(lines)


SHANGZHOU = """商州区2011年人口与教育工作综述
2011年，商州区把改善民生作为各项工作的出发点，人口计生和教育事业协调发展。现将有关情况综述如下。
一、人口基本情况
按户籍统计，全区总人口55.47万人；按常住口径统计，全区常住人口53.04万人，两者相差2.43万人。城镇化率31.01%，城镇人口的比重仍然偏低。2010年第六次全国人口普查登记常住人口531696人，普查口径的人口出生率为9.36‰，死亡率为6.18‰，自然增长率为3.18‰；15岁及以上人口平均受教育年限8.79年，文盲率6.1%。
二、计划生育优质服务
围绕省级优质服务先进区的创建目标，区里按照统一标准规划建设9个服务站，上下衔接，服务网络基本形成。乡镇主要领导对本地工作负总责，计生专干进村入户，宣传政策、登记孕情、送医送药。对独女户和贫困户，在养老、医疗、升学等方面给予照顾；对违法鉴定胎儿性别的行为，联合卫生、公安等部门依法查处。
三、义务教育均衡发展
学校布局更加合理。经过调整，全区学校总数从368所减到337所，撤并校点31个。教师队伍建设得到加强，参加培训的有中小学校长368名、中学副校长75名、专兼职教师4446名。教育经费实行集中使用、分年付款，重点用于薄弱学校的校舍和设备。
四、存在问题和今后打算
当前，全区人口受教育程度还不高，农村学校师资力量不足，流动人口管理难度较大。今后要进一步落实责任，完善机制，确保学生进得来、留得住、学得好，使群众真正享受到发展的成果。
"""


def rows(table: str) -> list[dict[str, str]]:
    with (SERIES / table).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def quanzhou_page() -> str:
    """A statistical page: one row per county, the units in the header."""
    columns = [
        ("resident_population", "年末常住人口（万人）"),
        ("urbanisation_rate", "城镇化水平（%）"),
        ("birth_rate", "出生率（‰）"),
        ("death_rate", "死亡率（‰）"),
        ("natural_growth_rate", "自然增长率（‰）"),
    ]
    found: dict[str, dict[str, str]] = {}
    for row in rows("quanzhou-2021.csv"):
        found.setdefault(row["place_name"].removeprefix("福建省泉州市"), {})[row["indicator_id"]] = row["value"]
    head = "".join(f"<th>{html.escape(label)}</th>" for _, label in columns)
    body = "\n".join(
        f"<tr><td>{name}</td>" + "".join(f"<td>{values[key]}</td>" for key, _ in columns) + "</tr>"
        for name, values in found.items()
    )
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<title>2021年泉州市各县（市、区）人口简况</title>
<style>body{{font-family:serif}} td{{text-align:right}}</style>
<script>var hits = 20220;</script>
</head>
<body>
<nav><a href="#">首页</a> | <a href="#">统计数据</a> | <a href="#">统计分析</a></nav>
<h1>2021年泉州市各县（市、区）人口简况</h1>
<p>2021年，泉州市各县（市、区）人口发展呈现“沿海集聚、山区平稳”的格局。各地常住人口、城镇化水平和人口自然变动的主要数据列于下表。</p>
<table border="1">
<caption>表1　2021年各县（市、区）常住人口主要指标</caption>
<tr><th>县（市、区）</th>{head}</tr>
{body}
</table>
<p>从规模看，晋江市常住人口206.9万人，居各地之首；南安市152.7万人、安溪县100.2万人，分列第二、第三位；洛江区25.5万人，规模最小。</p>
<p>从城镇化水平看，鲤城区、丰泽区均为100%，石狮市、德化县分别为86.1%和78.6%，安溪县为52.4%，最高与最低相差47.6个百分点。</p>
<p>从自然变动看，泉港区出生率11.0‰，在各地中最高；鲤城区7.5‰，为最低，两者相差3.5个千分点。丰泽区自然增长率3.2‰，居首位；永春县0.5‰，接近零增长。总体而言，各地出生率均未超过11‰，生育水平已经不高，山区县还面临人口外流的压力。</p>
<p>下一步，要密切关注出生人口的变化，完善托育、教育、医疗等公共服务，促进人口与经济社会协调发展。</p>
<p>注：各项率按常住人口口径计算，保留一位小数，出生率减死亡率与自然增长率之间可能有0.1的尾差。</p>
<footer>主办单位：某某统计信息网　访问量：20220</footer>
</body>
</html>
"""


def beijing_docx(path: Path) -> None:
    from docx import Document

    found: dict[str, dict[str, str]] = {}
    for row in rows("beijing-2010-2016.csv"):
        if row["period"] in {"2011", "2012"} and row["basis"] == "户籍":
            found.setdefault(row["place_name"].removeprefix("北京市"), {})[row["indicator_id"] + row["period"]] = row[
                "value"
            ]
    doc = Document()
    doc.core_properties.author = doc.core_properties.comments = ""
    doc.core_properties.title = "2012年北京市各区县户籍人口自然变动情况"
    doc.core_properties.created = doc.core_properties.modified = datetime.datetime(2013, 1, 1)
    doc.add_heading("2012年北京市各区县户籍人口自然变动情况", level=1)
    doc.add_paragraph(
        "受龙年生育偏好等因素影响，2012年北京市各区县户籍出生人口普遍增加。现根据户籍登记资料，将各区县2011年和2012年的"
        "出生、死亡和自然增长情况整理如下。"
    )
    doc.add_heading("一、出生人数", level=2)
    doc.add_paragraph(
        "2012年，海淀区出生23787人，朝阳区出生23581人，两区出生人数均超过2万人，分别比上年增加3264人和3091人，增长15.90%和15.09%。"
        "西城区出生14864人，比上年增长20.54%，增幅较大。门头沟区、延庆县出生人数较少，分别为2358人和2524人。"
    )
    doc.add_heading("二、死亡和自然增长", level=2)
    doc.add_paragraph(
        "2012年，朝阳区死亡7324人，居各区县首位；海淀区死亡5403人。延庆县死亡1800人，比上年的1960人减少160人，是死亡人数下降的县。"
        "出生与死亡相抵，海淀区自然增长18384人，朝阳区自然增长16257人，门头沟区自然增长598人，各区县均为正增长。"
    )
    doc.add_paragraph("各区县详细数字见下表。")
    table = doc.add_table(rows=1, cols=7)
    heads = [
        "区县",
        "2011年出生（人）",
        "2011年死亡（人）",
        "2011年自然增长（人）",
        "2012年出生（人）",
        "2012年死亡（人）",
        "2012年自然增长（人）",
    ]
    for cell, text in zip(table.rows[0].cells, heads, strict=True):
        cell.text = text
    keys = [f"{name}{year}" for year in (2011, 2012) for name in ("births", "deaths", "natural_increase")]
    for name, values in found.items():
        for cell, text in zip(table.add_row().cells, [name, *(values[key] for key in keys)], strict=True):
            cell.text = text
    doc.add_heading("三、几点看法", level=2)
    doc.add_paragraph(
        "出生人数的集中增长，将在三年后传导到幼儿园，在六年后传导到小学。各区县应当提前测算学位需求，挖掘存量、适度新建；"
        "妇幼保健机构要合理安排床位和产科力量，保证母婴安全；统计部门要按季度提供出生、死亡和迁移的动态数据。"
    )
    doc.save(str(path))


def kaijiang_lines() -> list[str]:
    found: dict[str, dict[str, str]] = {}
    for row in rows("kaijiang-1949-1978.csv"):
        found.setdefault(row["period"], {})[row["indicator_id"]] = row["value"]
    lines = [
        "开江县1953—1961年人口变动史料",
        "",
        "本篇根据县志所载历年人口资料整理，记述1953年至1961年全县人口自然变动的经过。",
        "",
        "一、平稳增长时期",
        "1953年末，全县总人口316134人；全年出生9100人，死亡3187人，自然增长5913人，",
        "自然增长率18.70‰。1955年出生15300人，出生率达到45.99‰，为这一时期最高。",
        "到1957年末，总人口达到349442人，比1953年末增加33308人。",
        "",
        "二、急剧减少时期",
        "1958年起，死亡多于出生。1958年死亡7220人，1959年死亡11620人，1960年死亡24578人，",
        "死亡率分别为20.88‰、34.42‰和77.25‰。1960年自然增长率为-67.63‰，",
        "全年净减少21378人。1961年末总人口312034人，比1957年末减少37408人，",
        "低于1953年的水平。1958年至1961年，死亡人数合计50708人。",
        "",
        "三、历年数字",
        "年份 总人口（人） 出生（人） 出生率（‰） 死亡（人） 死亡率（‰） 自然增长率（‰）",
    ]
    for year in range(1953, 1962):
        values = found[str(year)]
        keys = ("year_end_population", "births", "birth_rate", "deaths", "death_rate", "natural_growth_rate")
        lines.append(" ".join([f"{year}年", *(values[key] for key in keys)]))
    return [
        *lines,
        "",
        "说明：各项率以年末人口为分母。这一段历史说明，人口的增减与农业收成、群众生活",
        "息息相关；重视粮食生产、关心群众疾苦，是做好一切工作的前提。",
    ]


def kaijiang_pdf(path: Path) -> bool:
    try:
        from reportlab.lib.pagesizes import A4
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.cidfonts import UnicodeCIDFont
        from reportlab.pdfgen.canvas import Canvas
    except ImportError:
        return False
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    canvas.setTitle("开江县1953—1961年人口变动史料")
    height = A4[1] - 70
    for number, line in enumerate(kaijiang_lines()):
        canvas.setFont("STSong-Light", 15 if number == 0 else 11)
        canvas.drawString(60, height, line)
        height -= 20
    canvas.save()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "raw" / "documents")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    (out / "shangzhou-2011-damaged.txt").write_text(damage(SHANGZHOU), encoding="utf-8")
    (out / "quanzhou-2021.html").write_text(quanzhou_page(), encoding="utf-8")
    beijing_docx(out / "beijing-2012.docx")
    if not kaijiang_pdf(out / "kaijiang-1953-1961.pdf"):
        print("kaijiang-1953-1961.pdf left as it is: it needs the package reportlab")


if __name__ == "__main__":
    main()
