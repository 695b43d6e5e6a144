"""Archives in a raw folder: members are documents like any other, read again only where they changed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import fake_reader

from pipelines.corpus import Corpus, read_corpus


def zipped(**entries: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, text in entries.items():
            package.writestr(name.replace("__", "/").replace("_", "."), text)
    return out.getvalue()


def read(raw: Path, cache: Path) -> Corpus:
    return read_corpus(raw, cache, workers=1, extract=fake_reader.read, version="v1")


def test_members_are_documents(tmp_path: Path) -> None:
    raw, cache = tmp_path / "raw", tmp_path / "wh" / "documents"
    raw.mkdir()
    (raw / "plain.txt").write_text("plain", encoding="utf-8")
    (raw / "a.zip").write_bytes(zipped(one_txt="one", one_yaml="title: 甲", sub__two_txt="two", alone_yaml="title: x"))
    (raw / "a.yaml").write_text("title: 乙\n", encoding="utf-8")
    (raw / "cut.zip").write_bytes(zipped(one_txt="one")[:30])
    first = read(raw, cache)
    rows = {
        path: (status, title)
        for path, status, title in first.tables["documents"].select("path", "status", "title").rows()
    }
    assert rows == {
        "a.zip!/alone.yaml": ("no_document", None),
        "a.zip!/one.txt": ("ok", "甲"),
        "a.zip!/sub/two.txt": ("ok", "乙"),  # the archive's own sidecar speaks for its members
        "cut.zip": ("truncated", None),
        "plain.txt": ("ok", None),
    }
    assert (read(raw, cache).extracted, read(raw, tmp_path / "fresh").extracted) == (0, 5)
    (raw / "a.zip").write_bytes(zipped(one_txt="one", one_yaml="title: 甲", sub__two_txt="other"))
    again = read(raw, cache)
    assert (again.changed, again.new, again.removed) == (1, 0, 1)
    (raw / "a.zip").unlink()
    assert read(raw, cache).removed == 2
    assert len(list((tmp_path / "wh" / "documents-unpacked").iterdir())) == 1  # of cut.zip


def test_a_folder_named_like_an_archive_hides_nothing(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    (raw / "a.zip!").mkdir(parents=True)
    (raw / "a.zip!" / "one.txt").write_text("folder", encoding="utf-8")
    (raw / "a.zip").write_bytes(zipped(one_txt="archive"))
    corpus = read(raw, tmp_path / "cache")
    assert corpus.tables["documents"]["path"].to_list() and corpus.tables["documents"].height == 2
    assert set(corpus.tables["mentions"]["raw"]) == {"folder", "archive"}
