"""Formats that need more than decoding: tables of a PDF, old Word files, mails, entities and far references in packages."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import pytest
from bad_files import GOOD, paragraph, pdf, word, workbook, zipped

from pipelines.documents import legacy, mail
from pipelines.documents.model import DocumentError
from pipelines.documents.pdf import pdf_text
from pipelines.documents.read import read_bytes


def _grid(rows: list[list[str]], x: int, top: int) -> bytes:
    """Drawing commands of a table with lines around its cells."""
    out = []
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            left, low = x + c * 70, top - (r + 1) * 20
            out.append(
                b"%d %d 70 20 re S BT /F1 10 Tf %d %d Td (%s) Tj ET" % (left, low, left + 4, low + 6, text.encode())
            )
    return b"\n".join(out)


def _line(text: str, y: int) -> bytes:
    return b"BT /F1 10 Tf 20 %d Td (%s) Tj ET" % (y, text.encode())


def test_a_table_of_a_pdf_is_read_once_and_where_it_stands() -> None:
    content = b"\n".join(
        [
            _line("Before the table 17.", 280),
            _grid([["Year", "People"], ["2010", "1200"], ["2011", "1300"]], 20, 260),
            _line("After it 18.", 100),
        ]
    )
    text = read_bytes(pdf(content), "a.pdf").text
    assert text.splitlines() == ["Before the table 17.", "Year\tPeople", "2010\t1200", "2011\t1300", "After it 18."]


def test_a_frame_around_prose_is_no_table() -> None:
    text = pdf_text(pdf(b"10 10 280 280 re S\n" + _line("Framed 17 people.", 200)))
    assert text.split() == ["Framed", "17", "people."]


def test_a_pdf_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.documents.pdf.MAX_STREAMS", 10_000_000)
    packed = zlib.compress(b" " * 20_000_000)
    with pytest.raises(DocumentError) as caught:
        read_bytes(pdf(packed, filters=b"/Filter /FlateDecode"), "a.pdf")
    assert caught.value.status == "too_large"
    fine = zlib.compress(_line("Seventeen people live here.", 200))
    assert "Seventeen" in read_bytes(pdf(fine, filters=b"/Filter /FlateDecode"), "a.pdf").text


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;"),
        ('<!DOCTYPE d [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]>', ""),
        ('<!DOCTYPE d [<!ENTITY a "1234567890"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>', "&b;" * 10),
        ('<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd">', ""),
    ],
)
def test_entities_of_a_word_file_stay_closed(head: str, body: str) -> None:
    try:
        text = read_bytes(word(paragraph("总人口" + body), head), "a.docx").text
    except DocumentError as error:
        assert error.status == "unreadable"
        return
    assert text.strip() == "总人口"


def test_entities_of_a_workbook_stay_closed() -> None:
    data = workbook('<row r="1"><c r="A1" t="inlineStr"><is><t>总人口&x;</t></is></c></row>')
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {n: package.read(n) for n in package.namelist()}
    head = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    parts["xl/worksheets/sheet1.xml"] = head + parts["xl/worksheets/sheet1.xml"]
    try:
        text = read_bytes(zipped(dict(parts)), "a.xlsx").text
    except DocumentError as error:
        assert error.status == "unreadable"
        return
    assert "root:" not in text


def test_references_of_a_word_file_to_elsewhere_are_not_followed() -> None:
    body = (
        '<w:p><w:r><w:instrText> INCLUDETEXT "/etc/passwd" </w:instrText></w:r></w:p>'
        '<w:altChunk xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="r9"/>'
    )
    assert read_bytes(word(paragraph("总人口") + body), "a.docx").text.strip() == "总人口"


def _mail(body: bytes, kind: str, encoding: str = "8bit") -> bytes:
    return (
        f"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + body
    )


def test_mails_and_saved_pages() -> None:
    import base64
    import quopri

    source = read_bytes(_mail(GOOD.encode("gb18030"), "text/plain; charset=gb2312"), "a.eml")
    assert (source.text, source.encoding, source.media_type) == (GOOD, "gb18030", "message/rfc822")
    page = f"<html><body><p>{GOOD}</p></body></html>"
    for body, encoding in (
        (base64.encodebytes(page.encode()), "base64"),
        (quopri.encodestring(page.encode()), "quoted-printable"),
    ):
        source = read_bytes(_mail(body, "text/html; charset=utf-8", encoding), "a.mht")
        assert source.plain is not None and "出生率8.03‰" in source.plain
        at = source.plain.index("8.03")
        assert source.text[slice(*source.plain_map.to_original(at, at + 4))] == "8.03"
    parts = (
        b"--B\r\nContent-Type: text/plain\r\n\r\nplain\r\n--B\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        + page.encode()
        + b"\r\n--B--\r\n"
    )
    assert read_bytes(_mail(parts, 'multipart/alternative; boundary="B"'), "a.eml").plain is not None
    nested = b"".join(b'--%d\r\nContent-Type: multipart/mixed; boundary="%d"\r\n\r\n' % (n, n + 1) for n in range(3000))
    with pytest.raises(DocumentError):
        read_bytes(_mail(nested, 'multipart/mixed; boundary="0"'), "a.eml")
    many = b"--B\r\nContent-Type: image/png\r\n\r\nx\r\n" * (mail.MAX_PARTS + 1)
    with pytest.raises(DocumentError) as caught:
        read_bytes(_mail(many, 'multipart/mixed; boundary="B"'), "a.eml")
    assert caught.value.status == "too_large"


OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "WordDocument".encode("utf-16-le") + bytes(200)


def test_an_old_word_file_without_a_converter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy.shutil, "which", lambda name: None)
    for data in (OLD_WORD, b"{\\rtf1 text}"):
        with pytest.raises(DocumentError) as caught:
            read_bytes(data, "a.doc")
        assert caught.value.status == "unsupported"
        assert "apt install antiword" in caught.value.message


def test_an_old_word_file_by_a_converter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stands in for antiword: takes the file and prints its text; then one that fails, then one that never ends."""
    program = tmp_path / "antiword"
    monkeypatch.setattr(legacy, "converters", lambda: [str(program)])
    for script, status in (("echo '全县总人口13万人。'", None), ("exit 3", "unreadable"), ("sleep 60", "unreadable")):
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o700)
        monkeypatch.setattr(legacy, "SECONDS", 0.5 if "sleep" in script else 30)
        if status is None:
            assert read_bytes(OLD_WORD, "a.doc").text == "全县总人口13万人。\n"
            continue
        with pytest.raises(DocumentError) as caught:
            read_bytes(OLD_WORD, "a.doc")
        assert caught.value.status == status


def test_a_converter_that_loses_the_cells_of_a_table_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """9.1 and 92.5 in two cells must not come out as 9.192.5; the next program may keep the cells."""
    table = OLD_WORD + "开江县\x079.1\x0792.5\x07\x07宣汉县\x079.3\x0791.2\x07\x07".encode("utf-16-le")
    glued, framed = tmp_path / "catdoc", tmp_path / "antiword"
    glued.write_text("#!/bin/sh\necho '开江县9.192.5宣汉县9.391.2'\n", encoding="utf-8")
    framed.write_text("#!/bin/sh\nprintf '|开江县  |9.1 |92.5 |\\n|宣汉县  |9.3 |91.2 |\\n'\n", encoding="utf-8")
    for program in (glued, framed):
        program.chmod(0o700)
    monkeypatch.setattr(legacy, "converters", lambda: [str(glued), str(framed)])
    assert read_bytes(table, "a.doc").text == "开江县\t9.1\t92.5\n宣汉县\t9.3\t91.2\n"
    merged = "|地区  |2020年          |\\n|      |出生率 |死亡率  |\\n|开江县|9.1    |6.2     |\\n"
    framed.write_text(f"#!/bin/sh\nprintf '{merged}'\n", encoding="utf-8")
    assert read_bytes(table, "a.doc").text == "地区\t2020年\n\t出生率\t死亡率\n开江县\t9.1\t6.2\n"
    framed.write_text("#!/bin/sh\nprintf '|地区  |2020年     |\\n|出生率     |死亡|\\n'\n", encoding="utf-8")
    with pytest.raises(DocumentError, match="lost the borders"):
        read_bytes(table, "a.doc")
    monkeypatch.setattr(legacy, "converters", lambda: [str(glued)])
    with pytest.raises(DocumentError, match="lost the borders"):
        read_bytes(table, "a.doc")


@pytest.mark.slow
def test_an_old_word_file_by_libreoffice() -> None:
    if shutil.which("soffice") is None:
        pytest.skip("LibreOffice is not installed")
    try:
        text = read_bytes(b"{\\rtf1\\ansi Population 1200 people.}", "a.rtf").text
    except DocumentError as error:
        pytest.skip(f"LibreOffice is installed without its writer: {error.message}")
    assert text.strip() == "Population 1200 people."
