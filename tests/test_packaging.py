"""The files around the code: pinned versions, image, checks."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pinned() -> dict[str, str]:
    """Name → version of every constraint."""
    lines = (ROOT / "constraints.txt").read_text().split("\n")
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def wanted() -> set[str]:
    """Names of all packages that are asked for, in whatever extra."""
    asked = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    names = {re.match(r"[A-Za-z0-9_.-]+", line)[0] for line in asked}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names} - {"corpusmill"}


def test_everything_asked_for_is_pinned() -> None:
    """A dependency without a constraint would differ from one machine to the next."""
    assert set() == wanted() - set(pinned())


def test_constraints_are_plain_pins() -> None:
    """`name==version`, in order, without local builds, which exist on one machine only."""
    names = list(pinned())
    assert sorted(names) == names
    assert all(re.fullmatch(r"[0-9][0-9A-Za-z.]*", version) for version in pinned().values())


def test_the_image_has_the_pinned_beam() -> None:
    """Runners refuse workers of another Beam than the one that submits."""
    image = re.search(
        r"^FROM apache/beam_python3\.11_sdk:(\S+)$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE
    )
    assert pinned()["apache-beam"] == image[1]


def test_the_image_copies_what_exists() -> None:
    """A file that was moved would break the image long after."""
    for line in (ROOT / "deploy/Dockerfile").read_text().split("\n"):
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source


def test_the_licence_is_whole() -> None:
    """Apache-2.0 from its title to its appendix."""
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text[:200]
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Apache-2.0" == PROJECT["license"]


@pytest.mark.slow
def test_pip_can_solve_the_constraints() -> None:
    """All extras fit together at the pinned versions; skipped where no package index answers."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    target = ["-c", str(ROOT / "constraints.txt"), f"{ROOT}[all,dev]"]
    done = subprocess.run([*command, *target], capture_output=True, text=True, check=False)
    if done.returncode and re.search(r"connection|retries|name resolution|timed out", done.stderr, re.IGNORECASE):
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    assert 0 == done.returncode, done.stderr
