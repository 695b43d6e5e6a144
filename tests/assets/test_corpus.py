"""The corpus: found in a fixed order, read again only where something changed, and never stopped by one document."""

from __future__ import annotations

import os
from pathlib import Path

import fake_reader
import pytest

from pipelines.corpus import Corpus, extractor_version, read_corpus
from pipelines.documents.model import DocumentError
from pipelines.sidecars import read_sidecar
from pipelines.sources import doc_id_of, find_documents
from pipelines.warehouse.schema import TABLES, empty
from pipelines.warehouse.tables import hash_tables


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    for name in ("a.txt", "b/c.txt", "b/d.txt", "e.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}", encoding="utf-8")
    (folder / "a.yaml").write_text("title: 甲\nyear: 2011\nplace_code: 110101\n", encoding="utf-8")
    return folder


def read(raw: Path, cache: Path, version: str = "v1", workers: int = 1) -> Corpus:
    return read_corpus(raw, cache, extract=fake_reader.read, version=version, workers=workers)


def content(corpus: Corpus) -> str:
    return hash_tables({t.name: empty(t.name) for t in TABLES} | dict(corpus.tables))


def test_finds_documents_and_nothing_else(raw: Path) -> None:
    for name in (
        "series/x.csv",
        "corrections/y.yaml",
        "README.md",
        "b/README.md",
        ".hidden",
        "~$lock.docx",
        "b/series/z.txt",
    ):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_text("x", encoding="utf-8")
    assert [s.name for s in find_documents(raw)] == ["a.txt", "b/c.txt", "b/d.txt", "b/series/z.txt", "e.txt"]


def test_links_are_followed_once_and_never_in_a_circle(raw: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "far.txt").write_text("far", encoding="utf-8")
    (raw / "loop").symlink_to(raw)
    (raw / "b" / "up").symlink_to("..")
    (raw / "linked").symlink_to(outside)
    (raw / "again").symlink_to(outside)
    (raw / "broken.txt").symlink_to("nowhere")
    assert [s.name for s in find_documents(raw)] == [
        "a.txt",
        "again/far.txt",
        "b/c.txt",
        "b/d.txt",
        "broken.txt",
        "e.txt",
    ]


def test_only_what_changed_is_read_again(raw: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert read(raw, cache).new == 4
    again = read(raw, cache)
    assert (again.extracted, again.unchanged) == (0, 4)
    (raw / "b/c.txt").write_text("other text", encoding="utf-8")
    (raw / "a.yaml").write_text("title: 乙\n", encoding="utf-8")
    (raw / "e.txt").unlink()
    (raw / "f.txt").write_text("new", encoding="utf-8")
    changed = read(raw, cache)
    assert (changed.new, changed.changed, changed.removed, changed.unchanged) == (1, 2, 1, 1)
    assert content(changed) == content(read(raw, tmp_path / "fresh"))
    assert read(raw, cache, version="v2").changed == 4


def test_many_small_changes_end_like_one_full_build(raw: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for n in range(25):
        (raw / f"n{n}.txt").write_text(f"number {n}", encoding="utf-8")
        latest = read(raw, cache)
        assert latest.extracted == (5 if n == 0 else 1)
    assert content(latest) == content(read(raw, tmp_path / "fresh"))
    assert len(list((cache / "parts").iterdir())) <= 17


def test_a_damaged_cache_is_read_anew(raw: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    whole = content(read(raw, cache))
    for path in cache.rglob("mentions.parquet"):
        path.write_bytes(path.read_bytes()[:-7])
    mended = read(raw, cache)
    assert mended.extracted == 4
    assert content(mended) == whole
    (cache / "manifest.parquet").write_bytes(b"")
    assert content(read(raw, cache)) == whole


def test_one_bad_document_stops_nothing(raw: Path, tmp_path: Path) -> None:
    (raw / "a_refused.txt").write_text("refuse", encoding="utf-8")
    (raw / "b_fault.txt").write_text("fault", encoding="utf-8")
    (raw / "c_sidecar.txt").write_text("x", encoding="utf-8")
    (raw / "c_sidecar.yaml").write_text("titel: x", encoding="utf-8")
    (raw / "d_alone.yaml").write_text("title: x", encoding="utf-8")
    (raw / "e_broken.txt").symlink_to("nowhere")
    os.mkfifo(raw / "f_pipe.txt")
    (raw / "g\nnewline\u202e.txt").write_text("x", encoding="utf-8")
    corpus = read(raw, tmp_path / "cache")
    assert [(b.path, b.status) for b in corpus.bad] and {b.path: b.status for b in corpus.bad} == {
        "a_refused.txt": "encrypted",
        "b_fault.txt": "failed",
        "c_sidecar.txt": "bad_sidecar",
        "d_alone.yaml": "no_document",
        "e_broken.txt": "unreadable",
        "f_pipe.txt": "unreadable",
    }
    assert all(b.error.endswith(".") for b in corpus.bad)
    assert corpus.tables["documents"].height == 11
    assert "g\\nnewline\\u202e.txt" in corpus.tables["documents"]["path"].to_list()
    assert read(raw, tmp_path / "cache").extracted == 0


@pytest.mark.slow
def test_workers_change_nothing_and_a_crash_hits_one_document(raw: Path, tmp_path: Path) -> None:
    for n in range(14):
        (raw / f"n{n}.txt").write_text(f"number {n}", encoding="utf-8")
    alone = read(raw, tmp_path / "alone")
    assert content(read(raw, tmp_path / "many", workers=2)) == content(alone)
    (raw / "n3.txt").write_text("crash", encoding="utf-8")
    for n in range(20, 34):
        (raw / f"n{n}.txt").write_text(f"number {n}", encoding="utf-8")
    crashed = read(raw, tmp_path / "many", workers=2)
    assert [(b.path, b.status) for b in crashed.bad] == [("n3.txt", "crashed")]
    assert crashed.tables["documents"].height == 32


def test_sidecars_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("title: 甲\npublished_on: 2011-05-01\nyear: 2011\nplace_code: '110101'\nnote:\n", encoding="utf-8")
    sidecar = read_sidecar(path)
    assert (sidecar.published_on, sidecar.year, sidecar.place_code, sidecar.note) == (
        "2011-05-01",
        2011,
        "110101",
        None,
    )
    for text in (
        "a: [",
        "- a",
        "year: next",
        "place_code: 12",
        "titel: x",
        "title: {a: b}",
        "!!python/object:os.system {}",
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DocumentError) as error:
            read_sidecar(path)
        assert error.value.status == "bad_sidecar"


def test_identifiers() -> None:
    assert len(doc_id_of("a/b.txt")) == 12
    assert len(extractor_version()) == 16
