"""What several groups of commands share: kinds of arguments, tables on the screen."""

import argparse
import math
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def positive(text: str) -> int:
    """A whole number from 1 up.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, found {text!r}")
    return number


def megabytes(text: str) -> int:
    """Bytes from a number of megabytes above 0.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    try:
        size = float(text) * 1e6
    except ValueError:
        size = 0.0
    if not 1 <= size < math.inf:
        raise argparse.ArgumentTypeError(f"expected megabytes above 0, found {text!r}")
    return round(size)


def price(text: str) -> float:
    """A price from 0 up.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"expected a price from 0 up, found {text!r}")
    return found


def show(item: object) -> None:
    """Print a table or a line; wide enough for every table where the output is no terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # a pipe or a file has no width
    console.print(item)
