"""datatrove 0.10's MinHash signatures of documents in JSON lines, run in datatrove's own interpreter.

Usage: PEER_PYTHON datatrove_minhash.py DOCUMENTS [WORDS]

With WORDS, writes one line a document there: its normalised words by white space, and its tokens. Without it, prints
the CPU seconds of `MinhashDedupSignature`'s shingles and signatures (14 buckets of 8, 5 words, its defaults), called
on each document, and the version. Nothing is written or sorted, which its pipeline step also does.
"""

import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.utils.text import simplify_text
from loguru import logger

logger.remove()
with Path(sys.argv[1]).open(encoding="utf-8") as lines:
    texts = [json.loads(line)["text"] for line in lines]
with tempfile.TemporaryDirectory() as folder:
    step = MinhashDedupSignature(folder)
    if len(sys.argv) > 2:
        with Path(sys.argv[2]).open("w", encoding="utf-8") as out:
            for text in texts:
                simple = simplify_text(text)
                out.write(json.dumps([simple.split(), step.word_tokenizer.word_tokenize(simple)]) + "\n")
        sys.exit()
    step.get_signature(step.get_shingles("the first call loads the tokenizer"))
    begin = time.process_time()
    for text in texts:
        shingles = step.get_shingles(text)
        if shingles.size:
            step.get_signature(shingles)
    seconds = time.process_time() - begin
print(json.dumps({"seconds": {"datatrove": seconds}, "version": f"datatrove {version('datatrove')}"}))
