"""What several groups of commands share: kinds of arguments, tables on the screen."""

import argparse
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

PRICE = "of one core, in any currency; then the cost is told, in the same"


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


def not_negative(what: str) -> Callable[[str], float]:
    """A reader of a flag's number from 0 up; `what` says in messages what it is.

    It raises argparse.ArgumentTypeError for anything else.
    """

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = -1.0
        if not 0 <= found < math.inf:
            raise argparse.ArgumentTypeError(f"expected {what} from 0 up, found {text!r}")
        return found

    return read


def show(item: object) -> None:
    """Print a table or a line; wide enough for every table where the output is no terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # a pipe or a file has no width
    console.print(item)


def warn(message: str) -> None:
    """Tell something on standard error; on a terminal in yellow."""
    _tell(message, "yellow")


def fail(message: str) -> None:
    """Tell on standard error what went wrong: on a terminal in red, what to do about it on a line of its own.

    Elsewhere the message stays as it is, so that a log has it on one line.
    """
    _tell(message, "red")


def _tell(message: str, style: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    whole = f"corpusmill: {message}"
    if not console.is_terminal:
        print(whole, file=sys.stderr)
        return
    what, hint = parted(whole)
    # folded by the terminal and not by us, so that paths can be copied whole
    console.print(Text(plain(what), style), soft_wrap=True)
    if hint:
        console.print(Text(f"  {plain(hint)}"), soft_wrap=True)


def plain(text: str) -> str:
    """The text with control characters spelled out: it may quote a page, and a terminal would obey them."""
    return "".join(c if c in "\n\t" or c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def parted(message: str) -> tuple[str, str]:
    """What was found, and what to do: our messages tell that after their last semicolon, if at all.

    A list of faults, of several lines, stays whole; so does a message whose last semicolon stands in brackets.
    """
    what, mark, hint = message.rpartition("; ")
    if not mark or "\n" in message or hint.count(")") != hint.count("("):
        return message, ""
    return what, hint[:1].upper() + hint[1:]
