"""The tables of a fixed set of own documents are the stored ones; `golden_tables` says how to renew them."""

from __future__ import annotations

from golden_tables import differences


def test_tables_of_own_documents_are_as_stored() -> None:
    changed = differences()
    assert not changed, (
        f"{changed}: where a rule was meant to change, run python tests/extraction/golden_tables.py --renew"
    )
