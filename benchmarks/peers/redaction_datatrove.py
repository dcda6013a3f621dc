"""datatrove 0.10's PIIFormatter over documents in JSON lines, run in datatrove's own interpreter.

Usage: PEER_PYTHON redaction_datatrove.py spans DOCUMENTS OUTPUT
       PEER_PYTHON redaction_datatrove.py seconds DOCUMENTS

`spans` writes one line a document: entity, start and end in code points of what the formatter would replace, found
with its own expressions and its own test for public addresses. `seconds` prints the CPU seconds of `format`.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from datatrove.pipeline.formatters import PIIFormatter
from loguru import logger

logger.remove()
formatter = PIIFormatter()
with Path(sys.argv[2]).open(encoding="utf-8") as lines:
    texts = [json.loads(line)["text"] for line in lines]


def spans(text):
    """What is replaced: first the e-mail addresses, then the IP addresses of the text without them."""
    found = [("email", match.start(), match.end()) for match in formatter.emails_replacer.regex.finditer(text)]
    hidden = formatter.emails_replacer.regex.sub(lambda match: "\0" * len(match[0]), text)
    matches = formatter.ip_replacer.regex.finditer(hidden)
    public = [match for match in matches if formatter.ip_replacer.validator(match[0])]
    return found + [("ip", match.start(), match.end()) for match in public]


if sys.argv[1] == "spans":
    with Path(sys.argv[3]).open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(spans(text)) + "\n" for text in texts)
else:
    formatter.format(texts[0])
    begin = time.process_time()
    for text in texts:
        formatter.format(text)
    print(json.dumps({"seconds": time.process_time() - begin, "version": version("datatrove")}))
