"""Sentences of lines by NLTK's Punkt tokenizer, run in an interpreter that has nltk.

Usage: NLTK_PYTHON nltk_punkt.py TRAINING LINES OUTPUT

TRAINING is a text, on which a model is trained with all collocations. LINES is a JSON array of lines. OUTPUT gets
JSON: nltk's version, the model's abbreviations, and of each line its sentences.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktTrainer


def main():
    training, lines, output = map(Path, sys.argv[1:])
    trainer = PunktTrainer()
    trainer.INCLUDE_ALL_COLLOCS = True
    trainer.train(training.read_text(encoding="utf-8"))
    model = trainer.get_params()
    tokenizer = PunktSentenceTokenizer(model)
    found = {
        "nltk": version("nltk"),
        "abbreviations": sorted(model.abbrev_types),
        "cut": [tokenizer.tokenize(line) for line in json.loads(lines.read_bytes())],
    }
    output.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
