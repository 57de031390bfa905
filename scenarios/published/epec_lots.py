"""The published market of parking lots and a distribution network (docs/epec_lots.md) with the data set S0.

The data are the bundled scenarios ``epec-lots-33-case1`` .. ``epec-lots-85-case3`` and the tables that they name; this
module gives them to the core without agents. Node ``@k`` of the paper is bus index k, the bus with label k+1 (its
text once uses the labels instead: error E9). The case with all generators is 1; in case 2 the microturbines, in case 3
the renewable units are out of service.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from equilibrium.errors import InputError
from equilibrium.grid.network import Network
from equilibrium.markets.charging.day import MarketDay
from scenarios.loading import load_scenario
from scenarios.markets.lots_lead.case import LotsLeadCase


def epec_lots_case(
    feeder: str,
    case: int,
    *,
    voltage_min_pu: float = 0.90,
    voltage_max_pu: float = 1.10,
    demand_factor: float = 1.0,
    renewable_factor: float = 1.0,
) -> tuple[Network, MarketDay]:
    """Return the network and the typical day of one of the paper's cases.

    Parameters
    ----------
    feeder
        ``"33"`` or ``"85"``.
    case
        1, 2 or 3.
    voltage_min_pu, voltage_max_pu
        Voltage band of every bus, per unit; the paper gives none.
    demand_factor
        alpha^D of Fig. 13: factor on the inflexible loads.
    renewable_factor
        alpha^RES of Fig. 12: factor on the renewable potentials.

    Raises
    ------
    InputError
        For another feeder or case, a negative factor, or an empty voltage band.
    """
    if feeder not in {"33", "85"}:
        raise InputError("epec_lots_case", "feeder", feeder, "'33' or '85'")
    if case not in {1, 2, 3}:
        raise InputError("epec_lots_case", "case", case, "1, 2 or 3")
    for name, factor in (("demand_factor", demand_factor), ("renewable_factor", renewable_factor)):
        if not factor >= 0:
            raise InputError("epec_lots_case", name, factor, "a number >= 0")
    if not 0 < voltage_min_pu < voltage_max_pu:
        raise InputError("epec_lots_case", "voltage_min_pu", voltage_min_pu, f"0 < value < {voltage_max_pu:g}")
    scenario = load_scenario(f"epec-lots-{feeder}-case{case}", None, LotsLeadCase)
    network, day = scenario.network, scenario.nominal_day()
    grid = dataclasses.replace(
        network.feeder,
        voltage_min_pu=np.full(network.feeder.size, voltage_min_pu),
        voltage_max_pu=np.full(network.feeder.size, voltage_max_pu),
    )
    return dataclasses.replace(network, feeder=grid), dataclasses.replace(
        day,
        load_kw=demand_factor * day.load_kw,
        load_kvar=demand_factor * day.load_kvar,
        renewable_kw=renewable_factor * day.renewable_kw,
    )
