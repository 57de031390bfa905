"""Nothing that stands in a file leads to a traceback, a hang, a flood of memory or words, or files after a refusal."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.fuzz.guard import Outcome, attempt
from tests.fuzz.mutate import mutant
from tests.fuzz.targets import TARGETS, Target, write

SHARDS = 20
MUTANTS = 10_000
QUICK = 12
"""Mutants of each target in the default tier."""


@pytest.fixture(scope="module", autouse=True)
def _has_run_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a worker loads for its first command does not count, whichever test comes first."""
    town = next(target for target in TARGETS if target.name == "town")
    folder = tmp_path_factory.mktemp("once")
    write(town.files, folder)
    assert attempt(list(town.arguments), folder, watched=False).code == 0


def tried(target: Target, folder: Path, seed: int) -> tuple[str, bytes, Outcome]:
    """Make one mutant in a folder that holds the sound files, try it, and put the sound file back."""
    draw = random.Random(seed)
    name = draw.choice(target.mutated)
    path = folder / name
    sound = path.read_bytes()
    damaged = mutant(sound.decode("utf-8"), path.suffix, draw)
    path.write_bytes(damaged)
    try:
        outcome = attempt(list(target.arguments), folder)
    finally:
        path.write_bytes(sound)
        shutil.rmtree(folder / "out", ignore_errors=True)
    return name, damaged, outcome


def faults(target: Target, folder: Path, seeds: range) -> list[str]:
    write(target.files, folder)
    if target.prepare is not None:
        target.prepare(folder)
    found = []
    for seed in seeds:
        name, damaged, outcome = tried(target, folder, seed)
        found += [f"{target.name} seed {seed}, {name}: {fault}\n{damaged[:600]!r}" for fault in outcome.faults]
    return found


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_sound_files_run(target: Target, tmp_path: Path) -> None:
    write(target.files, tmp_path)
    if target.prepare is not None:
        target.prepare(tmp_path)
    outcome = attempt(list(target.arguments), tmp_path)
    assert (outcome.code, outcome.faults) == (0, ()), outcome.err


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_few_mutants_end_in_order(target: Target, tmp_path: Path) -> None:
    assert faults(target, tmp_path, range(QUICK)) == []


@pytest.mark.long
@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_mutants_end_in_order(target: Target, shard: int, tmp_path: Path) -> None:
    size = MUTANTS // (SHARDS * len(TARGETS)) + 1
    assert faults(target, tmp_path, range(1_000 + shard * size, 1_000 + (shard + 1) * size)) == []
