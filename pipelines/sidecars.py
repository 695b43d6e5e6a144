"""Sidecars: what an analyst wrote beside a document about it.

Here: which file is the sidecar of which document, and reading one strictly. Loads no table library, so that one document
is read at once. Not here: what the metadata means for a reading (`documents`, `extraction`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from pipelines.documents.model import DocumentError, Sidecar

SUFFIX = ".yaml"


def printable(name: str) -> str:
    """A file name that can be stored and shown, whatever bytes it holds."""
    if name.isprintable():  # nearly all are, and a run asks for each of them
        return name
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def possible_sidecars(name: str) -> tuple[str, ...]:
    """File names a document's sidecar may have: NAME.EXT.yaml, else NAME.yaml."""
    stem, dot, _ = name.rpartition(".")
    plain = f"{stem}{SUFFIX}" if dot and stem else f"{name}{SUFFIX}"
    return tuple(dict.fromkeys(n for n in (f"{name}{SUFFIX}", plain) if n != name))


def sidecar_of(path: Path) -> Path | None:
    """The sidecar beside a document, or None."""
    candidates = (path.with_name(name) for name in possible_sidecars(path.name))
    return next((c for c in candidates if c.is_file()), None)


def read_sidecar(path: Path) -> Sidecar:
    """Metadata an analyst wrote beside a document; raises DocumentError for anything not understood."""
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DocumentError(
            "bad_sidecar", f"The sidecar {printable(path.name)} is not valid YAML: {reason}."
        ) from error
    known = set(Sidecar.__dataclass_fields__)
    if data is None:
        return Sidecar()
    if not isinstance(data, dict):
        raise DocumentError("bad_sidecar", f"The sidecar {printable(path.name)} must hold `name: value` lines.")
    unknown = sorted(str(key) for key in data if key not in known)
    if unknown:
        raise DocumentError(
            "bad_sidecar",
            f"The sidecar {printable(path.name)} has unknown fields {', '.join(unknown)}; known are {', '.join(sorted(known))}.",
        )
    values: dict[str, Any] = {}
    for key, value in data.items():
        if value is None or value == "":
            continue
        if isinstance(value, (dict, list)):
            raise DocumentError("bad_sidecar", f"The sidecar {printable(path.name)} needs one value for {key}.")
        values[key] = value.isoformat() if isinstance(value, date) else str(value).strip()
    if "year" in values:
        if not (values["year"].isascii() and values["year"].isdigit() and len(values["year"]) == 4):
            raise DocumentError("bad_sidecar", f"The sidecar {printable(path.name)} needs a year of four digits.")
        values["year"] = int(values["year"])
    code = values.get("place_code")
    if code is not None and not (code.isascii() and code.isdigit() and len(code) == 6):
        raise DocumentError("bad_sidecar", f"The sidecar {printable(path.name)} needs a place_code of six digits.")
    return Sidecar(**values)
