"""Reproductions of published results, each a module with ``reproduce(folder, solver) -> Report``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from equilibrium.errors import InputError

if TYPE_CHECKING:
    from sim.reproduce.report import Report

REPRODUCTIONS = {
    "epec-lots": "the tri-level EPEC of parking lots and a distribution network, cases 1-3 on 33 and 85 buses",
    "disco-cvar": "the risk-based DISCO with a lot of 500 vehicles on 33 buses, CVaR, TOU and CAP",
    "disco-dr": "the DISCO with a lot of 100 vehicles on 15 buses, nine programs, four cases, three attitudes, CO2",
    "aggregator": "the aggregator of a lot with 250 stations on 37 buses: energy, reserve, four contracts, two cases",
    "two-settlement": "two settlements with aggregators, 264 outages and switching on 70 buses, cases 1-4",
}
"""Names and what they reproduce."""


def load_reproduction(name: str) -> Callable[[Path, str], Report]:
    """Return the function that makes the report; its module is imported only now.

    Raises
    ------
    InputError
        When there is no reproduction of this name.
    """
    if name not in REPRODUCTIONS:
        raise InputError("equilot reproduce", "NAME", name, f"one of {', '.join(REPRODUCTIONS)}")
    module = import_module(f"sim.reproduce.{name.replace('-', '_')}.study")
    function: Callable[[Path, str], Report] = module.reproduce
    return function
