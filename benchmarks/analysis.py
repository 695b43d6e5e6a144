"""Time and memory of series, growth, gaps and checks over synthetic points.

    python benchmarks/analysis.py                                  1 million points and observations
    python benchmarks/analysis.py --rows 10000000 --json out.json  10 million
    python benchmarks/analysis.py --check                          compare with benchmarks/analysis_baseline.json, exit 1
                                                                   where a stage became slower
    python benchmarks/analysis.py --rebase                         make this run the baseline

Every stage runs in a process of its own that reads its input from Parquet; CPU and wall seconds are those of the stage's
function alone, the peak is that of the whole process. Rows hold gaps, several kinds of period, two bases, conflicts,
approximations, zeros and negative values; targets hold for a year or a plan of five; contents depend on the row number
only. On a machine with other work look at the ratio, which relates a stage's processor time to that of a sort and a join
made just before and just after it; the check compares ratios, not seconds.
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

STAGES = ("series", "growth", "growth_parts", "gaps", "gap_parts", "quality", "identities", "gates", "publishable")
"""`_parts`: the same table in parts of whole places, of which few are in memory at a time."""

BASELINE = Path(__file__).resolve().with_name("analysis_baseline.json")
TOLERANCE = 1.5
"""How many times the baseline's ratio a stage may take; ratios of one machine vary by a quarter."""

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
    """A table `targets` with a target for every fifth annual point of `series`, every third of them the goal of a plan of
    five years."""
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
    plan = pl.format("{}..{}", pl.col("year") - 2, pl.col("year") + 2)
    known["period"] = pl.when(pl.col("nr") % 3 == 0).then(plan).otherwise("period")
    own = {"place_code", "indicator_id", "scope", "unit"}
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

        return ["series", "indicators"], lambda *tables: range(sum(part.height for part in growth_parts(*tables)))
    if name == "gap_parts":
        from pipelines.analysis.targets import gap_parts

        return ["series", "targets", "indicators"], lambda *t: range(sum(part.height for part in gap_parts(*t)))
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
    scanned = {(s, "series") for s in ("growth", "growth_parts", "gaps", "gap_parts", "quality")}
    scanned.add(("series", "observations"))
    return pl.scan_parquet(path) if (stage, table) in scanned else pl.read_parquet(path)


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else None
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": memory and round(memory),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "polars": pl.__version__,
    }


_COLUMNS = {
    "stage": "",
    "rows_in": ",",
    "rows_out": ",",
    "wall_s": ".2f",
    "cpu_s": ".2f",
    "ratio": ".2f",
    "peak_gb": ".2f",
}


def as_markdown(facts: dict[str, Any], results: list[dict[str, Any]]) -> str:
    """The results as a table, the machine above it."""
    head = [", ".join(f"{name} {value}" for name, value in facts.items()), ""]
    names = [name.replace("_s", " s").replace("_gb", " GB").replace("_", " ") for name in _COLUMNS]
    rows = [[format(r[name], form) for name, form in _COLUMNS.items()] for r in results]
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join([*head, *(f"| {' | '.join(line)} |" for line in lines)]) + "\n"


def slower(results: list[dict[str, Any]], baseline: dict[str, float], tolerance: float = TOLERANCE) -> list[str]:
    """One sentence for each stage whose ratio grew beyond the tolerance."""
    return [
        f"{r['stage']}: {r['ratio']:.2f} times the calibration, {r['ratio'] / was:.2f} times the baseline's {was:.2f}"
        for r in results
        if (was := baseline.get(r["stage"])) is not None and r["ratio"] > was * tolerance
    ]


def run(folder: Path, rows: int, stages: list[str]) -> list[dict[str, Any]]:
    """What was measured of each stage, each in a fresh process; generates the inputs where they are not there."""
    folder.mkdir(parents=True, exist_ok=True)

    def child(stage: str) -> str:
        command = [sys.executable, __file__, "--one", stage, "--rows", str(rows), "--folder", str(folder)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]

    if not (folder / "observations.parquet").is_file():
        generate_in = [sys.executable, __file__, "--one", "generate", "--rows", str(rows), "--folder", str(folder)]
        subprocess.run(generate_in, check=True)
    results = []
    before = float(child("calibrate"))
    for stage in stages:
        found = json.loads(child(stage))
        after = float(child("calibrate"))
        unit = (before + after) / 2
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        results.append(
            found | {"ratio": round(found["cpu_s"] / unit, 3), "calibration_cpu_s": round(unit, 3), "load": load}
        )
        before = after
    return results


def main() -> int:
    """Generates, runs every stage in a fresh process, prints a table, writes JSON, and compares where asked."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--json", type=Path, help="also write the results here")
    parser.add_argument("--folder", type=Path, help="keep the inputs here and use those that are there")
    parser.add_argument("--check", action="store_true", help="exit 1 where a stage is slower than in the baseline")
    parser.add_argument("--rebase", action="store_true", help="make this run the baseline of its stages")
    parser.add_argument("--one", choices=("generate", "calibrate", *STAGES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one == "generate":
        generate(given.folder, given.rows)
        return 0
    if given.one:
        print(calibrate() if given.one == "calibrate" else json.dumps(measure(given.one, given.folder)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        results = run(given.folder or Path(temporary), given.rows, given.stages.split(","))
    facts = machine() | {"rows": given.rows}
    print(as_markdown(facts, results))
    print(
        "ratio: processor seconds over those of a sort and a join of five million numbers, before and after the stage"
    )
    if given.json:
        given.json.write_text(json.dumps({"facts": facts, "stages": results}, indent=1) + "\n", encoding="utf-8")
    if given.rebase:
        known = json.loads(BASELINE.read_bytes()) if BASELINE.is_file() else {}
        ratios = known["ratios"] if known.get("rows") == given.rows else {}
        ratios |= {r["stage"]: r["ratio"] for r in results}
        BASELINE.write_text(json.dumps({"rows": given.rows, "ratios": ratios}, indent=1) + "\n", encoding="utf-8")
    if given.check:
        baseline = json.loads(BASELINE.read_bytes())
        if baseline["rows"] != given.rows:
            print(f"the baseline is of {baseline['rows']} rows", file=sys.stderr)
            return 2
        faults = slower(results, baseline["ratios"])
        print("\n".join(faults), file=sys.stderr)
        return 1 if faults else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
