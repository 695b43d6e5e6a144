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
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pipelines.documents.decode import decode
from pipelines.documents.markup import declared_charset, visible_text
from pipelines.documents.model import DocumentError, SourceText

MAX_UNPACKED: Final = 1_000_000_000
"""Bytes the parts of one .docx or .xlsx may unpack to."""
MAX_RATIO: Final = 200
"""Unpacked size over packed size above which a .docx or .xlsx larger than 50 MB is refused."""
MAX_BYTES: Final = 50_000_000
"""A file larger than this is not a report."""
MAX_PAGES: Final = 5_000
"""Pages read of a .pdf."""

_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IMAGES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*")
TEXT_SUFFIXES: Final = frozenset(
    {".txt", ".text", ".md", ".htm", ".html", ".xhtml", ".docx", ".pdf", ".csv", ".tsv", ".xlsx"}
)
"""Names `read` knows; other names are judged by their content."""


def read(path: Path, *, max_bytes: int = MAX_BYTES) -> SourceText:
    """Read one file; raises DocumentError with the status for the documents table and a sentence for the analyst."""
    try:
        if not path.is_file():
            raise DocumentError("unreadable", "Not a regular file; only files can be read.")
        size = path.stat().st_size
        if size > max_bytes:
            raise DocumentError("too_large", f"{size:,} bytes; files above {max_bytes:,} bytes are not read, split it.")
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise DocumentError("unreadable", f"The file cannot be opened: {error.strerror or error}.") from None
    return read_bytes(data, path.name, max_bytes=max_bytes)


def read_bytes(data: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> SourceText:
    """`read` for bytes in memory, for instance a member of an archive."""
    if len(data) > max_bytes:
        raise DocumentError("too_large", f"More than {max_bytes:,} bytes; split the file.")
    if not data.strip(b" \t\r\n\x0b\x0c\xef\xbb\xbf"):
        raise DocumentError("empty", "The file holds no text.")
    digest = hashlib.sha256(data).hexdigest()
    suffix = Path(name).suffix.lower()
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return _laid_out(_pdf(data), "application/pdf", digest, len(data))
    if data.startswith(b"PK\x03\x04"):
        return _package(data, digest)
    if data.startswith(b"PK\x05\x06"):
        raise DocumentError("empty", "The archive holds nothing.")
    if data.startswith(_OLE):
        if b"E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k" in data:
            raise DocumentError("encrypted", "The file is protected by a password; save it without one.")
        raise DocumentError("unsupported", "An old Word or Excel file; save it as .docx or .xlsx.")
    if data.startswith(_IMAGES):
        raise DocumentError("unsupported", "An image; run text recognition first and add the text.")
    if suffix in {".docx", ".xlsx", ".pdf"}:
        if not any(data):
            raise DocumentError("truncated", "The file holds only zero bytes; fetch it again.")
        if not _is_text(data):
            raise DocumentError(
                "unreadable", f"The file is named {suffix} but its content is not; fetch or save it again."
            )
    if suffix in {".htm", ".html", ".xhtml"} or (suffix not in {".txt", ".csv", ".tsv", ".md"} and _is_page(data)):
        source, encoding = decode(data, declared_charset(data))
        plain = visible_text(source)
        return SourceText(source, "text/html", encoding, digest, len(data), plain.text, plain.map)
    source, encoding = decode(data)
    if suffix in {".csv", ".tsv"}:
        return _csv(source, encoding, digest, len(data), "\t" if suffix == ".tsv" else None)
    if not source.strip():
        raise DocumentError("empty", "The file holds no text.")
    return SourceText(source, "text/plain", encoding, digest, len(data))


def _laid_out(text: str, media_type: str, digest: str, size: int) -> SourceText:
    if not text.strip():
        raise DocumentError("empty", "The file holds no text.")
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
        return _laid_out(_xlsx(data), _EXCEL, digest, len(data))
    raise DocumentError("unsupported", "An archive or package of another kind; unpack it first.")


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
                for row in item.rows:
                    seen: set[int] = set()
                    cells: list[str] = []
                    for cell in row.cells:
                        if id(cell._tc) in seen:
                            continue
                        seen.add(id(cell._tc))
                        cells.append(" ".join(cell.text.split()))
                    lines.append("\t".join(cells))

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


def _pdf(data: bytes) -> str:
    import logging

    import pdfplumber
    from pdfminer.pdfdocument import PDFPasswordIncorrect

    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    parts: list[str] = []
    images = pages = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pdfplumber.open(io.BytesIO(data)) as document:
                for page in document.pages[:MAX_PAGES]:
                    pages += 1
                    parts.append(unwrapped(page.extract_text() or ""))
                    images += len(page.images)
                    for table in page.extract_tables():
                        parts.extend(
                            "\t".join(" ".join((cell or "").split()) for cell in row) for row in table if any(row)
                        )
                    page.close()
    except Exception as error:
        if isinstance(error, PDFPasswordIncorrect) or any(isinstance(a, PDFPasswordIncorrect) for a in error.args):
            raise DocumentError("encrypted", "The file is protected by a password; save it without one.") from error
        if b"%%EOF" not in data[-2048:]:
            raise DocumentError("truncated", "The PDF is cut off; fetch it again.") from error
        raise DocumentError("unreadable", f"The PDF cannot be read ({type(error).__name__}); save it again.") from error
    text = "\n".join(parts)
    if not pages and b"%%EOF" not in data[-2048:]:
        raise DocumentError("truncated", "The PDF is cut off; fetch it again.")
    if len(re.sub(r"\s", "", text)) < 8 * pages and images:
        raise DocumentError("scanned", "The PDF holds pictures of pages and no text; run text recognition first.")
    return text + "\n" if text.strip() else ""


_BEGINS_ANEW = re.compile(
    r"^\s*(?:[一二三四五六七八九十]+、|[(（][一二三四五六七八九十0-9]+[)）]|[0-9]+[、.．]|第[一二三四五六七八九十]+)"
)


def unwrapped(page: str) -> str:
    """A page's lines with those joined that the page's width broke, so that a sentence stands in one line.

    A line goes on in the next where it ends in a comma, or fills the page without ending a sentence; rows of a table
    (cells set apart by blanks) and numbered headings stay lines of their own.
    """
    lines = page.split("\n")
    width = max((len(line) for line in lines), default=0)
    joined: list[str] = []
    goes_on = False
    for line in lines:
        row = len(re.findall(r"\S\s+[-−0-9]", line)) >= 2
        if goes_on and not row and line and not _BEGINS_ANEW.match(line):
            joined[-1] += line
        else:
            joined.append(line)
        end = line[-1:]
        goes_on = (
            not row and bool(end) and (end in "，、" or (len(line) >= 0.85 * width and end not in "。；：！？”）:;.!?"))
        )
    return "\n".join(joined)


def _rows_to_lines(rows: Iterator[list[str]]) -> str:
    return "".join("\t".join(" ".join(cell.split()) for cell in row) + "\n" for row in rows)


def _csv(source: str, encoding: str, digest: str, size: int, delimiter: str | None) -> SourceText:
    if delimiter is None:
        head = source[:20_000]
        delimiter = max(",\t;，", key=head.count)
    limit = csv.field_size_limit(10_000_000)
    try:
        lines = _rows_to_lines(iter(csv.reader(io.StringIO(source, newline=""), delimiter=delimiter)))
    except csv.Error as error:
        raise DocumentError("unreadable", f"The table cannot be split into cells: {error}.") from error
    finally:
        csv.field_size_limit(limit)
    if not lines.strip():
        raise DocumentError("empty", "The table holds no text.")
    return SourceText(lines, "text/csv", encoding, digest, size)


def _xlsx(data: bytes) -> str:
    import fastexcel

    lines: list[str] = []
    try:
        book = fastexcel.read_excel(data)
        for name in book.sheet_names:
            sheet = book.load_sheet(name, header_row=None, dtypes="string")
            columns = sheet.to_arrow().to_pydict()
            values = list(columns.values())
            if not values:
                continue
            lines.append(name)
            for row in zip(*values, strict=True):
                cells = [" ".join(str(v).split()) if v is not None else "" for v in row]
                if any(cells):
                    lines.append("\t".join(cells).rstrip("\t"))
    except Exception as error:  # the library raises its own kinds
        raise DocumentError(
            "unreadable", f"The workbook cannot be read ({type(error).__name__}); save it again."
        ) from error
    return "\n".join(lines) + "\n" if len(lines) else ""
