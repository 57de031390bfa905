"""Processes of ours look for cyclic garbage seldom; a library leaves it to its user."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from sim.collector import THRESHOLDS
from sim.studies.executors import dask, processes


def _printed(code: str) -> str:
    """What a fresh interpreter prints last."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_the_command_and_the_workers_of_a_study_look_seldom():
    assert _printed("import gc, sim.cli; sim.cli.main(['scenarios']); print(gc.get_threshold())") == str(THRESHOLDS)
    with processes(1).opened() as pool:
        assert pool.submit(gc.get_threshold).result() == THRESHOLDS


def test_the_command_does_not_look_through_everything_at_its_end():
    code = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 10_000)); {}"
    assert _printed(code.format("import sim.cli; sim.cli.main(['scenarios'])")) == "True"
    assert _printed(code.format("import equilot, sim.cli")) == "False"


def test_an_import_changes_nothing():
    code = "import gc; before = gc.get_threshold(); import equilot, sim.cli; print(before == gc.get_threshold())"
    assert _printed(code) == "True"


def test_the_workers_of_a_cluster_of_ours_do_too_and_take_no_profile():
    config = pytest.importorskip("dask.config")
    pytest.importorskip("distributed")
    with dask(workers=1).opened() as cluster:
        assert tuple(cluster.submit(gc.get_threshold).result()) == THRESHOLDS
        assert cluster.submit(config.get, "distributed.worker.profile.enabled").result() is False
