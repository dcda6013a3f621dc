"""Files to which a training adds a row now and then, and from which it takes back what a resumed run does again."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from corpusmill.errors import OutputError
from corpusmill.storage.write import telling


class Journal:
    """JSON lines in the order of their `step`; each is on its way to the disk when `write` returns.

    Numbers that are not finite become null, for which JSON has a word.

    Raises:
        StorageError: if the file cannot be written.
    """

    def __init__(self, path: Path, last_step: int = -1) -> None:
        """Open a file to go on after the rows of `last_step`; later rows, and one that was broken off, go."""
        self._path = path
        with telling(str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
            self._file.truncate(_end(path, last_step))

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row, which has a `step`."""
        finite = {name: value if _sayable(value) else None for name, value in row.items()}
        line = json.dumps(finite, ensure_ascii=False, allow_nan=False) + "\n"
        with telling(str(self._path)):
            self._file.write(line.encode("utf-8", "surrogatepass"))
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with telling(str(self._path)):
            self._file.close()


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a journal; one that was broken off is left out.

    Raises:
        OutputError: if there is no such file, or a row in its middle cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError as error:
        raise OutputError(f"{path}: no such file; expected the folder of a training run") from error
    for number, line in enumerate(lines[:-1], 1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise OutputError(f"{path}:{number}: no JSON ({error}); a training run wrote one object a line") from error


def _end(path: Path, last_step: int) -> int:
    """Bytes of the whole rows up to a step."""
    end = 0
    with path.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n") or _step(line) > last_step:
                break
            end += len(line)
    return end


def _step(line: bytes) -> float:
    """The step of a row; of one that is none, later than all others."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def _sayable(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
