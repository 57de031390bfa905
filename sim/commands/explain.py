"""``equilot explain``: why a price of a run is what it is."""

from __future__ import annotations

import argparse
import sys

from sim.commands.base import FAILED, OK, Commands, count, directory

_EXPLAIN = """Say why a price is what it is: what the next kW comes from, which limits are at work and what each adds,
and what one more kW would cost. What is not given is that of the highest price. With --check the days are cleared again
up to this one, and the operator's cost with a kW less and a kW more is set beside the price: the exit code is 1 when
they do not agree."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    explain = commands.add_parser("explain", help="say why a price of a run is what it is", description=_EXPLAIN)
    explain.add_argument("folder", metavar="DIR", type=directory, help="folder of the run")
    explain.add_argument(
        "--day", metavar="D", type=count(0), help="day of the run (default: that of the highest price)"
    )
    explain.add_argument("--hour", metavar="H", type=count(0), help="clock hour (default: that of the highest price)")
    explain.add_argument("--bus", metavar="B", help="label of the bus (default: that of the highest price)")
    explain.add_argument("--check", action="store_true", help="clear again, with a kW less and a kW more")
    explain.add_argument("--scenario", metavar="FILE", help="the run's scenario for --check, if it is no bundled one")
    explain.set_defaults(command=_explain)


def _explain(given: argparse.Namespace) -> int:
    """``equilot explain``."""
    from sim.explaining import check_price, checkable, explainable, place_of, told, told_check
    from sim.store import Run

    run = Run(given.folder)
    kind = explainable(run)
    assert kind.explain is not None  # it is explainable
    if given.check:
        checkable(run)
    place = place_of(run, given.day, given.hour, given.bus)
    found = kind.explain(run, place)
    sys.stdout.writelines(f"{line}\n" for line in told(run, place, found))
    if not given.check:
        return OK
    from scenarios.loading import load_scenario

    name = given.scenario or str(run.manifest.get("scenario"))
    scenario = load_scenario(name, settings=run.manifest.get("settings"))
    again, around = check_price(run, place, scenario)
    lines = told_check(found.price, again, around, str(run.manifest.get("currency", "currency")))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return FAILED if any("NOT" in line for line in lines) else OK
