"""Numbers of units, storage and services at the edge of what is allowed: taken there, refused beyond."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.programs.commitment import Burning, Service, Store, System, Unit
from equilibrium.programs.commitment.program import _given_states

UNIT = Unit("peak", [50.0, 100.0], [3000.0, 6500.0])
STORE = Store("store", 100.0, 50.0, 50.0)
LOAD = np.array([90.0, 130.0, 90.0])


def said(made: Any, **changes: Any) -> str:
    """What is said of a changed unit, store, service or system; nothing where it is taken."""
    try:
        if isinstance(made, dict):
            System(**({"periods": 3, "load": {"bus": LOAD}} | made | changes))
        else:
            where = {Unit: "units", Store: "stores", Service: "services"}[type(made)]
            System(3, {"bus": LOAD}, **{where: (replace(made, **changes),)})
    except InputError as error:
        return str(error)
    return ""


TWO = [[50.0, 100.0], [40.0, 90.0], [0.0, 80.0]]
BURNT = Burning(("gas", "oil"), (1.0, 2.0), [0.0, 1.0])


@pytest.mark.parametrize(
    ("made", "changes"),
    [
        (UNIT, {"power": [0.0, 100.0]}),
        (UNIT, {"power": [100.0], "cost": [3.0]}),
        (UNIT, {"power": [50.0, 50.0]}),
        (UNIT, {"power": TWO, "cost": TWO}),
        (UNIT, {"power": [0.0, 50.0, 100.0], "cost": [0.0, 500.0, 1000.0]}),
        (UNIT, {"power": [0.0, 50.0, 100.0], "cost": [0.0, 500.0, 1000.0 - 1e-9]}),
        (UNIT, {"min_up": 0, "min_down": 0}),
        (UNIT, {"initial": 1}),
        (UNIT, {"initial": -1}),
        (UNIT, {"start_delay": (1, 3), "start_cost": (2.0, 2.0)}),
        (UNIT, {"ramp_up": 0.0, "ramp_down": 0.0, "start_limit": 0.0, "stop_limit": [0.0, 1.0, 2.0]}),
        (UNIT, {"burning": BURNT}),
        (UNIT, {"burning": replace(BURNT, start_use=(1.0,))}),
        (STORE, {"charge_efficiency": 1.0, "discharge_efficiency": 1e-9}),
        (STORE, {"loss": 0.0}),
        (STORE, {"final_min": 20.0, "final_max": 20.0}),
        ({"periods": 1, "load": {"bus": 1.0}}, {}),
        ({"hours": 1e-9}, {}),
    ],
)
def test_at_the_edge_it_is_taken(made: Any, changes: dict[str, Any]) -> None:
    assert said(made, **changes) == ""


@pytest.mark.parametrize(
    ("made", "changes", "sentence"),
    [
        (UNIT, {"power": [-1e-9, 7.0]},
         "peak: power and cost: got [-1e-09, -1e-09, -1e-09], expected finite numbers, power from 0"),
        (UNIT, {"cost": [1.0, math.inf]},
         "peak: power and cost: got [50.0, 50.0, 50.0], expected finite numbers, power from 0"),
        (UNIT, {"power": [1.0, math.nan]},
         "peak: power and cost: got [1.0, 1.0, 1.0], expected finite numbers, power from 0"),
        (UNIT, {"cost": [1.0]}, "peak: power and cost: got (2,), expected as many costs as breakpoints"),
        (UNIT, {"power": [], "cost": []}, "peak: power and cost: got (0,), expected as many costs as breakpoints"),
        (UNIT, {"power": 5.0, "cost": 5.0}, "peak: power and cost: got (), expected as many costs as breakpoints"),
        (UNIT, {"power": TWO[:2], "cost": TWO[:2]},
         "peak: power: got (2, 2), expected one curve for each of 3 periods"),
        (UNIT, {"power": [TWO[0], [9.0, 8.0], [7.0, 6.5]], "cost": TWO},
         "peak: power: got [9.0, 8.0], expected ascending breakpoints"),
        (UNIT, {"power": [0.0, 50.0, 100.0], "cost": [0.0, 500.0, 999.0]},
         "peak: cost: got [10.0, 9.98], expected a convex curve: marginal costs that do not fall"),
        (UNIT, {"min_up": -1}, "peak: min_up: got -1, expected a number of periods from 0"),
        (UNIT, {"min_down": -1}, "peak: min_down: got -1, expected a number of periods from 0"),
        (UNIT, {"initial": 0}, "peak: initial: got 0, expected periods on (positive) or off (negative)"),
        (UNIT, {"start_cost": (1.0, 2.0)}, "peak: start_cost: got (1.0, 2.0), expected one for each of 1 delays"),
        (UNIT, {"start_cost": (), "start_delay": ()}, "peak: start_cost: got (), expected one for each of 0 delays"),
        (UNIT, {"start_delay": (2, 2), "start_cost": (1.0, 2.0)},
         "peak: start_delay: got (2, 2), expected ascending delays and costs that do not fall"),
        (UNIT, {"start_delay": (1, 2), "start_cost": (2.0, 1.9)},
         "peak: start_delay: got (1, 2), expected ascending delays and costs that do not fall"),
        (UNIT, {"ramp_down": -1e-9}, "peak: ramp_down: got -1e-09, expected a number from 0"),
        (UNIT, {"stop_limit": -1.0}, "peak: stop_limit: got -1.0, expected a number from 0"),
        (UNIT, {"ramp_up": (1.0, 1.0, 1.0)},
         "peak: ramp_up: got (1.0, 1.0, 1.0), expected one number, or of a limit one for each period"),
        (UNIT, {"start_limit": (1.0, 1.0)},
         "peak: start_limit: got (1.0, 1.0), expected one number, or of a limit one for each period"),
        (UNIT, {"burning": replace(BURNT, prices=(1.0,))},
         "peak: prices: got (1.0,), expected one for each of 2 fuels, at least one"),
        (UNIT, {"burning": Burning((), (), [0.0, 1.0])},
         "peak: prices: got (), expected one for each of 0 fuels, at least one"),
        (UNIT, {"burning": replace(BURNT, use=[0.0, math.inf])},
         "peak: use: got [0.0, inf], expected a finite number for each of 2 breakpoints"),
        (UNIT, {"burning": replace(BURNT, start_use=(1.0, 2.0))},
         "peak: start_use: got (1.0, 2.0), expected none, or one for each of 1 tiers"),
        (STORE, {"charge_efficiency": 0.0}, "store: charge_efficiency: got [0.0, 0.0, 0.0], expected shares in (0, 1]"),
        (STORE, {"discharge_efficiency": 1.0 + 1e-9},
         "store: discharge_efficiency: got [1.000000001, 1.000000001, 1.000000001], expected shares in "
         "(0, 1]"),
        (STORE, {"loss": 1.0}, "store: loss: got 1.0, expected a share in [0, 1)"),
        (STORE, {"loss": -1e-9}, "store: loss: got -1e-09, expected a share in [0, 1)"),
        (STORE, {"loss": [0.0, 0.0]}, "store: loss: got [0.0, 0.0], expected one number for each of 3 periods"),
        (STORE, {"final_min": 30.0, "final_max": 20.0}, "store: final_min: got 30.0, expected at most final_max, 20"),
        ({"periods": 0}, {}, "system: periods, hours, load: got (0, 1.0), expected at least one of each"),
        ({"hours": 0.0}, {}, "system: periods, hours, load: got (3, 0.0), expected at least one of each"),
        ({"load": {}}, {}, "system: periods, hours, load: got (3, 1.0), expected at least one of each"),
        ({"load": {"bus": [1.0, 2.0]}}, {},
         "system: load of bus bus: got (2,), expected one number for each of 3 periods"),
        ({"load": {"bus": [1.0, math.nan, 2.0]}}, {}, "system: load of bus bus: got 'nan', expected numbers"),
        ({"units": (UNIT, replace(UNIT, name="other"), replace(UNIT, cost=(1.0, 2.0)))}, {},
         "system: name: got 'peak', expected a name of its own for everything"),
    ],
)  # fmt: skip
def test_beyond_it_one_sentence_says_what_is_wrong(made: Any, changes: dict[str, Any], sentence: str) -> None:
    assert said(made, **changes) == sentence


@pytest.mark.parametrize(
    ("changes", "low", "high"),
    [
        ({}, "0000", "1111"),
        ({"must_run": True}, "1111", "1111"),
        ({"initial": 2, "min_up": 3}, "1000", "1111"),
        ({"initial": 2, "min_up": 2}, "0000", "1111"),
        ({"initial": 1, "min_up": 9}, "1111", "1111"),
        ({"initial": 5, "min_up": 3}, "0000", "1111"),
        ({"initial": -1, "min_down": 3}, "0000", "0011"),
        ({"initial": -3, "min_down": 3}, "0000", "1111"),
        ({"initial": -2, "min_down": 9}, "0000", "0000"),
        ({"initial": 4, "initial_power": 60.0, "stop_limit": 50.0}, "1000", "1111"),
        ({"initial": 4, "initial_power": 50.0, "stop_limit": 50.0}, "0000", "1111"),
        ({"initial": 4, "initial_power": 60.0, "stop_limit": 60.0, "initial_stop_limit": 50.0}, "1000", "1111"),
        ({"initial": -4, "initial_power": 60.0, "stop_limit": 50.0}, "0000", "1111"),
        ({"fixed": [math.nan, 1.0, 0.0, math.nan]}, "0100", "1101"),
        ({"fixed": [1.0, 1.0, 0.0, 0.0], "initial": 2, "min_up": 3}, "1100", "1100"),
    ],
)
def test_what_the_past_and_a_plan_leave_of_the_states(changes: dict[str, Any], low: str, high: str) -> None:
    least, most = _given_states(replace(UNIT, **changes), 4)
    assert ["".join(str(int(state)) for state in side) for side in (least, most)] == [low, high]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"fixed": [0.0, 0.0, 0.0, 0.0], "initial": 2, "min_up": 3}, "[1.0, 0.0, 0.0, 0.0] to [1.0, 1.0, 1.0, 1.0]"),
        ({"fixed": [1.0, 0.0, 0.0, 0.0], "initial": -2, "min_down": 3}, "[0.0, 0.0, 0.0, 0.0] to [0.0, 1.0, 1.0, 1.0]"),
    ],
)
def test_a_plan_that_the_past_forbids_is_refused(changes: dict[str, Any], left: str) -> None:
    with pytest.raises(InputError) as caught:
        _given_states(replace(UNIT, **changes), 4)
    said = f"peak: fixed: got {changes['fixed']}, expected states from {left}, which its past and duties leave"
    assert str(caught.value) == said
