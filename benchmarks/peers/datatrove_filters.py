"""datatrove 0.10's four heuristic filters over documents in JSON lines, run in datatrove's own interpreter.

Usage: PEER_PYTHON datatrove_filters.py verdicts DOCUMENTS OUTPUT
       PEER_PYTHON datatrove_filters.py seconds DOCUMENTS FILTER[,FILTER…]

`verdicts` writes one line a document: by filter whether it is kept, the reason or the exception, and C4's text.
`seconds` prints the CPU seconds of the named filters, each called on every document's own text, and the version.
A document goes through all filters before the next, so that they share datatrove's cached words, as in a pipeline.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from loguru import logger

logger.remove()
FILTERS = {
    "gopher_quality": GopherQualityFilter,
    "gopher_repetition": GopherRepetitionFilter,
    "c4": C4QualityFilter,
    "c4_fineweb": lambda: C4QualityFilter(filter_no_terminal_punct=False),
    "fineweb_quality": FineWebQualityFilter,
}


def verdict(step, document):
    """Whether the document is kept, and the reason; None and the exception where the filter raises."""
    try:
        found = step.filter(document)
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"
    return (True, None) if found is True else (bool(found[0]), found[1])


def write_verdicts(rows, output):
    steps = {name: make() for name, make in FILTERS.items()}
    with Path(output).open("w", encoding="utf-8") as out:
        for row in rows:
            line = {"id": row["id"]}
            for name, step in steps.items():
                document = Document(text=row["text"], id=row["id"])
                line[name] = verdict(step, document)
                if name.startswith("c4"):
                    line[f"{name}_text"] = document.text
            out.write(json.dumps(line) + "\n")


def measure(rows, names):
    steps = [FILTERS[name]() for name in names]
    for row in rows[:20]:  # models load at the first call
        for step in steps:
            verdict(step, Document(text=row["text"] + " ", id=""))
    begin = time.process_time()
    for row in rows:
        for step in steps:
            verdict(step, Document(text=row["text"], id=""))
    seconds = time.process_time() - begin
    print(json.dumps({"seconds": seconds, "datatrove": version("datatrove"), "python": sys.version.split()[0]}))


if __name__ == "__main__":
    mode, documents, argument = sys.argv[1:]
    with Path(documents).open(encoding="utf-8") as lines:
        loaded = [json.loads(line) for line in lines]
    if mode == "verdicts":
        write_verdicts(loaded, argument)
    else:
        measure(loaded, argument.split(","))
