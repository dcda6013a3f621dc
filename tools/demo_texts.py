"""Write what the demo trains its quality classifier on: prose and code of the standard library, one text a line.

Prose is every docstring of some length, code is every function of some length without its docstring. The sources are
read with `ast`; nothing is imported. The same Python gives the same files.

    python tools/demo_texts.py --output demo/texts        # demo/texts/prose.txt, demo/texts/code.txt
"""

import argparse
import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path

MIN_WORDS, MAX_WORDS = 25, 400
SKIPPED = ("/test/", "/tests/", "/site-packages/", "/dist-packages/", "/lib2to3/", "/idlelib/", "/_vendor/")
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> Iterator[str]:
    """The text of the standard library's modules, in order of their names."""
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if not any(part in f"/{path.relative_to(root)}" for part in SKIPPED):
            yield path.read_text(encoding="utf-8", errors="replace")


def texts(source: str) -> Iterator[tuple[bool, str]]:
    """Docstrings (True) and functions without theirs (False) of one module."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    lines = source.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, Documented):
            yield True, ast.get_docstring(node) or ""
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield False, "\n".join(lines[body[0].lineno - 1 : body[-1].end_lineno]) if body else ""


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("texts"), help="folder for the two files (texts)")
    parser.add_argument("--most", type=int, default=4000, help="most texts of each kind (4000)")
    options = parser.parse_args()
    found: dict[bool, list[str]] = {True: [], False: []}
    for source in sources():
        for prose, text in texts(source):
            words = text.split()
            if len(words) >= MIN_WORDS and len(found[prose]) < options.most:
                found[prose].append(" ".join(words[:MAX_WORDS]))
    options.output.mkdir(parents=True, exist_ok=True)
    for prose, name in ((True, "prose.txt"), (False, "code.txt")):
        (options.output / name).write_text("\n".join(found[prose]) + "\n", encoding="utf-8")
    print(f"{options.output}: {len(found[True]):,} texts of prose, {len(found[False]):,} of code")


if __name__ == "__main__":
    main()
