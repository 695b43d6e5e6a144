"""What is looked at, opened and read again, and that no path to the same documents gives other rows."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import counting_reader
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines import corpus as corpus_module
from pipelines.corpus import Corpus, read_corpus
from pipelines.parts import DOCUMENT_TABLES
from pipelines.sources import find_documents


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    log = tmp_path / "opened.log"
    monkeypatch.setenv("OPENED_LOG", str(log))
    return log


def read(raw: Path, cache: Path, **settings: object) -> Corpus:
    chosen: dict[str, object] = {"extract": counting_reader.read, "version": "v1", "workers": 1} | settings
    return read_corpus(raw, cache, **chosen)  # type: ignore[arg-type]


def write(path: Path, text: str, age_s: float = 60) -> None:
    """A document that was last touched a while ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    at = time.time() - age_s
    os.utime(path, (at, at))


def settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets files count as quiet that were only just made."""
    monkeypatch.setattr(corpus_module, "FRESH_NS", 0)


def assert_same(one: Corpus, other: Corpus) -> None:
    for table in DOCUMENT_TABLES:
        assert_frame_equal(one.table(table), other.table(table), check_exact=True)
    assert one.inputs_sha256 == other.inputs_sha256


def test_unchanged_documents_are_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    raw = tmp_path / "raw"
    for n in range(5):
        write(raw / f"{n}.txt", f"2011 births {n}")
    read(raw, tmp_path / "cache")
    monkeypatch.setattr("pipelines.parts.hash_or_nothing", lambda path: pytest.fail(f"{path} was opened"))
    again = read(raw, tmp_path / "cache")
    assert (again.unchanged, again.extracted) == (5, 0)


def test_touched_documents_are_hashed_and_not_read(
    tmp_path: Path, opened: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch)
    raw = tmp_path / "raw"
    write(raw / "a.txt", "2011 births 1")
    write(raw / "a.yaml", "title: 甲")
    read(raw, tmp_path / "cache")
    os.utime(raw / "a.txt")
    os.utime(raw / "a.yaml")
    assert read(raw, tmp_path / "cache").extracted == 0
    assert opened.read_text().splitlines() == ["a.txt"]


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    raw = tmp_path / "raw"
    write(raw / "a.txt", "2011 births 1")
    read(raw, tmp_path / "cache")
    before = (raw / "a.txt").stat()
    (raw / "a.txt").write_text("2011 births 2", encoding="utf-8")
    os.utime(raw / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    changed = read(raw, tmp_path / "cache")
    assert changed.changed == 1
    assert changed.table("observations")["value"].to_list() == [2.0]


def test_a_document_written_while_it_was_looked_at_is_looked_at_again(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write(raw / "a.txt", "2011 births 1", age_s=0)
    read(raw, tmp_path / "cache")
    manifest = pl.read_parquet(tmp_path / "cache/manifest.parquet")
    status = (raw / "a.txt").stat()
    write(raw / "a.txt", "2011 births 3", age_s=0)
    # as if the clock had not moved on between the two
    now = (raw / "a.txt").stat()
    manifest.with_columns(
        mtime_ns=pl.lit(now.st_mtime_ns), ctime_ns=pl.lit(now.st_ctime_ns), looked_ns=pl.lit(now.st_ctime_ns + 10**6)
    ).write_parquet(tmp_path / "cache/manifest.parquet")
    assert status.st_size == now.st_size
    assert read(raw, tmp_path / "cache").table("observations")["value"].to_list() == [3.0]


def test_verify_reads_bytes_whatever_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    raw = tmp_path / "raw"
    write(raw / "a.txt", "2011 births 1")
    read(raw, tmp_path / "cache")
    (raw / "a.txt").write_text("2011 births 2", encoding="utf-8")
    now = (raw / "a.txt").stat()
    later = now.st_ctime_ns + 1
    pl.read_parquet(tmp_path / "cache/manifest.parquet").with_columns(
        mtime_ns=pl.lit(now.st_mtime_ns), ctime_ns=pl.lit(now.st_ctime_ns), looked_ns=pl.lit(later)
    ).write_parquet(tmp_path / "cache/manifest.parquet")
    assert read(raw, tmp_path / "cache").extracted == 0
    assert read(raw, tmp_path / "cache", verify=True).changed == 1


def test_verify_finds_a_changed_byte_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    raw = tmp_path / "raw"
    write(raw / "a.txt", "2011 births 1")
    whole = read(raw, tmp_path / "cache")
    file = next((tmp_path / "cache/parts").rglob("documents.parquet"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    mended = read(raw, tmp_path / "cache", verify=True)
    assert mended.extracted == 1
    assert_same(mended, read(raw, tmp_path / "fresh"))
    assert whole.parts == mended.parts


def test_one_document_that_fits_no_table_is_a_row_beside_the_others(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for n in range(4):
        write(raw / f"{n}.txt", "nan" if n == 2 else f"2011 births {n}")
    found = read(raw, tmp_path / "cache")
    assert [(b.path, b.status) for b in found.bad] == [("2.txt", "failed")]
    assert "NaN" in found.bad[0].error
    assert found.rows("observations") == 3


def change(raw: Path, rng: random.Random) -> None:
    """One arbitrary change to a raw folder."""
    files = sorted(p for p in raw.rglob("*.txt"))
    kind = rng.choice(("edit", "edit", "add", "add", "remove", "move", "touch", "sidecar", "copy"))
    path = rng.choice(files)
    if kind == "add" or not files:
        write(
            raw / rng.choice(("a", "b", "c/d")) / f"{rng.randrange(10**6)}.txt",
            f"2010 births {rng.randrange(99)}\n" * 3,
        )
    elif kind == "edit":
        write(path, f"2010 deaths {rng.randrange(1000)}\n2011 births {rng.randrange(1000)}")
    elif kind == "remove" and len(files) > 3:
        path.unlink()
        path.with_suffix(".yaml").unlink(missing_ok=True)
    elif kind == "move":
        path.rename(path.with_name(f"moved{rng.randrange(10**6)}.txt"))
    elif kind == "touch":
        path.touch()
    elif kind == "copy":
        shutil.copy2(path, path.with_name(f"copy{rng.randrange(10**6)}.txt"))
    else:
        write(path.with_suffix(".yaml"), f"title: 题{rng.randrange(100)}")


@pytest.mark.parametrize("seed", range(6))
def test_any_row_of_changes_ends_like_one_full_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    settle(monkeypatch)
    monkeypatch.setattr(corpus_module, "BATCH", 4)
    monkeypatch.setattr(corpus_module, "MAX_SMALL_PARTS", 3)
    rng = random.Random(seed)
    raw, cache = tmp_path / "raw", tmp_path / "cache"
    for n in range(18):
        write(raw / rng.choice("abc") / f"{n}.txt", f"20{n:02d} births {n}\n2011 deaths {n}")
    for _ in range(6):
        for _ in range(rng.randrange(4)):
            change(raw, rng)
        latest = read(raw, cache)
        assert latest.rows("documents") == len(find_documents(raw))
        held = [n for p in (cache / "parts").iterdir() for n in [pl.read_parquet(p / "documents.parquet").height]]
        assert sum(held) == latest.rows("documents")
    assert_same(latest, read(raw, tmp_path / "fresh"))


def test_a_change_touches_only_the_parts_it_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    monkeypatch.setattr(corpus_module, "BATCH", 5)
    raw = tmp_path / "raw"
    for n in range(40):
        write(raw / f"{n:02d}.txt", f"2011 births {n}")
    first = {p.name for p in read(raw, tmp_path / "cache").parts}
    write(raw / "07.txt", "2011 births 700")
    after = {p.name for p in read(raw, tmp_path / "cache").parts}
    assert len(first - after) == 1
    assert len(after - first) == 2  # the rest of that part, and the new one


@pytest.mark.slow
def test_workers_and_one_process_make_the_same_rows(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for n in range(60):
        write(raw / f"{n}.txt", f"2011 births {n}")
    one, two = read(raw, tmp_path / "one"), read(raw, tmp_path / "two", workers=2)
    assert_same(one, two)


@pytest.mark.usefixtures("opened")
def test_the_same_bytes_are_read_once_and_are_two_documents(tmp_path: Path, opened: Path) -> None:
    raw = tmp_path / "raw"
    said = "2011 births 120\n2012 births 130\n"
    for name in ("a.txt", "b/copy.txt", "other.txt", "another.md", "described.txt"):
        write(raw / name, said)
    write(raw / "other.txt", said.replace("130", "131"))
    write(raw / "described.yaml", "title: another\n")
    read_corpus_once = read(raw, tmp_path / "cache")
    names = [Path(line).name for line in opened.read_text(encoding="utf-8").split()]
    assert sorted(names) == ["a.txt", "another.md", "described.txt", "other.txt"]
    alone = [read(raw_of(tmp_path, raw, name), tmp_path / f"cache {name}") for name in ("a.txt", "b/copy.txt")]
    for table in DOCUMENT_TABLES:
        both = read_corpus_once.table(table)
        for one in alone:
            rows = one.table(table)
            assert_frame_equal(
                both.join(rows.select("doc_id").unique(), on="doc_id", how="semi"), rows, check_exact=True
            )


def raw_of(folder: Path, raw: Path, name: str) -> Path:
    """A raw folder with one of the documents, under the same name."""
    alone = folder / f"raw {name.replace('/', ' ')}"
    (alone / name).parent.mkdir(parents=True)
    shutil.copy2(raw / name, alone / name)
    return alone


def test_only_sources_and_vocabularies_are_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "__file__", str(tmp_path / "corpus.py"))
    (tmp_path / "extraction").mkdir()
    (tmp_path / "extraction" / "rules.yaml").write_text("a: b\n")
    before = corpus_module.code_version(["extraction"])
    for name in ("SOURCES.md", "rules.so", "rules.pyc"):
        (tmp_path / "extraction" / name).write_text("made from the sources, or for people")
    assert corpus_module.code_version(["extraction"]) == before
    (tmp_path / "extraction" / "rules.yaml").write_text("a: c\n")
    assert corpus_module.code_version(["extraction"]) != before
