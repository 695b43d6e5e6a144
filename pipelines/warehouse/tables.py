"""Tables as files: their own order, their bytes, and a sum over their contents that no order changes.

Here: what every writer of a table shares. Not here: where files lie (`store`, `pipelines.parts`), what columns mean
(`schema`).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping

import polars as pl

from pipelines.warehouse.schema import BY_NAME, TABLES, in_key_order

SUM_BITS = 64
SUMMED_BY = f"polars {pl.__version__}"
"""Content sums of two releases of Polars may differ; what was summed by another is summed again."""
_SEED = 20110101


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """The frame as a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=True)
    return buffer.getvalue()


def sorted_by_key(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in the table's own order, so that equal contents make equal files."""
    key = BY_NAME[table].key
    return frame if in_key_order(frame, key) else frame.sort(key, nulls_last=True, maintain_order=True)


def content_sum(frame: pl.DataFrame) -> int:
    """Sum of the rows' 64-bit hashes: the same for the same rows in any order, and additive over parts of a table."""
    # the sum of 64-bit numbers wraps, as it should
    return int(row_hashes(frame).sum()) % (1 << SUM_BITS)


def row_hashes(frame: pl.DataFrame) -> pl.Series:
    """64-bit hash of each row."""
    return frame.hash_rows(_SEED) if frame.height else pl.Series(dtype=pl.UInt64)


def combined(sums: Iterable[int]) -> int:
    """Content sum of a table from those of its parts."""
    return sum(sums) % (1 << SUM_BITS)


def hash_contents(contents: Mapping[str, tuple[int, int]]) -> str:
    """SHA-256 over rows and content sum of every table but `publications`."""
    digest = hashlib.sha256()
    for table in TABLES:
        if table.name != "publications":
            rows, content = contents[table.name]
            columns = ",".join(table.schema)
            digest.update(f"{table.name}\t{columns}\t{rows}\t{content:016x}\n".encode())
    return digest.hexdigest()


def hash_tables(tables: Mapping[str, pl.DataFrame]) -> str:
    """SHA-256 over the contents of all tables but `publications`, independent of row order and file format."""
    return hash_contents(
        {
            t.name: (tables[t.name].height, content_sum(tables[t.name].select(list(t.schema))))
            for t in TABLES
            if t.name != "publications"
        }
    )
