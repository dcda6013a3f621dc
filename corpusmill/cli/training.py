"""Commands that train: tokenizer, classifier."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from corpusmill.cli.runs import executor
from corpusmill.cli.shared import megabytes, positive, show

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    _tokenizer_arguments(commands.add_parser("tokenizer", help="train a tokenizer"))
    _classifier_arguments(commands.add_parser("classifier", help="train a quality classifier"))


def _tokenizer_arguments(tokenizer: argparse.ArgumentParser) -> None:
    actions = tokenizer.add_subparsers(dest="action", required=True, metavar="action")
    train = actions.add_parser("train", help="train byte-level BPE for the step 'tokenize'")
    source = train.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", metavar="OUT", help="on the documents of a finished run")
    source.add_argument("--texts", nargs="+", metavar="FILE", help="on texts: JSONL, Parquet, txt; each file a source")
    train.add_argument("--out", required=True, metavar="FILE", help="tokenizer.json; its report goes beside it")
    train.add_argument("--overwrite", action="store_true", help="another tokenizer that is there already")
    train.add_argument("--vocabulary-size", type=positive, default=32_768, metavar="N", help="ids (default 32768)")
    train.add_argument("--pattern", default="gpt2", help="how text is cut first: gpt2, llama3, cl100k (default gpt2)")
    train.add_argument("--split-digits", action="store_true", help="each digit is a token of its own")
    train.add_argument(
        "--special-token", action="append", metavar="TOKEN",
        help="these and no others take the first ids; may be repeated (default <|endoftext|>)",
    )  # fmt: skip
    train.add_argument(
        "--min-frequency", type=positive, default=0, metavar="N", help="of a pair that becomes a token (default: any)"
    )
    train.add_argument("--longest-token", type=positive, metavar="BYTES", help="at most (default: any length)")
    train.add_argument(
        "--sample-mb", type=megabytes, default=1_000_000_000, metavar="MB", help="of text at most (default 1000)"
    )
    train.add_argument(
        "--weights", metavar="LIST",
        help="shares of the sample by source, e.g. web=2,wiki=1 or '*=1' (default: as large as each source is)",
    )  # fmt: skip
    train.add_argument("--workers", type=positive, default=1, metavar="N", help="processes on this machine (default 1)")
    train.add_argument("--runner", default="FnApiRunner", help="local, or as Beam names it (default FnApiRunner)")
    train.add_argument("--quiet", action="store_true", help="show no progress, only the report")
    train.set_defaults(call=_train_tokenizer, exchange=None)


def _classifier_arguments(classifier: argparse.ArgumentParser) -> None:
    actions = classifier.add_subparsers(dest="action", required=True, metavar="action")
    train = actions.add_parser("train", help="train a fastText model for the step 'fasttext', and judge it")
    train.add_argument(
        "--positive", nargs="+", required=True, metavar="FILE", help="texts to keep: JSONL, Parquet, txt"
    )
    train.add_argument("--negative", nargs="+", required=True, metavar="FILE", help="texts to drop")
    train.add_argument("--out", required=True, type=Path, metavar="MODEL", help="model.bin; figures go to MODEL.json")
    train.add_argument("--ngrams", type=positive, default=2, help="words of an n-gram (default 2)")
    train.add_argument("--dim", type=positive, default=100, help="size of a vector (default 100)")
    train.add_argument("--epochs", type=positive, default=5, help="passes over the texts (default 5)")
    train.add_argument("--lr", type=float, default=0.1, help="learning rate (default 0.1)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--held-out", type=float, default=0.1, help="share of texts to judge it on (default 0.1)")
    train.add_argument("--quantize", action="store_true", help="a smaller model, a little less exact")
    train.set_defaults(call=_train_classifier)


def _train_tokenizer(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs
    from corpusmill.report.progress import Bar, Silence
    from corpusmill.report.tokenizer import trained
    from corpusmill.tokenize.sampling import parse_weights
    from corpusmill.tokenizer_training import Ask, train_on_run, train_on_texts

    ask = Ask(
        out=options.out, vocabulary_size=options.vocabulary_size, pattern=options.pattern,
        split_digits=options.split_digits, special_tokens=tuple(options.special_token or Ask.special_tokens),
        min_frequency=options.min_frequency, longest_token=options.longest_token, overwrite=options.overwrite,
        sample_bytes=options.sample_mb, weights=parse_weights(options.weights) if options.weights else {},
    )  # fmt: skip
    execute, progress = executor(options), Silence() if options.quiet else Bar()
    if options.run is None:
        report = train_on_texts(ask, options.texts, execute, progress)
    else:
        run = outputs.find(options.run)
        report = train_on_run(ask, run.root, run.recipe, execute, progress)
    show(trained(report))
    print(
        f"report    {ask.report}\nsample    {ask.folder}; no longer needed, unless another tokenizer is to be trained"
    )
    print(f"tokenizer {ask.out}; use it as a step: {{use: tokenize, tokenizer: {ask.out}}}")
    return 0


def _train_classifier(options: argparse.Namespace) -> int:
    from corpusmill.filters import classifier_training
    from corpusmill.filters.fasttext_model import Settings
    from corpusmill.report.classifier import figures

    settings = Settings(
        wordNgrams=options.ngrams, dim=options.dim, epoch=options.epochs, lr=options.lr, seed=options.seed
    )
    how = classifier_training.Options(settings=settings, held_out=options.held_out, quantize=options.quantize)
    scores = classifier_training.train(options.positive, options.negative, options.out, how)
    show(figures(scores))
    print(
        f"model {options.out}; use it as a step: {{use: fasttext, model: {options.out}, …}} (corpusmill steps fasttext)"
    )
    return 0
