"""Tasks as lm-evaluation-harness itself asks them, on local files and without a network.

The harness's own task files are used: one is written for each task that includes the stock file and reads local JSON
Lines instead of the hub's data. The files must have the fields of the published data sets.
"""

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from corpusmill.errors import InputError, UsageError, near
from corpusmill.train.evaluate import metrics, tasks
from corpusmill.train.evaluate.results import Results, Row
from corpusmill.train.evaluate.score import Scorer

SPLIT = "test"
_LIKELIHOODS = {"perplexity": "log_probability"}  # what the harness calls a question's value, and what it is


def evaluate(
    scorer: Scorer, names: Sequence[str], folder: str, model: dict[str, Any], *, shots: int = 0,
    limit: int | None = None,
) -> Results:  # fmt: skip
    """Run tasks of the harness.

    Args:
        scorer: of the model.
        names: of the harness's tasks; each reads `<name>.jsonl` (or compressed) in `folder`, or a file that the task
            of this name is known by here.
        folder: with the files.
        model: what is told of it in the results.
        shots: examples before each question; drawn from the same file, by the harness.
        limit: of questions.

    Raises:
        UsageError: lm-eval is not installed, or has no such task. InputError: a file is missing or not as expected.
    """
    try:
        import jinja2
        from lm_eval import evaluator
        from lm_eval import tasks as stock
    except ImportError as error:
        raise UsageError(
            f"{error.name} is not installed; --harness lm-eval needs: pip install 'corpusmill[eval]'"
        ) from error
    files = {name: tasks.file_of(name, folder) for name in names}
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(stock.__file__).parent
        for name, path in files.items():
            _write_task(Path(scratch), name, _stock_file(home, name), path)
        manager = stock.TaskManager(include_path=scratch, include_defaults=False)
        try:
            found = evaluator.simple_evaluate(
                model=_language_model(scorer), tasks=list(names), num_fewshot=shots, limit=limit, task_manager=manager,
                bootstrap_iters=0, log_samples=True,
            )  # fmt: skip
        except (
            KeyError,
            TypeError,
            AttributeError,
            jinja2.TemplateError,
        ) as error:  # from the harness's templates, of a field
            raise InputError(
                f"{', '.join(files.values())}: lm-eval cannot read it: {error}; its tasks read the fields of the "
                "published data sets, `corpusmill eval` without --harness reads other ones, too"
            ) from error
    return _results(found, files, model, shots)


def _write_task(folder: Path, name: str, stock: Path, path: str) -> None:
    """A task file of the harness; JSON is YAML."""
    data = {"data_files": {SPLIT: str(Path(path).absolute())}, "cache_dir": str(folder / "cache")}
    told = {"include": str(stock), "task": name, "dataset_path": "json", "dataset_name": None, "dataset_kwargs": data,
            "training_split": None, "validation_split": None, "test_split": SPLIT, "fewshot_split": SPLIT}  # fmt: skip
    (folder / f"{name}.yaml").write_text(json.dumps(told))


def _stock_file(home: Path, name: str) -> Path:
    """The harness's own file of a task: named like it, or else the one that says so."""
    files = sorted(path for path in home.rglob("*") if path.suffix == ".yaml" or path.name.endswith("_yaml"))
    likely = [path for path in files if name in (path.stem, path.parent.name)]
    for path in (*likely, *files):
        if f"task: {name}" in path.read_text(encoding="utf-8").split("\n"):
            return path
    raise UsageError(f"{name}: lm-eval has no such task{near(name, [path.stem for path in files])}")


def _language_model(scorer: Scorer) -> Any:
    """The scorer as the harness wants a model; the harness encodes pairs and cuts them itself."""
    from lm_eval.api.model import TemplateLM

    class LanguageModel(TemplateLM):  # type: ignore[misc]
        """Scores by `Scorer.scored`."""

        @property
        def eot_token_id(self) -> int:
            return scorer.eos

        def tok_encode(self, string: str, *_: Any, **__: Any) -> list[int]:
            return scorer.encode([string])[0]

        def _loglikelihood_tokens(self, requests: Iterable[Any], **_: Any) -> list[tuple[float, bool]]:
            rows = []
            for _pair, context, continuation in requests:
                ids = ([scorer.eos] if scorer.start and context[:1] != [scorer.eos] else []) + context + continuation
                rows.append((tuple(ids[:-1][-scorer.max_length :]), tuple(continuation)))
            return [score[:2] for score in scorer.scored(rows)]

        def loglikelihood_rolling(self, requests: Iterable[Any], **_: Any) -> list[float]:
            return [score.log_probability for score in scorer.rolling([request.args[0] for request in requests])]

        def generate_until(self, requests: Iterable[Any], **_: Any) -> list[str]:
            found = []
            for request in requests:
                prompt, how = request.args
                stop, most = tuple(how.get("until", ())), int(how.get("max_gen_toks", 256))
                found += scorer.generate([prompt], max_tokens=most, stop=stop)
            return found

    return LanguageModel()


def _results(found: dict[str, Any], files: dict[str, str], model: dict[str, Any], shots: int) -> Results:
    results = Results(model)
    for name, path in files.items():
        task = f"lm-eval/{name}" if not shots else f"lm-eval/{name}@{shots}"
        samples = sorted(found["samples"][name], key=lambda sample: sample["doc_id"])
        items = [
            {"key": f"{sample['doc_id']}-{sample['doc_hash'][:16]}", "group": "",
             **{_LIKELIHOODS.get(metric, metric): float(sample[metric]) for metric in sample["metrics"]
                if isinstance(sample[metric], int | float)}}
            for sample in samples
        ]  # fmt: skip
        for key, value in sorted(found["results"][name].items()):
            metric, _, filtered = key.partition(",")
            if not filtered or metric.endswith("_stderr") or not isinstance(value, int | float):
                continue
            told = metrics.mean(metric, [{k: v for k, v in item.items() if isinstance(v, float)} for item in items])
            results.rows.append(Row(task, "", metric, float(value), told.error if told else None, len(items)))
        results.items[task] = items
        version = found["versions"].get(name)
        results.tasks[task] = {"file": path, "digest": tasks.digest_of(path), "shots": shots, "asked": len(items),
                               "about": f"lm-eval, version {version} of the task"}  # fmt: skip
    return results
