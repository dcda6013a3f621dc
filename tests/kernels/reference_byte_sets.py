"""What `kernels/byte_sets.py` finds, slowly and obviously, with Python sets instead of hashes."""

import re

from tests.kernels.reference_url import ascii_lower

WORD = re.compile("[a-z0-9\x80-\U0010ffff]+")


def domain_listed(url: str, domains: set[str]) -> float:
    labels = re.split("[/?:]", url)[0].split(".")
    return float(any(".".join(labels[at:]) in domains for at in range(len(labels))))


def url_listed(url: str, listed: set[str], *, below: bool) -> float:
    url = ascii_lower(url)
    starts = [url[:at] for at in range(1, len(url)) if url[at] in "/?&"] if below else []
    return float(any(text in listed for text in [url, *starts]))


def words_found(url: str, words: set[str]) -> float:
    return float(len(set(WORD.findall(ascii_lower(url))) & words))


def substrings_found(url: str, patterns: set[str]) -> float:
    bare = "".join(WORD.findall(ascii_lower(url)))
    return float(sum(any(bare[:at].endswith(p) for p in patterns) for at in range(1, len(bare) + 1)))
