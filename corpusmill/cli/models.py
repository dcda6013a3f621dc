"""Commands that use a trained model: text from it, and its export."""

import argparse
from importlib.util import find_spec
from typing import TYPE_CHECKING

from corpusmill.cli.shared import positive
from corpusmill.errors import UsageError

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    about = "folder of a training run, a checkpoint or an export"
    write = commands.add_parser("generate", help="text from a language model")
    write.add_argument("model", metavar="MODEL", help=about)
    write.add_argument(
        "--prompt", action="append", metavar="TEXT", help="how it begins; may be repeated (default: a new document)"
    )
    write.add_argument("--max-tokens", type=positive, default=128, metavar="N", help="new ones (default 128)")
    write.add_argument("--temperature", type=float, default=1.0, metavar="T", help="0 is greedy (default 1)")
    write.add_argument("--top-k", type=positive, metavar="K", help="draw from the K likeliest tokens only")
    write.add_argument("--top-p", type=float, metavar="P", help="draw from the likeliest tokens that reach P together")
    write.add_argument("--greedy", action="store_true", help="always the likeliest token")
    write.add_argument("--stop", action="append", default=[], metavar="TEXT", help="ends a text; may be repeated")
    write.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    write.add_argument("--count", type=positive, default=1, metavar="N", help="texts of each prompt (default 1)")
    write.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    write.set_defaults(call=_generate)
    export = commands.add_parser("export-model", help="a folder for transformers: safetensors, config, tokenizer")
    export.add_argument("model", metavar="MODEL", help=about)
    export.add_argument("--out", required=True, metavar="DIR", help="to be made")
    export.add_argument(
        "--dtype", choices=["float32", "bfloat16", "float16"], default="float32",
        help="of the weights (default float32, as they were trained)",
    )  # fmt: skip
    export.set_defaults(call=_export)


def _generate(options: argparse.Namespace) -> int:
    _torch("generate")
    from corpusmill.train.generate import Choice
    from corpusmill.train.opened import open_trained

    choice = Choice(options.temperature, options.top_k, options.top_p, options.greedy)
    choice.check()
    prompts = [prompt for prompt in options.prompt or [""] for _ in range(options.count)]
    opened = open_trained(options.model, options.device)
    found = opened.write(prompts, choice, max_tokens=options.max_tokens, stop=options.stop, seed=options.seed)
    for number, (prompt, text) in enumerate(zip(prompts, found, strict=True), 1):
        if len(prompts) > 1:
            print(f"--- {number} of {len(prompts)}")
        print(prompt + text)
    return 0


def _export(options: argparse.Namespace) -> int:
    _torch("export-model")
    from corpusmill.train import export
    from corpusmill.train.opened import open_trained

    opened = open_trained(options.model, "cpu")
    told = export.save(
        opened.loaded.model, options.out, tokenizer=opened.loaded.tokenizer_path, eos=opened.eos, dtype=options.dtype
    )
    print(f"{told.family}, {told.parameters:,} parameters, {options.dtype}: {options.out}/{{{', '.join(told.files)}}}")
    if "tokenizer.json" not in told.files:
        print(
            "without a tokenizer: none lies beside the model, or it was made of ranks, which transformers does not read"
        )
    return 0


def _torch(command: str) -> None:
    if find_spec("torch") is None:
        raise UsageError(f"{command}: torch is not installed; pip install 'corpusmill[train]'")
