"""What is installed: known faults, hashes in the lock files, licences.

    python tools/audit.py                             checks, exit 1 where something is wrong
    python tools/audit.py --advisories all.zip        known faults from a file instead of a service
    python tools/audit.py --licences docs/licences.md  writes the list of licences

Known faults come from a service on the network by the program pip-audit (`pip install pip-audit`), or without a network
from the export of the OSV database for the ecosystem PyPI (one .zip of JSON records), fetched where there is one. What
could not be looked up is said, package by package counted: an answer for none of them is no all-clear. The other parts
need nothing: hashes in the lock files, installed versions against the lock, installed files against the hashes their
packages came with, licences.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
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


def pinned(lock: Path) -> dict[str, str]:
    """Version of each package of a lock file by its normal name."""
    pairs = (entry.split("==") for entry in locked(lock))
    return {_normal(name.split("[")[0]): version for name, version in pairs}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def check_installed() -> tuple[list[str], int]:
    """Installed packages of another version than locked, installed files that are not what their package brought; and
    how many packages were looked at."""
    found: list[str] = []
    looked_at = 0
    for name, version in sorted(pinned(ROOT / LOCKS[1]).items()):
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # belongs to another system
        looked_at += 1
        if package.version != version:
            found.append(f"{name}: {package.version} is installed, {version} is locked")
        for file in package.files or []:
            if file.hash is None or file.hash.mode != "sha256" or file.suffix == ".pyc":
                continue
            path = Path(str(file.locate()))
            digest = hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
                found.append(f"{name}: {file} is {'changed' if digest else 'gone'} since it was installed")
    return found, looked_at


def faults_in_file(export: Path, packages: dict[str, str]) -> tuple[list[str], str]:
    """Records of an OSV export that name a locked version, and one sentence on what the file covers."""
    found: list[str] = []
    n, newest = 0, ""
    with zipfile.ZipFile(export) as records:
        for member in records.namelist():
            if not member.endswith(".json"):
                continue
            record = json.loads(records.read(member))
            n, newest = n + 1, max(newest, str(record.get("modified", "")))
            if record.get("withdrawn"):
                continue
            for affected in record.get("affected", []):
                name = _normal(str(affected.get("package", {}).get("name", "")))
                if packages.get(name) in affected.get("versions", []):
                    found.append(f"{name} {packages[name]}: {record['id']} {record.get('summary', '')}".strip())
    if not n:
        return found, f"known faults were not looked up: {export.name} holds no records"
    return sorted(set(found)), f"known faults were looked up in {n:,} records, the newest of {newest[:10]}"


def known_faults() -> tuple[list[str], str]:
    """Faults that pip-audit reports, and one sentence on what could not be looked up."""
    program = shutil.which("pip-audit", path=f"{Path(sys.executable).parent}") or shutil.which("pip-audit")
    if program is None:
        return [], "known faults were not looked up: pip-audit is not installed (pip install pip-audit)"
    command = [program, "--disable-pip", "--require-hashes", "--progress-spinner", "off", "-f", "json"]
    try:
        done = subprocess.run(
            [*command, "-r", str(ROOT / LOCKS[1])], capture_output=True, text=True, timeout=300, check=False
        )
        answers = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"known faults were not looked up: pip-audit did not answer ({type(error).__name__})"
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return [], f"known faults were not looked up: the service could not be reached ({last[:120]})"
    skipped = [a["name"] for a in answers if a.get("skip_reason")]
    found = [f"{a['name']} {a['version']}: {v['id']}" for a in answers for v in a.get("vulns", [])]
    if skipped:
        return (
            found,
            f"known faults of {len(skipped)} of {len(answers)} packages were not looked up: the service does not know them",
        )
    return found, ""


def main() -> int:
    """Exit status: 1 where a check found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--licences", type=Path, metavar="FILE")
    parser.add_argument("--advisories", type=Path, metavar="ZIP")
    chosen = parser.parse_args()
    if chosen.licences:
        chosen.licences.write_text(page(licences(ROOT / "requirements.lock")), encoding="utf-8")
        return 0
    faults, told = faults_in_file(chosen.advisories, pinned(ROOT / LOCKS[1])) if chosen.advisories else known_faults()
    changed, looked_at = check_installed()
    parts = {
        "lock files": (check_hashes(), "every package has its hash, none an address"),
        "installed": (changed, f"{looked_at} packages are of the locked versions, their files as they came"),
        "licences": (check_licences(), "none that would bind the project itself"),
        "known faults": (faults, told.removeprefix("known faults ") or "none"),
    }
    for name, (found, good) in parts.items():
        for line in found:
            print(f"broken  {name}: {line}")
        if not found or name == "known faults":
            print(f"{'note   ' if 'not looked up' in good else 'ok     '} {name}: {good}")
    return 1 if any(found for found, _ in parts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
