"""``equilot run``: simulate a scenario day by day."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from equilibrium.errors import InputError
from sim.commands.base import (
    FAILED,
    INTERRUPTED,
    LEVELS,
    OK,
    SOLVERS,
    Commands,
    cannot_serve,
    count,
    directory,
)
from sim.show.streams import complain
from sim.stopping import stop_signals

if TYPE_CHECKING:
    from sim.options import RunOptions
    from sim.store import Run

DEFAULT_SCENARIO = "town-33"

_RUN = """Simulate a scenario day by day. The results are Parquet tables, manifest.json and figures in one folder; a run
that is stopped keeps every finished day."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    run = commands.add_parser("run", help="simulate a scenario day by day", description=_RUN)
    run.add_argument(
        "scenario",
        metavar="SCENARIO",
        nargs="?",
        default=DEFAULT_SCENARIO,
        help="a name of `equilot scenarios`, a YAML file or its folder (default: %(default)s)",
    )
    run.add_argument("--days", metavar="N", type=count(1), default=7, help="days to simulate (default: %(default)s)")
    run.add_argument("--seed", metavar="S", type=count(0), default=0, help="the run's one seed (default: %(default)s)")
    run.add_argument("--out", metavar="DIR", type=directory, help="output folder (default: runs/SCENARIO-seedS)")
    run.add_argument("--solver", choices=SOLVERS, default="auto", help="default: %(default)s")
    run.add_argument(
        "--on-infeasible",
        choices=("stop", "shed"),
        help="a day that cannot be served stops the run, or goes on with the shortage priced (default: the scenario's)",
    )
    _add_proofs(run)
    run.add_argument(
        "--node-limit",
        metavar="N",
        type=count(1),
        help="nodes of the searches of one clearing, where the market searches (default: the scenario's)",
    )
    run.add_argument("--force", action="store_true", help="overwrite an earlier run in the output folder")
    run.add_argument(
        "--resume",
        action="store_true",
        help="go on with a run that stopped or was killed, or with more days (begins where there is none)",
    )
    run.add_argument("--no-figures", action="store_true", help="write no figures")
    run.add_argument("--json", action="store_true", help="print one JSON object in the place of the table")
    told = run.add_mutually_exclusive_group()
    told.add_argument("--quiet", action="store_true", help="print nothing but errors")
    told.add_argument("--verbose", action="store_true", help="also tell each day and what the solvers say")
    run.add_argument("--report", action="store_true", help="also write report.html, as `equilot report` does")
    _add_data(run)
    run.set_defaults(command=_run)


def _add_proofs(run: argparse.ArgumentParser) -> None:
    """Add what every day is proved, checked and measured by."""
    run.add_argument(
        "--certify",
        choices=LEVELS,
        default="standard",
        help="full: prove best deviations by an independent method too, where there is one (default: %(default)s)",
    )
    run.add_argument(
        "--ac",
        action="store_true",
        help="check every day by an AC power flow (needs equilot[ac]; where the market's own flow is linear)",
    )
    run.add_argument(
        "--yardstick",
        action="store_true",
        help="measure every day's posted prices against their Nash equilibrium (where lots post prices to drivers)",
    )
    run.add_argument(
        "--check",
        choices=("off", "cheap", "full"),
        default="off",
        help="cheap: check what must hold of every clearing and of the tables; full: also clear every day in other "
        "forms, where the market has them (default: %(default)s)",
    )


def _add_data(run: argparse.ArgumentParser) -> None:
    """Add what takes the place of parts of the scenario."""
    run.add_argument(
        "--prices",
        metavar="CSV",
        type=Path,
        help="wholesale prices in the place of the scenario's, a file or a folder of files",
    )
    run.add_argument(
        "--sessions",
        metavar="CSV",
        type=Path,
        help="charging sessions in the place of the scenario's, if the market has sessions",
    )
    _add_draws(run)
    run.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="a key of the scenario in the place of its own value, items of lists by name: lots.lot-1.places=40; "
        "may stand several times",
    )


def _add_draws(run: argparse.ArgumentParser) -> None:
    """Add what writes down the draws of a run, and what reads those of another one."""
    draws = run.add_mutually_exclusive_group()
    draws.add_argument("--save-draws", metavar="DIR", type=directory, help="write what the days draw into a folder")
    draws.add_argument(
        "--draws",
        metavar="DIR",
        type=directory,
        help="take the draws of a folder of --save-draws; agents decide by the seed",
    )


def _run(given: argparse.Namespace) -> int:
    """``equilot run``."""
    import mesa  # noqa: F401 - first: at its import it asks every module that is loaded for its file

    from sim.folder import check_folder
    from sim.options import RunOptions
    from sim.show.console import logging_to_stderr

    folder = given.out or Path("runs") / f"{Path(given.scenario).stem}-seed{given.seed}"
    if given.force and given.resume:
        raise InputError("--resume", "with", "--force", "one of them: to go on with a run, or to overwrite it")
    check_folder(folder, force=given.force or given.resume)
    options = RunOptions(
        days=given.days,
        seed=given.seed,
        solver=given.solver,
        on_infeasible=given.on_infeasible,
        ac=given.ac,
        certify=given.certify,
        node_limit=given.node_limit,
        yardstick=given.yardstick,
        check=given.check,
    )
    with logging_to_stderr(quiet=given.quiet, verbose=given.verbose):
        return _run_into(folder, given, options)


def _run_into(folder: Path, given: argparse.Namespace, options: RunOptions) -> int:
    """Load, run, draw and tell."""
    from scenarios.loading import load_scenario
    from scenarios.settings import read_settings
    from sim.draws import keep_draws, replay_draws
    from sim.folder import MANIFEST
    from sim.output import draw_run, run_json, show_run
    from sim.report.write import write_report
    from sim.run import COMPLETE, run_scenario
    from sim.show.console import console, progress_bar
    from sim.show.telling import show_notes

    scenario = load_scenario(given.scenario, _own_data(given), settings=read_settings(given.settings))
    if given.save_draws is not None:
        scenario = keep_draws(scenario, given.save_draws)
    if given.draws is not None:
        scenario = replay_draws(scenario, given.draws, given.days)
    screen = console()
    screen.quiet = given.quiet or given.json
    screen.print(f"{scenario.name}: {scenario.title}", soft_wrap=True)
    show_notes(screen, scenario.notes_of(options.days), str(folder / MANIFEST))
    with stop_signals() as stop, progress_bar(screen, options.days) as advance:
        outcome = run_scenario(
            scenario, folder, options, force=given.force, resume=given.resume, progress=advance, stop=stop
        )
    waited_for = len(outcome.run.days) > 0 and (outcome.status == COMPLETE or bool(outcome.reasons))
    if waited_for and not given.no_figures:
        draw_run(outcome.run)
    if waited_for and given.report:
        write_report(outcome.run)
    show_run(screen, outcome.run)
    if given.json:
        sys.stdout.write(f"{run_json(outcome.run)}\n")
    if outcome.reasons:
        return cannot_serve(outcome.reasons)
    if outcome.status != COMPLETE:
        return INTERRUPTED
    wrong = given.check != "off" and _broken(outcome.run)
    return FAILED if wrong or _unproved(outcome.run) else OK


def _broken(run: Run) -> bool:
    """Tell the statements that a checked run breaks, at its clearings and in its tables; whether there is one."""
    from sim.checks import broken, violations
    from sim.output import check_tables

    found = violations(run) + [f"tables: {broken(each)}" for each in check_tables(run) if not each.holds]
    for line in found:
        complain(f"check: {line}")
    return bool(found)


def _unproved(run: Run) -> bool:
    """Whether a day's answer is not proved: residuals outside their tolerances are no answer."""
    return "verdict" in run.days and bool((run.days["verdict"] == "unproved").any())


def _own_data(given: argparse.Namespace) -> dict[str, object]:
    """Return what ``--prices`` and ``--sessions`` put in the place of the scenario's data."""
    from scenarios.files import own_path
    from scenarios.loading import market_of
    from sim.kinds import market_kinds
    from sim.simulate import check_option

    for option, path in (("--prices", given.prices), ("--sessions", given.sessions)):
        own = own_path(str(path)) if path is not None else None
        if own is not None and not (own.is_file() or (own.is_dir() and option == "--prices")):
            raise InputError(option, "CSV", str(path), "an existing file")
    if given.sessions is not None:
        kind = market_kinds()[market_of(given.scenario)]
        check_option(kind, "sessions", str(given.sessions), "--sessions", "CSV")
    overrides: dict[str, object] = {}
    if given.prices is not None:  # the run starts at their first day
        overrides["prices"] = {"file": own_path(str(given.prices)).resolve(), "start": None}
    if given.sessions is not None:
        overrides["drivers"] = {"files": [own_path(str(given.sessions)).resolve()]}
    return overrides
