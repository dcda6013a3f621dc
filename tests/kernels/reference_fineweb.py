"""What FineWeb's rules count, written the slow and obvious way, over Python strings."""


def line_counts(text, marks, short):
    """Lines, ended lines, short lines, characters of repeated lines, and characters without newlines."""
    lines = [line for line in text.split("\n") if line.strip()]
    ended = sum(line.endswith(tuple(marks)) for line in lines)
    again = sum(len(line) for position, line in enumerate(lines) if line in lines[:position])
    return len(lines), ended, sum(len(line) <= short for line in lines), again, len(text.replace("\n", ""))
