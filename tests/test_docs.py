"""The documents: generated pages are fresh, links lead somewhere, examples run."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]


def reference():
    """tools/reference.py as a module."""
    specification = importlib.util.spec_from_file_location("reference", ROOT / "tools/reference.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["steps.md", "commands.md"])
def test_generated_pages_are_fresh(page):
    """What the docs say of steps and commands is what the code says; else run tools/reference.py."""
    assert reference().PAGES[page]() == (ROOT / "docs" / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Every relative link of a page names a file of the project."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert [] == missing


@pytest.mark.parametrize("page", ["README.md", "docs/python.md", "docs/dedup.md", "docs/tokens.md", "docs/training.md"])
def test_the_examples_run(page):
    """Every Python block of these pages runs as it stands."""
    pytest.importorskip("datasets", reason="needs corpusmill[hub]")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {"__name__": "example"})


def test_no_page_names_a_place_of_one_machine():
    """Docs hold no absolute path of the machine they were written on."""
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(work|root|home)/", page.read_text(encoding="utf-8")), page
