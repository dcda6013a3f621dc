"""Presidio's AnalyzerEngine with patterns only, over documents in JSON lines.

Usage: python redaction_presidio.py spans DOCUMENTS OUTPUT
       python redaction_presidio.py seconds DOCUMENTS

A blank English spaCy model gives words and no names; all other settings are Presidio's. Of its results those with the
score 0.3 or more are taken (below are patterns that need a word of context and found none); where two overlap, the one
with the higher score. `seconds` asks for six entities that both sides have.
"""

import json
import logging
import sys
import time
from importlib.metadata import version
from pathlib import Path

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import SpacyNlpEngine

NAMES = {
    "EMAIL_ADDRESS": "email",
    "IP_ADDRESS": "ip",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "credit_card",
    "IBAN_CODE": "iban",
    "US_SSN": "us_ssn",
}
THRESHOLD = 0.3
logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())  # no network


class Blank(SpacyNlpEngine):
    def load(self):
        self.nlp = {"en": spacy.blank("en")}


engine = AnalyzerEngine(nlp_engine=Blank(models=[{"lang_code": "en", "model_name": "blank"}]))


def spans(text):
    results = engine.analyze(text, language="en", entities=list(NAMES), score_threshold=THRESHOLD)
    kept = []
    for one in sorted(results, key=lambda one: (-one.score, one.start - one.end, one.start)):
        if all(one.end <= other.start or other.end <= one.start for other in kept):
            kept.append(one)
    return [(NAMES[one.entity_type], one.start, one.end) for one in sorted(kept, key=lambda one: one.start)]


with Path(sys.argv[2]).open(encoding="utf-8") as lines:
    texts = [json.loads(line)["text"] for line in lines]
if sys.argv[1] == "spans":
    with Path(sys.argv[3]).open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(spans(text)) + "\n" for text in texts)
else:
    spans(texts[0])
    begin = time.process_time()
    for text in texts:
        engine.analyze(text, language="en", entities=list(NAMES))
    print(json.dumps({"seconds": time.process_time() - begin, "version": version("presidio-analyzer")}))
