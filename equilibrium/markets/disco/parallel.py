"""Scenarios spread over processes; each holds the market's network, compiled once for each number of periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

from equilibrium.grid.flow_range import FlowRange
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.network.supply import Supplies
from equilibrium.markets.disco.rules import Rules
from equilibrium.markets.disco.scenario import Proved, clear_scenario

_HERE: list[tuple[Network, Supplies, Rules]] = []
"""What a worker process works with; empty in the process that asks."""


def open_pool(workers: int, network: Network, options: Mapping[str, Any], rules: Rules) -> ProcessPoolExecutor:
    """Start processes that compile the network for themselves.

    Parameters
    ----------
    options
        Keyword arguments of :class:`equilibrium.markets.disco.network.supply.Supply`.
    """
    return ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(network, dict(options), rules)
    )


def _start(network: Network, options: dict[str, Any], rules: Rules) -> None:
    _HERE.append((network, Supplies(network, options), rules))


def clear_all(pool: ProcessPoolExecutor, day: DiscoDay, flow_range: FlowRange | None) -> Sequence[Proved]:
    """Clear every scenario of a day; the answers come in the day's order and do not depend on who found them."""
    parts = [replace(day, scenarios=(scenario,)) for scenario in day.scenarios]
    return list(pool.map(_clear, parts, range(len(parts)), [flow_range] * len(parts)))


def _clear(day: DiscoDay, label: int, flow_range: FlowRange | None) -> Proved:
    network, supplies, rules = _HERE[0]
    return clear_scenario(network, supplies.of(day.periods, flow_range), day, 0, rules, label)
