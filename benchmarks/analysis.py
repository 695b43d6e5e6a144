"""Time and memory of series, growth, gaps and checks over synthetic points.

    python benchmarks/analysis.py                                  1 million points and observations
    python benchmarks/analysis.py --rows 10000000 --json out.json  10 million

Every stage runs in a process of its own that reads its input from Parquet; CPU and wall seconds are those of the stage's
function alone, the peak is that of the whole process. Rows hold gaps, several kinds of period, two bases, conflicts,
approximations, zeros and negative values; contents depend on the row number only. On a machine with other work look at
the ratio, which relates a stage's processor time to that of a sort and a join made in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any

import polars as pl

STAGES = ("series", "growth", "growth_parts", "quality", "identities", "gaps", "gates", "publishable")
YEARS = 22
GAP = 8  # one year in eight is missing
COPIES = 5  # one observation in five repeats a key of another document

_SHAPES = pl.DataFrame(
    {
        "shape": range(17),
        "period_kind": ["annual"] * 12 + ["half", "quarter", "ytd", "school_year", "annual"],
        "suffix": [""] * 12 + ["-H1", "-Q1", "", "", ""],
        "basis": [""] * 8 + ["常住"] * 4 + [""] * 4 + ["户籍"],
    },
    schema_overrides={"shape": pl.Int64},
)
"""Lines come in pairs of one place and indicator; the second of a pair has the last shape."""


def _noise(*parts: pl.Expr, seed: int) -> pl.Expr:
    """A number in [0, 1) that depends on `parts`."""
    mixed = pl.sum_horizontal(p.cast(pl.UInt64) * f for p, f in zip(parts, (1_000_003, 7_919, 104_729), strict=False))
    return (mixed.hash(seed) % 1_000_000).cast(pl.Float64) / 1e6


def _keys(rows: int, indicators: pl.DataFrame) -> pl.LazyFrame:
    """Place, indicator, basis, kind, period, year and value of `rows` points with gaps, in the order of the key."""
    n = indicators.height
    total = int(rows * GAP / (GAP - 1)) + YEARS
    known = (
        indicators.sort("indicator_id")
        .with_row_index("nr")
        .select(pl.col("nr").cast(pl.Int64), "indicator_id", "unit", "plausible_min", "plausible_max")
    )
    at = pl.int_range(total, eager=True).alias("at").to_frame().lazy()
    line = (pl.col("at") // YEARS).alias("line")
    year = (2001 + pl.col("at") % YEARS).alias("year")
    rows_of = at.select(line, year).with_columns(
        (pl.col("line") // 2 % n).alias("nr"),
        (110101 + pl.col("line") // 2 // n).cast(pl.String).alias("place_code"),
        pl.when(pl.col("line") % 2 == 1)
        .then(16)
        .otherwise((_noise(pl.col("line"), seed=1) * 16).cast(pl.Int64))
        .alias("shape"),
        _noise(pl.col("line"), pl.col("year"), seed=2).alias("u"),
    )
    rows_of = rows_of.filter(_noise(pl.col("line"), pl.col("year"), seed=3) >= 1 / GAP).head(rows)
    rows_of = rows_of.join(known.lazy(), on="nr", how="left", maintain_order="left")
    rows_of = rows_of.join(_SHAPES.lazy(), on="shape", how="left", maintain_order="left")
    middle = pl.coalesce((pl.col("plausible_min") + pl.col("plausible_max")) / 20, pl.lit(100.0))
    y = pl.col("year").cast(pl.String)
    period = (
        pl.when(pl.col("period_kind") == "school_year")
        .then(pl.concat_str((pl.col("year") - 1).cast(pl.String), pl.lit("/"), y))
        .when(pl.col("period_kind") == "ytd")
        .then(pl.concat_str(y, pl.lit("-01.."), y, pl.lit("-11")))
        .otherwise(pl.concat_str(y, "suffix"))
    )
    value = (
        pl.when(pl.col("u") < 0.005)
        .then(0.0)
        .when(pl.col("u") < 0.01)
        .then(-middle)
        .otherwise(middle * (1 + 0.02 * (pl.col("year") - 2001) + 0.1 * pl.col("u")))
    )
    return rows_of.with_columns(period.alias("period"), value.round(2).alias("value"))


def synthetic_series(rows: int, indicators: pl.DataFrame) -> pl.LazyFrame:
    """A table `series` of `rows` points in the order of its key."""
    u = pl.col("u")
    half = pl.when(u < 0.3).then(0.0).when(u < 0.9).then(0.005).otherwise(pl.col("value").abs() * 0.2)
    one_sided = u > 0.98
    return _keys(rows, indicators).select(
        "place_code",
        "indicator_id",
        "basis",
        pl.when(pl.col("shape") == 11).then(pl.lit("城镇")).otherwise(pl.lit("")).alias("scope"),
        "period_kind",
        "period",
        "year",
        "value",
        (pl.col("value") - half).alias("value_lo"),
        pl.when(~one_sided).then(pl.col("value") + half).alias("value_hi"),
        "unit",
        pl.when(u < 0.02).then(pl.lit("revised")).otherwise(pl.lit("reported")).alias("status"),
        pl.format("{}:{}-{}", pl.col("line").hash(7) % 10**12, "year", pl.col("year") + 5).alias("observation_id"),
        pl.lit(1, pl.Int64).alias("n_sources"),
        pl.when((u > 0.95) & (u < 0.96)).then(pl.lit("severe")).alias("conflict"),
        pl.lit(None, pl.Float64).alias("conflict_delta"),
        pl.lit([], pl.List(pl.String)).alias("other_observation_ids"),
        pl.when(one_sided)
        .then(pl.lit(["one_sided"]))
        .when(u > 0.9)
        .then(pl.lit(["basis_inferred"]))
        .otherwise(pl.lit([], pl.List(pl.String)))
        .alias("flags"),
    )


def synthetic_observations(rows: int, indicators: pl.DataFrame) -> pl.LazyFrame:
    """A table `observations` of about `rows` rows; a fifth repeats keys of others with another value."""
    from pipelines.warehouse.schema import SCHEMAS

    first = rows * (COPIES - 1) // COPIES
    points = _keys(first, indicators)
    copies = points.filter(pl.col("line") % 4 == 0).with_columns(pl.col("value") * (1 + 0.06 * (pl.col("u") - 0.5)))
    both = pl.concat([points.with_columns(pl.lit(0).alias("copy")), copies.with_columns(pl.lit(1).alias("copy"))])
    u = pl.col("u")
    doc = pl.format("{}{}", (pl.col("line") // 9).hash(5) % 10**11, "copy")
    start = (pl.col("line") % 9) * 1000 + (pl.col("year") - 2000) * 40
    strings = pl.List(pl.String)
    known: dict[str, Any] = {
        "observation_id": pl.format("{}:{}-{}", doc, start, start + 5),
        "doc_id": doc,
        "start_char": start,
        "end_char": start + 5,
        "value_lo": pl.col("value") - pl.when(u < 0.5).then(0.0).otherwise(0.005),
        "value_hi": pl.when(u < 0.98).then(pl.col("value") + pl.when(u < 0.5).then(0.0).otherwise(0.005)),
        "raw": pl.col("value").cast(pl.String),
        "sentence": pl.format("全县完成{}，比上年增长。", "value"),
        "class": pl.lit("indicator"),
        "indicator": pl.col("indicator_id"),
        "values": pl.concat_list("value"),
        "kind": pl.when(u > 0.9).then(pl.lit("target")).otherwise(pl.lit("actual")),
        "approx": pl.lit("exact"),
        "scope": pl.lit(""),
        "status": pl.when(u < 0.03).then(pl.lit("preliminary")).otherwise(pl.lit("reported")),
        "source_kind": pl.lit("document"),
        "source_rank": 2 + pl.col("line") % 3,
        "links_rel": pl.lit([], strings),
        "links_to": pl.lit([], strings),
        "flags": pl.when(u < 0.02)
        .then(pl.lit(["damaged"]))
        .when(u < 0.2)
        .then(pl.lit(["unit_inferred"]))
        .otherwise(pl.lit([], strings)),
        "candidates": pl.lit([], strings),
        "confidence": 0.4 + 0.6 * u,
        "rule": pl.lit("synthetic"),
        "extractor_version": pl.lit("synthetic"),
        "section": pl.lit(0, pl.Int64),
    }
    own = {"place_code", "indicator_id", "basis", "period_kind", "period", "value", "unit"}
    columns = [
        pl.col(c) if c in own else known.get(c, pl.lit(None, dtype)).cast(dtype).alias(c)
        for c, dtype in SCHEMAS["observations"].items()
    ]
    return both.select(columns)


def synthetic_targets(series: pl.LazyFrame) -> pl.LazyFrame:
    """A table `targets` with a target for every fifth annual point of `series`."""
    from pipelines.warehouse.schema import SCHEMAS

    chosen = series.filter(pl.col("period_kind") == "annual").gather_every(5).with_row_index("nr")
    known: dict[str, Any] = {
        "target_id": pl.format("target:{}", "nr"),
        "doc_id": pl.lit("d"),
        "indicator": pl.col("indicator_id"),
        "value": pl.col("value") * 1.01,
        "relation": pl.when(pl.col("nr") % 2 == 0).then(pl.lit("at_least")).otherwise(pl.lit("at_most")),
        "set_by": pl.lit("市定"),
        "tone": pl.lit(""),
        "observation_ids": pl.lit([], pl.List(pl.String)),
        "sentence": pl.lit(""),
        "flags": pl.lit([], pl.List(pl.String)),
    }
    own = {"place_code", "indicator_id", "scope", "period", "unit"}
    columns = [
        pl.col(c) if c in own else known.get(c, pl.lit(None, dtype)).cast(dtype).alias(c)
        for c, dtype in SCHEMAS["targets"].items()
    ]
    return chosen.select(columns)


def catalogue() -> pl.DataFrame:
    """The shipped catalogue as the table `indicators`."""
    from pipelines.assets.steps import indicator_rows

    return indicator_rows()


# --------------------------------------------------------------------------------------------------------------- stages


def generate(folder: Path, rows: int) -> None:
    """Writes the inputs of all stages."""
    indicators = catalogue()
    indicators.write_parquet(folder / "indicators.parquet")
    synthetic_series(rows, indicators).sink_parquet(folder / "series.parquet")
    synthetic_targets(pl.scan_parquet(folder / "series.parquet")).sink_parquet(folder / "targets.parquet")
    synthetic_observations(rows, indicators).sink_parquet(folder / "observations.parquet")


def _stage(name: str, folder: Path) -> tuple[list[str], Callable[..., Sized]]:
    """The tables a stage reads and its function."""
    if name == "series":
        from pipelines.series.build import build_series

        return ["observations", "indicators"], build_series
    if name == "growth":
        from pipelines.analysis.growth import growth_rates

        return ["series", "indicators"], growth_rates
    if name == "growth_parts":
        from pipelines.analysis.growth import growth_parts

        def in_parts(series: pl.LazyFrame, indicators: pl.DataFrame) -> range:
            return range(sum(part.height for part in growth_parts(series, indicators)))

        return ["series", "indicators"], in_parts
    if name == "quality":
        from pipelines.analysis.quality import quality_checks

        return ["series", "indicators"], quality_checks
    if name == "identities":
        from pipelines.analysis.reconcile import checks

        return ["observations", "indicators", "series"], checks
    if name == "gaps":
        from pipelines.analysis.targets import target_gaps

        return ["series", "targets", "indicators"], target_gaps
    if name == "gates":
        from pipelines.warehouse.gates import DOCUMENT_GATES, faults
        from pipelines.warehouse.schema import TABLES, empty

        def gates(series: pl.DataFrame, observations: pl.DataFrame) -> list[str]:
            none = {t.name: empty(t.name) for t in TABLES}
            return faults(none | {"series": series, "observations": observations}, skip=DOCUMENT_GATES)

        return ["series", "observations"], gates
    if name == "publishable":
        from pipelines.warehouse.schema import conform

        return ["series"], lambda s: conform("series", s)
    raise ValueError(f"no stage {name!r}")


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Runs one stage on the generated tables, in this process."""
    tables, run = _stage(name, folder)
    frames = [_read(name, t, folder) for t in tables]
    wall, cpu = time.perf_counter(), time.process_time()
    result = run(*frames)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if platform.system() == "Linux" else 2**30)
    rows_in = max(f.lazy().select(pl.len()).collect().item() for f in frames)
    return {
        "stage": name,
        "rows_in": rows_in,
        "rows_out": len(result),
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "rows_per_wall_s": round(rows_in / wall),
        "peak_gb": round(peak, 2),
    }


def calibrate() -> float:
    """Processor seconds of a sort and a join of five million integers: what this machine does now, for comparison."""
    keys = pl.int_range(5_000_000, eager=True).hash(1)
    start = time.process_time()
    frame = pl.DataFrame({"key": keys, "n": pl.int_range(keys.len(), eager=True)})
    frame.sort("key").join(frame, on="key", how="inner")
    return time.process_time() - start


def _read(stage: str, table: str, folder: Path) -> pl.DataFrame | pl.LazyFrame:
    """The large tables as scans where the stage reads what it needs, else in memory."""
    path = folder / f"{table}.parquet"
    scanned = {
        ("growth", "series"),
        ("growth_parts", "series"),
        ("gaps", "series"),
        ("quality", "series"),
        ("series", "observations"),
    }
    return pl.scan_parquet(path) if (stage, table) in scanned else pl.read_parquet(path)


def main() -> None:
    """Generates, runs every stage in a fresh process, prints a table and writes JSON."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--json", type=Path, help="also write the results here")
    parser.add_argument("--folder", type=Path, help="keep the inputs here and use those that are there")
    parser.add_argument("--one", choices=("generate", "calibrate", *STAGES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one == "generate":
        generate(given.folder, given.rows)
        return
    if given.one == "calibrate":
        print(calibrate())
        return
    if given.one:
        print(json.dumps(measure(given.one, given.folder)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)

        def child(stage: str) -> str:
            command = [sys.executable, __file__, "--one", stage, "--rows", str(given.rows), "--folder", str(folder)]
            return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

        if not (folder / "observations.parquet").is_file():
            child("generate")
        results = []
        unit = float(child("calibrate").splitlines()[-1])
        print(f"{'stage':<13}{'rows in':>12}{'rows out':>12}{'wall s':>9}{'CPU s':>9}{'ratio':>9}{'peak GB':>9}")
        for stage in given.stages.split(","):
            r = json.loads(child(stage).splitlines()[-1])
            r["ratio"] = round(r["cpu_s"] / unit, 2)
            results.append(r)
            numbers = f"{r['wall_s']:>9}{r['cpu_s']:>9}{r['ratio']:>9}{r['peak_gb']:>9}"
            print(f"{stage:<13}{r['rows_in']:>12}{r['rows_out']:>12}{numbers}", flush=True)
        print(f"ratio: processor seconds over those of the calibration ({unit:.2f} s here and now)")
    facts = {
        "rows": given.rows,
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0],
        "calibration_cpu_s": round(unit, 3),
        "python": platform.python_version(),
        "polars": pl.__version__,
    }
    if given.json:
        given.json.write_text(json.dumps({"facts": facts, "stages": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
