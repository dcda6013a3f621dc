"""The texts that the demo's classifier learns from."""

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools/demo_texts.py"


def test_prose_and_code_are_told_apart_and_repeat(tmp_path):
    """Two runs give the same two files, of some hundred texts each: docstrings here, functions there."""
    for name in ("one", "two"):
        arguments = ["--output", str(tmp_path / name), "--most", "300"]
        subprocess.run([sys.executable, "-P", str(TOOL), *arguments], check=True, capture_output=True)
    files = {name: (tmp_path / "one" / name).read_text("utf-8") for name in ("prose.txt", "code.txt")}
    assert files == {name: (tmp_path / "two" / name).read_text("utf-8") for name in files}
    lines = {name: text.splitlines() for name, text in files.items()}
    assert [300, 300] == [len(lines["prose.txt"]), len(lines["code.txt"])]
    assert sum("self." in line for line in lines["code.txt"]) > 10 * sum("self." in line for line in lines["prose.txt"])
