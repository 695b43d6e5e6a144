"""Bad inputs made by code: for each a name, its bytes or a way to make it, and the status it must get."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

GOOD = "开江县2011年工作总结\n2011年，全县人口出生率8.03‰，出生4800人。\n"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
WORD = "word/document.xml"
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>'
    "</Types>"
)
RELS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
    "</Relationships>"
)
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def zipped(entries: dict[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in entries.items():
            package.writestr(name, data)
    return out.getvalue()


def tarred(entries: dict[str, bytes], mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as package:  # type: ignore[call-overload]
        for name, data in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            package.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def word(body: str, head: str = "") -> bytes:
    """A .docx of its smallest parts."""
    document = f'<?xml version="1.0"?>{head}<w:document {W}><w:body>{body}</w:body></w:document>'
    return zipped({"[Content_Types].xml": TYPES, "_rels/.rels": RELS, WORD: document})


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def workbook(cells: str) -> bytes:
    """A .xlsx of one sheet with the given <row> elements."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{types}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{sheet}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{sheet}.worksheet+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
        }
    )


def pdf(content: bytes, *, image: bool = False, extra: bytes = b"", filters: bytes = b"") -> bytes:
    """A one-page PDF written by hand."""
    resources = b"<< /Font << /F1 5 0 R >> " + (b"/XObject << /I 6 0 R >> " if image else b"") + b">>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /Resources " + resources + b" >>",
        b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), filters, content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\nstream\n0\nendstream",
    ]
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, extra, start)


@dataclass(frozen=True)
class Bad:
    """One file: `make` writes it at a path; `status` it must get, where `ok` means read without any figure."""

    name: str
    make: Callable[[Path], None]
    status: str


def _bytes(name: str, data: bytes, status: str) -> Bad:
    return Bad(name, lambda path: path.write_bytes(data) and None, status)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200_000_000)  # takes no room on disk


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # the address of a socket is short
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def _closed(path: Path) -> None:
    path.write_text(GOOD, encoding="utf-8")
    path.chmod(0)


def bad_files() -> Iterator[Bad]:
    """All of them; more than sixty."""
    utf8 = GOOD.encode()
    # nothing there
    yield _bytes("empty.txt", b"", "empty")
    yield _bytes("blank.txt", b" \r\n\t \n", "empty")
    yield _bytes("bom-only.txt", b"\xef\xbb\xbf", "empty")
    yield _bytes("bom16-only.txt", b"\xff\xfe", "empty")
    yield _bytes("ideographic-blanks.txt", "\u3000\u3000\n".encode(), "empty")
    yield _bytes("empty.docx", b"", "empty")
    yield _bytes("empty-paragraphs.docx", word("<w:p/><w:p/>"), "empty")
    yield _bytes("empty.csv", b"\n\n\n", "empty")
    yield _bytes("empty.zip", b"PK\x05\x06" + bytes(18), "empty")
    yield _bytes("folders-only.zip", zipped({"a/": b""}), "empty")
    yield _bytes("zeros.tar", bytes(10_240), "empty")
    yield _bytes(
        "no-text.html", b"<html><head><title>x</title></head><body><script>1200</script></body></html>", "empty"
    )
    yield _bytes("no-page.pdf", pdf(b""), "empty")
    yield _bytes("no-text.eml", b"From: a@b\r\nContent-Type: image/png\r\n\r\nx", "empty")
    # cut off
    yield _bytes("cut.txt", "总人口".encode() * 20 + b"\xe6\x80", "truncated")
    yield _bytes("cut.docx", word(paragraph(GOOD))[:600], "truncated")
    yield _bytes("cut.xlsx", workbook("<row r='1'/>")[:500], "truncated")
    yield _bytes("cut.pdf", pdf(b"BT ET")[:120], "truncated")
    yield _bytes("cut.zip", zipped({"a.txt": utf8 * 50})[:-30], "truncated")
    yield _bytes("cut.tar.gz", tarred({"a.txt": utf8 * 50}, "w:gz")[:-20], "truncated")
    yield _bytes("cut.tar.xz", tarred({"a.txt": utf8 * 50}, "w:xz")[:-20], "truncated")
    yield _bytes("zeros.pdf", bytes(2000), "truncated")
    yield _bytes("zeros.docx", bytes(2000), "truncated")
    yield _bytes("flipped.docx", _flipped(word(paragraph(GOOD * 30))), "truncated")
    # not what the name says
    yield _bytes("picture.txt", b"\x89PNG\r\n\x1a\n" + bytes(60), "unsupported")
    yield _bytes("picture.jpg", b"\xff\xd8\xff\xe0" + bytes(60), "unsupported")
    yield _bytes("program.txt", b"\x7fELF\x02\x01\x01" + bytes(60), "unsupported")
    yield _bytes("program.exe", b"MZ\x90\x00" + bytes(60), "unsupported")
    yield _bytes("noise.docx", bytes(range(256)) * 8, "unreadable")
    yield _bytes("noise.pdf", bytes(range(255, -1, -1)) * 8, "unreadable")
    yield _bytes("noise.txt", bytes(range(256)) * 8, "binary")
    yield _bytes("archive.txt", zipped({"a.txt": utf8}), "unsupported")
    yield _bytes("tar.txt", tarred({"a.txt": utf8}, "w"), "unsupported")
    yield _bytes("packed.gz", tarred({"a.txt": utf8}, "w:gz"), "unsupported")
    yield _bytes("packed.rar", b"Rar!\x1a\x07\x00" + bytes(60), "unsupported")
    yield _bytes("packed.7z", b"7z\xbc\xaf\x27\x1c" + bytes(60), "unsupported")
    yield _bytes("slides.pptx", zipped({"ppt/presentation.xml": "<p/>", "[Content_Types].xml": TYPES}), "unsupported")
    yield _bytes(
        "text.odt",
        zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<o/>"}),
        "unsupported",
    )
    yield _bytes("other.doc", OLE, "unsupported")
    yield _bytes("slides.ppt", OLE + "PowerPoint Document".encode("utf-16-le"), "unsupported")
    yield _bytes("not-word.docx", zipped({WORD: "<not-word/>"}), "unreadable")
    yield _bytes("broken-xml.docx", word("<w:p><w:r>"), "unreadable")
    yield _bytes("broken.xlsx", zipped({"xl/workbook.xml": "<"}), "unreadable")
    yield _bytes("database.sqlite", b"SQLite format 3\x00" + bytes(60), "unsupported")
    # closed
    yield _bytes("locked.xlsx", OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted")
    yield _bytes(
        "locked.pdf",
        pdf(
            b"",
            extra=b"/Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O (%s) /U (%s) >> /ID [(a) (a)]"
            % (b"x" * 32, b"y" * 32),
        ),
        "encrypted",
    )
    yield _bytes("locked.docx", _locked(word(paragraph(GOOD))), "encrypted")
    # too much
    yield Bad("large.txt", _large, "too_large")
    yield _bytes("bomb.docx", zipped({WORD: bytes(150_000_000)}), "too_large")
    yield _bytes("bomb.zip", zipped({"a.txt": bytes(60_000_000)}), "too_large")
    yield _bytes("bomb.tar.gz", tarred({"a.txt": bytes(60_000_000)}, "w:gz"), "too_large")
    yield _bytes(
        "nested-bomb.zip", zipped({"a.zip": zipped({f"{n}.txt": bytes(20_000_000) for n in range(3)})}), "too_large"
    )
    yield _bytes(
        "wide.xlsx",
        workbook('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        "too_large",
    )
    # encodings
    yield _bytes(
        "mixed.txt",
        "全县总人口".encode() * 9 + "全县总人口".encode("gb18030") + "全县总人口".encode() * 9,
        "undecodable",
    )
    yield _bytes("invalid.txt", utf8 * 3 + b"\xff\xfe\xfd" + utf8 * 3, "undecodable")
    yield _bytes("nul.txt", GOOD.replace("，", "\x00").encode(), "binary")
    yield _bytes("control.txt", "".join(c + "\x03\x1f" for c in GOOD).encode(), "binary")
    yield _bytes("odd16.txt", GOOD.encode("utf-16") + b"x", "undecodable")
    yield _bytes("surrogate16.txt", b"\xff\xfe\x00\xd8\x41\x00" * 3, "undecodable")
    # nothing to be read out of it
    yield _bytes("picture-of-a-page.pdf", pdf(b"q 300 0 0 300 0 0 cm /I Do Q", image=True), "scanned")
    yield _bytes("only-spam.txt", ("澳门赌场 彩票 六合彩 开户送彩金 微信123456 日赚5000元 投注\n" * 40).encode(), "ok")
    yield _bytes(
        "only-furniture.txt",
        ("首页|新闻|政务|服务|互动|专题|地图|English|登录|注册\n版权所有 2011 备案号12345678\n" * 20).encode(),
        "ok",
    )
    yield _bytes("only-punctuation.txt", "。，、；：？！".encode() * 50, "ok")
    yield _bytes("only-question-marks.txt", b"?" * 5000, "ok")
    # no files at all
    yield Bad("loop.txt", lambda path: path.symlink_to(path.name), "unreadable")
    yield Bad("nowhere.txt", lambda path: path.symlink_to("does-not-exist"), "unreadable")
    yield Bad("loop-folder", lambda path: path.symlink_to("."), "")
    yield Bad("device.txt", lambda path: path.symlink_to("/dev/zero"), "unreadable")
    yield Bad("pipe.txt", lambda path: os.mkfifo(path), "unreadable")
    yield Bad("socket.txt", _socket, "unreadable")
    if os.geteuid() != 0:  # the superuser may read everything
        yield Bad("closed.txt", _closed, "unreadable")
    # sidecars
    yield _bytes("alone.yaml", b"title: x\n", "no_document")
    # archives that reach out
    yield _bytes("outside.zip", zipped({"../outside.txt": utf8}), "unsafe")
    yield _bytes("absolute.tar", tarred({"/tmp/outside.txt": utf8}, "w"), "unsafe")


def odd_names() -> list[str]:
    """Names that must come through as text and nothing else; each holds a readable report."""
    return [
        "it's \"quoted\".txt", "new\nline.txt", "tab\there.txt", "..txt", "...txt", "a..b.txt", "bidi\u202egnp.txt", "\u200bzero.txt",
        "bell\x07.txt", "escape\x1b[31m.txt", "$(touch x).txt", "`id`.txt", "; DROP TABLE series.txt", "<script>alert(1)</script>.txt"[:40],
        "=cmd|' -C calc'!A0.txt", "%s%n.txt", "{0}.txt", "😀.txt", "a" * 240 + ".txt", "年报.TXT", "no-suffix", "-rf.txt", "nul.txt.txt", "*.txt",
    ]  # fmt: skip


def _flipped(data: bytes) -> bytes:
    changed = bytearray(data)
    at = data.index(b"word/document.xml") + 60
    changed[at] ^= 0xFF
    return bytes(changed)


def _locked(data: bytes) -> bytes:
    """Every entry marked as encrypted."""
    changed = bytearray(data)
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        changed[at + 8] |= 1
        at += 4
    return bytes(changed)
