"""The reading of one quantity: what it is about, in what unit, of which kind, and how it belongs to others."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.extraction.mentions import Mention


@dataclass(slots=True)
class Reading:
    """One attributed quantity; offsets in the restored text, links by the start of the other mention.

    `noun` is the noun behind the number that its phrase ends with, `own` the phrase as it stands in its own clause; the
    next number needs them. `row` and `year` come from a table.
    """

    mention: Mention
    mention_class: str
    indicator: str
    unit: str | None
    kind: str
    direction: str | None
    scope: str
    stock: bool
    sentence: tuple[int, int]
    clause: tuple[int, int]
    rules: tuple[str, ...]
    links: tuple[tuple[str, int], ...] = ()
    flags: tuple[str, ...] = ()
    confidence: float = 0.9
    noun: str = ""
    own: str = ""
    row: str = ""
    year: str = ""
