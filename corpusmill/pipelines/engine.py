"""Which Beam runner, with which options, and what its failures mean."""

import argparse
import logging
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from corpusmill.drive import Execute
from corpusmill.errors import CorpusmillError, EngineError, UsageError
from corpusmill.pipelines import supervise
from corpusmill.pipelines.nursery import Nursery
from corpusmill.pipelines.packed import GatherParts, gathers
from corpusmill.pipelines.phase import MakeShards
from corpusmill.stages.work import Phase, Task, workers_for

LOCAL = "FnApiRunner"
NETWORK_SECONDS = 60.0
BEAM_PLACE = re.compile(r" \[while running '.*'\]$")  # what Beam adds to messages, of no use to a reader
RUNNERS = (LOCAL, "DataflowRunner", "FlinkRunner", "SparkRunner", "PortableRunner", "PrismRunner")
SHUFFLING = ("DataflowRunner", "FlinkRunner", "SparkRunner")  # with a shuffle of their own, and files far away
Exchange = Literal["indexed", "packed"]
REFUSED = {
    "DirectRunner": f"it first tries to download another runner, and hangs without network; use {LOCAL}",
    "SwitchingDirectRunner": f"it first tries to download another runner, and hangs without network; use {LOCAL}",
    "BundleBasedDirectRunner": f"it runs in one thread without batching; use {LOCAL}",
    "DaskRunner": "it runs only the last branch of a pipeline and merges tagged outputs, without an error",
}


def executor(
    runner: str = LOCAL,
    workers: int = 1,
    flags: Sequence[str] = (),
    exchange: Exchange | None = None,
    nursery: Nursery | None = None,
) -> Execute:
    """How to run tasks on a Beam runner.

    Args:
        runner: one of `RUNNERS`.
        workers: processes on this machine, for the local runner only.
        flags: passed to Beam as they are, e.g. `--project=…`.
        exchange: how records get from shards to partitions: `indexed`, each task reads its parts of all files, or
            `packed`, through the engine's shuffle. By default packed where files lie far from the workers.
        nursery: of the local runner's workers, if one was started before.

    Raises:
        UsageError: for an unknown or a refused runner, an unknown flag, or a mode that loses records.
    """
    options = pipeline_options(runner, workers, flags)
    starter = nursery or Nursery()
    packed = exchange == "packed" or (exchange is None and runner in SHUFFLING)

    def execute(phase: Phase, tasks: Sequence[Task]) -> None:
        if runner == LOCAL:
            needed = workers_for(phase, tasks, workers)
            with supervise.local_runner(needed, starter) as local:
                _wait(pipeline(phase, tasks, pipeline_options(runner, needed, flags), local, packed=packed), phase)
        else:
            _wait(pipeline(phase, tasks, options, packed=packed), phase)

    return execute


def pipeline(
    phase: Phase,
    tasks: Sequence[Task],
    options: PipelineOptions,
    runner: FnApiRunner | None = None,
    *,
    packed: bool = False,
) -> beam.Pipeline:
    """The job of one phase, not yet run; the runner is the options' unless one is given."""
    job = beam.Pipeline(runner=runner, options=options)
    make = GatherParts if packed and gathers(phase) else MakeShards
    job | phase.layout.label >> make(phase, tasks)
    return job


def pipeline_options(runner: str, workers: int, flags: Sequence[str]) -> PipelineOptions:
    """Beam's options for a run; every flag must be one that Beam knows."""
    _check_runner(runner, flags)
    local = [f"--direct_num_workers={workers}"] if runner == LOCAL else []
    _check_flags(flags)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # what fails is raised, and told once
    return PipelineOptions([f"--runner={runner}", *local, *flags], save_main_session=False)


def _check_runner(runner: str, flags: Sequence[str]) -> None:
    if runner in REFUSED:
        raise UsageError(f"--runner {runner} is refused: {REFUSED[runner]}")
    if runner not in RUNNERS:
        raise UsageError(f"--runner {runner}: no such runner; there are local, {', '.join(RUNNERS)}")
    if runner == "PrismRunner" and not any(flag.startswith(("--prism_location", "--job_endpoint")) for flag in flags):
        raise UsageError(
            "PrismRunner would download its program at run time, and hang without network; install prism"
            " and say where it is: -- --prism_location=/path/to/prism"
        )


def _check_flags(flags: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for options in [PipelineOptions, *PipelineOptions.__subclasses__()]:
        if "_add_argparse_args" in vars(options):
            options._add_argparse_args(_Tolerant(parser))
    _, unknown = parser.parse_known_args(list(flags))
    if unknown:
        raise UsageError(f"{' '.join(unknown)}: Beam has no such option; what follows -- goes to Beam as it is")
    if any(flag.startswith("--direct_") for flag in flags):
        raise UsageError("how many local workers there are is said by --workers; Beam's threads would lose records")


class _Tolerant:
    """Adds each option to a parser once: several Beam option classes share a few."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser

    def add_argument(self, *names: str, **settings: object) -> None:
        """Add an option unless it is there already."""
        try:
            self._parser.add_argument(*names, **settings)  # type: ignore[arg-type]
        except argparse.ArgumentError:
            return

    def add_mutually_exclusive_group(self, **_: object) -> "_Tolerant":
        """Groups are Beam's to check."""
        return self


def _wait(job: beam.Pipeline, phase: Phase) -> None:
    """Run to the end; local runners raise whatever a worker raised, as text."""
    try:
        with _patience(NETWORK_SECONDS):
            state = supervise.run(lambda: job.run().wait_until_finish())
    except CorpusmillError as error:
        if isinstance(error, EngineError):
            raise EngineError(f"{phase.layout.label}: {error}") from error
        raise type(error)(BEAM_PLACE.sub("", str(error))) from error
    except RuntimeError as error:
        raise EngineError(f"{phase.layout.label}: {_last_line(error)}") from error
    if state not in ("DONE", None):
        raise EngineError(f"{phase.layout.label}: the job ended in state {state}")


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Give up on servers that never answer: Flink and Spark may fetch their job server here, without a limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1] if lines else "the runner stopped without a message"
