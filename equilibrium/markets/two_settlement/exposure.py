"""What a larger net load would cost: loads, sun and wind turn against the schedule in a few periods.

In a period that turns, net load is larger by its deviation in every scenario. What stands ready to regulate is called,
the rest is bought beside the trade at the scenario's price and its penalty, whatever costs least:

    e_t = expected over scenarios of   min  h ( sum of c r + (gamma^buy + pen) m )    over    sum of r + m >= d_t ,
          0 <= r <= regulating reserve that is held ,  m >= 0

Nothing of it joins periods, so the worst that at most Gamma of them can do is the sum of the largest ``e_t``, and its
counterpart (:mod:`equilibrium.programs.robust`) is exact. The limits of the grid are not looked at: where the load
stands is not said.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.two_settlement.operation import REGULATING, FirstStage, Operation, Setting
from equilibrium.programs.program import ProgramBuilder


def state_exposure(
    build: ProgramBuilder, about: Setting, first: FirstStage, scenarios: Sequence[Operation]
) -> IntArray:
    """State what a turn of each period costs, at least 0; return its columns, one for periods that are held together.

    Without deviations there are none.
    """
    day = about.day
    if day.load_deviation_kw is None:
        return np.zeros(0, dtype=np.int64)
    deviation, periods = day.load_deviation_kw, day.length_h.size
    group = np.arange(periods) // day.held
    prices = [each.prices.buy + day.penalties.energy for each in day.scenarios]
    paid = sum(each.probability * np.abs(price) for each, price in zip(day.scenarios, prices, strict=True))
    worth = np.maximum(paid, _dearest(about)) * day.length_h * deviation
    exposed = build.columns("exposed", (periods // day.held,), upper=np.bincount(group, worth))
    total = build.rows("exposed", exposed.shape, lower=0.0)
    build.coefficients(total, exposed, 1.0)
    for k, each in enumerate(scenarios):
        weight = day.scenarios[k].probability * day.length_h
        beside = build.columns(f"beside in {k}", (periods,), upper=deviation)
        build.coefficients(total[group], beside, -weight * prices[k])
        covered = build.rows(f"covered in {k}", (periods,), lower=deviation)
        build.coefficients(covered, beside, 1.0)
        for name, held, cost in (
            ("generators", each.reserve[REGULATING], _costs(about)),
            ("bids", first.reserve[REGULATING], _offers(about)),
        ):
            called = build.columns(f"called of {name} in {k}", held.shape, upper=deviation[:, None])
            row = build.rows(f"called of {name} in {k}", held.shape, upper=0.0)
            build.coefficients(row, called, 1.0)
            build.coefficients(row, held, -1.0)
            build.coefficients(covered[:, None], called, 1.0)
            build.coefficients(total[group][:, None], called, -weight[:, None] * cost)
    return exposed


def _costs(about: Setting) -> FloatArray:
    """Return what a kWh of each generator costs, shape ``(T, generators)``."""
    cost = np.array([unit.cost_per_kwh for unit in about.system.generators])
    return np.broadcast_to(cost, (about.day.length_h.size, cost.size))


def _offers(about: Setting) -> FloatArray:
    """Return what a called kWh of each bid costs, shape ``(T, bids)``."""
    periods = about.day.length_h.size
    return np.array([bid.sold_price for bid in about.day.bids]).reshape(-1, periods).T


def _dearest(about: Setting) -> FloatArray:
    """Return the most that a called kWh costs in each period."""
    every = np.concatenate([np.zeros((about.day.length_h.size, 1)), np.abs(_costs(about)), np.abs(_offers(about))], 1)
    return np.asarray(every.max(axis=1))
