"""Speed of repair on one core, in MB of raw UTF-8 for each second of processor time.

Three kinds of text: clean; damaged pages that differ from one another and hold characters at random, where nothing that
is remembered helps; and one damaged page several times over, where it does. Damaged text has about as many broken runs a
MB as the worst page known (230). Rounds are measured and the fastest is told: other work on the machine only slows.

usage: python benchmarks/restore.py [MB] [DAMAGED_FILE]
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "documents"), str(ROOT)]

from text_samples import sentence  # noqa: E402

from pipelines.documents import restore_bytes  # noqa: E402
from pipelines.documents.damage import damage  # noqa: E402
from pipelines.documents.restore import restore  # noqa: E402

RUNS_PER_MB = 230
PAGES = 10
ROUNDS = 3


def damaged_lines(megabytes: float, seed: int) -> list[str]:
    """Damaged lines, of which those with broken runs make up the density wanted."""
    rng = random.Random(seed)  # noqa: S311
    size = runs = 0.0
    out: list[str] = []
    while size < megabytes * 1e6:
        line = damage("".join(sentence(rng) for _ in range(3)))
        broken = sum(e.edit_class != "annotation" for e in restore(_PAGE + line).edits) if "?" in line else 0
        if broken and runs + broken > (size + len(line.encode())) / 1e6 * RUNS_PER_MB:
            continue
        out.append(line)
        runs += broken
        size += len(line.encode()) + 1
    return out


_PAGE = damage("创建服务区，规划学校质量监测，发展农业产业经济，统计调查数据。\n")


def forget() -> None:
    """Empties what pages before left behind: characters that make words with others."""
    restore_bytes.continuing.cache_clear()
    restore_bytes.leading.cache_clear()


def measure(name: str, texts: Sequence[str]) -> None:
    """Prints the speed of the fastest round, each starting with nothing remembered."""
    size = sum(len(t.encode()) for t in texts) / 1e6
    best = float("inf")
    runs = 0
    for _ in range(ROUNDS):
        forget()
        start = time.process_time()
        results = [restore(text) for text in texts]
        best = min(best, time.process_time() - start)
        runs = sum(e.edit_class != "annotation" for r in results for e in r.edits)
    print(f"{name}: {size:.1f} MB in {best:.2f} s = {size / best:.1f} MB/s, {runs / size:.0f} broken runs a MB")


def load_time() -> float:
    """Processor seconds that a fresh process needs to load the repair and pass one clean line."""
    program = (
        "import time; t = time.process_time()\n"
        "from pipelines.documents.restore import restore; restore('全县总人口13.47万人。')\n"
        "print(time.process_time() - t)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)
    return float(done.stdout)


def main() -> None:
    """Prints load time and the speed of each kind of text."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print(f"load and one clean line: {min(load_time() for _ in range(ROUNDS)):.2f} s")
    rng = random.Random(2)  # noqa: S311
    clean = "\n".join(sentence(rng) for _ in range(2000))
    measure("clean", [clean * (int(megabytes * 10e6 / len(clean.encode())) + 1)])
    lines = damaged_lines(megabytes, 1)
    pages = ["\n".join(lines[n::PAGES]) for n in range(PAGES)]
    measure(f"damaged, {PAGES} pages that differ", pages)
    measure("damaged, the same in one page", ["\n".join(lines)])
    measure(f"damaged, one page {PAGES} times in a row", [pages[0] * PAGES])
    if len(sys.argv) > 2:
        text = Path(sys.argv[2]).read_text(encoding="utf-8")
        measure("the file", [text])
        measure(f"the file {PAGES} times in a row", [text * PAGES])


if __name__ == "__main__":
    main()
