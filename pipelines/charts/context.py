"""What figures need to know besides the points: names, sentences, sources, vintage; read from a warehouse or nothing.

Drawing does not belong here, nor does the file format of the warehouse.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable
from urllib.parse import quote

import polars as pl

from pipelines.charts.theme import Lang, basis_name, clean, esc, status_word, unit_name, word, wrap
from pipelines.warehouse.schema import BY_NAME, conform, empty


@runtime_checkable
class WarehouseLike(Protocol):
    """Anything with named tables and a vintage: the published warehouse, or frames in memory."""

    def table(self, name: str, /) -> pl.DataFrame:
        """The whole table."""
        ...

    @property
    def vintage(self) -> Any:
        """Time of publication."""
        ...


@dataclass
class Frames:
    """Tables in memory; a table not given is empty. Raises `SchemaError` where a frame does not fit its table."""

    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    vintage: str | None = None

    def __post_init__(self) -> None:
        self.tables = {k: conform(k, v) for k, v in self.tables.items()}

    def table(self, name: str, /) -> pl.DataFrame:
        """The table, empty where none was given."""
        if name not in BY_NAME:
            raise KeyError(f"no table {name!r}")
        return self.tables[name] if name in self.tables else empty(name)


Data: TypeAlias = "pl.DataFrame | WarehouseLike"


def page_name(doc_id: str) -> str:
    """File name (without suffix) of a document's evidence page; safe whatever the id is."""
    return doc_id if re.fullmatch(r"[0-9a-f]{12}", doc_id) else hashlib.sha256(doc_id.encode()).hexdigest()[:12]


def evidence_link(doc_id: str | None, observation_id: str | None) -> str:
    """`evidence/<doc>.html#<observation>`, or an empty string; relative to the folder of the exports."""
    if not doc_id or not observation_id:
        return ""
    return f"evidence/{page_name(doc_id)}.html#{quote(observation_id, safe=':-')}"


class Context:
    """Names and evidence for one figure: look-ups that never fail, for frames with or without a warehouse behind."""

    def __init__(self, warehouse: WarehouseLike | None, lang: Lang) -> None:
        self.lang: Lang = lang
        self._warehouse = warehouse
        self._observations: dict[str, dict[str, Any]] = {}
        self._indicators = self._rows("indicators", "indicator_id")
        self._places = self._rows("places", "place_code")
        self._documents = self._rows("documents", "doc_id")

    def _rows(self, table: str, key: str) -> dict[str, dict[str, Any]]:
        if self._warehouse is None:
            return {}
        frame = self._warehouse.table(table)
        return {r[key]: r for r in frame.iter_rows(named=True)}

    def load(self, ids: Iterable[str | None]) -> None:
        """Fetch these observations' sentences once, before hovers are written."""
        wanted = [i for i in dict.fromkeys(ids) if i and i not in self._observations]
        if self._warehouse is None or not wanted:
            return
        frame = self._warehouse.table("observations").filter(pl.col("observation_id").is_in(wanted))
        for row in frame.select(
            "observation_id", "doc_id", "sentence", "raw", "place_name", "source_kind"
        ).iter_rows(named=True):  # fmt: skip
            self._observations[row["observation_id"]] = row

    @property
    def vintage(self) -> str:
        """Vintage of the data, or an empty string."""
        v = None if self._warehouse is None else self._warehouse.vintage
        return "" if v is None else clean(v)

    def indicator(self, indicator_id: str | None, fallback: str | None = None) -> str:
        """Name of an indicator, escaped."""
        row = self._indicators.get(indicator_id or "")
        if row:
            return esc(row["name_zh" if self.lang == "zh" else "name_en"])
        return esc(fallback or (indicator_id or "").replace("_", " "))

    def place(self, place_code: str | None, fallback: str | None = None) -> str:
        """Short name of a place, escaped."""
        row = self._places.get(place_code or "")
        if row:
            latin = row["name_en"]
            known = self.lang == "en" and latin and latin != place_code
            return esc(latin if known else row["name_zh"])
        return esc(fallback or place_code or word("whole_place", self.lang))

    def basis(self, basis: str | None) -> str:
        """The basis, escaped, or the words for none."""
        return esc(basis_name(basis, self.lang)) if basis else word("basis_unknown", self.lang)

    def link(self, observation_id: str | None) -> str:
        """Link to the evidence of an observation, or an empty string."""
        if not observation_id:
            return ""
        row = self._observations.get(observation_id)
        doc = row["doc_id"] if row else None
        if doc is None and re.fullmatch(r"[0-9a-f]{12}:\d+-\d+", observation_id):
            doc = observation_id.split(":")[0]
        return evidence_link(doc, observation_id)

    def sentence(self, observation_id: str | None) -> str:
        """Source sentence as it is, not escaped; empty where unknown."""
        row = self._observations.get(observation_id or "")
        return "" if row is None else clean(row["sentence"])

    def document(self, observation_id: str | None) -> str:
        """Title (or path) of the document of an observation, not escaped; empty where unknown."""
        row = self._observations.get(observation_id or "")
        if row is None:
            return ""
        doc = self._documents.get(row["doc_id"])
        return clean((doc["title"] or doc["path"]) if doc else row["doc_id"])

    def hover(
        self,
        head: str,
        value: str,
        period: str,
        basis: str | None,
        observation_id: str | None,
        status: str | None = None,
        extra: Iterable[str] = (),
    ) -> str:
        """Hover text: head, value, period (as `theme.period_name` reads it), basis, status, source sentence, document;
        all text escaped."""
        lang = self.lang
        sep = "：" if lang == "zh" else ": "
        lines = [f"<b>{head}</b>", f"{word('value', lang)}{sep}{value}", f"{word('period', lang)}{sep}{esc(period)}"]
        if basis is not None:
            lines.append(f"{word('basis', lang)}{sep}{self.basis(basis)}")
        if status:
            lines.append(f"{word('status', lang)}{sep}{esc(status_word(status, lang))}")
        lines.extend(extra)
        sentence = self.sentence(observation_id)
        if sentence:
            lines.append(f"<i>{wrap(sentence)}</i>")
        document = self.document(observation_id)
        if document:
            lines.append(wrap(document, limit=80))
        if self.link(observation_id):
            lines.append(word("click", lang))
        return "<br>".join(lines)

    def footer(self, ids: Iterable[str | None], bases: Iterable[str] | None = None, *more: str) -> list[str]:
        """Footer parts, escaped: source, basis, what else is given, vintage."""
        lang = self.lang
        sep = "：" if lang == "zh" else ": "
        titles: dict[str, None] = dict.fromkeys(t for t in (self.document(i) for i in ids) if t)
        parts: list[str] = []
        if titles:
            shown = [esc(t if len(t) <= 36 else t[:35] + "…") for t in list(titles)[:2]]
            tail = ""
            if len(titles) > 2:
                tail = f" 等 {len(titles)} 份文件" if lang == "zh" else f" and {len(titles) - 2} more"
            parts.append(f"{word('source', lang)}{sep}{('；' if lang == 'zh' else '; ').join(shown)}{tail}")
        if bases is not None:
            names = list(dict.fromkeys(self.basis(b) for b in bases))
            parts.append(f"{word('basis', lang)}{sep}{('、' if lang == 'zh' else ', ').join(names[:4])}")
        parts.extend(m for m in more if m)
        if self.vintage:
            parts.append(f"{word('vintage', lang)}{sep}{esc(self.vintage)}")
        return parts

    def sources(self) -> list[str]:
        """Footer parts of a figure about all of the data: number of documents, vintage."""
        n = len(self._documents)
        zh = self.lang == "zh"
        parts = [f"来源：{n} 份文件和数据表" if zh else f"Source: {n} documents and tables"] if n else []
        return parts + self.footer([])

    def unit(self, unit: str | None) -> str:
        """The unit, escaped, in the language."""
        return esc(unit_name(unit, self.lang))


def resolve(
    data: Data,
    table: str,
    warehouse: WarehouseLike | None,
    lang: Lang,
    indicator: str | None = None,
    place: str | None = None,
) -> tuple[pl.DataFrame, Context]:
    """The rows to draw and their context. `data` is a frame in the table's columns, or a warehouse to read it from;
    `indicator` and `place` are ids, codes or names and keep only these rows."""
    if isinstance(data, pl.DataFrame):
        frame = data
    elif isinstance(data, pl.LazyFrame):
        frame = data.collect()
    else:
        warehouse, frame = warehouse or data, data.table(table)
    ctx = Context(warehouse, lang)
    for column, dtype in BY_NAME[table].schema.items():
        if column not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=dtype).alias(column))
    if indicator is not None and frame.height:
        wanted = {indicator} | {
            r["indicator_id"] for r in ctx._indicators.values() if indicator in (r["name_zh"], r["name_en"])
        }
        frame = frame.filter(pl.col("indicator_id").is_in(list(wanted)))
    if place is not None and frame.height:
        codes = {place} | {
            r["place_code"] for r in ctx._places.values() if place in (r["name_zh"], r["name_en"], r["full_name_zh"])
        }
        frame = frame.filter(pl.col("place_code").is_in(list(codes)))
    return frame, ctx
