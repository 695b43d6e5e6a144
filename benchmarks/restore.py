"""Speed of repair on one core: clean text and text as densely damaged as the worst page known (230 broken runs a MB).

usage: python benchmarks/restore.py [MB]
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "documents"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from text_samples import sentence

from pipelines.documents.damage import damage
from pipelines.documents.restore import restore

RUNS_PER_MB = 230
_COUNTED = 0.72  # share of the runs of such lines that a count of question marks sees


def damaged_text(megabytes: float) -> str:
    """Damaged lines, of which those with broken runs make up the density wanted."""
    rng = random.Random(1)  # noqa: S311
    size = wanted = 0
    out: list[str] = []
    while size < megabytes * 1e6:
        line = damage("".join(sentence(rng) for _ in range(3)))
        runs = len([r for r in line.replace("??", "?").split("?") if r]) - 1
        if runs and wanted < runs:
            continue
        out.append(line)
        wanted += len(line.encode()) / 1e6 * RUNS_PER_MB * _COUNTED - runs
        size += len(line.encode()) + 1
    return "\n".join(out)


def main() -> None:
    """Print MB/s of both kinds of text."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    rng = random.Random(2)  # noqa: S311
    clean = "\n".join(sentence(rng) for _ in range(2000))
    clean *= int(megabytes * 10e6 / len(clean.encode())) + 1
    restore(clean[:10_000])
    restore(damaged_text(0.05))  # loads the dictionaries
    for name, text in (("clean", clean), ("damaged", damaged_text(megabytes))):
        size = len(text.encode()) / 1e6
        start = time.process_time()
        result = restore(text)
        spent = time.process_time() - start
        runs = sum(1 for e in result.edits if e.edit_class != "annotation")
        print(f"{name}: {size:.1f} MB in {spent:.2f} s = {size / spent:.1f} MB/s, {runs / size:.0f} broken runs a MB")


if __name__ == "__main__":
    main()
