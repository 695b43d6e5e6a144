"""Text and tables of a .pdf with a text layer, each character once.

Belongs here: pages, tables apart from the text around them, lines the page's width broke, pictures of pages.
Does not belong here: what the lines say.
"""

from __future__ import annotations

import io
import re
import warnings
import zlib
from typing import Any, Final

from pipelines.documents.model import DocumentError

MAX_PAGES: Final = 5_000
"""Pages read of a .pdf."""
MAX_CHARS: Final = 20_000_000
"""Characters read of a .pdf."""

MAX_STREAMS: Final = 300_000_000
"""Bytes all compressed streams of a .pdf may unpack to."""

_BEGINS_ANEW: Final = re.compile(
    r"^\s*(?:[一二三四五六七八九十]+、|[(（][一二三四五六七八九十0-9]+[)）]|[0-9]+[、.．]|第[一二三四五六七八九十]+)"
)


def pdf_text(data: bytes) -> str:
    """Pages in order, each table as lines of tab-separated cells where it stands; raises DocumentError."""
    import logging

    import pdfplumber
    from pdfminer.pdfdocument import PDFPasswordIncorrect

    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
    _check_streams(data)
    parts: list[str] = []
    images = pages = size = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pdfplumber.open(io.BytesIO(data)) as document:
                for page in document.pages[:MAX_PAGES]:
                    pages += 1
                    parts.append(_page(page))
                    size += len(parts[-1])
                    images += len(page.images)
                    page.close()
                    if size > MAX_CHARS:
                        raise DocumentError(
                            "too_large", f"The PDF unpacks to more than {MAX_CHARS:,} characters; split it."
                        )
    except DocumentError:
        raise
    except Exception as error:  # the library raises many kinds for a damaged file
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


def _check_streams(data: bytes) -> None:
    """Refuses a file whose compressed streams unpack without end; the library unpacks each as a whole."""
    left = MAX_STREAMS
    view = memoryview(data)
    for found in re.finditer(rb"stream\r?\n", data):
        try:
            unpacker = zlib.decompressobj()
            left -= len(unpacker.decompress(view[found.end() : found.end() + 64], 1 << 20))
            piece = found.end() + 64
            while left > 0 and not unpacker.eof and piece < len(data):
                left -= len(unpacker.decompress(unpacker.unconsumed_tail + bytes(view[piece : piece + 65536]), 1 << 24))
                piece += 65536
        except zlib.error:
            continue
        if left <= 0:
            raise DocumentError("too_large", f"The PDF unpacks to more than {MAX_STREAMS:,} bytes; split it.")


def _page(page: Any) -> str:
    tables = [(table.bbox, rows) for table in page.find_tables() if (rows := _rows(table.extract()))]
    if not tables:
        return unwrapped(page.extract_text() or "")
    boxes = [box for box, _ in tables]

    def outside(item: dict[str, Any]) -> bool:
        if item["object_type"] != "char":
            return True
        x, y = (item["x0"] + item["x1"]) / 2, (item["top"] + item["bottom"]) / 2
        return not any(x0 <= x <= x1 and top <= y <= bottom for x0, top, x1, bottom in boxes)

    lines = [(line["top"], line["text"]) for line in page.filter(outside).extract_text_lines(return_chars=False)]
    parts: list[str] = []
    for (_, top, _, _), rows in sorted(tables, key=lambda t: (t[0][1], t[0][0])):
        parts.append(unwrapped("\n".join(text for at, text in lines if at < top)))
        lines = [line for line in lines if line[0] >= top]
        parts += rows
    parts.append(unwrapped("\n".join(text for _, text in lines)))
    return "\n".join(part for part in parts if part)


def _rows(table: list[list[str | None]]) -> list[str]:
    """A table's rows as lines; none where the lines on the page frame text and no table."""
    rows = [[" ".join((cell or "").split()) for cell in row] for row in table]
    rows = [row for row in rows if any(row)]
    if len(rows) < 2 or max(sum(1 for cell in row if cell) for row in rows) < 2:
        return []
    return ["\t".join(row) for row in rows]


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
