"""What a worker of a study does: it runs a few replications, each a pure function of scenario and seed."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from scenarios.case import Case
from scenarios.loading import load_scenario
from sim.markets.base import MarketKind
from sim.options import RunOptions
from sim.simulate import kind_of, opened
from sim.studies.outputs import Outputs
from sim.studies.specification import OptionsSection, OutputSection

_CASES_KEPT = 8


@dataclass(frozen=True)
class Replication:
    """One run of a study: its point with the settings there, the number of the replication, and its seed."""

    point: int
    settings: Mapping[str, str]
    replication: int
    seed: int


@dataclass(frozen=True)
class Chunk:
    """Some runs of a study that one worker does and one set of files holds.

    Attributes
    ----------
    number
        Its number in the study.
    scenario, days, options, outputs
        As in the study's file.
    replications
        The runs.
    """

    number: int
    scenario: str
    days: int
    options: OptionsSection
    outputs: Mapping[str, OutputSection]
    replications: tuple[Replication, ...]


@dataclass
class Done:
    """What came of a chunk: rows of finished runs, of their days, and of runs that failed."""

    number: int
    runs: list[dict[str, Any]] = field(default_factory=list)
    days: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)


def work(chunk: Chunk) -> Done:
    """Run the replications of a chunk; one that fails is a row of ``failures`` and stops nothing."""
    done = Done(chunk.number)
    for each in chunk.replications:
        finished = 0
        start, processor = time.perf_counter(), time.process_time()
        gathered = Outputs(chunk.outputs)
        try:
            case = _case(chunk.scenario, tuple(each.settings.items()))
            for _ in _days(kind_of(case), case, chunk, each.seed, gathered):
                finished += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it is written down with its origin
            done.failures.append(failure(each, finished, error))
            continue
        where = {"point": each.point, "replication": each.replication}
        wall, used = time.perf_counter() - start, time.process_time() - processor
        timing = {"seconds": wall, "processor_seconds": used}
        done.runs.append({**where, "seed": each.seed, "days": finished, **gathered.of_run(), **timing})
        done.days += [{**where, "day": day, **numbers} for day, numbers in enumerate(gathered.days) if numbers]
    return done


def failure(replication: Replication, day: int, error: BaseException) -> dict[str, Any]:
    """Return the row of a run that failed."""
    frames = traceback.extract_tb(error.__traceback__)
    origin = f"{frames[-1].name} ({frames[-1].filename}:{frames[-1].lineno})" if frames else "the worker process"
    return {
        "point": replication.point,
        "replication": replication.replication,
        "seed": replication.seed,
        "day": day,
        "type": type(error).__name__,
        "message": str(error),
        "origin": origin,
        "traceback": "".join(traceback.format_exception(error)),
    }


def _days(kind: MarketKind[Any, Any], case: Case[Any], chunk: Chunk, seed: int, gathered: Outputs) -> Iterator[None]:
    """Simulate the days of a run; only the tables that are asked for are filled."""
    given = chunk.options
    options = RunOptions(
        days=chunk.days,
        seed=seed,
        solver=given.solver,
        on_infeasible=given.on_infeasible,
        certify=given.certify,
        node_limit=given.node_limit,
    )
    wanted = {each.table for each in chunk.outputs.values()}
    tables = [table for table in kind.tables if table.name in wanted]
    model = opened(kind, case, options)
    try:
        for _ in range(chunk.days):
            model.step()
            assert model.last is not None
            rows = {table.name: table.of(model.last) for table in tables}
            gathered.take({name: columns for name, columns in rows.items() if columns is not None})
            yield
    finally:
        model.close()


@lru_cache(maxsize=_CASES_KEPT)
def _case(scenario: str, settings: tuple[tuple[str, str], ...]) -> Case[Any]:
    """Load a scenario once for the replications of a point."""
    return load_scenario(scenario, settings=dict(settings))
