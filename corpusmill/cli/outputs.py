"""Commands on the files of finished runs: verify, remove, export."""

import argparse
import sys
from typing import TYPE_CHECKING

from corpusmill import errors
from corpusmill.cli.shared import show

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    verify = commands.add_parser("verify", help="are two outputs the same, file by file")
    verify.add_argument("a", metavar="A")
    verify.add_argument("b", metavar="B")
    verify.add_argument("--json", action="store_true", help="as JSON")
    verify.set_defaults(call=_verify)

    remove = commands.add_parser("remove", help="take documents down from a finished run, and leave a proof")
    remove.add_argument("output", help="folder of a run")
    remove.add_argument("list", metavar="IDS", help="a file with one id or URL a line; - is standard input")
    remove.add_argument("--dry-run", action="store_true", help="show what would be done; write nothing")
    remove.add_argument("--json", action="store_true", help="as JSON")
    remove.set_defaults(call=_remove)

    export = commands.add_parser("export", help="packed shards for other trainers")
    export.add_argument(
        "format", choices=("megatron", "nanogpt", "mds"), help="PREFIX.bin and PREFIX.idx; PREFIX.bin; a folder"
    )
    export.add_argument("shards", nargs="+", metavar="SHARD", help="packed shards of one run, their folder, or the run")
    export.add_argument("--out", required=True, metavar="PREFIX", help="path or URL without suffix; for mds a folder")
    export.set_defaults(call=_export)


def _verify(options: argparse.Namespace) -> int:
    from corpusmill.report import told
    from corpusmill.storage import verify

    differences = verify.compare(options.a, options.b)
    if options.json:
        print(told.text(told.differing(differences)))
        return 1 if differences else 0
    for difference in differences:
        print(difference)
    print(f"{len(differences)} differences" if differences else "the same, file by file")
    return 1 if differences else 0


def _remove(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs, page, told
    from corpusmill.report.taken import taken
    from corpusmill.takedown.remove import remove
    from corpusmill.takedown.wanted import Wanted

    wanted = Wanted.parse(_given(options.list), options.list)
    run = outputs.find(options.output)
    done = remove(run.root, run.recipe, wanted, dry_run=options.dry_run)
    if options.json:
        print(told.text(told.taken(done, dry_run=options.dry_run)))
    else:
        show(taken(done, dry_run=options.dry_run))
    if not options.dry_run:
        page.write(outputs.find(run.root))
    return 0


def _given(path: str) -> bytes:
    from corpusmill.storage import paths

    if path == "-":
        return sys.stdin.buffer.read()
    try:
        with paths.open_read(path) as file:
            return file.read()
    except OSError as error:
        raise errors.InputError(f"{path}: cannot be read ({error.strerror or error}){paths.near(path)}") from error


def _export(options: argparse.Namespace) -> int:
    from corpusmill.storage import exports, packed_files, paths

    shards = [shard for given in options.shards for shard in packed_files.named(given)]
    if options.format == "mds":
        return _mds(shards, options.out)
    suffixes = ("bin", "idx") if options.format == "megatron" else ("bin",)
    targets = [f"{options.out}.{suffix}" for suffix in suffixes]
    for target in targets:
        if paths.exists(target):
            raise errors.UsageError(f"{target}: exists already; choose another name or remove it")
    megatron = options.format == "megatron"
    written = exports.megatron(shards, options.out) if megatron else [exports.nanogpt(shards, targets[0])]
    for target, facts in zip(targets, written, strict=True):
        print(f"wrote {target}: {facts.bytes:,} bytes, sha256 {facts.sha256}")
    print(f"{written[0].rows:,} documents of {len(shards):,} shards")
    return 0


def _mds(shards: list[str], folder: str) -> int:
    from corpusmill.storage import mds, paths

    if paths.exists(folder) and not (paths.is_folder(folder) and not paths.names(folder)):
        raise errors.UsageError(f"{folder}: exists already, and is no empty folder; choose another name or remove it")
    written = mds.write(shards, folder)
    rows, size = (sum(getattr(stats, name) for stats in written.shards) for name in ("rows", "bytes"))
    print(f"wrote {folder}: {len(written.shards):,} shards of {size:,} bytes")
    print(f"wrote {folder}/index.json: {written.listed.bytes:,} bytes, sha256 {written.listed.sha256}")
    print(f"{rows:,} rows of {len(shards):,} shards, each a sample `tokens`")
    if written.padded:
        print(f"{written.padded:,} of them end in padding, {written.padding:,} ids in all, which readers of MDS see as"
              " tokens; `strategy: concat` pads the last row of a shard only")  # fmt: skip
    return 0
