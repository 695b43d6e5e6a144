"""A short run of the fuzzer in every test run, its findings kept as cases, and the long run by `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import fuzz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.documents.clean import furniture
from pipelines.documents.decode import decode
from pipelines.documents.restore import apply_edits, restore, simplify
from pipelines.documents.split import duplicated_spans, split

LONG = {"decode": 400_000, "restore": 300_000, "markup": 200_000, "extract": 100_000, "read": 50_000}
REPORTS = st.lists(st.one_of(st.sampled_from(fuzz.TOKENS), st.text(max_size=12)), max_size=25).map("".join)


@pytest.mark.parametrize("text", ["å\xad¦ç”Ÿ1200人", "3％o.43亩", "å\xad¦\u200bç”Ÿ", "&#xad;å\xad¦ç”Ÿ"])
def test_found_by_fuzzing(text: str) -> None:
    fuzz.check_restore(text.encode())


def test_a_soft_hyphen_may_be_a_byte_of_a_character() -> None:
    assert restore("学生们1200名学生".encode().decode("latin-1")).text == "学生们1200名学生"


def test_the_letter_of_a_permille_sign_is_no_zero() -> None:
    assert "0.43" not in restore("3％o.43亩").text


@pytest.mark.parametrize("target", list(LONG))
def test_fuzz_briefly(target: str) -> None:
    found = fuzz.run(target, 300, seed=3)
    assert found["findings"] == []
    assert found["executions"] == 300 and found["outcomes"] > 1


@pytest.mark.long
@pytest.mark.parametrize("target", list(LONG))
def test_fuzz_long(target: str) -> None:
    found = fuzz.run(target, LONG[target], seed=1)
    assert found["findings"] == []


def test_a_broken_law_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(text: str) -> object:
        return restore(text + "9")

    monkeypatch.setattr(fuzz, "restore", lose)
    assert fuzz.run("restore", 50, seed=1)["findings"]


def test_what_never_ends_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def spin(text: str) -> object:
        while True:
            pass

    monkeypatch.setattr(fuzz, "restore", spin)
    monkeypatch.setattr(fuzz, "LIMIT", 0.1)
    found = fuzz.run("restore", 2, seed=1, stop_after=1)
    assert "processor time" in found["findings"][0][0]


@given(REPORTS)
@settings(max_examples=150, deadline=None)
def test_laws_of_repair_hold_for_any_text(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    restored = restore(text)
    assert simplify(apply_edits(text, restored.edits)[0]) == restored.text


@given(REPORTS)
@settings(max_examples=100, deadline=None)
def test_furniture_sections_and_repeats_lie_inside_the_text(text: str) -> None:
    spans = furniture(text)
    assert all(0 <= a < b <= len(text) for a, b in spans)
    sections = split(text, spans)
    assert sections[0].start == 0 and sections[-1].end == len(text)
    assert all(a.end == b.start for a, b in zip(sections, sections[1:], strict=False))
    assert all(0 <= a < b <= len(text) for a, b in duplicated_spans(text))


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=80),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
)
@settings(max_examples=150, deadline=None)
def test_what_was_encoded_is_never_decoded_into_other_digits(text: str, encoding: str) -> None:
    text = "全县总人口与经济社会发展的情况，" * 3 + text
    found, named = decode(text.encode(encoding))
    assert [c for c in found if c.isdigit()] == [c for c in text if c.isdigit()], named


def test_extraction_of_a_long_line_takes_linear_time(tmp_path: Path) -> None:
    import time

    from pipelines.extraction.document import extract_records

    spent = []
    for numbers in (2_000, 8_000):
        (tmp_path / "a.txt").write_text("，".join(f"小学{n}所" for n in range(numbers)), encoding="utf-8")
        began = time.process_time()
        assert len(extract_records(tmp_path / "a.txt")) >= numbers
        spent.append(time.process_time() - began)
    assert spent[1] < 10 * spent[0] + 1  # four times the text; sixteen would be quadratic
