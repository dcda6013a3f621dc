"""Fetches the chart library of the report page: `python -P tools/vendor_charts.py vega@6.4.0 vega-lite@6.4.3 …`.

Uses npm's own client, keeps the minified file and the licence of each, and writes down versions and digests. Without
arguments it says whether the files are those that the README names.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "corpusmill/report/page/vendor"
README = FOLDER / "README.md"
HEAD = """# Chart library

Kept as its makers publish it, so that a page needs no network. Licences lie beside the files.

| library | version | licence | sha256 |
| --- | --- | --- | --- |
"""
FOOT = "\n`python tools/vendor_charts.py` fetches other versions and writes this file.\n"


def fetch(package: str) -> str:
    """Fetch one package, e.g. `vega@6.4.0`; gives its line of the README."""
    name, _, version = package.partition("@")
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", package]
        told = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603
        with tarfile.open(Path(folder) / told.stdout.split()[-1]) as archive:
            files = [f"build/{name}.min.js", "LICENSE", "package.json"]
            code, licence, about = (archive.extractfile(f"package/{file}").read() for file in files)
    described = json.loads(about)
    if described["version"] != version:
        sys.exit(f"{package}: npm gave version {described['version']}; name a whole version")
    (FOLDER / name).mkdir(parents=True, exist_ok=True)
    (FOLDER / name / f"{name}.min.js").write_bytes(code)
    (FOLDER / name / "LICENSE").write_bytes(licence)
    return f"| {name} | {version} | {described['license']} | `{hashlib.sha256(code).hexdigest()}` |\n"


def check() -> None:
    """Compare the files with their digests."""
    rows = [line.strip("| \n").split(" | ") for line in README.read_text().splitlines() if "`" in line and "|" in line]
    for name, version, _, digest in rows:
        found = hashlib.sha256((FOLDER / name / f"{name}.min.js").read_bytes()).hexdigest()
        print(f"{name} {version}: {'as published' if found == digest.strip('`') else 'CHANGED'}")


if __name__ == "__main__":
    if sys.argv[1:]:
        README.write_text(HEAD + "".join(fetch(package) for package in sys.argv[1:]) + FOOT)
    check()
