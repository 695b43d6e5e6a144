"""One file in, its text out, whatever the format; or one clear sentence why not.

Belongs here: file formats, limits, laying out tables as lines of tab-separated cells.
Does not belong here: repair of the text, finding documents in folders or archives.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, Final

from pipelines.documents.decode import decode
from pipelines.documents.legacy import convert
from pipelines.documents.mail import main_part
from pipelines.documents.markup import declared_charset, visible_text
from pipelines.documents.model import DocumentError, SourceText
from pipelines.documents.pdf import pdf_text
from pipelines.documents.workbook import rows_to_lines, xls_text, xlsx_text

MAX_UNPACKED: Final = 100_000_000
"""Bytes the parts of one .docx or .xlsx may unpack to; pictures count."""
MAX_RATIO: Final = 200
"""Unpacked size over packed size above which a .docx or .xlsx larger than 50 MB is refused."""
MAX_BYTES: Final = 50_000_000
"""A file larger than this is not a report."""
MAX_SPAN: Final = 200
"""Columns one cell of a Word table may span."""

_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IMAGES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"BM", b"RIFF")
_PACKED: Final = (
    (b"Rar!", "A RAR archive; pack the files as .zip, or add them unpacked."),
    (b"7z\xbc\xaf\x27\x1c", "A 7-Zip archive; pack the files as .zip, or add them unpacked."),
    (b"\x1f\x8b", "A gzip file; name it .tar.gz where it is an archive, else unpack it first."),
    (b"BZh", "A bzip2 file; name it .tar.bz2 where it is an archive, else unpack it first."),
    (b"\xfd7zXZ\x00", "An xz file; name it .tar.xz where it is an archive, else unpack it first."),
    (b"\x7fELF", "A program and not a document; remove it."),
    (b"MZ\x90", "A program and not a document; remove it."),
    (b"SQLite format 3", "A database and not a document; export its tables as .csv."),
    (b"AT&TFORM", "A DjVu file; convert it to .pdf with a text layer first."),
)


def read(path: Path, *, max_bytes: int = MAX_BYTES) -> SourceText:
    """Read one file; raises DocumentError with the status for the documents table and a sentence for the analyst."""
    try:
        if not path.is_file():
            raise DocumentError("unreadable", "Not a regular file; only files can be read.")
        size = path.stat().st_size
        if size > max_bytes:
            raise DocumentError("too_large", f"{size:,} bytes; files above {max_bytes:,} bytes are not read, split it.")
        with path.open("rb") as stream:
            data = stream.read(size + 1)
            if len(data) > size:  # it grew, or tells no size; a buffer of max_bytes for each file would cost more
                data += stream.read(max_bytes + 1 - len(data))
    except OSError as error:
        raise DocumentError("unreadable", f"The file cannot be opened: {error.strerror or error}.") from None
    return read_bytes(data, path.name, max_bytes=max_bytes)


def read_bytes(data: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> SourceText:
    """`read` for bytes in memory, for instance a member of an archive."""
    if len(data) > max_bytes:
        raise DocumentError("too_large", f"More than {max_bytes:,} bytes; split the file.")
    if not data.strip(b" \t\r\n\x0b\x0c\xef\xbb\xbf"):
        raise DocumentError("empty", "The file holds no text; fetch it again or remove it.")
    digest = hashlib.sha256(data).hexdigest()
    suffix = Path(name).suffix.lower()
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return _laid_out(pdf_text(data), "application/pdf", digest, len(data))
    if data.startswith(b"PK\x03\x04"):
        return _package(data, digest)
    if data.startswith(b"PK\x05\x06"):
        raise DocumentError("empty", "The archive holds nothing; fetch it again or remove it.")
    if data.startswith(_OLE):
        return _old_office(data, suffix, digest)
    if data.startswith(b"{\\rtf"):
        return _converted(data, ".rtf", digest)
    if data.startswith(_IMAGES) and not _is_text(data):
        raise DocumentError("unsupported", "An image; run text recognition first and add the text.")
    for mark, message in _PACKED:
        if data.startswith(mark):
            raise DocumentError("unsupported", message)
    if data[257:262] == b"ustar":
        raise DocumentError("unsupported", "An archive; name it .tar so that its files are read.")
    if suffix in {".docx", ".xlsx", ".xls", ".pdf", ".doc", ".wps"}:
        if not any(data):
            raise DocumentError("truncated", "The file holds only zero bytes; fetch it again.")
        if not _is_text(data):
            raise DocumentError(
                "unreadable", f"The file is named {suffix} but its content is not; fetch or save it again."
            )
    if suffix in {".eml", ".mht", ".mhtml"}:
        return _mail(data, digest)
    if suffix in {".htm", ".html", ".xhtml"} or (suffix not in {".txt", ".csv", ".tsv", ".md"} and _is_page(data)):
        return _page(data, declared_charset(data), "text/html", digest, len(data))
    source, encoding = decode(data)
    if suffix in {".csv", ".tsv"}:
        return _csv(source, encoding, digest, len(data), "\t" if suffix == ".tsv" else None)
    if not source or source.isspace():
        raise DocumentError("empty", "The file holds no text; fetch it again or remove it.")
    return SourceText(source, "text/plain", encoding, digest, len(data))


def _page(data: bytes, charset: str | None, media_type: str, digest: str, size: int) -> SourceText:
    source, encoding = decode(data, charset)
    plain = visible_text(source)
    if not plain.text.strip():
        raise DocumentError("empty", "The page holds no visible text; where a script fills it, save it from a browser.")
    return SourceText(source, media_type, encoding, digest, size, plain.text, plain.map)


def _mail(data: bytes, digest: str) -> SourceText:
    content, charset, page = main_part(data)
    if page:
        return _page(content, charset or declared_charset(content), "message/rfc822", digest, len(data))
    source, encoding = decode(content, charset)
    if not source.strip():
        raise DocumentError("empty", "The mail holds no text; add its attachments as files of their own.")
    return SourceText(source, "message/rfc822", encoding, digest, len(data))


def _old_office(data: bytes, suffix: str, digest: str) -> SourceText:
    """A file in the container of old Office programs: judged by the streams it names."""
    if _named(data, "EncryptedPackage") or _named(data, "EncryptionInfo"):
        raise DocumentError("encrypted", "The file is protected by a password; save it without one.")
    if _named(data, "WordDocument"):
        return _converted(data, ".doc", digest)
    if _named(data, "Workbook") or _named(data, "Book"):
        return _laid_out(xls_text(data), "application/vnd.ms-excel", digest, len(data))
    if _named(data, "PowerPoint Document"):
        raise DocumentError("unsupported", "A presentation; save its text as .docx or .txt.")
    raise DocumentError("unsupported", "A file of an old Office program without text; save it as .docx or .xlsx.")


def _named(data: bytes, stream: str) -> bool:
    return stream.encode("utf-16-le") in data


def _converted(data: bytes, suffix: str, digest: str) -> SourceText:
    made, kind = convert(data, suffix)
    text = _docx(made) if kind == ".docx" else decode(made)[0]
    return _laid_out(text, "application/msword" if suffix == ".doc" else "application/rtf", digest, len(data))


def _laid_out(text: str, media_type: str, digest: str, size: int) -> SourceText:
    if not text.strip():
        raise DocumentError("empty", "The file holds no text; fetch it again or remove it.")
    return SourceText(text, media_type, None, digest, size)


def _is_text(data: bytes) -> bool:
    try:
        decode(data[:100_000])
    except DocumentError as error:
        return error.status == "truncated"
    return True


def _is_page(data: bytes) -> bool:
    return (
        re.match(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)\b", data[:2048], re.IGNORECASE)
        is not None
    )


def _package(data: bytes, digest: str) -> SourceText:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            members = package.infolist()
            names = {m.filename for m in members}
            unpacked = sum(m.file_size for m in members)
            if unpacked > MAX_UNPACKED or (unpacked > 50_000_000 and unpacked > MAX_RATIO * len(data)):
                raise DocumentError("too_large", f"The parts unpack to {unpacked:,} bytes; the file is refused.")
            if any(m.flag_bits & 1 for m in members):
                raise DocumentError("encrypted", "The file is protected by a password; save it without one.")
            broken = package.testzip()
            if broken is not None:
                raise DocumentError("truncated", "A part of the file is damaged; fetch it again.")
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise DocumentError("truncated", "The file is cut off or damaged; fetch it again.") from error
    if "word/document.xml" in names:
        return _laid_out(_docx(data), _WORD, digest, len(data))
    if "xl/workbook.xml" in names:
        return _laid_out(xlsx_text(data), _EXCEL, digest, len(data))
    if any(n.startswith("ppt/") for n in names):
        raise DocumentError("unsupported", "A presentation; save its text as .docx or .txt.")
    if "mimetype" in names and any(n in names for n in ("content.xml", "OEBPS/content.opf", "META-INF/container.xml")):
        raise DocumentError("unsupported", "An OpenDocument or e-book file; save it as .docx, .xlsx or .txt.")
    raise DocumentError("unsupported", "An archive; name it .zip so that its files are read.")


def _table_lines(table: Any) -> list[str]:
    """Rows of a Word table; a merged cell's text stands in its first place, the other places are empty."""
    from docx.table import _Cell

    lines: list[str] = []
    for row in table.rows:
        cells = [""] * min(row.grid_cols_before, MAX_SPAN)
        for place in row._tr.tc_lst:
            text = "" if place.vMerge == "continue" else " ".join(_Cell(place, table).text.split())
            cells += [text] + [""] * (min(place.grid_span, MAX_SPAN) - 1)
        lines.append("\t".join(cells).rstrip("\t"))
    return lines


def _docx(data: bytes) -> str:
    import docx
    from docx.table import Table
    from docx.text.paragraph import Paragraph

    lines: list[str] = []

    def block(parent: Any, depth: int) -> None:
        for item in parent.iter_inner_content():
            if isinstance(item, Paragraph):
                lines.append(item.text)
            elif isinstance(item, Table):
                lines.extend(_table_lines(item))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            block(docx.Document(io.BytesIO(data)), 0)
    except DocumentError:
        raise
    except Exception as error:  # the library raises many kinds for a damaged file
        raise DocumentError(
            "unreadable", f"The Word file cannot be read ({type(error).__name__}); save it again."
        ) from error
    return "\n".join(lines) + "\n"


def _csv(source: str, encoding: str, digest: str, size: int, delimiter: str | None) -> SourceText:
    if delimiter is None:
        head = source[:20_000]
        lines = head.splitlines()
        # 地区;人口 over 开江县;1,234,567: a mark in more lines sets cells apart, one in numbers does not
        delimiter = max(",\t;，", key=lambda mark: (sum(mark in line for line in lines), head.count(mark)))
    limit = csv.field_size_limit(10_000_000)
    try:
        text = rows_to_lines(csv.reader(io.StringIO(source, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise DocumentError("unreadable", f"The table cannot be split into cells: {error}.") from error
    finally:
        csv.field_size_limit(limit)
    if not text.strip():
        raise DocumentError("empty", "The table holds no text; fetch it again or remove it.")
    return SourceText(text, "text/csv", encoding, digest, size)
