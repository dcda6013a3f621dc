"""The line rules of C4 and the sentence rules, written the slow and obvious way, over Python strings."""

import regex

CITATION = regex.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
CLOSING = "\"')]}»’”"


def page(text, *, marks, least, before, longest=1000, end_marks=True):
    """The text that is left, its kept lines, and how many lines each rule dropped or saw, by rule."""
    kept = []
    counts = dict.fromkeys(("long", "end", "few", "lorem", "javascript", "curly", "policy"), 0)
    for raw in text.splitlines():
        line = raw.strip()
        if any(len(word) > longest for word in line.split()):
            counts["long"] += 1
            continue
        words = len(line.split())
        line = CITATION.sub("", line)
        if end_marks and (not line.endswith(marks) or line.endswith("...")):
            counts["end"] += 1
        elif (words if before else len(line.split())) < least:
            counts["few"] += 1
        else:
            lower = line.lower()
            counts["lorem"] += "lorem ipsum" in lower
            if "javascript" in lower:
                counts["javascript"] += 1
                continue
            counts["curly"] += "{" in line
            if any(phrase in lower for phrase in POLICY):
                counts["policy"] += 1
                continue
            kept.append(line)
    return "\n".join(kept).strip(), kept, counts


def sentences(line, abbreviations):
    """The number of sentences of a line by the rules of `corpusmill.kernels.sentences`."""
    if not line.strip():
        return 0
    count = 1
    for found in regex.finditer(r"[.?!]+", line):
        rest = line[found.end() :].lstrip(CLOSING)
        if not rest[:1].isspace() or not rest.strip():
            continue
        if found[0] == "." and abbreviated(line[: found.start()], abbreviations):
            continue
        if len(found[0]) > 1 and set(found[0]) == {"."} and regex.match("[a-z]", rest.strip()):
            continue
        count += 1
    return count


def abbreviated(before, abbreviations):
    """Whether the text before a full stop ends in an abbreviation."""
    word = regex.search(r"[A-Za-z.]*$", before)[0]
    if regex.search(r"[0-9]$|[^\x00-\x7F\s\u2010-\u201f]$", before[: len(before) - len(word)]):
        return False
    return bool(regex.fullmatch(r"[A-Za-z](\.[A-Za-z])*", word)) or word.lower() in abbreviations
