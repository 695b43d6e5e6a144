"""The whole extraction of a fixed set of own documents, as one hash for each of their tables.

    python tests/extraction/golden_tables.py          says what differs from the stored hashes
    python tests/extraction/golden_tables.py --renew  stores those of today

A better rule changes them: look at what differs (`git stash` and `xianzhi extract` before and after), renew, and commit
the file with the rule. A change of anything else must leave them as they are.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path

from made_tables import FORMS, MADE

from pipelines.extraction.document import extract_document

HERE = Path(__file__).resolve().parent
STORED = HERE / "golden_tables.json"
GOLD = HERE.parent / "gold"
TEXTS = ("census_communique", "communique", "population_essay", "quarter_targets", "web_page_twice")


def files(folder: Path) -> list[Path]:
    """Five texts and two tables; the tables are made anew."""
    tables = [folder / "long.csv", folder / "merged.html"]
    tables[0].write_bytes(FORMS[".csv"](MADE[5]))
    tables[1].write_bytes(FORMS[".html"](MADE[2]))
    return [*(GOLD / f"{name}.txt" for name in TEXTS), *tables]


def hashes() -> dict[str, str]:
    """`FILE TABLE` -> number of rows and SHA-256 of the rows in order."""
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="xianzhi-") as folder:
        for path in files(Path(folder)):
            tables = extract_document(path, path.name, path.stem)
            for table in ("sections", "mentions", "observations", "targets"):
                rows = sorted(
                    json.dumps(row, ensure_ascii=False, sort_keys=True, allow_nan=False)
                    for row in getattr(tables, table)
                )
                digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
                found[f"{path.name} {table}"] = f"{len(rows)} {digest}"
    return found


def differences() -> list[str]:
    """Tables whose stored hash is another."""
    stored, now = json.loads(STORED.read_text(encoding="utf-8")), hashes()
    return [name for name in sorted(stored.keys() | now.keys()) if stored.get(name) != now.get(name)]


if __name__ == "__main__":
    if "--renew" in sys.argv:
        STORED.write_text(json.dumps(hashes(), indent=1) + "\n", encoding="utf-8")
    print("\n".join(differences()) or "as stored")
