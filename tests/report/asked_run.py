"""A run to ask what-if questions of: texts that break many rules, copies of which the better ones stay."""

import random
from pathlib import Path

from corpusmill.report import outputs
from tests.stages import texts

STEPS = """{use: gopher_quality, words: [30, 100000], mean_word_length: [3, 7], alphabetic_words: [0.7, null], stop_words: [0, null]}
{use: c4, sentences: [3, null]}
{use: fineweb_quality, line_punct_ratio: [0.12, null], short_line_ratio: [null, 0.9], char_dup_ratio: [null, 0.9], list_ratio: [null, 0.9]}
{use: redact, hits: [null, 0], entities: [email]}"""
DEDUP = """{use: exact_dedup, keep: {best: gopher_quality.words}}
{use: near_dedup, threshold: 0.6, keep: longest}
{use: line_dedup, lines_kept: [2, null]}"""
PLAIN = [
    "river",
    "stone",
    "light",
    "winter",
    "garden",
    "music",
    "paper",
    "letter",
    "window",
    "house",
    "bridge",
    "market",
]
LONG = ["understanding", "communication", "administration", "responsibility"]


def documents(count: int = 240, seed: int = 3) -> list[dict]:
    """Texts of several kinds; a third are changed copies of the one before."""
    pick = random.Random(seed)
    found: list[dict] = []
    for number in range(count):
        text = found[-1]["text"] if found and pick.random() < 0.33 else _text(pick)
        if pick.random() < 0.3:
            text = text + " " + " ".join(pick.choice(PLAIN) for _ in range(pick.randint(1, 5))) + "."
        found.append(
            {
                "id": f"d{number:03d}",
                "text": text,
                "url": f"https://site{number % 7}.example/{number}",
                "language": pick.choice(["en", "en", "de", None]),
            }
        )
    return found


def _text(pick: random.Random) -> str:
    words = PLAIN + ["the", "and", "of", "with"] * pick.choice([0, 1, 1, 3]) + LONG * pick.choice([0, 0, 1, 8])
    lines = []
    for _ in range(pick.randint(1, 9)):
        line = " ".join(pick.choice(words) for _ in range(pick.randint(2, 16))).capitalize()
        lines.append(line + pick.choice([".", ".", ".", "", " 17 23 42.", " {x}"] if pick.random() < 0.4 else ["."]))
    lines += [
        f"Write to someone{pick.randint(0, 99)}@harbour-mail.com today." for _ in range(pick.choice([0, 0, 1, 2, 3, 4]))
    ]
    return "\n".join(lines)


def make(folder: Path, steps: str, count: int = 240) -> outputs.Run:
    """Write the texts to three files, run the steps, and read the run back."""
    if not (folder / "texts").exists():
        texts.write(folder / "texts", documents(count))
    texts.run(folder / "texts", folder / "out", steps)
    return outputs.find(str(folder / "out"))
