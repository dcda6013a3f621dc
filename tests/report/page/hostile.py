"""A small run that has all sections, over documents that try what pages of the web try."""

import json
import random

from tests.crawl import WORDS
from tests.stages import texts
from tests.tokenize import made

SCRIPT = "<script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"
BIDI = "\u202egnp.exe\u202c \u2066hidden\u2069"
LONG = "x" * 1_000_000
URL = f"https://evil.example/{SCRIPT}\u202e?q=</textarea><!--"


def prose(seed, lines=6):
    """English-like lines."""
    pick = random.Random(seed)
    return "\n".join(" ".join(pick.choice(WORDS) for _ in range(14)).capitalize() + "." for _ in range(lines))


def documents():
    """Prose, hostile documents kept and dropped, duplicates, personal data."""
    found = []
    for number in range(60):
        languages, source = ("en", "de", "ru"), ("web", "books")[number % 2]
        found.append({"id": f"d{number}", "url": f"https://site{number % 5}.example/{number}", "text": prose(number),
                      "language": languages[number % 3], "source": source})  # fmt: skip
    for number in range(12):
        found.append({**found[number], "id": f"copy{number}", "url": f"https://mirror.example/{number}"})
    for number in range(8):
        text = found[number + 20]["text"] + f"\nOne more line of text, and that is number {number}."
        found.append({**found[number + 20], "id": f"near{number}", "text": text})
    evil = f"{SCRIPT} {BIDI} \0 </script> </title>"
    for number in range(4):
        kept = (
            f"{evil}\nWrite to person{number}@riverhouse.org or call +1 650 253 000{number}.\n{prose(900 + number, 8)}"
        )
        found.append(
            {"id": f"kept{number}{SCRIPT}", "url": URL, "text": kept, "language": SCRIPT, "source": f"{SCRIPT}{BIDI}"}
        )
        found.append({"id": f"short{number}\u202e", "url": URL, "text": evil, "language": "en", "source": "web"})
    found.append(
        {"id": "long", "url": "https://long.example/", "text": f"{LONG} {evil}", "language": "en", "source": "web"}
    )
    found.append({"id": "contaminated", "url": "https://quiz.example/", "language": "en", "source": "web",
                  "text": prose(1) + "\n" + QUESTION})  # fmt: skip
    return found


QUESTION = "which of the seven rivers of the northern plain did the old stone bridge of the winter garden once cross"
STEPS = """
{{use: gopher_quality, words: [30, 100000], stop_words: [0, null]}}
{{use: fineweb_quality, line_punct_ratio: [0, null], char_dup_ratio: [null, 1], short_line_ratio: [null, 0.9]}}
{{use: decontaminate, benchmarks: {{quiz: {benchmark}}}}}
{{use: exact_dedup}}
{{use: near_dedup, threshold: 0.6}}
{{use: line_dedup}}
{{use: redact}}
{{use: tokenize, tokenizer: {tokenizer}, sequence_length: 128, validation: 0.1, shard_mb: 0.02}}
"""


def run(folder, *settings):
    """Run it below `folder`, with settings as of `--set`; gives the folder of the run."""
    tokenizer, benchmark = folder / "tokenizer.json", folder / "quiz.jsonl"
    made.trained().save(str(tokenizer))
    benchmark.write_text(json.dumps({"question": QUESTION}) + "\n")
    corpus = texts.write(folder / "texts", documents())
    texts.run(corpus, folder / "out", STEPS.format(tokenizer=tokenizer, benchmark=benchmark), *settings)
    return folder / "out" / "small"
