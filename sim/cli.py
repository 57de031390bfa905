"""The command ``equilot``.

Exit codes: 0 done; 1 a statement that must hold of a reproduction or a run does not, a day is not proved, a game has no
certified answer, or a solver failed; 2 the input cannot be used; 3 a day could not be served and the run stopped; 130
interrupted.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import equilibrium
from equilibrium.errors import InfeasibleError, InputError, SolverError
from equilibrium.plain import cut, plain, shown
from sim.reproduce import REPRODUCTIONS
from sim.show.streams import complain, discard_output, open_output
from sim.stopping import stop_signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.options import RunOptions
    from sim.store import Run

# Everything heavier than argparse is imported where a command needs it, so that --help answers at once.

OK, FAILED, BAD_INPUT, INFEASIBLE, INTERRUPTED = 0, 1, 2, 3, 130
DEFAULT_SCENARIO = "town-33"
_MESSAGE_LIMIT = 1_500
"""Most characters of a complaint about the command line."""

_WHOLE = re.compile("[0-9]{1,18}")

SOLVERS = ("auto", "highs", "gurobi")
LEVELS = ("standard", "full")


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"equilot: error: {plain(cut(message, _MESSAGE_LIMIT))}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; it means the same when the reader of the output has gone."""
    open_output()
    code = _execute(_parser().parse_args(arguments))
    try:
        sys.stdout.flush()  # here, and not when the interpreter ends and can only complain
    except BrokenPipeError:
        discard_output()
    except OSError as error:
        complain(f"error: standard output: {error.strerror}")
        discard_output()
        return code or FAILED
    return code


def _execute(given: argparse.Namespace) -> int:
    """Run the command; errors that a user can cause become one line."""
    command: Callable[[argparse.Namespace], int] = given.command
    try:
        return command(given)
    except (InputError, SolverError) as error:
        complain(f"error: {error}")
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    except InfeasibleError as error:  # already what comes before the first day cannot be served
        return _cannot_serve(error.reasons or (str(error),))
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # only what writes its list as the last thing comes here: the rest uses a console
        discard_output()
        return OK
    except OSError as error:  # the disk is full, the folder has gone
        where = "" if error.filename is None else f"{error.filename}: "
        complain(f"error: {where}{error.strerror or error}")
        return FAILED


def _cannot_serve(reasons: Sequence[str]) -> int:
    """Name the limits that cannot be met, and return the exit code."""
    for reason in reasons:
        complain(f"infeasible: {reason}")
    return INFEASIBLE


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="equilot",
        description="Agent-based simulation of local electricity markets with EV parking lots, cleared exactly.",
        epilog="Exit codes: 0 done, 1 a statement that must hold does not, a day is not proved, a game has no "
        "certified answer or a solver failed (those of games: docs/games.md), 2 the input cannot be used, 3 a day "
        "could not be served, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"equilot {equilibrium.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _add_run(commands.add_parser("run", help="simulate a scenario day by day", description=_RUN))
    listing = commands.add_parser("scenarios", help="list the bundled scenarios, one line each")
    listing.set_defaults(command=_scenarios)
    figures = commands.add_parser("figures", help="draw the figures of a run again, for any day of it")
    figures.add_argument("folder", metavar="DIR", type=Path, help="folder of the run")
    figures.add_argument(
        "--day", type=_count(0), help="day of the figures of one day (default: that with the highest price)"
    )
    figures.set_defaults(command=_figures)
    checks = commands.add_parser("check", help="check what must hold in the tables of a run", description=_CHECK)
    checks.add_argument("folder", metavar="DIR", type=Path, help="folder of the run")
    checks.set_defaults(command=_check)
    reproduce = commands.add_parser("reproduce", help="compute a published result again", description=_REPRODUCE)
    reproduce.add_argument("name", metavar="NAME", help=", ".join(REPRODUCTIONS))
    reproduce.add_argument("--out", metavar="DIR", type=Path, help="output folder (default: runs/reproduce-NAME)")
    reproduce.add_argument("--solver", choices=SOLVERS, default="auto", help="default: %(default)s")
    reproduce.set_defaults(command=_reproduce)
    _add_games(commands)
    return parser


_RUN = """Simulate a scenario day by day. The results are Parquet tables, manifest.json and figures in one folder; a run
that is stopped keeps every finished day."""
_CHECK = """Recompute from the tables of a run what must hold in them: balances, sums, limits, money. The exit code is 1
when something does not hold."""
_REPRODUCE = """Compute a published result again and put it beside the published numbers. The report is written as
Markdown and CSV; the exit code is 1 when a statement that must hold does not."""
_SOLVE = """Solve a game in a JSON file: leaders, followers, or a plain Nash game. The answer is a point with its
certificate. The exit code tells the verdict: 0 certified, 1 not proved, 4 proved that none exists, 5 none found, 6 the
best value is not attained, 7 infeasible, 8 unbounded, 9 limit reached, 10 undecided (docs/games.md)."""
_VERIFY = """Certify a given point without solving the game: residuals, and every player's regret by a global
deviation. The exit code is 0 when the point is proved to be an equilibrium, 1 when it is not, 7 when a row fails or a
follower does better at it, 9 when the limit came first (docs/games.md)."""


def _add_run(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "scenario",
        metavar="SCENARIO",
        nargs="?",
        default=DEFAULT_SCENARIO,
        help="a name of `equilot scenarios` or a YAML file (default: %(default)s)",
    )
    run.add_argument("--days", metavar="N", type=_count(1), default=7, help="days to simulate (default: %(default)s)")
    run.add_argument("--seed", metavar="S", type=_count(0), default=0, help="the run's one seed (default: %(default)s)")
    run.add_argument("--out", metavar="DIR", type=Path, help="output folder (default: runs/SCENARIO-seedS)")
    run.add_argument("--solver", choices=SOLVERS, default="auto", help="default: %(default)s")
    run.add_argument(
        "--on-infeasible",
        choices=("stop", "shed"),
        help="a day that cannot be served stops the run, or goes on with the shortage priced (default: the scenario's)",
    )
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
        "--node-limit",
        metavar="N",
        type=_count(1),
        help="nodes of the searches of one clearing, where the market searches (default: the scenario's)",
    )
    run.add_argument("--force", action="store_true", help="overwrite an earlier run in the output folder")
    run.add_argument("--prices", metavar="CSV", type=Path, help="wholesale prices in the place of the scenario's")
    run.add_argument(
        "--sessions",
        metavar="CSV",
        type=Path,
        help="charging sessions in the place of the scenario's, if the market has sessions",
    )
    run.add_argument("--no-figures", action="store_true", help="write no figures")
    run.set_defaults(command=_run)


_METHOD_HELP = (
    "auto (default), lexicographic, complementarity-bb, kkt-bigm, kkt-sos1 or gurobi-nonconvex; for several leaders "
    "also best-response, best-response-jacobi, stationarity or enumeration"
)


def _add_games(commands: argparse._SubParsersAction[_Parser]) -> None:
    solve = commands.add_parser("solve", help="solve a leader-follower game and prove the answer", description=_SOLVE)
    solve.add_argument("game", metavar="GAME.json", type=Path, help="the game")
    solve.add_argument("--method", default="auto", help=_METHOD_HELP)
    solve.add_argument("--solver", default="auto", help="auto, highs, gurobi or scip (default: %(default)s)")
    solve.add_argument("--seed", type=_count(0), default=0, help="of random starts (default: %(default)s)")
    solve.add_argument("--export", metavar="FILE", type=Path, help="also write FILE.mps and FILE.aux (bilevel linear)")
    solve.add_argument("--force", action="store_true", help="let --export replace files that exist")
    solve.set_defaults(command=_solve)
    verify = commands.add_parser("verify", help="certify a point of a game", description=_VERIFY)
    verify.add_argument("game", metavar="GAME.json", type=Path, help="the game")
    verify.add_argument("point", metavar="POINT.json", type=Path, help="variables, and duals where they matter")
    verify.set_defaults(command=_verify)
    for command in (solve, verify):
        command.add_argument("--attitude", help="optimistic or pessimistic (default: the game's)")
        command.add_argument(
            "--certify",
            default="standard",
            help="standard, or full: every deviation is also solved by a second method (default: %(default)s)",
        )
        command.add_argument("--json", action="store_true", help="print the answer as one JSON object")
        command.add_argument(
            "--time-limit", metavar="S", type=float, default=600.0, help="seconds for everything (default: %(default)g)"
        )
        command.add_argument(
            "--node-limit", metavar="N", type=_count(1), help="nodes of all searches together (default: no limit)"
        )


def _solve(given: argparse.Namespace) -> int:
    """``equilot solve``."""
    from sim.solve import solve

    return solve(given)


def _verify(given: argparse.Namespace) -> int:
    """``equilot verify``."""
    from sim.solve import verify

    return verify(given)


def _count(minimum: int) -> Callable[[str], int]:
    """Return a reader of whole numbers for argparse."""

    def read(text: str) -> int:
        value = int(text) if _WHOLE.fullmatch(text) else minimum - 1
        if value < minimum:
            raise argparse.ArgumentTypeError(f"got {shown(text)}, expected a whole number, at least {minimum}")
        return value

    return read


def _run(given: argparse.Namespace) -> int:
    """``equilot run``."""
    from sim.options import RunOptions
    from sim.store import check_folder

    folder = given.out or Path("runs") / f"{Path(given.scenario).stem}-seed{given.seed}"
    check_folder(folder, force=given.force)
    options = RunOptions(
        days=given.days,
        seed=given.seed,
        solver=given.solver,
        on_infeasible=given.on_infeasible,
        ac=given.ac,
        certify=given.certify,
        node_limit=given.node_limit,
        yardstick=given.yardstick,
    )
    return _run_into(folder, given, options)


def _run_into(folder: Path, given: argparse.Namespace, options: RunOptions) -> int:
    """Load, run, draw and tell."""
    from scenarios.loading import load_scenario
    from sim.output import draw_run, show_run
    from sim.run import COMPLETE, run_scenario
    from sim.show.console import console, progress_bar

    scenario = load_scenario(given.scenario, _own_data(given))
    screen = console()
    screen.print(f"{scenario.name}: {scenario.title}", soft_wrap=True, markup=False)
    for note in scenario.notes:
        screen.print(note, soft_wrap=True, markup=False)
    with stop_signals() as stop, progress_bar(screen, options.days) as advance:
        outcome = run_scenario(scenario, folder, options, force=given.force, progress=advance, stop=stop)
    if len(outcome.run.days) and not given.no_figures:
        draw_run(outcome.run)
    show_run(screen, outcome.run)
    if outcome.reasons:
        return _cannot_serve(outcome.reasons)
    if outcome.status != COMPLETE:
        return INTERRUPTED
    return FAILED if _unproved(outcome.run) else OK


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
        if path is not None and not own_path(str(path)).is_file():
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


def _scenarios(_given: argparse.Namespace) -> int:
    """``equilot scenarios``."""
    from scenarios.loading import scenario_titles

    titles = scenario_titles()
    width = max(len(name) for name in titles)
    sys.stdout.writelines(f"{name:<{width}}  {title}\n" for name, title in titles.items())
    return OK


def _figures(given: argparse.Namespace) -> int:
    """``equilot figures``."""
    from sim.output import draw_run
    from sim.store import Run

    run = Run(given.folder)
    days = run.days["day"].tolist()
    if not days or given.day not in (None, *days):
        expected = f"a day from 0 to {days[-1]}" if days else "a run with at least one finished day"
        raise InputError(str(given.folder), "day", given.day, expected)
    sys.stdout.writelines(f"{path}\n" for path in draw_run(run, given.day))
    return OK


def _check(given: argparse.Namespace) -> int:
    """``equilot check``."""
    from sim.output import check_tables
    from sim.store import Run

    findings = check_tables(Run(given.folder))
    width = max((len(each.name) for each in findings), default=0)
    for each in findings:
        word = "holds" if each.holds else "FAILS"
        how = f"{each.violation:.1e} of {each.tolerance:.0e}"
        sys.stdout.write(f"{word}  {each.name:<{width}}  {how:<16}  {each.statement} ({each.source})\n")
    return OK if all(each.holds for each in findings) else FAILED


def _reproduce(given: argparse.Namespace) -> int:
    """``equilot reproduce``."""
    from sim.reproduce import load_reproduction
    from sim.show.console import console
    from sim.store import check_folder

    reproduce = load_reproduction(given.name)
    folder = given.out or Path("runs") / f"reproduce-{given.name}"
    check_folder(folder, force=True)
    report = reproduce(folder, given.solver)
    files = report.write(folder)
    screen = console()
    report.show(screen, where=files[0])
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
