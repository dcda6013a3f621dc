"""How well, how fast and in how much memory pages become text: every setting on every set of pages with known content.

python -m benchmarks.extraction --data ../shared/data --write benchmarks/extraction.md
"""

import argparse
import multiprocessing
import platform
import resource
import sys
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

from benchmarks import pages
from benchmarks.pages import Gold, Score
from corpusmill.extract import Resiliparse, Trafilatura
from corpusmill.extract.pages import characters, clean

SETTINGS = {
    "resiliparse, best (default)": Resiliparse(),
    "resiliparse, main": Resiliparse(content="main"),
    "resiliparse, whole": Resiliparse(content="whole"),
    "resiliparse, best, comments": Resiliparse(comments=True),
    "resiliparse, best, alt texts": Resiliparse(alt_texts=True),
    "resiliparse, best, noscript": Resiliparse(noscript=True),
    "resiliparse, best, form fields": Resiliparse(form_fields=True),
    "trafilatura, balanced": Trafilatura(),
    "trafilatura, precision": Trafilatura(focus="precision"),
    "trafilatura, recall": Trafilatura(focus="recall"),
    "trafilatura, fast": Trafilatura(fast=True),
}
SETS = {
    "wcxb": pages.wcxb,
    "trafilatura-eval": pages.trafilatura_eval,
    "articles": pages.articles,
    "readability": pages.readability,
}


def measure(job: tuple[str, str, Path, int]) -> tuple[Score, dict[str, float], float, float]:
    """Score, F1 by kind of page, pages per second, and peak memory in MB, in a process of its own."""
    setting, name, data, every = job
    parse = SETTINGS[setting].build().parse
    golds = SETS[name](data)[::every]
    seconds, texts = 0.0, []  # processor seconds: other processes do not count
    for gold in golds:
        begin = time.process_time()
        texts.append(clean(parse(characters(gold.html, None)).text))
        seconds += time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    score, kinds = judge(name, golds, texts)
    return score, kinds, len(golds) / seconds, peak


def judge(name: str, golds: list[Gold], texts: list[str]) -> tuple[Score, dict[str, float]]:
    if name == "trafilatura-eval":
        right, wrong, missed = map(sum, zip(*map(pages.segment_counts, texts, golds), strict=True))
        precision, recall = right / (right + wrong), right / (right + missed)
        return Score(precision, recall, 2 * precision * recall / (precision + recall)), {}
    compare = pages.shingle_score if name == "articles" else pages.bag_score
    scores = [compare(text, gold.text) for text, gold in zip(texts, golds, strict=True)]
    kinds = defaultdict(list)
    for score, gold in zip(scores, golds, strict=True):
        kinds[gold.kind].append(score.f1)
    return mean(scores), {kind: sum(f1) / len(f1) for kind, f1 in sorted(kinds.items()) if kind}


def mean(scores: list[Score]) -> Score:
    return Score(*(sum(values) / len(scores) for values in zip(*scores, strict=True)))


def stored(data: Path) -> dict[str, Score]:
    """Scores of the outputs that other extractors gave for the articles, as stored upstream."""
    golds = pages.articles(data)
    return {
        name: mean([pages.shingle_score(texts.get(gold.name, ""), gold.text) for gold in golds])
        for name, texts in pages.article_outputs(data).items()
    }


def agreement(data: Path) -> dict[str, dict[str, float]]:
    """Word F1 between our texts of crawled pages and the stored texts of other tools: nearness, not quality."""
    rows = pages.hplt(data)
    found = {}
    for name in ("resiliparse, best (default)", "resiliparse, main", "trafilatura, precision"):
        parse = SETTINGS[name].build().parse
        texts = [clean(parse(row["h"]).text) for row in rows]
        found[name] = {
            tool: mean(
                [pages.bag_score(t, r["extractor_outputs"][tool] or "") for t, r in zip(texts, rows, strict=True)]
            ).f1
            for tool in ("warc2text", "fineweblike.txt")
        }
    return found


def table(head: list[str], rows: list[list[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines] + [""]


def report(data: Path, every: dict[str, int]) -> str:
    jobs = [(setting, name, data, every[setting.split(",")[0]]) for setting in SETTINGS for name in SETS]
    results = {}
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for job, result in zip(jobs, pool.imap(measure, jobs), strict=True):
            results[job[:2]] = result
            print(*job[:2], *(f"{value:.3f}" for value in result[0]), f"{result[2]:.0f} pages/s", file=sys.stderr)
    lines = ["### Precision, recall, F1", ""]
    rows = []
    for setting in SETTINGS:
        scores = [results[setting, name][0] for name in SETS]
        cells = [f"{s.precision:.3f} {s.recall:.3f} **{s.f1:.3f}**" for s in scores]
        rows.append([setting, *cells, f"**{sum(s.f1 for s in scores) / len(scores):.3f}**"])
    lines += table(["setting", *SETS, "mean F1"], rows)
    lines += ["### F1 by kind of page (wcxb)", ""]
    kinds = list(results["resiliparse, main", "wcxb"][1])
    rows = [[s, *(f"{results[s, 'wcxb'][1].get(kind, float('nan')):.3f}" for kind in kinds)] for s in SETTINGS]
    lines += table(["setting", *kinds], rows)
    lines += ["### Pages per second on one core, and peak memory of the process (MB, the set's pages included)", ""]
    rows = [[s, *(f"{results[s, name][2]:.0f} / {results[s, name][3]:.0f}" for name in SETS)] for s in SETTINGS]
    lines += table(["setting", *SETS], rows)
    lines += ["### Stored outputs of other extractors on the same articles (4-word shingles)", ""]
    lines += table(["tool", "P", "R", "F1"], [[n, *(f"{v:.3f}" for v in s)] for n, s in stored(data).items()])
    lines += ["### Nearness to stored outputs on 100 crawled pages of 2018 (word F1; no gold)", ""]
    lines += table(
        ["setting", "warc2text", "trafilatura 1.8, FineWeb settings"],
        [[n, *(f"{v:.3f}" for v in values.values())] for n, values in agreement(data).items()],
    )
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, required=True, help="folder with the sets")
    options.add_argument("--write", type=Path, help="file whose part below '## Results' is replaced")
    options.add_argument("--every", type=int, default=1, help="take every n-th page with trafilatura, which is slow")
    given = options.parse_args()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("resiliparse", "trafilatura"))
    machine = f"Python {platform.python_version()}, {libraries}, one core of {platform.machine()}"
    tables = report(given.data, {"resiliparse": 1, "trafilatura": given.every})
    sample = f"; trafilatura on every {given.every}. page" if given.every > 1 else ""
    text = f"{machine}{sample}.\n\n{tables}"
    if given.write:
        before = given.write.read_text().split("## Results")[0] if given.write.exists() else ""
        given.write.write_text(f"{before}## Results\n\n{text}")
    else:
        print(text)


if __name__ == "__main__":
    main()
