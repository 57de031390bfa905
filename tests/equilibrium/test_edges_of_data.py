"""What data of the core may be at most and at least: taken at the edge, refused beyond it with one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.demand_response import Elasticity, ResponseProgram, response_factor
from equilibrium.errors import InputError
from equilibrium.grid.assets import Microturbine, StorageUnit, Subscription
from equilibrium.programs.commitment import Line, Store, System, Unit
from equilibrium.programs.risk import check_probability, check_risk

TINY = 1e-12
Made = Callable[..., object]


def with_unit(**changes: Any) -> object:
    unit = Unit("unit", [50.0, 100.0], [3000.0, 6500.0])
    return System(3, {"bus": 90.0, "end": 0.0}, (replace(unit, **changes),))


def with_store(**changes: Any) -> object:
    store = replace(Store("cell", 10.0, 10.0, 20.0), **changes)
    return System(3, {"bus": 90.0, "end": 0.0}, stores=(store,))


def system(**changes: Any) -> object:
    return System(**({"periods": 3, "load": {"bus": 90.0, "end": 0.0}} | changes))


def storage(**changes: Any) -> object:
    given = {"energy_kwh": 100.0, "charge_max_kw": 50.0, "discharge_max_kw": 50.0, "initial_kwh": 50.0}
    return StorageUnit("cell", 1, **(given | changes))


def program(**changes: Any) -> ResponseProgram:
    given = {"tariff": np.full(2, 0.2), "incentive": np.zeros(2), "penalty": np.zeros(2), "contracted_share": 0.1}
    return ResponseProgram("plan", **(given | changes))


def response(participation: float = 0.5, base: Any = 0.2) -> object:
    return response_factor(base, program(), Elasticity(np.full((2, 2), -0.05)), participation)


EDGES: list[tuple[Made, list[dict[str, Any]], list[dict[str, Any]]]] = [
    (system, [{"periods": 1}], [{"periods": 0}]),
    (system, [{"hours": TINY}], [{"hours": 0.0}, {"hours": np.nan}]),
    (
        system,
        [{"load": {"bus": np.zeros(3)}}],
        [{"load": {}}, {"load": {"bus": np.zeros(2)}}, {"load": {"bus": np.nan}}],
    ),
    (system, [{"lines": (Line("l", "bus", "end", 1.0),)}], [{"lines": (Line("l", "bus", "no", 1.0),)}]),
    (system, [], [{"lines": (Line("l", "no", "end", 1.0),)}, {"lines": (Line("l", "bus", "end", 1.0),) * 2}]),
    (with_unit, [{"min_up": 0}, {"min_up": 4}], [{"min_up": -1}]),  # the past may reach beyond the horizon
    (with_unit, [{"min_down": 0}, {"min_down": 4}], [{"min_down": -1}]),  # the past may reach beyond the horizon
    (with_unit, [{"initial": 1}, {"initial": -1}], [{"initial": 0}]),
    (with_unit, [{"power": [0.0, 100.0]}], [{"power": [-TINY, 100.0]}, {"power": [0.0, np.inf]}]),
    (with_unit, [{"power": [60.0, 60.0]}], [{"power": [60.0, 59.0]}]),
    (with_unit, [{"power": [[50.0, 100.0]] * 3, "cost": [[1.0, 2.0]] * 3}], [{"power": [[50.0, 100.0]] * 3}]),
    (with_unit, [], [{"power": [[50.0, 100.0]] * 2, "cost": [[1.0, 2.0]] * 2}, {"cost": [np.nan, 1.0]}]),
    (
        with_unit,
        [{"power": [0.0, 50.0, 100.0], "cost": [0.0, 500.0, 1000.0]}],  # two slopes that are equal
        [{"power": [0.0, 50.0, 100.0], "cost": [0.0, 500.0, 999.0]}],
    ),
    (
        with_unit,
        [{"start_delay": (1, 4), "start_cost": (5.0, 5.0)}],
        [{"start_delay": (1, 4), "start_cost": (5.0, 4.0)}],
    ),
    (with_unit, [], [{"start_delay": (4, 4), "start_cost": (5.0, 6.0)}, {"start_delay": (), "start_cost": ()}]),
    *(
        (with_unit, [{name: 0.0}, {name: np.inf}], [{name: -TINY}, {name: np.nan}])
        for name in ("ramp_up", "ramp_down", "start_limit", "stop_limit")
    ),
    *(
        (with_store, [{name: 1.0}, {name: TINY}, {name: [0.5, 1.0, 0.9]}], [{name: 0.0}, {name: 1.0 + 1e-9}])
        for name in ("charge_efficiency", "discharge_efficiency")
    ),
    (with_store, [{"loss": 0.0}, {"loss": 1.0 - TINY}], [{"loss": -TINY}, {"loss": 1.0}]),
    (with_store, [{"final_min": 5.0, "final_max": 5.0}], [{"final_min": 5.0, "final_max": 5.0 - 1e-9}]),
    (storage, [{"energy_kwh": 50.0}], [{"energy_kwh": 50.0 - 1e-9}, {"energy_kwh": np.inf}]),
    (storage, [{"charge_max_kw": 0.0}], [{"charge_max_kw": -TINY}, {"charge_max_kw": np.inf}]),
    (storage, [{"discharge_max_kw": 0.0}], [{"discharge_max_kw": -TINY}, {"discharge_max_kw": np.nan}]),
    (storage, [{"charge_efficiency": 1.0}], [{"charge_efficiency": 0.0}, {"charge_efficiency": 1.0 + 1e-9}]),
    (storage, [{"discharge_efficiency": 1.0}], [{"discharge_efficiency": 0.0}, {"discharge_efficiency": 1.0 + 1e-9}]),
    (storage, [{"energy_min_kwh": 50.0}, {"energy_min_kwh": 0.0}], [{"energy_min_kwh": 50.0 + 1e-9}]),
    (storage, [{"initial_kwh": 100.0}], [{"initial_kwh": 100.0 + 1e-9}, {"energy_min_kwh": -TINY}]),
    (Subscription, [{"power_kw": 0.0, "charge": 0.0}], [{"power_kw": -TINY, "charge": 0.0}]),
    (Subscription, [], [{"power_kw": 1.0, "charge": -TINY}, {"power_kw": np.inf, "charge": 0.0}]),
    (
        lambda **more: Microturbine("mt", 1, 10.0, 0.1, **more),
        [{"ramp_kw_per_h": 0.0}],
        [{"ramp_kw_per_h": -TINY}, {"ramp_kw_per_h": np.nan}],
    ),
    (program, [{"contracted_share": 0.0}, {"contracted_share": 1.0}], [{"contracted_share": -TINY}]),
    (program, [{"tariff": np.full(2, -1.0)}], [{"contracted_share": 1.0 + 1e-9}, {"tariff": np.full(2, np.inf)}]),
    *(
        (program, [{name: np.zeros(2)}], [{name: np.full(2, -TINY)}, {name: np.zeros(3)}, {name: np.full(2, np.nan)}])
        for name in ("incentive", "penalty")
    ),
    (response, [{"participation": 0.0}, {"participation": 1.0}], [{"participation": -TINY}]),
    (response, [{"base": TINY}, {"base": np.full(2, 0.1)}], [{"participation": 1.0 + 1e-9}, {"base": 0.0}]),
    (response, [], [{"base": np.full(3, 0.1)}, {"base": np.array([0.1, 0.0])}]),
    (check_risk, [{"probability": [1.0], "alpha": TINY}], [{"probability": [1.0], "alpha": 0.0}]),
    (check_risk, [{"probability": [1.0], "alpha": 1.0 - TINY}], [{"probability": [1.0], "alpha": 1.0}]),
    (
        check_risk,
        [{"probability": [1.0], "alpha": 0.5, "beta": beta} for beta in (0.0, 1.0)],
        [{"probability": [1.0], "alpha": 0.5, "beta": beta} for beta in (-TINY, 1.0 + 1e-9)],
    ),
    (
        check_probability,
        [{"probability": [1.0, 0.0]}, {"probability": [1.0 + 9e-10]}],
        [{"probability": [1.0 + 1e-6, -1e-6]}, {"probability": [1.0 + 2e-9]}, {"probability": []}],
    ),
]


@pytest.mark.parametrize(("make", "allowed", "refused"), EDGES)
def test_numbers_at_the_edge(make: Made, allowed: list[dict[str, Any]], refused: list[dict[str, Any]]) -> None:
    for given in allowed:
        make(**given)
    for given in refused:
        with pytest.raises(InputError) as caught:
            make(**given)
        assert "\n" not in str(caught.value)
