"""Beam wiring: which runners, which flags, and a graph in which no document travels."""

import dataclasses
from typing import Literal

import numpy as np
import pytest
from apache_beam.transforms import environments

from corpusmill import drive, local, plan, recipe
from corpusmill.errors import ResourceError, RunError, UsageError
from corpusmill.pipelines import engine, supervise
from corpusmill.pipelines.nursery import Nursery
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec
from tests import crawl, runs

DATAFLOW = (
    "--project=my-project-1", "--region=us-central1", "--temp_location=gs://my-bucket/tmp", "--staging_location=gs://my-bucket/stg",
    "--no_auth", "--sdk_location=container", "--sdk_container_image=gcr.io/my-project-1/corpusmill:1", "--dry_run=True",
)  # fmt: skip


@pytest.mark.parametrize(
    ("runner", "flags", "message"),
    [
        ("DirectRunner", (), "refused: it first tries to download another runner"),
        ("DaskRunner", (), "refused: it runs only the last branch"),
        ("NoRunner", (), "no such runner; there are local, FnApiRunner, DataflowRunner"),
        ("PrismRunner", (), "would download its program at run time"),
        ("FnApiRunner", ("--projekt=x",), "--projekt=x: Beam has no such option"),
        ("FnApiRunner", ("--direct_running_mode=multi_threading",), "Beam's threads would lose records"),
    ],
)
def test_what_gives_wrong_results_is_refused(runner, flags, message):
    """Runners and flags that hang, lose records or mean nothing are refused before anything starts."""
    with pytest.raises(UsageError, match=message):
        engine.executor(runner, 1, flags)


def test_one_worker_stays_in_this_process_and_more_get_their_own():
    """Threads are never used: they lose records."""
    nursery = Nursery()
    with supervise.local_runner(1, nursery) as one, supervise.local_runner(3, nursery) as several:
        assert isinstance(one._default_environment, environments.EmbeddedPythonEnvironment)
        assert isinstance(several._default_environment, environments.SubprocessSDKEnvironment)
    assert 3 == engine.pipeline_options("FnApiRunner", 3, ()).get_all_options()["direct_num_workers"]


@pytest.mark.parametrize("name", sorted(file.stem for file in recipe.SHIPPED.glob("*.yaml")))
def test_the_dataflow_graph_of_every_recipe(name, tmp_path, lid_model):
    """Each shipped recipe becomes a Dataflow job, offline; its elements are tasks and shard numbers, never batches."""
    pytest.importorskip("apache_beam.runners.dataflow.internal.apiclient", reason="needs corpusmill[dataflow]")
    crawl.crawl(tmp_path / "crawl")
    settings = [
        f"input.paths={tmp_path}/crawl/*.warc.gz",
        "output=gs://my-bucket/out",
        f"steps.language.model={lid_model}",
    ]
    chosen = recipe.load(name, settings)
    chosen = dataclasses.replace(
        chosen, steps=tuple(step for step in chosen.steps if step.use not in {"fasttext", "tokenize"})
    )
    planned = plan.make(chosen)
    works = [work for stage in planned.stages for work in stage.works(planned.splits)]
    for work in {work.phase.layout.label: work for work in (works[0], works[-1])}.values():
        _check_graph(work)


def _check_graph(work):
    options = engine.pipeline_options("DataflowRunner", 1, DATAFLOW)
    proto = engine.pipeline(work.phase, work.tasks, options).run().job.proto_pipeline
    names = {transform.unique_name for transform in proto.components.transforms.values()}
    assert any(name.endswith("RunShard") for name in names)
    assert any("Spread" in name for name in names)
    assert "arrow" not in str(proto.components.coders).lower()
    assert any("gcr.io/my-project-1/corpusmill:1" in str(e.payload) for e in proto.components.environments.values())


@spec
class Missing:
    """Cannot be built."""

    use: Literal["missing"] = "missing"

    def build(self):
        """Find no model."""
        raise ResourceError("model.bin: no such file")


def test_what_cannot_be_built_is_told_as_it_is(tmp_path):
    """A model without the label that the recipe asks for: our message, without Beam's place."""
    crawl.crawl(tmp_path / "crawl")
    planned = runs.planned(tmp_path / "crawl", tmp_path / "out")
    stage = dataclasses.replace(planned.stages[0], specs=(Missing(),), names=("missing",))
    with pytest.raises(ResourceError) as caught:
        engine.executor()(stage, stage.works(planned.splits)[0].tasks)
    assert "model.bin: no such file" == str(caught.value)


@spec
class Broken:
    """Has a bug that only real batches show."""

    use: Literal["broken"] = "broken"
    rows: Bounds = Bounds(None, None)

    def build(self):
        """Nothing to load."""

        def measure(view):
            if len(view) > 2:
                raise ZeroDivisionError("a bug")
            return Measured({"rows": np.zeros(len(view))})

        return measure


@pytest.mark.parametrize("execute", [local.executor(), engine.executor()], ids=["local", "beam"])
def test_a_step_that_breaks_names_its_shard(tmp_path, execute):
    """A bug stops the run with the shard in which it showed, on Beam as in this process."""
    crawl.crawl(tmp_path / "crawl")
    planned = runs.planned(tmp_path / "crawl", tmp_path / "out")
    (whole,) = planned.stages
    stage = dataclasses.replace(whole, specs=(*whole.specs, Broken()), names=(*whole.names, "broken"))
    broken = dataclasses.replace(planned, stages=(stage,))
    with pytest.raises(RunError, match=r"ZeroDivisionError: a bug \(while making shard 0 \(crawl-0\.warc\.gz\)\)"):
        drive.run(broken, execute, runs.Silent())
