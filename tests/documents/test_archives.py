"""Archives: every member a document of its own, nothing written outside, nothing unpacked without end."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.documents import archives
from pipelines.documents.archives import Member, is_archive, laid_out, unpack

TEXT = "开江县2011年，全县人口出生率8.03‰。\n".encode()


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as package:
        for name, data in entries.items():
            package.writestr(name, data)
    return out.getvalue()


def tarred(entries: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as package:  # type: ignore[call-overload]
        for name, data in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            package.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def members(folder: Path, data: bytes, name: str = "a.zip") -> list[Member]:
    path = folder / name
    path.write_bytes(data)
    found = unpack(path, folder / "unpacked")
    home = (folder / "unpacked").resolve()
    for member in found:
        if member.path is not None:
            assert home in member.path.resolve().parents
            assert member.path.is_file() and not member.path.is_symlink()
    return found


def statuses(found: list[Member]) -> dict[str, str]:
    return {m.name: m.fault[0] if m.fault else "ok" for m in found}


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.zip", ""), ("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.TGZ", "w:gz"), ("a.tar.xz", "w:xz"),
        ("a.tar.bz2", "w:bz2"), ("wrongly-named.tar", "w:gz"),
    ],
)  # fmt: skip
def test_every_kind_gives_its_members(tmp_path: Path, name: str, mode: str) -> None:
    entries = {"县/报告.txt": TEXT, "b.txt": TEXT * 2, "县/.hidden": b"x", "__MACOSX/b.txt": b"x"}
    data = tarred(entries, mode) if mode else zipped(entries)
    assert is_archive(name)
    found = members(tmp_path, data, name)
    assert {m.name: m.path.read_bytes() for m in found if m.path} == {"县/报告.txt": TEXT, "b.txt": TEXT * 2}
    assert members(tmp_path, data, name) == found  # not unpacked again


def test_archives_inside_archives(tmp_path: Path) -> None:
    data = zipped(
        {
            "b.tar.gz": tarred(
                {"c.txt": TEXT, "d.zip": zipped({"e.txt": TEXT, "f.zip": zipped({"g.txt": TEXT})})}, "w:gz"
            )
        }
    )
    found = members(tmp_path, data)
    assert statuses(found) == {
        "b.tar.gz!/c.txt": "ok",
        "b.tar.gz!/d.zip!/e.txt": "ok",
        "b.tar.gz!/d.zip!/f.zip": "unsupported",
    }


@pytest.mark.parametrize("name", ["../up.txt", "a/../../up.txt", "/etc/passwd.txt", "C:\\up.txt", "..\\up.txt"])
def test_names_that_lead_outside_are_reported_and_not_followed(tmp_path: Path, name: str) -> None:
    for n, data in enumerate((zipped({name: TEXT, "b.txt": TEXT}), tarred({name: TEXT, "b.txt": TEXT}))):
        folder = tmp_path / str(n)
        folder.mkdir()
        found = members(folder, data, "a.zip" if n == 0 else "a.tar")
        assert sorted(statuses(found).values()) == ["ok", "unsafe"]
        written = {p.name for p in tmp_path.rglob("*") if p.is_file()}
        assert "up.txt" not in written and "passwd.txt" not in written


def test_links_and_devices_are_reported_and_not_followed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as package:
        for kind, name in (
            (tarfile.SYMTYPE, "symbolic.txt"), (tarfile.LNKTYPE, "hard.txt"), (tarfile.FIFOTYPE, "pipe.txt"),
            (tarfile.CHRTYPE, "device.txt"),
        ):  # fmt: skip
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            package.addfile(entry)
    assert set(statuses(members(tmp_path, out.getvalue(), "a.tar")).values()) == {"unsafe"}
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(link, "/etc/passwd")
    assert statuses(members(tmp_path, out.getvalue())) == {"link.txt": "unsafe"}


def test_bombs_are_refused_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for data, name in (
        (zipped({"ok.txt": TEXT, "bomb.txt": bytes(60_000_000)}), "ratio.zip"),
        (tarred({"ok.txt": TEXT, "bomb.txt": bytes(60_000_000)}, "w:gz"), "ratio.tar.gz"),
        (zipped({"a.zip": zipped({f"{n}.txt": bytes(30_000_000) for n in range(2)})}), "nested.zip"),
    ):
        (found,) = members(tmp_path, data, name)
        assert (found.name, found.fault and found.fault[0]) == ("", "too_large")
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    (found,) = members(tmp_path, zipped({f"{n}.txt": b"x" for n in range(11)}), "many.zip")
    assert found.fault and "more than 10 files" in found.fault[1]
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1000)
    (found,) = members(tmp_path, tarred({"a.txt": bytes(2000)}), "large.tar")
    assert found.fault and "more than 1,000 bytes" in found.fault[1]
    assert not [p for p in (tmp_path / "unpacked").rglob("*") if p.suffix == ".txt"]


def test_entries_that_share_their_bytes_are_counted_each_time(tmp_path: Path) -> None:
    """A zip whose directory names one packed megabyte of zeros thousands of times."""
    one = zipped({"0000.txt": bytes(1_000_000)})
    with zipfile.ZipFile(io.BytesIO(one)) as package:
        start = package.start_dir
    entry = one[start : one.rindex(b"PK\x05\x06")]
    directory = b"".join(entry.replace(b"0000.txt", b"%04d.txt" % n) for n in range(3000))
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 3000, 3000, len(directory), start, 0)
    found = members(tmp_path, one[:start] + directory + end)
    assert all(m.fault for m in found[1:])
    assert sum(m.path.stat().st_size for m in found if m.path) <= 20_000_000


def test_damaged_and_encrypted_archives(tmp_path: Path) -> None:
    whole = zipped({"a.txt": TEXT * 100, "b.txt": TEXT}, zipfile.ZIP_STORED)
    assert statuses(members(tmp_path, whole[:200], "cut.zip")) == {"": "truncated"}
    flipped = bytearray(whole)
    flipped[100] ^= 1
    assert statuses(members(tmp_path, bytes(flipped), "crc.zip")) == {"a.txt": "truncated", "b.txt": "ok"}
    locked = bytearray(whole)
    with zipfile.ZipFile(io.BytesIO(whole)) as package:
        locked[package.start_dir + 8] |= 1
    assert statuses(members(tmp_path, bytes(locked), "locked.zip"))["a.txt"] == "encrypted"
    tar = tarred({"a.txt": TEXT, "b.txt": TEXT * 1000}, "w:gz")
    assert statuses(members(tmp_path, tar[:-40], "cut.tar.gz"))[""] == "truncated"
    assert statuses(members(tmp_path, b"no archive at all", "text.zip")) == {"": "truncated"}
    assert statuses(members(tmp_path, bytes(3000), "zeros.tar")) == {"": "empty"}
    assert statuses(members(tmp_path, b"PK\x05\x06" + bytes(18), "empty.zip")) == {"": "empty"}


def test_an_index_that_leads_before_the_file_is_damage_and_no_fault_of_the_disk(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.txt": b"1"}))
    (offset,) = struct.unpack("<I", data[-6:-2])
    data[-6:-2] = struct.pack("<I", offset + 5)  # the first member then begins five bytes before the file
    assert statuses(members(tmp_path, bytes(data))) == {"a.txt": "truncated"}


def test_names_in_chinese_encodings_and_equal_names(tmp_path: Path) -> None:
    name = "工作报告.txt".encode("gbk").decode("cp437")
    data = zipped({"x" * len(name.encode("cp437")): TEXT})
    data = data.replace(b"x" * 12, "工作报告.txt".encode("gbk"))
    assert [m.name for m in members(tmp_path, data)] == ["工作报告.txt"]
    out = io.BytesIO()
    with pytest.warns(UserWarning), zipfile.ZipFile(out, "w") as package:
        package.writestr("a.txt", TEXT)
        package.writestr("a.txt", TEXT * 2)
    assert [m.name for m in members(tmp_path, out.getvalue(), "twice.zip")] == ["a.txt", "a.txt#2"]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_damage_gives_members_or_faults(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from(
            [zipped({"a.txt": TEXT * 30, "b/c.txt": TEXT}), tarred({"a.txt": TEXT}, "w:xz"), tarred({"a.txt": TEXT})]
        )
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("any")
    for member in members(folder, bytes(damaged), data.draw(st.sampled_from(["a.zip", "a.tar"]))):
        assert (member.path is None) == (member.fault is not None)


def test_a_temporary_layout_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"a.txt": TEXT}))
    with laid_out(tmp_path / "a.zip") as found:
        path = found[0].path
        assert path is not None and path.read_bytes() == TEXT
    assert not path.exists()
