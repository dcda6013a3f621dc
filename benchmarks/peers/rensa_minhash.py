"""rensa's MinHash signatures of documents in JSON lines, run in an interpreter with rensa.

Usage: PEER_PYTHON rensa_minhash.py DOCUMENTS

Prints the CPU seconds of 112 permutations over shingles made in Python, by object and by matrix (a whole batch in one
call), of the matrix alone (shingles given), and the version.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import rensa
from python_shingles import shingles

with Path(sys.argv[1]).open(encoding="utf-8") as lines:
    texts = [json.loads(line)["text"] for line in lines]
seconds = {}

begin = time.process_time()
for text in texts:
    sketch = rensa.RMinHash(112, 1)
    sketch.update(shingles(text))
    sketch.digest()
seconds["rensa RMinHash"] = time.process_time() - begin

begin = time.process_time()
tokens = [shingles(text) for text in texts]
middle = time.process_time()
rensa.RMinHash.digest_matrix_from_token_sets(tokens, 112, 1)
seconds["rensa RMinHash, one matrix"] = time.process_time() - begin
seconds["rensa RMinHash, one matrix, without the shingles"] = time.process_time() - middle
print(json.dumps({"seconds": seconds, "version": f"rensa {version('rensa')}"}))
