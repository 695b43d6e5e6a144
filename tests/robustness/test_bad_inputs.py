"""A folder of bad files beside good ones: each bad one says what is wrong, the good ones are read, nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bad_files import GOOD, bad_files, odd_names

from pipelines.corpus import Corpus, read_corpus
from pipelines.documents.read import MAX_BYTES

KEPT_OUT_OF_SIGHT = {"..txt", "...txt"}  # names that begin with a dot are hidden files


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    raw = tmp_path_factory.mktemp("bad") / "raw"
    (raw / "bad").mkdir(parents=True)
    (raw / "odd").mkdir()
    for bad in bad_files():
        bad.make(raw / "bad" / bad.name)
    for name in odd_names():
        (raw / "odd" / name.replace("/", "\u2215")).write_text(GOOD, encoding="utf-8")
    (raw / "good.txt").write_text(GOOD, encoding="utf-8")
    (raw / "good.yaml").write_text("title: 总结\n", encoding="utf-8")
    (raw / "sidecar.txt").write_text(GOOD, encoding="utf-8")
    (raw / "sidecar.yaml").write_text("!!python/object/apply:os.system ['touch x']\n", encoding="utf-8")
    return read_corpus(raw, raw.parent / "cache" / "documents", workers=1)


def test_there_are_enough_of_them() -> None:
    assert len(list(bad_files())) + len(odd_names()) + 1 >= 60
    assert len(list(bad_files())) >= 60


def test_each_bad_file_has_its_own_clear_error(corpus: Corpus) -> None:
    rows = {
        path: (status, error)
        for path, status, error in corpus.tables["documents"].select("path", "status", "error").rows()
    }
    found = {path.removeprefix("bad/").split("!/")[0]: value for path, value in rows.items() if path.startswith("bad/")}
    expected = {bad.name: bad.status for bad in bad_files() if bad.status}
    assert {name: status for name, (status, _) in found.items()} == expected
    for name, (status, error) in found.items():
        if status != "ok":
            assert error and error.endswith(".") and "\n" not in error, name
            assert len(error) > 25 and "Traceback" not in error and "Error:" not in error, (name, error)
    assert rows["sidecar.txt"][0] == "bad_sidecar"
    assert not Path("x").exists()
    assert not {"failed", "crashed"} & {status for status, _ in rows.values()}


def test_errors_tell_apart_what_is_to_be_done(corpus: Corpus) -> None:
    errors = corpus.tables["documents"].filter(status="unsupported")["error"].to_list()
    assert len(set(errors)) >= 8


def test_nothing_wrong_is_read(corpus: Corpus) -> None:
    paths = dict(corpus.tables["documents"].select("doc_id", "path").rows())
    seen = corpus.tables["observations"].filter(~corpus.tables["observations"]["value"].is_null())
    read = {paths[d] for d in seen["doc_id"]}
    assert not [path for path in read if path.startswith("bad/")]
    assert "good.txt" in read
    assert set(seen.filter(doc_id=next(d for d, p in paths.items() if p == "good.txt"))["value"]) == {8.03, 4800.0}


def test_odd_names_are_only_names(corpus: Corpus) -> None:
    rows = corpus.tables["documents"].filter(corpus.tables["documents"]["path"].str.starts_with("odd/"))
    assert rows.height == len(odd_names()) - len(KEPT_OUT_OF_SIGHT & set(odd_names()))
    assert set(rows["status"]) == {"ok"}
    assert all(c.isprintable() for path in rows["path"] for c in path)
    assert rows["doc_id"].n_unique() == rows.height


def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may read every file")
    (tmp_path / "raw").mkdir()
    path = tmp_path / "raw" / "a.txt"
    path.write_text(GOOD, encoding="utf-8")
    path.chmod(0)
    (bad,) = read_corpus(tmp_path / "raw", tmp_path / "cache" / "documents", workers=1).bad
    assert bad.status == "unreadable"


def numbers_in_a_line(folder: Path, count: int) -> Corpus:
    (folder / "raw").mkdir()
    line = "，".join(str(n) for n in range(count)).encode()
    assert len(line) < MAX_BYTES
    (folder / "raw" / "line.txt").write_bytes(line)
    return read_corpus(folder / "raw", folder / "cache" / "documents", workers=1)


def test_many_numbers_in_one_line(tmp_path: Path) -> None:
    corpus = numbers_in_a_line(tmp_path, 20_000)
    assert corpus.bad == ()
    assert corpus.tables["documents"]["n_mentions"].to_list() == [20_000]


@pytest.mark.long
def test_a_million_numbers_in_one_line(tmp_path: Path) -> None:
    corpus = numbers_in_a_line(tmp_path, 1_000_000)
    assert corpus.bad == ()
    assert corpus.tables["documents"]["n_mentions"].to_list() == [1_000_000]
