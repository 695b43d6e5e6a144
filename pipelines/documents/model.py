"""What the document steps hand to one another: plain, frozen records without behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pipelines.documents.textmap import OffsetMap

EditClass = Literal[
    "annotation",  # pinyin written behind an intact character, removed (DAMAGE class a)
    "shifted",  # broken run, every byte known (class b)
    "lost_byte",  # broken run with unknown bytes, ranked among what the bytes allow (class c)
    "lost_character",  # a swallowed ASCII character, perhaps a digit: U+FFFD (class d)
    "unexplained",  # damage that fits no rule (class e)
    "entity",  # HTML entity
    "width",  # full-width digit, letter or sign
    "permille",  # `％o`, `%o` for ‰
    "lookalike",  # O for 0, l for 1 inside a number
    "blank",  # blank or line break inside a number
    "invisible",  # zero-width, soft hyphen, BOM
    "variant",  # private-use or variant character
    "mojibake",  # text decoded with the wrong encoding, undone
    "markup",  # tags and scripts of a page
]

DAMAGE_MARK = "\ufffd"
"""Stands in restored text where an original character is lost; a number touching it has no value."""


class Edit(NamedTuple):
    """One repair: raw[start:end] was replaced by `replacement`.

    `candidates` lists what else the evidence allows, best first; `certain` is True only where the bytes decide;
    `number_risk` is True where a digit may have been lost or invented at this place.
    """

    start: int
    end: int
    replacement: str
    edit_class: EditClass
    certain: bool = True
    candidates: tuple[str, ...] = ()
    number_risk: bool = False


@dataclass(frozen=True, slots=True)
class RestoredText:
    """Repaired, simplified text; `map` leads from it to the raw text; `edits` are in raw order."""

    text: str
    map: OffsetMap
    edits: tuple[Edit, ...] = ()

    @property
    def n_damaged(self) -> int:
        """Places where something is lost or not certain."""
        return sum(1 for e in self.edits if not e.certain)


class DocumentError(Exception):
    """A document that cannot be read: `status` for the documents table, one clear sentence for the analyst."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file as read: `text` is what offsets count in (for .txt and .html the decoded file, newlines as in the file;
    for .docx, .pdf and tables the text laid out by the reader). `body` maps plain text to `text` where they differ."""

    text: str
    media_type: str
    encoding: str | None
    sha256: str
    n_bytes: int
    plain: str | None = None
    plain_map: OffsetMap = field(default_factory=OffsetMap)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Metadata an analyst wrote beside a document (NAME.yaml); overrides what is inferred."""

    title: str | None = None
    source_url: str | None = None
    publisher: str | None = None
    published_on: str | None = None
    place_code: str | None = None
    place: str | None = None
    year: int | None = None
    licence: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One essay or part of a document, offsets in restored text."""

    number: int
    start: int
    end: int
    duplicate_of: int | None = None
