"""A run: a market day after day, written down as it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from equilibrium.errors import InfeasibleError, InputError, SolverError
from scenarios.case import Case
from scenarios.markets.charging.case import Scenario
from scenarios.markets.disco.case import DiscoCase
from sim.acflow import AcFlow, require_pandapower
from sim.manifest import versions, write_manifest
from sim.markets.charging.model import LocalMarket
from sim.markets.charging.results import DayResult, DiscoDayResult
from sim.markets.charging.tables import day_tables
from sim.markets.disco.model import DiscoModel, true_blocks
from sim.markets.disco.tables import disco_tables
from sim.store import Columns, Run, RunWriter, check_folder

Recorder = Callable[[], tuple[DayResult | DiscoDayResult, Mapping[str, Columns]]]
"""Simulates one day and returns it with its rows."""

COMPLETE = "complete"
RUNNING = "running"


@dataclass(frozen=True)
class RunOptions:
    """How a scenario is run.

    Attributes
    ----------
    days
        Days to simulate, at least 1.
    seed
        The run's one seed, a non-negative integer.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    on_infeasible
        ``"stop"`` or ``"shed"`` in the place of what the scenario says; ``None`` keeps it. Only the lots-lead market
        has ``"shed"``.
    ac
        Whether every day is checked by an AC power flow; not in the DISCO market.
    certify
        ``"standard"``, or ``"full"`` for a second, independent proof of every day (nodal market only).
    """

    days: int = 7
    seed: int = 0
    solver: str = "auto"
    on_infeasible: str | None = None
    ac: bool = False
    certify: str = "standard"


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    run
        Its results, everything up to the last finished day.
    status
        ``"complete"`` or ``"stopped: <reason>"``.
    reasons
        The limits that could not be met, when an infeasible day ended the run.
    """

    run: Run
    status: str
    reasons: tuple[str, ...] = ()


def run_scenario(
    scenario: Scenario | DiscoCase,
    folder: Path,
    options: RunOptions,
    *,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Run a scenario into a folder.

    Everything that can be wrong with the input is found before the folder is touched. Whatever ends the run, all
    finished days are saved.

    Parameters
    ----------
    scenario
        What to run.
    folder
        The run folder, see :mod:`sim.store`.
    options
        How to run it.
    force
        Whether an earlier run in the folder may be overwritten.
    progress
        Called with the day's name after every finished day.
    stop
        Asked before every day whether to stop.

    Raises
    ------
    InputError
        When an option or the folder cannot be used.
    InfeasibleError
        When what comes before the first day cannot be served; nothing is written then.
    SolverError
        When a solver ends without an answer; the finished days are saved.
    """
    check_folder(folder, force=force)
    _check_options(scenario, options)
    record = _recorder(scenario, options)
    writer = RunWriter(folder, force=force, market=scenario.file.market.kind)
    content = _manifest(scenario, options)
    write_manifest(folder, content)
    status = "stopped: unexpected error"
    reasons: tuple[str, ...] = ()
    try:
        status = _days(record, writer, options.days, progress, stop)
    except InfeasibleError as error:
        status, reasons = "stopped: a day could not be served", error.reasons or (str(error),)
    except KeyboardInterrupt:
        status = "stopped: interrupted"
    except SolverError as error:
        status = f"stopped: {error}"
        raise
    finally:
        writer.close()
        write_manifest(folder, {**content, "status": status, "reasons": reasons, "days_done": writer.days_taken})
    return Outcome(Run(folder), status, reasons)


def _check_options(scenario: Case, options: RunOptions) -> None:
    """Refuse what the model would find too late."""
    if options.days < 1:
        raise InputError("run", "days", options.days, "a whole number, at least 1")
    if scenario.days is not None and options.days > scenario.days:
        raise InputError("run", "days", options.days, f"at most {scenario.days}, where the prices end")
    if isinstance(scenario, DiscoCase):
        name = f"scenario {scenario.name}"
        if options.on_infeasible not in (None, "stop"):
            raise InputError(
                name, "on_infeasible", options.on_infeasible, "stop (the DISCO market prices no shortages)"
            )
        if options.ac:
            expected = "no AC power flow: the DISCO market has a lossy flow of its own"
            raise InputError(name, "ac", True, expected)
        if options.certify != "standard":
            expected = "standard: the DISCO market has no second method; the KKT program is compared in its tests"
            raise InputError(name, "certify", options.certify, expected)
    elif options.ac:
        require_pandapower()


def _recorder(scenario: Scenario | DiscoCase, options: RunOptions) -> Recorder:
    """Open the model of the scenario's market."""
    if isinstance(scenario, DiscoCase):
        disco = DiscoModel(scenario, seed=options.seed, solver=options.solver, days=options.days)
        truth = true_blocks(scenario)

        def disco_day() -> tuple[DiscoDayResult, Mapping[str, Columns]]:
            disco.step()
            assert disco.last is not None
            return disco.last, disco_tables(disco.network, disco.last, truth)

        return disco_day
    model = LocalMarket(
        scenario, options.seed, options.solver, options.days, options.on_infeasible, certify=options.certify
    )
    flow = AcFlow(model.network.feeder) if options.ac else None

    def local_day() -> tuple[DayResult, Mapping[str, Columns]]:
        model.step()
        assert model.last is not None
        check = flow.check(model.last.clearing) if flow is not None else None
        return model.last, day_tables(model.network, model.last, check)

    return local_day


def _days(
    record: Recorder,
    writer: RunWriter,
    days: int,
    progress: Callable[[str], None] | None,
    stop: Callable[[], bool] | None,
) -> str:
    """Simulate and write the days; return the status."""
    for _ in range(days):
        if stop is not None and stop():
            return "stopped: interrupted"
        result, tables = record()
        writer.add(result.index, tables)
        if progress is not None:
            progress(_name(result))
    return COMPLETE


def _name(result: DayResult | DiscoDayResult) -> str:
    return f"day {result.index}" + (f" ({result.date})" if result.date else "")


def _manifest(scenario: Case, options: RunOptions) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "status": RUNNING,
        "currency": scenario.currency,
        "days_asked": options.days,
        "days_done": 0,
        **{key: value for key, value in asdict(options).items() if key != "days"},
        "versions": versions(optional=options.ac),
        "notes": list(scenario.notes),
        "resolved_scenario": scenario.resolved(),
        "input_sha256": scenario.input_hashes(),
    }
