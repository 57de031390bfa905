"""``equilot reconfigure``: which branches of a feeder to open for the least loss."""

from __future__ import annotations

import argparse

from sim.commands.base import SOLVERS, Commands, count, directory, number

_RECONFIGURE = """Find the radial configuration of a feeder with ties that loses least and keeps ratings and voltage
limits, and prove how much better any other can be. The answer is printed and written as JSON, CSV and figures. The exit
code is 0 when the gap is closed, 1 when a limit of time or nodes came first, 3 when no configuration keeps the
limits."""


def add_to(commands: Commands) -> None:
    """Add the command and its options."""
    command = commands.add_parser(
        "reconfigure", help="open the branches of a feeder that make it lose least", description=_RECONFIGURE
    )
    command.add_argument(
        "feeder",
        metavar="FEEDER",
        help="a bundled feeder, a folder with feeder.yaml, or what NAME_buses.csv and NAME_branches.csv begin with",
    )
    command.add_argument("--out", metavar="DIR", type=directory, help="output folder (default: runs/reconfigure-NAME)")
    command.add_argument("--force", action="store_true", help="replace an answer that the folder holds")
    command.add_argument("--no-figures", action="store_true", help="draw nothing")
    command.add_argument("--solver", choices=SOLVERS, default="auto", help="default: %(default)s")
    command.add_argument(
        "--gap",
        metavar="SHARE",
        type=number(0.0, 1.0),
        default=1e-4,
        help="share of the loss at which the bound is near enough (default: %(default)g)",
    )
    command.add_argument(
        "--time-limit", metavar="S", type=number(0.0), default=600.0, help="seconds of search (default: %(default)g)"
    )
    command.add_argument("--node-limit", metavar="N", type=count(1), help="nodes of the search (default: no limit)")
    for name, unit, what in (
        ("--voltage-min", "PU", "lowest voltage"),
        ("--voltage-max", "PU", "highest voltage"),
        ("--rating", "KVA", "rating of a branch"),
    ):
        command.add_argument(name, metavar=unit, type=number(0.0), help=f"{what} where the files give none")
    command.set_defaults(command=_reconfigure)


def _reconfigure(given: argparse.Namespace) -> int:
    """``equilot reconfigure``."""
    from sim.reconfigure import reconfigure_feeder

    return reconfigure_feeder(given)
