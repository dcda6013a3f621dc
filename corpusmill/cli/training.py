"""Commands that train: tokenizer, classifier."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from corpusmill.cli.shared import positive, show

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    _tokenizer_arguments(commands.add_parser("tokenizer", help="train a tokenizer"))
    _classifier_arguments(commands.add_parser("classifier", help="train a quality classifier"))


def _tokenizer_arguments(tokenizer: argparse.ArgumentParser) -> None:
    actions = tokenizer.add_subparsers(dest="action", required=True, metavar="action")
    train = actions.add_parser("train", help="train byte-level BPE for the step 'tokenize'")
    train.add_argument("--texts", nargs="+", required=True, metavar="FILE", help="JSONL, Parquet, txt")
    train.add_argument("--out", required=True, type=Path, metavar="FILE", help="tokenizer.json")
    train.add_argument("--vocabulary-size", type=positive, default=32_768, metavar="N", help="ids (default 32768)")
    train.add_argument("--pattern", default="gpt2", help="how text is cut first: gpt2, llama3, cl100k (default gpt2)")
    train.add_argument("--split-digits", action="store_true", help="each digit is a token of its own")
    train.set_defaults(call=_train_tokenizer)


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
    from corpusmill.storage.write import put
    from corpusmill.texts import read_texts
    from corpusmill.tokenize.training import train

    found = train(
        (text for path in options.texts for text in read_texts(path)),
        vocabulary_size=options.vocabulary_size, pattern=options.pattern, split_digits=options.split_digits,
    )  # fmt: skip
    put(str(options.out), found.to_str(pretty=True).encode())
    use = f"{{use: tokenize, tokenizer: {options.out}}}"
    print(f"tokenizer {options.out}: {found.get_vocab_size():,} ids; use it as a step: {use}")
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
