"""Formats and encodings, and one clear status for each file that cannot be read."""

from __future__ import annotations

import io
import os
import re
import zipfile
from pathlib import Path

import docx
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.documents.decode import likelihood
from pipelines.documents.markup import visible_text
from pipelines.documents.model import DocumentError
from pipelines.documents.read import read, read_bytes

REPORT = "全县总人口13.47万人，比上年增长5.2‰。\r\n农村居民人均可支配收入达到8,000元。\n"
TRADITIONAL = "全縣總人口13.47萬人，比上年增長。\r\n農村居民人均可支配收入達到8000元，學校和醫院都有發展。\n"


@pytest.mark.parametrize(
    ("encoding", "text", "named"),
    [
        ("utf-8", REPORT, "utf-8"),
        ("utf-8-sig", REPORT, "utf-8-sig"),
        ("utf-16", REPORT, "utf-16"),
        ("utf-16-le", REPORT, "utf-16-le"),
        ("gb18030", REPORT, "gb18030"),
        ("gbk", TRADITIONAL, "gb18030"),
        ("big5", TRADITIONAL, "big5hkscs"),
    ],
)
def test_encodings_are_recognised_and_newlines_kept(tmp_path, encoding, text, named):
    path = tmp_path / "报告.txt"
    path.write_bytes(text.encode(encoding))
    source = read(path)
    assert (source.text, source.encoding, source.media_type) == (text, named, "text/plain")
    assert source.n_bytes == path.stat().st_size
    assert len(source.sha256) == 64


def _docx(text: str = "总人口") -> bytes:
    document = docx.Document()
    document.add_paragraph(text)
    table = document.add_table(2, 2)
    for cell, value in zip(
        (c for r in table.rows for c in r.cells), ["指标", "数值", "总人口", "13.47万人"], strict=True
    ):
        cell.text = value
    document.add_paragraph("结束")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _xlsx() -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet("人口")
        for r, row in enumerate([["指标", "2020"], ["总人口（万人）", 13.47]]):
            sheet.write_row(r, 0, row)
    return out.getvalue()


def _pdf(content: bytes, *, image: bool = False, extra: bytes = b"") -> bytes:
    """A one-page PDF written by hand."""
    resources = b"<< /Font << /F1 5 0 R >> " + (b"/XObject << /I 6 0 R >> " if image else b"") + b">>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /Resources " + resources + b" >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\nstream\n0\nendstream",
    ]
    out = b"%PDF-1.4\n"
    places = []
    for n, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (n, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % p for p in places)
    return out + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, extra, start)


_ENCRYPTED = b"/Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O (%s) /U (%s) >> /ID [(a) (a)]" % (
    b"x" * 32,
    b"y" * 32,
)


def test_word_tables_become_lines_of_cells():
    assert read_bytes(_docx(), "a.docx").text == "总人口\n指标\t数值\n总人口\t13.47万人\n结束\n"


def test_workbooks_and_csv_become_lines_of_cells():
    assert read_bytes(_xlsx(), "a.xlsx").text == "人口\n指标\t2020\n总人口（万人）\t13.47\n"
    assert read_bytes('指标,数值\n"总人口,万人",13.47\n'.encode(), "a.csv").text == "指标\t数值\n总人口,万人\t13.47\n"


def test_pdf_text():
    source = read_bytes(_pdf(b"BT /F1 12 Tf 20 200 Td (Population 13.47 million people) Tj ET"), "a.pdf")
    assert "Population 13.47 million people" in source.text
    assert source.media_type == "application/pdf"


def _zip(names: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in names.items():
            package.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\t", "empty"),
        ("a.txt", b"\xef\xbb\xbf", "empty"),
        ("a.txt", b"\x00\x01\x02\x03" * 50, "binary"),
        ("a.txt", "总人口".encode() * 20 + b"\xe6\x80", "truncated"),
        ("a.txt", "总人口".encode() * 20 + b"\xff" + "总人口".encode() * 20, "undecodable"),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(50), "unsupported"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "unsupported"),
        (
            "a.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le") + bytes(500),
            "encrypted",
        ),
        ("a.docx", _docx()[:800], "truncated"),
        ("a.docx", b"PK\x05\x06" + bytes(18), "empty"),
        ("a.docx", _zip({"word/document.xml": b"<not-word/>"}), "unreadable"),
        ("a.docx", _zip({"x.txt": b"1"}), "unsupported"),
        ("a.xlsx", _zip({"xl/workbook.xml": b"<"}), "unreadable"),
        ("a.docx", _zip({"word/document.xml": bytes(300_000_000)}), "too_large"),
        ("a.pdf", _pdf(b"q 300 0 0 300 0 0 cm /I Do Q", image=True), "scanned"),
        ("a.pdf", _pdf(b""), "empty"),
        ("a.pdf", _pdf(b"", extra=_ENCRYPTED), "encrypted"),
        ("a.pdf", _pdf(b"BT ET")[:120], "truncated"),
        ("a.pdf", bytes(1000), "truncated"),
        ("a.csv", b"\n\n", "empty"),
    ],
)
def test_each_bad_file_has_its_status(name, data, status):
    with pytest.raises(DocumentError) as caught:
        read_bytes(data, name)
    assert caught.value.status == status
    assert caught.value.message.endswith((".", ";"))


def test_files_that_cannot_be_opened(tmp_path):
    with pytest.raises(DocumentError) as caught:
        read(tmp_path)
    assert caught.value.status == "unreadable"
    with pytest.raises(DocumentError):
        read(tmp_path / "missing.txt")
    (tmp_path / "a.txt").write_text("总人口", "utf-8")
    with pytest.raises(DocumentError) as caught:
        read(tmp_path / "a.txt", max_bytes=3)
    assert caught.value.status == "too_large"


MARKUP = re.findall(
    r"\S+",
    "<p> </p> <td> 人口 12.5 &lt; &#37; <script> </script> <!-- --> < > & ' \" <br/> <nav> </nav>",
) + ["\n"]

PAGE = """<!DOCTYPE html><html><head><meta charset="gb2312"><title>公报</title><style>p{a:b}</style></head>
<body><nav><ul><li>首页</li></ul></nav><h1>统计&nbsp;公报</h1>
<script>document.write("<p>9999</p>")</script>
<p>总人口<b>13.47</b>万人，<!-- 注 -->增长&lt;5&#x25;。</p>
<table><tr><th>指标</th><th>数值</th></tr>
<tr><td>总人口</td><td>13.47</td></tr></table>
<p>第一行
续行</p></body></html>"""


def test_visible_text_of_a_page():
    source = read_bytes(PAGE.encode("gb18030"), "a.html")
    assert source.text == PAGE
    assert source.encoding == "gb18030"
    assert source.plain == "统计 公报\n总人口13.47万人，增长<5%。\n指标\t数值\n总人口\t13.47\n第一行续行"
    at = source.plain.index("13.47")
    start, end = source.plain_map.to_original(at, at + 5)
    assert source.text[start:end] == "13.47"
    at = source.plain.rindex("13.47")
    start, end = source.plain_map.to_original(at, at + 5)
    assert source.text[start:end] == "13.47" and source.text[start - 4 : start] == "<td>"
    at = source.plain.index("%")
    assert source.text[slice(*source.plain_map.to_original(at, at + 1))] == "&#x25;"


@given(st.lists(st.sampled_from(MARKUP)))
@settings(max_examples=300, deadline=None)
def test_any_markup_is_taken_and_every_visible_character_leads_to_its_source(parts):
    source = "".join(parts)
    got = visible_text(source)
    for i, char in enumerate(got.text):
        start, end = got.map.to_original(i, i + 1)
        assert 0 <= start <= end <= len(source)
        if char not in "\n\t <%" and end - start == 1:
            assert source[start] == char


@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.html", "a.docx", "a.pdf", "a.csv", "a.xlsx"]))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_text_or_a_status(data, name):
    try:
        assert read_bytes(data, name).text.strip()
    except DocumentError as error:
        assert error.status and error.message


def test_lines_broken_by_the_width_of_a_page_are_joined() -> None:
    from pipelines.documents.pdf import unwrapped

    page = "某县人口\n1953年末，全县总人口三十一万人；全年出生九千人，自然增长六千人，\n自然增长率18.70‰。\n一、情况\n年份 总人口 出生\n1953年 316134 9100\n1954年 320024 7700"
    assert unwrapped(page).split("\n") == [
        "某县人口",
        "1953年末，全县总人口三十一万人；全年出生九千人，自然增长六千人，自然增长率18.70‰。",
        "一、情况",
        "年份 总人口 出生",
        "1953年 316134 9100",
        "1954年 320024 7700",
    ]


@given(st.text(st.sampled_from("的一x1 \n　，。縣囧\ue000\ufffdあ𠀀ｱ"), max_size=40))
def test_likelihood_is_the_share_of_common_characters_less_what_no_text_holds(text):
    good = sum(c in "的一　，。縣" for c in text)
    bad = sum(c in "\ue000\ufffdあ𠀀" for c in text)
    wide = sum(c > "\x7f" for c in text) or 1
    assert likelihood(text) == (good - 3 * bad) / wide


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=20), st.integers(0, 19))
def test_one_broken_character_does_not_make_utf8_another_encoding(text, at):
    data = bytearray(("全县总人口。" * 40 + text).encode())
    data[at * 3] = 0xFF
    with pytest.raises(DocumentError) as raised:
        read_bytes(bytes(data), "a.txt")
    assert raised.value.status == "undecodable"


def test_a_file_that_tells_no_size_is_read_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text(REPORT * 100, encoding="utf-8", newline="")
    stat = Path.stat

    def small(self, **settings):
        found = list(stat(self, **settings))
        found[6] = 10
        return os.stat_result(found)

    monkeypatch.setattr(Path, "stat", small)
    assert read(path).text == REPORT * 100
    with pytest.raises(DocumentError) as raised:
        read(path, max_bytes=500)
    assert raised.value.status == "too_large"
