"""The shape of the code itself: sizes, floors, catalogues, names."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import corpusmill
from corpusmill.spec import members

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "corpusmill"
MODULES = sorted(PACKAGE.rglob("*.py"))
FAMILIES = {"dedup": "Dedup", "extract": "Extractor", "filters": "Filter", "redact": "Redactor",
            "tokenize": "Packer"}  # fmt: skip
MOST_LINES, MOST_FUNCTION_LINES = 300, 60


def name_of(path: Path) -> str:
    """`corpusmill/storage/warc.py` as a module's name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def code_lines(lines: list[str]) -> int:
    """Lines that are not blank."""
    return sum(bool(line.strip()) for line in lines)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_are_short(path: Path) -> None:
    """A module has at most 300 lines that are not blank, a function 60."""
    text = path.read_text()
    lines = text.split("\n")
    assert code_lines(lines) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = code_lines(lines[node.lineno - 1 : node.end_lineno])
            assert size <= MOST_FUNCTION_LINES, f"{node.name} has {size} lines; cut it in two"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_is_caught_broadly(path: Path) -> None:
    """An exception that nobody expected is a bug and comes through."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            assert caught not in {"everything", "Exception", "BaseException"}, f"line {node.lineno} catches {caught}"


def imports(path: Path) -> set[str]:
    """Modules of the package that a module imports when it is imported itself, type checking aside."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("corpusmill"):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("corpusmill")}
    return found & {name_of(module) for module in MODULES} - {name_of(path)}


def test_no_import_ring() -> None:
    """The modules can be put in an order in which each imports only earlier ones, `__init__` files aside."""
    packages = {name_of(path) for path in MODULES if path.name == "__init__.py"}
    waiting = {name_of(path): imports(path) - packages for path in MODULES}
    while waiting:
        ready = [name for name, needs in waiting.items() if not needs & set(waiting)]
        assert ready, f"these import each other: {sorted(waiting)}"
        for name in ready:
            del waiting[name]


def specs_in(path: Path) -> list[str]:
    """Names of the `@spec` classes of a file that can be named in a recipe."""
    classes = (node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef))
    return [
        node.name
        for node in classes
        if any(ast.unparse(decorator) == "spec" for decorator in node.decorator_list)
        and any(isinstance(item, ast.AnnAssign) and ast.unparse(item.target) == "use" for item in node.body)
    ]


@pytest.mark.parametrize(("family", "union"), FAMILIES.items())
def test_every_step_is_in_its_catalogue(family: str, union: str) -> None:
    """A step that is not named in its family's union does not exist for recipes."""
    home = importlib.import_module(f"corpusmill.{family}")
    named = {cls.__name__ for cls in members(getattr(home, union))}
    for path in sorted((PACKAGE / family).glob("*.py")):
        for name in specs_in(path):
            where = f"corpusmill/{family}/__init__.py"
            assert name in named, f"{path.name} defines {name}; add it to {union} in {where}"


def test_pythons_own_tokenize_stays_python_own() -> None:
    """No folder or file of ours shadows a standard module that inspect and traceback import."""
    import tokenize

    assert "corpusmill" not in Path(tokenize.__file__).parts
    shadowing = {path.stem for path in ROOT.glob("*.py")} | {path.name for path in ROOT.iterdir() if path.is_dir()}
    assert not shadowing & (set(sys.stdlib_module_names) - {"site-packages"})


def test_every_test_folder_is_a_package() -> None:
    """Else `tests/tokenize` would be found as `tokenize`."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [] == sorted(str(folder) for folder in folders if not (folder / "__init__.py").exists())


def test_planning_loads_no_engine() -> None:
    """The catalogue, recipes and plans come without Beam, numba, models or HTML parsers."""
    heavy = ["apache_beam", "numba", "torch", "fasttext", "spacy", "trafilatura", "resiliparse", "datasets", "fastwarc",
             "phonenumbers", "presidio_analyzer", "datasketch", "scipy", "tokenizers", "tiktoken"]  # fmt: skip
    code = f"import sys, corpusmill.plan, corpusmill.cli; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == found.stdout.strip()


def test_the_version_is_said_once() -> None:
    """`pyproject.toml` and the package agree."""
    assert f'\nversion = "{corpusmill.__version__}"\n' in (ROOT / "pyproject.toml").read_text()
