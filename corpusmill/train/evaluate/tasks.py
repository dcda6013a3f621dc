"""Evaluation files to tasks: which file, which template, which questions, which examples."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from corpusmill import resources
from corpusmill.errors import InputError, UsageError, near
from corpusmill.train.evaluate.questions import Question
from corpusmill.train.evaluate.templates import NATIVE, TEMPLATES, Reader, Template

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.xz", ".jsonl.zst", ".jsonl.bz2")
_EXAMPLES = {"dev", "train"}  # parts that are shown and not asked


@dataclass(frozen=True)
class Task:
    """An evaluation set that is ready to be asked.

    Attributes:
        name: as it is reported.
        template: how it is scored.
        path: of its file.
        digest: sha256 of the file's questions, so that only equal sets are compared.
        questions: those that are asked.
        keys: one for each, a digest of its line; equal lines are numbered.
        examples: those that may be shown, by key.
    """

    name: str
    template: Template
    path: str
    digest: str
    questions: tuple[Question, ...]
    keys: tuple[str, ...]
    examples: tuple[tuple[str, Question], ...]

    def shown(self, number: int, shots: int) -> list[Question]:
        """The examples before a question: drawn by its key, so that neither order nor size of a slice matters.

        Raises:
            InputError: if there are too few.
        """
        if not shots:
            return []
        question, key = self.questions[number], self.keys[number]
        own = self._places.get(key, len(self.examples))  # never an example of itself
        there = len(self.examples) - (key in self._places)
        if there < shots:
            raise InputError(f"{self.path}: {shots} examples asked for, and {there} are there; ask for fewer")
        if self.template.first_shots:
            return self._first(question, key, shots)
        chosen: dict[int, None] = {}
        draw = 0
        while len(chosen) < shots:
            place = hashlib.blake2b(f"{key}:{draw}".encode(), digest_size=8).digest()
            chosen[int.from_bytes(place, "big") % there] = None
            draw += 1
        return [self.examples[place + (place >= own)][1] for place in chosen]

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where each example stands."""
        return {name: place for place, (name, _) in enumerate(self.examples)}

    def _first(self, question: Question, key: str, shots: int) -> list[Question]:
        """The first examples of the question's group, or of all where its group has none."""
        others = [one for name, one in self.examples if name != key]
        others = [one for one in others if one.group == question.group] or others
        if len(others) < shots:
            raise InputError(f"{self.path}: {shots} examples asked for, and {len(others)} are there; ask for fewer")
        return others[:shots]


def find(names: Sequence[str], folder: str | None) -> list[Task]:
    """Find and read tasks.

    Args:
        names: of templates (`arc_easy`), of files in `folder` without their suffix, or paths; none is every file of
            `folder`.
        folder: where files lie.

    Raises:
        UsageError: for a name that is neither; the message has near names.
        InputError: for files that cannot be read.
    """
    files = _files(folder)
    if not names:
        names = list(files)
    return [_find(name, files, folder) for name in names]


def _find(name: str, files: dict[str, Path], folder: str | None) -> Task:
    if Path(name).is_file():
        stem = _stem(Path(name))
        return read(stem, name, _template(stem))
    for stem in (name, *(TEMPLATES[name].files if name in TEMPLATES else ())):
        if stem in files:
            return read(name, str(files[stem]), _template(name))
    there = folder or "no folder was given: --data"
    if name in TEMPLATES:
        wanted = ", ".join(f"{stem}.jsonl" for stem in (name, *TEMPLATES[name].files))
        raise UsageError(f"{name}: its file was not found in {there}; expected one of {wanted}")
    known = [*TEMPLATES, *files]
    raise UsageError(f"{name}: no such task{near(name, known)}; known tasks: {', '.join(dict.fromkeys(known))}")


def file_of(name: str, folder: str) -> str:
    """The file of a task in a folder.

    Raises:
        UsageError: if there is none.
    """
    files = _files(folder)
    template = _template(name)
    for stem in (name, *(template.files if template else ())):
        if stem in files:
            return str(files[stem])
    raise UsageError(f"{name}: its file was not found in {folder}{near(name, files)}; there are: {', '.join(files)}")


def digest_of(path: str) -> str:
    """sha256 of a file's bytes, decompressed."""
    return hashlib.sha256(resources.read(path)).hexdigest()


def _template(name: str) -> Template | None:
    """The published task of this name, or of which it is a file."""
    return TEMPLATES.get(name) or next((one for one in TEMPLATES.values() if name in one.files), None)


def _files(folder: str | None) -> dict[str, Path]:
    if folder is None:
        return {}
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder; expected one with evaluation files ({', '.join(SUFFIXES)})")
    found = {_stem(path): path for path in sorted(Path(folder).iterdir()) if path.name.endswith(SUFFIXES)}
    if not found:
        raise InputError(f"{folder}: no evaluation files in it; expected {', '.join(SUFFIXES)}")
    return found


def _stem(path: Path) -> str:
    return next((path.name.removesuffix(suffix) for suffix in SUFFIXES[::-1] if path.name.endswith(suffix)), path.name)


def read(name: str, path: str, template: Template | None = None) -> Task:
    """Read a task's file.

    Args:
        name: of the task.
        path: JSON Lines, plain or compressed.
        template: how lines are read; None for a file of the user's own, whose first line says what it is.

    Raises:
        InputError: no such file, an empty one, no JSON, or fields that are missing: file, line, field, what is there.
    """
    found: list[tuple[str, Question]] = []
    seen = Counter[str]()
    whole = hashlib.sha256()
    for number, line in _objects(path):
        template = template or _native(line, f"{path}, line {number}")
        canonical = json.dumps(line, sort_keys=True).encode()
        whole.update(canonical + b"\n")
        key = hashlib.blake2b(canonical, digest_size=8).hexdigest()
        seen[key] += 1
        found.append((key if seen[key] == 1 else f"{key}-{seen[key]}", _question(template, line, path, number)))
    if template is None:
        raise InputError(f"{path}: the file is empty; expected a JSON object on each line")
    asked = [(key, question) for key, question in found if question.part not in _EXAMPLES]
    examples = [(key, question) for key, question in found if question.part in _EXAMPLES]
    if not asked:
        raise InputError(f"{path}: all {len(found)} lines are of the parts {', '.join(sorted(_EXAMPLES))}; none to ask")
    keys, questions = zip(*asked, strict=True)
    shown = tuple(examples or sorted(asked, key=lambda pair: pair[0]))
    return Task(name, template, path, whole.hexdigest(), questions, keys, shown)


def _objects(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(resources.read(path).split(b"\n"), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            found = json.loads(line.decode())
        except ValueError as error:  # not UTF-8, or no JSON
            raise InputError(f"{place}: not JSON: {error}") from error
        if not isinstance(found, dict):
            raise InputError(f"{place}: expected a JSON object, found {line[:60].decode(errors='replace')!r}")
        yield number, found


def _native(line: dict[str, Any], place: str) -> Template:
    for template in NATIVE.values():
        if _fits(template.readers[0], line):
            return template
    wanted = "; ".join(", ".join(template.readers[0].fields) for template in NATIVE.values())
    raise InputError(f"{place}: found the fields {', '.join(line) or 'none'}; expected those of one format: {wanted}")


def _fits(reader: Reader, line: Iterable[str]) -> bool:
    return set(reader.fields) <= set(line)


def _question(template: Template, line: dict[str, Any], path: str, number: int) -> Question:
    place = f"{path}, line {number}"
    reader = next((reader for reader in template.readers if _fits(reader, line)), None)
    if reader is None:
        nearest = max(template.readers, key=lambda reader: len(set(reader.fields) & set(line)))
        missing = ", ".join(field for field in nearest.fields if field not in line)
        raise InputError(f"{place}: no field {missing}; found {', '.join(line) or 'none'}; expected one of "
                         + "; ".join(", ".join(reader.fields) for reader in template.readers))  # fmt: skip
    try:
        question = reader.read(line)
    except KeyError as error:
        raise InputError(f"{place}: no field {error} where it is needed; found {', '.join(line)}") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{place}: a field has a value of another kind than expected: {error}") from error
    _check(question, template, place)
    return question


def _check(question: Question, template: Template, place: str) -> None:
    if not all(isinstance(text, str) for text in (*question.contexts, *question.answers)):
        raise InputError(f"{place}: a field is no text; expected contexts and answers as strings")
    if not question.answers or not all(question.answers):
        raise InputError(f"{place}: an answer is empty; expected text")
    if template.kind == "choice":
        if question.choices < 2:
            raise InputError(f"{place}: {question.choices} choice; expected two or more")
        wrong = [gold for gold in question.gold if not 0 <= gold < question.choices]
        if wrong or not question.gold:
            raise InputError(f"{place}: right answer {wrong or 'missing'} of {question.choices} choices; "
                             "expected its number, from 0")  # fmt: skip
