"""A corpus of made-up reports for measuring: real sentences recombined, with other numbers, places and years.

Here: texts and nothing about time. A document is made from its number and the seed alone, so that any number of processes
make the same corpus. Nothing repeats whole: the digits of every number are drawn anew, names of places are exchanged, prose
is put together from clauses, so that no cache of texts helps. Sentences come from `data/raw/documents` and, where given,
further folders; some are patterns filled from the catalogue of indicators. The shares give about 4.5 numbers in Arabic
digits a KB, as reports have.

usage: python benchmarks/make_corpus.py FOLDER [--documents N] [--damaged SHARE] [--damage-density RUNS] [--seed N]
                                        [--kilobytes MEAN] [--more DIR]
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipelines.documents.damage import damage  # noqa: E402

MEAN_KB, SPREAD = 10.7, 0.75
"""Mean size of a document and the spread of its logarithm: the median is then about 8 KB."""
SMALLEST_KB, LARGEST_KB = 1.0, 50.0
GB18030_SHARE = 0.1
FIGURES_SHARE, PATTERN_SHARE = 0.10, 0.06
"""Shares of sentences with figures and of filled patterns; the rest is prose."""
FIRST_YEAR, LAST_YEAR = 1990, 2020
PER_FOLDER = 8
"""Documents of one county; they lie in one folder, as scraped ones do."""

_SENTENCE = re.compile(r"[^。！？；\n]{6,160}[。！？；]")
_NUMBER = re.compile(r"[0-9]+")
_QUESTIONS = re.compile(r"[?？]+")
_UNCLEAN = re.compile(r"\([a-zāáǎàēéěèīíǐìōóǒòūúǔùüǖǘǚǜ]+\)|\?|�")
_PATTERNS = (
    "{year}年，全{level}{name}{a}{unit}，比上年增长{b}%。",
    "{name}达到{a}{unit}，同比增加{d}{unit}。",
    "全年{name}为{a}{unit}，低于市定目标{b}个百分点。",
    "年末{name}{a}{unit}，上年为{c}{unit}。",
    "{year}年{name}预计完成{a}{unit}左右。",
    "{name}由{last}年的{c}{unit}提高到{a}{unit}。",
    "力争{name}控制在{a}{unit}以内。",
)


@dataclass(frozen=True, slots=True)
class County:
    """A county with the names that a text about it uses."""

    code: str
    name: str
    full_name: str
    superior: str


@dataclass(frozen=True, slots=True)
class Material:
    """What documents are made of: sentences with figures and clauses without, `{county}` and `{above}` for names."""

    figures: tuple[str, ...]
    clauses: tuple[str, ...]
    indicators: tuple[tuple[str, str], ...]
    counties: tuple[County, ...]


def _read(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("gb18030", "ignore")


@cache
def material(more: tuple[Path, ...] = ()) -> Material:
    """Sentences, indicators and counties; `more` names folders with further texts."""
    with (ROOT / "pipelines/catalogue/places.csv").open(encoding="utf-8") as file:
        places = list(csv.DictReader(file))
    names = {row["place_code"]: row["name_zh"] for row in places}
    counties = tuple(
        County(row["place_code"], row["name_zh"], row["full_name_zh"], names.get(row["parent_code"], ""))
        for row in places
        if row["level"] == "county" and not row["valid_to"] and len(row["name_zh"]) >= 3
    )
    known = {c.name for c in counties}
    above = {name for row in places if (name := row["name_zh"]) not in known and row["level"] != "county"}
    name = re.compile("[一-鿿]{2,4}?[县区市旗州盟省]")

    def opened(match: re.Match[str]) -> str:
        found = match.group()
        return "{county}" if found in known else "{above}" if found in above else found

    folders = [ROOT / "data/raw/documents", *more]
    texts = [_read(p) for folder in folders if folder.is_dir() for p in sorted(folder.glob("*.txt"))]
    sentences = sorted(
        {name.sub(opened, s.replace("{", "").replace("}", "")) for text in texts for s in _SENTENCE.findall(text)}
    )
    with (ROOT / "pipelines/catalogue/indicators.csv").open(encoding="utf-8") as file:
        indicators = tuple((row["name_zh"], row["unit"]) for row in csv.DictReader(file))
    clean = [s for s in sentences if not _UNCLEAN.search(s)]
    clauses = {c for s in clean if not _NUMBER.search(s) for c in re.split("[，；。！？]", s) if len(c) > 3}
    return Material(tuple(s for s in clean if _NUMBER.search(s)), tuple(sorted(clauses)), indicators, counties)


def _renumbered(sentence: str, year: int, rng: random.Random) -> str:
    def other(match: re.Match[str]) -> str:
        digits = match.group()
        if len(digits) == 4 and digits[:2] in ("19", "20"):
            return str(year - (rng.random() < 0.3))
        if len(digits) == 1:
            return digits if digits in "01" else str(rng.randint(2, 9))
        return str(rng.randint(10 ** (len(digits) - 1), 10 ** len(digits) - 1)) if digits[0] != "0" else digits

    return _NUMBER.sub(other, sentence)


def _filled(stuff: Material, county: County, year: int, rng: random.Random) -> str:
    name, unit = rng.choice(stuff.indicators)
    size = math.exp(rng.uniform(0, 9)) if unit not in ("%", "‰") else rng.uniform(0.1, 99)
    a, c, d = (f"{size * share:.2f}" for share in (1.0, rng.uniform(0.85, 1.1), rng.uniform(0.01, 0.1)))
    return rng.choice(_PATTERNS).format(
        year=year,
        last=year - 1,
        level=county.name[-1],
        name=name,
        a=a,
        b=f"{rng.uniform(0.1, 19):.1f}",
        c=c,
        d=d,
        unit=unit,
    )


def _damaged(paragraphs: Sequence[str], level: int, density: float | None) -> str:
    """The paragraphs as the converter shows them; with `density` only so many of those with broken runs that there are
    about so many question marks, which open the runs, in a MB."""
    if density is None:
        return damage("".join(paragraphs), level)
    kept: list[str] = []
    runs = size = 0
    for paragraph in paragraphs:
        shown = damage(paragraph, level)
        broken = len(_QUESTIONS.findall(shown)) - len(_QUESTIONS.findall(paragraph))
        here = size + len(shown.encode())
        if not broken or runs + broken / 2 <= here * density / 1e6 + 1:
            kept.append(shown)
            runs += broken
            size = here
    return "".join(kept)


def document(
    number: int, seed: int, kilobytes: float, damaged: float, more: tuple[Path, ...], density: float | None = None
) -> tuple[str, bytes]:
    """Path inside the corpus and bytes of one document; `density` is that of broken runs in damaged ones."""
    stuff = material(more)
    county = stuff.counties[(number // PER_FOLDER) * 7919 % len(stuff.counties)]
    lap = number // (PER_FOLDER * len(stuff.counties))
    rng = random.Random(f"{seed}/{number}")  # noqa: S311
    year = FIRST_YEAR + (number % PER_FOLDER + lap * PER_FOLDER) % (LAST_YEAR - FIRST_YEAR + 1)
    mean = math.log(kilobytes) - SPREAD**2 / 2
    size = min(max(rng.lognormvariate(mean, SPREAD), SMALLEST_KB), LARGEST_KB) * 1000
    parts = [f"{county.full_name}{year}年政府工作报告\n"]
    left = size - len(parts[0]) * 3
    while left > 0:
        parts.append("\u3000\u3000")
        for _ in range(rng.randint(2, 7)):
            kind = rng.random()
            if kind < PATTERN_SHARE:
                sentence = _filled(stuff, county, year, rng)
            elif kind < PATTERN_SHARE + FIGURES_SHARE:
                sentence = _renumbered(rng.choice(stuff.figures), year, rng)
            else:
                sentence = "，".join(rng.choices(stuff.clauses, k=rng.randint(1, 4))) + "。"
            sentence = sentence.replace("{county}", county.name).replace("{above}", county.superior)
            parts.append(sentence)
            left -= len(sentence) * 2.7
        parts.append("\n")
    text = "".join(parts)
    if rng.random() < damaged:
        text = _damaged(text.splitlines(keepends=True), rng.randint(4, 19), density)
    encoding = "gb18030" if rng.random() < GB18030_SHARE else "utf-8"
    return f"{county.code[:2]}/{county.code}/{year}-{number}.txt", text.encode(encoding)


def documents(
    numbers: Sequence[int],
    *,
    seed: int = 1,
    kilobytes: float = MEAN_KB,
    damaged: float = 0.2,
    more: tuple[Path, ...] = (),
    density: float | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Paths and bytes of documents."""
    for number in numbers:
        yield document(number, seed, kilobytes, damaged, more, density)


def _write(
    folder: Path,
    numbers: Sequence[int],
    seed: int,
    kilobytes: float,
    damaged: float,
    more: tuple[Path, ...],
    density: float | None,
) -> int:
    size = 0
    for name, data in documents(numbers, seed=seed, kilobytes=kilobytes, damaged=damaged, more=more, density=density):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        size += len(data)
    return size


def write_corpus(
    folder: Path,
    n: int,
    *,
    seed: int = 1,
    kilobytes: float = MEAN_KB,
    damaged: float = 0.2,
    more: tuple[Path, ...] = (),
    density: float | None = None,
    workers: int = 2,
) -> int:
    """Writes `n` documents below a folder and returns their bytes."""
    step = 500
    tasks = [range(i, min(i + step, n)) for i in range(0, n, step)]
    if len(tasks) < 2 or workers < 2:
        return sum(_write(folder, t, seed, kilobytes, damaged, more, density) for t in tasks)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        made = [pool.submit(_write, folder, t, seed, kilobytes, damaged, more, density) for t in tasks]
        return sum(m.result() for m in made)


def main() -> None:
    """Write a corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--damaged", type=float, default=0.2)
    parser.add_argument(
        "--damage-density", type=float, help="broken runs a MB in damaged documents; as it comes if unset"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kilobytes", type=float, default=MEAN_KB)
    parser.add_argument("--more", type=Path, action="append", default=[])
    given = parser.parse_args()
    size = write_corpus(
        given.folder,
        given.documents,
        seed=given.seed,
        kilobytes=given.kilobytes,
        damaged=given.damaged,
        more=tuple(given.more),
        density=given.damage_density,
    )
    print(f"{given.documents} documents, {size / 1e6:.1f} MB below {given.folder}")


if __name__ == "__main__":
    main()
