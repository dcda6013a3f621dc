"""datatrove 0.10's pipeline over the same input, run in datatrove's own interpreter; prints one line of JSON.

Usage: PEER_PYTHON datatrove_pipeline.py {text|warc} INPUT_FOLDER GLOB OUTPUT_FOLDER LID_MODEL
"""

import json
import sys
import time

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LanguageFilter,
)
from datatrove.pipeline.readers import JsonlReader, WarcReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.lid import FT176LID
from loguru import logger

kind, folder, glob, output, model = sys.argv[1:]
logger.remove()
FT176LID.MODEL_URL = model
read = {
    "text": [JsonlReader(folder, glob_pattern=glob)],
    # as examples/fineweb.py: precision, and a page is given up after a second
    "warc": [WarcReader(folder, glob_pattern=glob), Trafilatura(favour_precision=True)],
}
steps = [
    LanguageFilter(["en"]),
    GopherRepetitionFilter(),
    GopherQualityFilter(),
    C4QualityFilter(filter_no_terminal_punct=False),
    FineWebQualityFilter(),
    ParquetWriter(f"{output}/kept"),
]
begin = time.perf_counter()
executor = LocalPipelineExecutor(read[kind] + steps, tasks=1, logging_dir=f"{output}/logs", skip_completed=False)
stats = executor.run()
seconds = time.perf_counter() - begin
kept = stats.stats[-1].stats.get("total")
print(json.dumps({"seconds": seconds, "kept": kept.total if kept else None}))
