"""Unit commitments in two public formats, by hand: what is read, and what is refused by name."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.egret import read_egret
from benchmarks.published_commitment import read_system
from benchmarks.unitcommitment_jl import read_julia
from equilibrium.errors import InputError
from equilibrium.programs.commitment import commit, price_schedule

STEAM: dict[str, Any] = {
    "generator_type": "thermal", "bus": "A", "p_min": 20.0, "p_max": 100.0, "ramp_up_60min": 40.0,
    "ramp_down_60min": 40.0, "min_up_time": 1, "min_down_time": 1, "initial_status": 5, "initial_p_output": 60.0,
    "p_cost": {"data_type": "cost_curve", "cost_curve_type": "piecewise", "values": [[20, 200], [100, 1800]]},
}  # fmt: skip
PEAK: dict[str, Any] = {
    **STEAM, "p_min": 0.0, "ramp_up_60min": 500.0, "ramp_down_60min": 500.0, "startup_capacity": 100.0,
    "shutdown_capacity": 100.0, "initial_status": -9, "initial_p_output": 0.0,
    "p_cost": {"data_type": "cost_curve", "cost_curve_type": "polynomial", "values": {"1": 50.0}},
}  # fmt: skip


def series(*values: Any) -> dict[str, Any]:
    return {"data_type": "time_series", "values": list(values)}


def egret(load: list[float], minutes: int = 60, **elements: Any) -> dict[str, Any]:
    """One bus, a steam unit and a peak unit."""
    data = {
        "system": {"time_keys": [str(k) for k in range(len(load))], "time_period_length_minutes": minutes,
                   "baseMVA": 100.0, "load_mismatch_cost": 1000.0, "reference_bus": "A"},
        "elements": {"bus": {"A": {}}, "load": {"A": {"bus": "A", "p_load": series(*load)}},
                     "generator": {"steam": copy.deepcopy(STEAM), "peak": copy.deepcopy(PEAK)}},
    }  # fmt: skip
    data["elements"].update(elements)
    return data


def cost(data: dict[str, Any], slack: str = "buses") -> float:
    return commit(read_egret(data, slack)).cost


def test_a_curve_of_egret_is_cut_and_goes_on_to_the_limits_of_the_output() -> None:
    """From 20 to 100 MW it costs 200 to 1800; at 10 MW nothing is left, at 120 MW 2200."""
    data = egret([10.0, 120.0])
    data["elements"]["generator"]["steam"].update(
        p_min=series(10.0, 10.0), p_max=series(50.0, 120.0), ramp_up_60min=500.0
    )
    data["elements"]["generator"]["steam"].update(initial_p_output=10.0, fixed_commitment=1, startup_capacity=500.0)
    assert cost(data) == pytest.approx(0.0 + 2200.0)


@pytest.mark.parametrize(("minutes", "output"), [(60, 40.0), (30, 30.0)])
def test_a_start_of_egret_reaches_half_an_hours_ramp_and_in_half_an_hour_half_of_it(
    minutes: int, output: float
) -> None:
    data = egret([100.0], minutes)
    steam = data["elements"]["generator"]["steam"]
    steam.update(initial_status=-9, initial_p_output=0.0, startup_cost=[[1, 5.0], [3, 7.0]])
    data["elements"]["generator"]["peak"]["startup_capacity"] = 500.0
    hours = minutes / 60
    power = hours * (200.0 + 20.0 * (output - 20.0) + 50.0 * (100.0 - output))
    assert cost(data) == pytest.approx(min(hours * 100.0 * 50.0, 7.0 + power))


def test_loads_with_a_price_and_shares_of_buses() -> None:
    data = egret([40.0])
    data["elements"]["load"]["flexible"] = {"bus": "A", "p_load": 10.0, "p_price": 30.0}
    assert cost(data) == pytest.approx(600.0 + 10.0 * (20.0 - 30.0))
    shared = egret([40.0], bus={"A": {}, "B": {}})
    shared["elements"]["load"]["both"] = {
        "bus": {"data_type": "load_distribution_factor", "values": {"A": 0.25, "B": 0.75}}, "p_load": 8.0,
    }  # fmt: skip
    assert read_egret(shared).load["A"] == pytest.approx([42.0])
    assert read_egret(shared).load["B"] == pytest.approx([6.0])


def test_reserve_of_egret_stands_against_fixed_load() -> None:
    """Of 100 MW 60 are fixed load, so 40 are left for reserve, whether elastic load takes 10 of them or not."""
    data = egret([60.0])
    del data["elements"]["generator"]["peak"]
    data["system"]["reserve_requirement"] = 40.0
    data["elements"]["load"]["flexible"] = {"bus": "A", "p_load": 10.0, "p_price": 90.0}
    assert cost(data) == pytest.approx(1000.0 + 10.0 * (20.0 - 90.0))
    data["system"]["reserve_requirement"] = 45.0
    assert cost(data) == pytest.approx(1000.0 + 10.0 * (20.0 - 90.0) + 5.0 * 100.0)


def test_services_of_egret_share_ramps_only_where_the_file_says_so() -> None:
    """20 MW in ten minutes would take the whole ramp of 120 an hour; the output already rises by 40."""
    data = egret([100.0])
    del data["elements"]["generator"]["peak"]
    steam = data["elements"]["generator"]["steam"]
    steam.update(ramp_up_60min=120.0, p_max=200.0)
    data["system"].update(spinning_reserve_requirement=20.0, spinning_reserve_penalty_price=7.0)
    assert cost(data) == pytest.approx(1800.0)
    data["system"]["reserve_ramping_constraints"] = True
    assert cost(data) == pytest.approx(1800.0 + (20.0 - 80.0 / 6.0) * 7.0)


def test_fast_units_that_are_off_may_still_spin_when_on() -> None:
    """What answers while off says nothing of the same unit while on: it can give 10 MW of spinning reserve."""
    data = egret([60.0])
    del data["elements"]["generator"]["peak"]
    data["elements"]["generator"]["steam"].update(fast_start=True, non_spinning_capacity=15.0, ramp_up_60min=60.0)
    data["system"].update(spinning_reserve_requirement=10.0, non_spinning_reserve_requirement=0.0)
    assert cost(data) == pytest.approx(1000.0)


def test_fuel_of_egret_is_paid_burnt_and_limited() -> None:
    fuel = {"data_type": "fuel_curve", "values": [[20, 40], [100, 200]]}
    data = egret([60.0])
    steam = data["elements"]["generator"]["steam"]
    steam.pop("p_cost")
    steam.update(
        p_fuel=fuel, fuel_cost=3.0, startup_fuel=[[1, 10.0]], non_fuel_startup_cost=4.0, non_fuel_no_load_cost=6.0
    )
    assert cost(data) == pytest.approx(120.0 * 3.0 + 6.0)
    steam.update(initial_status=-9, initial_p_output=0.0, startup_capacity=100.0)
    assert cost(data) == pytest.approx(120.0 * 3.0 + 6.0 + 10.0 * 3.0 + 4.0)
    steam.update(fuel_supply="gas")
    with pytest.raises(InputError, match=r"steam: burning: got .'gas',., expected none"):
        price_schedule(commit(read_egret(data)))  # nothing limits the gas, but it is told apart
    data["elements"]["fuel_supply"] = {"gas": {"fuel_supply_type": "instantaneous", "fuel_available": series(90.0)}}
    assert cost(data) == pytest.approx(80.0 * 3.0 + 6.0 + 34.0 + 20.0 * 50.0)  # 90 less 10 for the start run 40 MW


def test_storage_of_egret_ends_at_least_as_full_and_loses_nothing_before_the_first_period() -> None:
    store = {"bus": "A", "energy_capacity": 40.0, "max_charge_rate": 20.0, "max_discharge_rate": 20.0,
             "initial_state_of_charge": 0.5, "end_state_of_charge": 0.25, "retention_rate_60min": 0.5}  # fmt: skip
    data = egret([60.0, 60.0], storage={"s": store})
    assert cost(data) == pytest.approx(2000.0 - 10.0 * 20.0)  # 10 at once, or half as much an hour later
    data["elements"]["storage"]["s"].update(ramp_up_output_60min=4.0, retention_rate_60min=1.0)
    assert commit(read_egret(data)).discharge[0].tolist() == pytest.approx([4.0, 6.0])


def test_a_network_of_egret_with_every_kind_of_branch() -> None:
    branch = {"from_bus": "A", "to_bus": "B", "reactance": 0.1, "rating_long_term": 10.0, "rating_emergency": 12.0}
    data = egret([60.0, 60.0], bus={"A": {}, "B": {}}, branch={"one": branch, "two": {**branch, "reactance": 0.2}})
    data["elements"]["load"]["A"]["bus"] = "B"
    data["elements"]["generator"]["peak"]["bus"] = "B"
    data["elements"]["generator"]["steam"].update(fixed_commitment=0, initial_p_output=20.0)
    data["elements"]["generator"]["wind"] = {"generator_type": "renewable", "bus": "A", "p_max": 50.0}
    assert cost(data) == pytest.approx(2 * 45.0 * 50.0)
    out = copy.deepcopy(data)
    out["elements"]["branch"]["one"]["planned_outage"] = series(False, True)
    assert cost(out) == pytest.approx((45.0 + 50.0) * 50.0)
    direct = copy.deepcopy(data)
    direct["elements"]["dc_branch"] = {"d": {"from_bus": "B", "to_bus": "A", "rating_long_term": 5.0}}
    assert cost(direct) == pytest.approx(2 * 40.0 * 50.0)
    paid = copy.deepcopy(data)
    paid["system"]["transmission_flow_violation_cost"] = 15.0  # the line of half the reactance takes two thirds
    assert cost(paid, "limits") == pytest.approx(2 * (10.0 * 50.0 + (70.0 / 3.0 + 20.0 / 3.0) * 15.0))
    limited = copy.deepcopy(data)
    limited["elements"]["interface"] = {
        "i": {"lines": ["one", "two"], "line_orientation": [1, 1], "maximum_limit": 9.0}
    }
    assert cost(limited) == pytest.approx(2 * 51.0 * 50.0)
    secured = copy.deepcopy(data)
    secured["elements"]["contingency"] = {"c": {"contingency_type": "branch", "branch_contingency": "two"}}
    assert cost(secured) == pytest.approx(2 * 48.0 * 50.0)  # of 15 MW the line that is left carries 12


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"security_constraint": {"s": {}}}, "elements: key: got 'security_constraint'"),
        ({"generator": {"dam": {**STEAM, "generator_type": "hydro"}}}, "dam: generator_type: got 'hydro'"),
        ({"shunt": {"h": {"bus": "A", "shunt_type": "switched"}}}, "h: shunt_type: got 'switched'"),
        ({"generator": {"u": {**STEAM, "p_cost": {"cost_curve_type": "cubic", "values": []}}}}, "u: cost_curve_type"),
        ({"contingency": {"c": {"contingency_type": "generator"}}}, "c: contingency_type: got 'generator'"),
    ],
)
def test_one_line_names_what_of_egret_is_not_known(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_egret(egret([60.0], **change))


JULIA: dict[str, Any] = {
    "Parameters": {"Version": "0.4", "Time horizon (h)": 1, "Time step (min)": 30},
    "Buses": {"A": {"Load (MW)": [40.0, 100.0]}},
    "Generators": {
        "u": {"Bus": "A", "Type": "Thermal", "Production cost curve (MW)": [20.0, 100.0],
              "Production cost curve ($)": [200.0, 1000.0], "Ramp up limit (MW)": 30.0, "Initial status (h)": -1,
              "Initial power (MW)": 0.0, "Startup costs ($)": [5.0, 9.0], "Startup delays (h)": [0.5, 2.0]},
        "w": {"Bus": "A", "Type": "Profiled", "Maximum power (MW)": 500.0, "Cost ($/MW)": 50.0},
    },
}  # fmt: skip


def julia(**changes: Any) -> dict[str, Any]:
    data = copy.deepcopy(JULIA)
    data.update(changes)
    return data


def test_a_half_hour_of_julia_costs_as_much_as_an_hour_and_ramps_are_those_of_a_step() -> None:
    """40 MW and then 70 at 10 each, 30 more at 50; the start after an hour costs 5."""
    assert commit(read_julia(julia())).cost == pytest.approx(5.0 + 400.0 + 700.0 + 30.0 * 50.0)
    late = julia()
    late["Generators"]["u"]["Commitment status"] = [
        False,
        True,
    ]  # a start of the second step ramps from its least output
    assert commit(read_julia(late)).cost == pytest.approx(5.0 + 40.0 * 50.0 + 500.0 + 50.0 * 50.0)
    late["Generators"]["u"].update(
        {"Must run?": [True, True], "Commitment status": [None, None], "Initial status (h)": -3}
    )
    assert commit(read_julia(late)).cost == pytest.approx(9.0 + 400.0 + 700.0 + 30.0 * 50.0)


def test_what_else_a_file_of_julia_may_hold() -> None:
    data = julia()
    data["Generators"]["u"].update(
        {"Reserve eligibility": ["r"], "Shutdown cost ($)": 3.0, "Maximum daily starts": None}
    )
    data["Reserves"] = {"r": {"Type": "Spinning", "Amount (MW)": [50.0, 0.0], "Shortfall penalty ($/MW)": [6.0, -1.0]}}
    base = 5.0 + 400.0 + 700.0 + 30.0 * 50.0
    assert commit(read_julia(data)).cost == pytest.approx(base + 0.0)  # at a start 60 MW are still free
    data["Generators"]["u"]["Startup limit (MW)"] = 60.0
    assert commit(read_julia(data)).cost == pytest.approx(base + 30.0 * 6.0)
    data["Storage units"] = {"s": {"Bus": "A", "Maximum level (MWh)": 20.0, "Initial level (MWh)": 6.0,
                                   "Loss factor": [0.5, 0.0], "Maximum charge rate (MW)": 0.0,
                                   "Maximum discharge rate (MW)": 20.0,
                                   "Discharge cost ($/MW)": 1.0}}  # fmt: skip
    assert commit(read_julia(data)).cost == pytest.approx(
        base + 30.0 * 6.0 - 6.0 * 49.0
    )  # 3 MWh are 6 MW in half an hour
    old = julia(Reserves={"Spinning (MW)": [70.0, 0.0]})
    old["Parameters"] = {
        "Version": "0.2",
        "Time (h)": 1,
        "Time step (min)": 30,
        "Reserve shortfall penalty ($/MW)": 6.0,
    }
    assert commit(read_julia(old)).cost == pytest.approx(base + 10.0 * 6.0)


def test_a_network_of_julia_with_outages_and_interfaces() -> None:
    line = {"Source bus": "A", "Target bus": "B", "Susceptance (S)": 10.0, "Normal flow limit (MW)": 20.0,
            "Emergency flow limit (MW)": 25.0, "Flow limit penalty ($/MW)": [900.0, 900.0]}  # fmt: skip
    data = julia(Buses={"A": {"Load (MW)": 0.0}, "B": {"Load (MW)": [40.0, 40.0]}})
    data["Transmission lines"] = {"one": line, "two": dict(line)}
    data["Generators"]["w"]["Bus"] = "B"
    assert commit(read_julia(data)).cost == pytest.approx(5.0 + 800.0)
    secured = {**data, "Contingencies": {"c": {"Affected lines": ["two"]}}}
    assert commit(read_julia(secured)).cost == pytest.approx(5.0 + 2 * (250.0 + 15.0 * 50.0))
    bounded = {
        **data,
        "Interfaces": {"i": {"Outbound lines": ["one"], "Inbound lines": ["two"], "Net flow upper limit (MW)": 5}},
    }
    assert commit(read_julia(bounded)).cost == pytest.approx(5.0 + 800.0)  # what goes out comes in
    weighed = {**data, "Interfaces": {"i": {"Branches": {"one": 1.0, "two": 1.0}, "Net flow upper limit (MW)": 30}}}
    assert commit(read_julia(weighed)).cost == pytest.approx(5.0 + 2 * (300.0 + 10.0 * 50.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Shunt devices": {"s": {}}}, "file: key: got 'Shunt devices'"),
        ({"Reserves": {"r": {"Type": "flexiramp", "Amount (MW)": 5.0}}}, "r: Type: got 'flexiramp', expected spinning"),
        ({"Reserves": {"r": {"Type": "spinning", "Amount (MW)": 5.0, "Parent": "q"}}}, "r: key: got 'Parent'"),
        ({"Contingencies": {"c": {"Affected units": ["u"]}}}, "c: Affected units"),
        (
            {"Contingencies": {"c": {"Affected lines": ["a", "b"]}}},
            "c: Affected lines: got .'a', 'b'., expected one line",
        ),
    ],
)
def test_one_line_names_what_of_julia_is_not_known(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_julia(julia(**change))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("Maximum daily starts", 2, "u: key: got 'Maximum daily starts'"),
        ("Investment cost ($)", 7.0, "u: Investment cost"),
        ("Initial power (MW)", None, "u: Initial power .MW.: got None, expected a number"),
        ("Type", "Hydro", "u: Type: got 'Hydro', expected Thermal or Profiled"),
    ],
)
def test_one_line_names_what_of_a_unit_is_not_known(key: str, value: Any, words: str) -> None:
    data = julia()
    data["Generators"]["u"][key] = value
    with pytest.raises(InputError, match=words):
        read_julia(data)


def test_files_are_read_packed_or_not(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.json", tmp_path / "b.json.gz"
    plain.write_text(json.dumps(JULIA))
    with gzip.open(packed, "wt", encoding="utf-8") as file:
        json.dump(egret([60.0]), file)
    assert read_system(plain).hours == 0.5
    assert read_system(packed).units[0].name == "steam"
