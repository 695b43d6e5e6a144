"""What is installed: known faults, hashes in the lock files, licences.

    python tools/audit.py                             checks, exit 1 where something is wrong
    python tools/audit.py --licences docs/licences.md  writes the list of licences

Known faults need a service on the network and the program pip-audit (`pip install pip-audit`); where either is missing,
the output says that this part was not checked. The other parts need nothing.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements-bootstrap.lock", "requirements.lock", "requirements-dev.lock")
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
WEAK = re.compile(r"LGPL|Lesser", re.IGNORECASE)


def locked(lock: Path) -> dict[str, list[str]]:
    """Packages of a lock file, `name==version`, with their hashes."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in lock.read_text(encoding="utf-8").splitlines():
        if hit := re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?==[^\s;\\]+)", line):
            name = hit[1]
            found[name] = []
        found.setdefault(name, []).extend(re.findall(r"--hash=(sha256:[0-9a-f]{64})", line))
    found.pop("", None)
    return found


def licence(found: Distribution) -> str:
    """The licence a package declares: its SPDX expression, its classifiers, or the first words of its licence field."""
    told = found.metadata
    if expression := told.get("License-Expression"):
        return str(expression)
    classes = [c.rsplit(" :: ", 1)[-1] for c in told.get_all("Classifier") or [] if c.startswith("License ::")]
    classes = [c for c in classes if c != "OSI Approved"]
    if classes:
        return ", ".join(classes)
    first = (told.get("License") or "").strip().splitlines()
    return first[0][:60] if first and first[0] else "not declared"


def licences(lock: Path) -> list[tuple[str, str, str]]:
    """Name, version and licence of each locked package that is installed here; others belong to other systems."""
    rows = []
    for entry in locked(lock):
        name = re.split(r"[\[=]", entry, maxsplit=1)[0]
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        rows.append((name, found.version, licence(found)))
    return sorted(rows, key=lambda r: r[0].lower())


def page(rows: list[tuple[str, str, str]]) -> str:
    """The list as a Markdown page."""
    lines = [
        "# Licences of the packages a run uses",
        "",
        "Made by `make docs` from `requirements.lock` and the packages' own declarations; packages for other systems are left out.",
        "",
        "| package | version | licence |",
        "| --- | --- | --- |",
        *(f"| {name} | {version} | {told.replace('|', '/')} |" for name, version, told in rows),
    ]
    return "\n".join(lines) + "\n"


def check_hashes() -> list[str]:
    """Faults of the lock files: packages without hashes, lines that name an address."""
    faults = []
    for name in LOCKS:
        path = ROOT / name
        entries = locked(path)
        bare = [entry for entry, hashes in entries.items() if not hashes]
        if bare or not entries:
            faults.append(f"{name}: without hashes: {', '.join(bare) or 'everything'}")
        if re.search(r"https?://|--(?:extra-)?index-url", path.read_text(encoding="utf-8")):
            faults.append(f"{name}: names an address")
    return faults


def check_licences() -> list[str]:
    """Packages a run uses whose licence would bind the project itself."""
    rows = licences(ROOT / "requirements.lock")
    return [f"{name} {v}: {told}" for name, v, told in rows if COPYLEFT.search(told) and not WEAK.search(told)]


def known_faults() -> tuple[list[str], str]:
    """Faults that pip-audit reports, and one sentence where they could not be looked up."""
    program = shutil.which("pip-audit", path=f"{Path(sys.executable).parent}") or shutil.which("pip-audit")
    if program is None:
        return [], "known faults were not looked up: pip-audit is not installed (pip install pip-audit)"
    command = [program, "--disable-pip", "--require-hashes", "--progress-spinner", "off", "-r", str(ROOT / LOCKS[1])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"known faults were not looked up: pip-audit did not answer ({type(error).__name__})"
    if done.returncode == 0:
        return [], ""
    reported = [line for line in done.stdout.splitlines() if re.match(r"\S+\s+\S+\s+(PYSEC|GHSA|CVE)", line)]
    if reported:
        return reported, ""
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return [], f"known faults were not looked up: the service could not be reached ({last[:120]})"


def main() -> int:
    """Exit status: 1 where a check found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--licences", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    if chosen.licences:
        chosen.licences.write_text(page(licences(ROOT / "requirements.lock")), encoding="utf-8")
        return 0
    faults, unchecked = known_faults()
    parts = {"lock files": check_hashes(), "licences": check_licences(), "known faults": faults}
    for name, found in parts.items():
        for line in found:
            print(f"broken  {name}: {line}")
        if not found:
            print(f"note    {unchecked}" if name == "known faults" and unchecked else f"ok      {name}")
    return 1 if any(parts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
