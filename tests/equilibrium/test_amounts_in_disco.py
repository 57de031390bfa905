"""How much each statement about a day of the DISCO market says is wrong, for one wrong number at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equilibrium.markets.disco import invariants as disco
from tests.equilibrium.test_amounts_in_charging import HOURS, NET, NOTHING, made, moved

SITES = tuple(made(bus=bus, efficiency=0.8, discharge_efficiency=0.5) for bus in (2, 1))
FORK: Any = made(**{**vars(NET), "lots": SITES})
"""A fork of four buses with sun at bus 1 and wind at bus 3."""


def flows(need: Any, loss: Any) -> Any:
    """What every branch carries into its bus, losses of the branch itself included."""
    found = need + loss
    for bus in (3, 2, 1):
        found[:, FORK.feeder.parent[bus]] += found[:, bus]
    return found


def balanced(size: float = 1.0) -> tuple[Any, Any]:
    """A day and what is cleared of it: all that is given is what is drawn."""
    day = made(load_kw=size * np.array([[1.0, 10.0, 20.0, 30.0], [2.0, 5.0, 8.0, 9.0]]))
    cleared = made(
        lot_charge_kw=size * np.array([[8.0, 0.0], [0.0, 5.0]]),
        lot_discharge_kw=size * np.array([[0.0, 9.0], [6.0, 0.0]]),
        renewable_kw=size * np.array([[3.0, 1.0], [2.0, 7.0]]),
        loss_kw=size * np.array([[0.0, 0.5, 0.25, 0.75], [0.0, 0.1, 0.2, 0.3]]),
        import_kw=size * np.array([60.0, 20.0]),
    )
    need = day.load_kw.copy()
    need[:, 1] += cleared.lot_charge_kw[:, 1] - cleared.lot_discharge_kw[:, 1] - cleared.renewable_kw[:, 0]
    need[:, 2] += cleared.lot_charge_kw[:, 0] - cleared.lot_discharge_kw[:, 0]
    need[:, 3] -= cleared.renewable_kw[:, 1]
    cleared.flow_kw = flows(need, cleared.loss_kw)
    return day, cleared


@pytest.mark.parametrize(("size", "scale"), [(1.0, 60.0), (0.01, 1.0)])
def test_power_that_is_missing_at_a_bus(size: float, scale: float) -> None:
    """The largest power is what is bought in the first period."""
    day, right = balanced(size)
    assert disco._balance(FORK, day, NOTHING, right) == pytest.approx(0.0, abs=1e-15)
    for name, at in (
        ("lot_charge_kw", (1, 0)),
        ("lot_discharge_kw", (0, 0)),
        ("renewable_kw", (1, 1)),
        ("loss_kw", (0, 3)),
        ("flow_kw", (1, 0)),
        ("flow_kw", (1, 2)),
    ):
        for amount in (-0.5 * size, 0.5 * size):
            found = disco._balance(FORK, day, NOTHING, moved(right, name, at, amount))
            assert found == pytest.approx(0.5 * size / scale), name


def test_a_copper_plate_balances_as_a_whole() -> None:
    day, right = balanced()
    flat = made(**{**vars(right), "flow_kw": np.zeros((2, 4)), "loss_kw": np.zeros((2, 4))})
    flat.flow_kw[:, 0] = [61.0 + 8.0 - 9.0 - 4.0, 24.0 + 5.0 - 6.0 - 9.0]
    assert disco._balance(FORK, day, NOTHING, flat) == pytest.approx(0.0, abs=1e-15)
    assert disco._balance(FORK, day, NOTHING, moved(flat, "flow_kw", (1, 0), -0.5)) == pytest.approx(0.5 / 60.0)


def test_one_branch_that_carries_something_makes_it_a_feeder() -> None:
    """All is drawn at bus 1: what is missing there is too much at the root."""
    nothing = {name: np.zeros((1, 2)) for name in ("lot_charge_kw", "lot_discharge_kw", "renewable_kw")}
    right = made(flow_kw=[[8.0, 8.0, 0.0, 0.0]], loss_kw=np.zeros((1, 4)), import_kw=[8.0], **nothing)
    day = made(load_kw=[[0.0, 8.0, 0.0, 0.0]])
    assert disco._balance(FORK, day, NOTHING, right) == 0.0
    assert disco._balance(FORK, day, NOTHING, moved(right, "flow_kw", (0, 1), 1.0)) == 0.125


def test_a_vehicle_leaves_with_what_it_has_in_its_last_period() -> None:
    """4 kWh and 2 of 1 kW at 0.8 in the last two hours are 5.6; the wish is met then and no earlier."""
    fields = ("energy_kwh", "count", "charge_max_kw", "discharge_max_kw", "energy_min_kwh", "energy_max_kwh")
    batch = made(
        arrival=[0], departure=[3], **dict(zip(fields, ([4.0], [1.0], [1.0], [0.0], [0.0], [6.0]), strict=True))
    )
    plan = made(
        charge_kw=[[0.0, 0.0, 1.0]], discharge_kw=np.zeros((1, 3)), energy_kwh=[[4.0, 4.0, 5.6]], wish_kwh=[5.6]
    )
    cleared = made(
        vehicles=(plan,), lot_charge_kw=[[0.0], [0.0], [1.0]], lot_discharge_kw=np.zeros((3, 1)), import_kw=[0.0]
    )
    day = made(periods=3, length_h=[1.0, 0.5, 2.0], load_kw=[[0.0]])
    network = made(lots=(made(bus=2, efficiency=0.8, discharge_efficiency=0.5),))
    assert disco._vehicles(network, day, made(vehicles=(batch,)), cleared) == pytest.approx(0.0, abs=1e-15)


def test_the_scale_of_powers_is_the_largest_of_a_scenario() -> None:
    nothing = {"import_kw": [0.0], "lot_charge_kw": [[0.0]], "lot_discharge_kw": [[0.0]]}
    assert disco._scale(made(load_kw=[[0.5]]), made(**nothing)) == 1.0
    assert disco._scale(made(load_kw=[[-3.0]]), made(**nothing)) == 3.0
    for name in nothing:
        value: Any = [7.0] if name == "import_kw" else [[7.0]]
        assert disco._scale(made(load_kw=[[-3.0]]), made(**{**nothing, name: value})) == 7.0


def test_powers_and_voltages_beyond_their_limits() -> None:
    """Branches may lose r I2: 1 ohm at 80 kVA and 10 kV loses 0.064 kW, 2 at 70 kVA 0.098, 3 at 60 kVA 0.108."""
    day = made(load_kw=[[0.0, 50.0, 0.0, 0.0]] * 2)
    given = made(renewable_kw=[[3.0, 5.0], [2.0, 7.0]])
    right = made(
        import_kw=[0.0, 50.0],
        lot_charge_kw=np.zeros((2, 2)),
        lot_discharge_kw=np.zeros((2, 2)),
        renewable_kw=[[3.0, 0.0], [0.0, 7.0]],
        loss_kw=[[9.0, 0.064, 0.098, 0.108], [9.0, 0.0, 0.0, 0.0]],
        voltage_pu=np.ones((2, 4)),
    )
    assert disco._limits(FORK, day, given, right) == pytest.approx(0.0, abs=1e-15)
    for name, at, amount in (
        ("import_kw", 0, -0.5),
        ("renewable_kw", (0, 0), 0.5),
        ("renewable_kw", (1, 0), -0.5),
        ("loss_kw", (0, 1), 0.5),
        ("loss_kw", (0, 3), 0.5),
        ("loss_kw", (1, 2), -0.5),
    ):
        assert disco._limits(FORK, day, given, moved(right, name, at, amount)) == pytest.approx(0.01), name
    for bus, limit, sign in ((1, 0.91, -1.0), (2, 1.08, 1.0), (3, 0.93, -1.0)):
        found = moved(right, "voltage_pu", (1, bus), limit - 1.0 + 0.02 * sign)
        assert disco._limits(FORK, day, given, found) == pytest.approx(0.02)
    assert disco._limits(FORK, day, given, moved(right, "voltage_pu", (1, 0), 9.0)) == pytest.approx(0.0, abs=1e-15)


def test_squares_of_voltages_that_do_not_follow_from_flows_and_losses() -> None:
    """In kV2: 2 (r P + x Q) / 1000 less z2 I2 / 1e6, where I2 is 1000 times the loss over the resistance."""
    kw, kvar, loss = [9.0, 1000.0, 400.0, 300.0], [9.0, 600.0, 200.0, 100.0], [0.0, 4.0, 6.0, 9.0]
    first = 104.0 - 2.0 * (1000.0 + 0.5 * 600.0) / 1e3 + (1.0 + 0.25) * 4000.0 / 1e6
    second = first - 2.0 * (2.0 * 400.0 + 1.5 * 200.0) / 1e3 + (4.0 + 2.25) * 3000.0 / 1e6
    third = first - 2.0 * (3.0 * 300.0 + 2.5 * 100.0) / 1e3 + (9.0 + 6.25) * 3000.0 / 1e6
    right = made(
        flow_kw=[kw],
        flow_kvar=[kvar],
        loss_kw=[loss],
        voltage_pu=np.sqrt(np.array([[104.0, first, second, third]])) / 10.0,
    )
    assert disco._voltage(FORK, NOTHING, NOTHING, right) == pytest.approx(0.0, abs=1e-15)
    for name, amount, size in (
        ("flow_kw", 50.0, 2.0 * 3.0 * 50.0 / 1e5),
        ("flow_kvar", -50.0, 2.0 * 2.5 * 50.0 / 1e5),
        ("loss_kw", 9.0, 15.25 * 3000.0 / 1e8),
    ):
        assert disco._voltage(FORK, NOTHING, NOTHING, moved(right, name, (0, 3), amount)) == pytest.approx(size)
    higher = made(**{**vars(right), "voltage_pu": right.voltage_pu.copy()})
    higher.voltage_pu[0, 2] = np.sqrt(second + 1.0) / 10.0
    assert disco._voltage(FORK, NOTHING, NOTHING, higher) == pytest.approx(0.01)
    flat = made(flow_kw=[[9.0, 0.0, 0.0, 0.0]], voltage_pu=[[1.0, 1.02, 0.99, 1.0]])
    assert disco._voltage(FORK, NOTHING, NOTHING, flat) == pytest.approx(0.03)


# The vehicles


def parked(size: float) -> tuple[Any, Any, Any]:
    """Of two lots the first has three alike vehicles in period 0 and one in both; the other has nobody."""
    batch = made(
        arrival=[0, 0],
        departure=[1, 2],
        energy_kwh=size * np.array([2.0, 3.0]),
        count=[3.0, 1.0],
        charge_max_kw=size * np.array([4.0, 5.0]),
        discharge_max_kw=size * np.array([4.0, 0.5]),
        energy_min_kwh=size * np.array([2.0, 3.0]),
        energy_max_kwh=size * np.array([3.6, 5.0]),
    )
    plan = made(
        charge_kw=size * np.array([[4.0, 0.0], [5.0, 0.0]]),
        discharge_kw=size * np.array([[0.0, 0.0], [0.0, 0.5]]),
        energy_kwh=size * np.array([[3.6, 99.0], [5.0, 3.0]]),
        wish_kwh=size * np.array([3.6, 3.0]),
    )
    none = {name: np.zeros(0) for name in vars(batch)}
    empty = made(**none), made(charge_kw=np.zeros((0, 2)), discharge_kw=np.zeros((0, 2)), energy_kwh=np.zeros((0, 2)))
    empty[1].wish_kwh = np.zeros(0)
    day = made(periods=2, length_h=HOURS, load_kw=size * np.array([[0.0, 100.0, 0.0, 0.0]]))
    given = made(vehicles=(batch, empty[0]))
    cleared = made(
        vehicles=(plan, empty[1]),
        lot_charge_kw=size * np.array([[17.0, 0.0], [0.0, 0.0]]),
        lot_discharge_kw=size * np.array([[0.0, 0.0], [0.5, 0.0]]),
        import_kw=[0.0],
    )
    return day, given, cleared


@pytest.mark.parametrize(("size", "scale"), [(1.0, 5.0), (0.1, 1.0)])
def test_powers_and_energies_of_vehicles(size: float, scale: float) -> None:
    """Half an hour at 4 kW and 0.8 are 1.6 kWh, at 5 kW 2 kWh; two hours at half a kW take 2 kWh."""
    day, given, right = parked(size)
    assert disco._vehicles(FORK, day, given, right) == pytest.approx(0.0, abs=1e-15)
    power = max(1.0, 100.0 * size)
    for name in ("lot_charge_kw", "lot_discharge_kw"):
        for at in ((1, 0), (0, 1)):
            wrong = disco._vehicles(FORK, day, given, moved(right, name, at, 0.5 * size))
            assert wrong == pytest.approx(0.5 * size / power)

    def found(name: str, at: Any, amount: float, *, of: str = "plan") -> float:
        """With the sums of the lot made right again, and the energies that follow from powers."""
        batch, plan = given.vehicles[0], right.vehicles[0]
        if of == "batch":
            batch = moved(batch, name, at, amount * size)
        else:
            plan = moved(plan, name, at, amount * size)
        here = np.array([[True, False], [True, True]])
        kept = np.where(here, plan.charge_kw, 0.0), np.where(here, plan.discharge_kw, 0.0)
        if name in ("charge_kw", "discharge_kw"):
            stored = HOURS * (0.8 * kept[0] - kept[1] / 0.5)
            plan = made(**{**vars(plan), "energy_kwh": batch.energy_kwh[:, None] + np.cumsum(stored, axis=1)})
        cleared = made(**{**vars(right), "vehicles": (plan, right.vehicles[1])})
        cleared.lot_charge_kw, cleared.lot_discharge_kw = (
            np.column_stack([batch.count @ each, np.zeros(2)]) for each in kept
        )
        return disco._vehicles(FORK, day, made(vehicles=(batch, given.vehicles[1])), cleared) * scale / size

    cases: list[tuple[str, Any, float, float]] = [
        ("charge_kw", (0, 0), 0.5, 0.5),
        ("charge_kw", (0, 1), 0.5, 0.5),  # it has left
        ("charge_kw", (1, 1), -0.1, 0.16),  # two hours at 0.8 below its least energy and its wish
        ("discharge_kw", (1, 1), 0.1, 0.4),
        ("discharge_kw", (0, 1), 0.5, 0.5),
        ("discharge_kw", (1, 0), -0.5, 0.5),
        ("energy_kwh", (1, 0), 0.5, 0.5),
        ("energy_kwh", (1, 0), -0.5, 0.5),
        ("energy_kwh", (0, 1), 9.0, 0.0),
        ("wish_kwh", 1, 0.5, 0.5),
        ("wish_kwh", 0, -0.5, 0.0),
    ]
    for name, at, amount, beyond in cases:
        assert found(name, at, amount) == pytest.approx(beyond, abs=1e-12), (name, at)
    for name, row, amount in (
        ("charge_max_kw", 0, -0.5),
        ("discharge_max_kw", 1, -0.25),
        ("energy_min_kwh", 1, 0.5),
        ("energy_max_kwh", 0, -0.5),
    ):
        assert found(name, row, amount, of="batch") == pytest.approx(abs(amount)), name


def test_nobody_charges_outside_the_windows_where_there_are_some() -> None:
    day = made(charge_window=np.array([True, False]), discharge_window=np.array([False, True]))
    one = made(lot_charge_kw=[[5.0], [0.0]], lot_discharge_kw=[[0.0], [6.0]])
    other = made(lot_charge_kw=[[5.0], [0.25]], lot_discharge_kw=[[0.0], [6.0]])
    third = made(lot_charge_kw=[[5.0], [0.0]], lot_discharge_kw=[[-0.5], [6.0]])
    for mode, scenarios, size in (
        ("windows", (one, one), 0.0),
        ("windows-strict", (one, other), 0.25),
        ("windows", (third, other), 0.5),
        ("strict", (third, other), 0.0),
    ):
        assert disco._windows(NOTHING, day, made(mode=mode, scenarios=scenarios)) == size


# Money and prices


def test_every_account_is_its_price_times_its_energy() -> None:
    tariffs = made(
        load=[0.3, 0.2], lot_buys=[0.25, 0.15], lot_sells=[0.5, 0.4], driver_pays=[0.35, 0.45], driver_share=0.75,
        degradation=0.03,
    )  # fmt: skip
    emissions = made(baseline_kwh=[40.0, 10.0], share=0.5, price_per_kg=0.1, factor_kg_per_kwh=[2.0, 4.0])
    day = made(
        length_h=HOURS, load_kw=[[10.0, 30.0], [1.0, 4.0]], tariffs=tariffs, emissions=emissions, response_cost=-7.0
    )
    given = made(upstream_price=[0.1, 0.2])
    accounts = {
        "load_income": 0.3 * 20.0 + 0.2 * 10.0,
        "lot_charging_income": 0.25 * 2.0 + 0.15 * 12.0,
        "v2g_payment": 0.5 * 3.0 + 0.4 * 4.0,
        "upstream_cost": 0.1 * 30.0 + 0.2 * 8.0,
        "response_cost": -7.0,
        "emission_reward": 0.05 * (2.0 * 10.0 + 4.0 * 2.0),
        "driver_income": 0.35 * 2.0 + 0.45 * 12.0,
        "driver_payment": 0.75 * 3.1,
        "degradation_cost": 0.03 * 7.0,
    }
    right = made(
        lot_charge_kw=[[1.0, 3.0], [2.0, 4.0]],
        lot_discharge_kw=[[2.0, 4.0], [0.5, 1.5]],
        import_kw=[60.0, 4.0],
        accounts=accounts,
    )
    assert disco._accounts(NOTHING, day, given, right) == pytest.approx(0.0, abs=1e-15)
    for name in accounts:
        for amount in (-0.4, 0.4):
            wrong = made(**{**vars(right), "accounts": accounts | {name: accounts[name] + amount}})
            assert disco._accounts(NOTHING, day, given, wrong) == pytest.approx(0.05), name
    none = made(**{**vars(day), "emissions": None})
    assert disco._accounts(NOTHING, none, given, right) == pytest.approx(accounts["emission_reward"] / 8.0)
    small = made(**{**vars(right), "accounts": {name: 0.05 * value for name, value in accounts.items()}})
    for name in ("load_kw", "response_cost"):
        setattr(day, name, 0.05 * getattr(day, name))
    emissions.baseline_kwh = 0.05 * emissions.baseline_kwh
    for name in ("lot_charge_kw", "lot_discharge_kw", "import_kw"):
        setattr(small, name, 0.05 * getattr(small, name))
    small.accounts["v2g_payment"] += 0.25
    assert disco._accounts(NOTHING, day, given, small) == pytest.approx(0.25)


def test_profits_are_the_sums_of_unequal_accounts() -> None:
    """The company earns 5 + 7 + 2 less 3, 1 and 4; the lots 9 + 3 less 7, 1 and 8, in two parts."""
    amounts: dict[str, float] = {"load_income": 5.0, "lot_charging_income": 7.0, "emission_reward": 2.0}
    amounts |= {"v2g_payment": 3.0, "upstream_cost": 1.0, "response_cost": 4.0}
    amounts |= {"driver_income": 9.0, "driver_payment": 1.0, "degradation_cost": 8.0}
    right = made(accounts=amounts, company_profit=6.0, lot_profit=[-5.0, 1.0])
    assert disco._profits(NOTHING, NOTHING, NOTHING, right) == 0.0
    for changes, size in (({"company_profit": 5.1}, 0.1), ({"lot_profit": [-5.0, 1.9]}, 0.1)):
        wrong = made(**{**vars(right), **changes})
        assert disco._profits(NOTHING, NOTHING, NOTHING, wrong) == pytest.approx(size)


def test_of_next_to_nothing_that_is_bought_all_is_compared() -> None:
    little = made(import_kw=[0.001], flow_kw=np.array([[0.5]]))
    assert disco._transformer(NOTHING, NOTHING, made(scenarios=(little,))) == 0.499


def test_statistics_of_the_scenarios() -> None:
    """Profits of 10 and -2 with 0.75 and 0.25: the mean is 7, of the worst half 4, the value at risk 10."""
    one, other = (made(probability=p, company_profit=e, lot_profit=np.array(lots)) for p, e, lots in (
        (0.75, 10.0, [4.0, 8.0]), (0.25, -2.0, [0.0, 4.0]),
    ))  # fmt: skip
    right = made(
        scenarios=(one, other), expected_profit=7.0, cvar=4.0, value_at_risk=10.0, objective=0.6 * 7.0 + 0.4 * 4.0,
        alpha=0.5, beta=0.4, lot_expected_profit=[3.0, 7.0],
    )  # fmt: skip
    assert disco._statistics(NOTHING, NOTHING, right) == pytest.approx(0.0, abs=1e-12)
    for name in ("expected_profit", "cvar", "value_at_risk", "objective"):
        for amount in (-0.5, 0.5):
            wrong = made(**{**vars(right), name: getattr(right, name) + amount})
            assert disco._statistics(NOTHING, NOTHING, wrong) == pytest.approx(0.05), name
    for lot in (0, 1):
        assert disco._statistics(NOTHING, NOTHING, moved(right, "lot_expected_profit", lot, -0.5)) == pytest.approx(
            0.05
        )


def test_powers_of_vehicles_below_nothing() -> None:
    """Two that make up for each other: what the lot draws and gives is right."""
    batch = made(
        arrival=[0, 0], departure=[1, 1], energy_kwh=[4.0, 4.0], count=[1.0, 1.0], charge_max_kw=[9.0, 9.0],
        discharge_max_kw=[9.0, 9.0], energy_min_kwh=[0.0, 0.0], energy_max_kwh=[5.0, 5.0],
    )  # fmt: skip
    network = made(lots=(made(bus=2, efficiency=1.0, discharge_efficiency=1.0),))
    day = made(periods=1, length_h=[1.0], load_kw=[[0.0]])
    for name in ("charge_kw", "discharge_kw"):
        powers = {"charge_kw": np.zeros((2, 1)), "discharge_kw": np.zeros((2, 1)), name: np.array([[-0.5], [0.5]])}
        energy = 4.0 + powers["charge_kw"] - powers["discharge_kw"]
        plan = made(**powers, energy_kwh=energy, wish_kwh=np.zeros(2))
        none = {"lot_charge_kw": np.zeros((1, 1)), "lot_discharge_kw": np.zeros((1, 1)), "import_kw": np.zeros(1)}
        found = disco._vehicles(network, day, made(vehicles=(batch,)), made(vehicles=(plan,), **none))
        assert found == pytest.approx(0.1), name


def test_without_lots_or_scenarios_nothing_is_wrong_with_them() -> None:
    day = made(periods=1, scenarios=(), load_kw=[[0.0]])
    assert disco._vehicles(made(lots=()), day, made(vehicles=()), made(vehicles=())) == 0.0
    nothing = made(purchases="recourse", scenarios=())
    assert disco._substation(NOTHING, day, nothing) == disco._renewables(FORK, day, nothing) == 0.0


def test_a_worst_case_above_the_mean_is_no_worst_case() -> None:
    """Both are off from what the scenarios say; what the order misses is the most."""
    one = made(probability=1.0, company_profit=2.0, lot_profit=np.array([0.0]))
    wrong = made(
        scenarios=(one,), expected_profit=0.5, cvar=3.5, value_at_risk=2.0, objective=2.0, alpha=0.5, beta=0.0,
        lot_expected_profit=[0.0],
    )  # fmt: skip
    assert disco._statistics(NOTHING, NOTHING, wrong) == pytest.approx(1.5)


def given(price: list[float]) -> Any:
    return made(upstream_price=price, renewable_kw=[[10.0, 5.0], [10.0, 5.0]])


def priced(**changes: Any) -> Any:
    """Half of what is bought arrives, so that the price behind the transformer is twice as high."""
    values: dict[str, Any] = {
        "price": [[0.2, 0.3, 0.3, 0.3], [0.16, 0.3, 0.3, 0.3]],
        "import_kw": [50.0, 10.0],
        "flow_kw": [[25.0, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0]],
        "renewable_kw": [[10.0, 5.0], [10.0, 5.0]],
        "lot_charge_kw": [[0.0]],
        "lot_discharge_kw": [[0.0]],
    }
    return made(**{**values, **changes})


def test_the_price_at_the_substation_is_that_of_a_purchase() -> None:
    """Prices are measured by the largest, 0.4, and powers by 50."""
    day = made(scenarios=(given([0.1, 0.08]), given([0.1, 0.08])), load_kw=[[0.0]], emissions=None)
    high = [[0.2, 0.4, 0.3, 0.3], [0.16, 0.3, 0.3, 0.3]]

    def found(purchases: str = "recourse", **changes: Any) -> float:
        scenarios = (priced(price=high), priced(**{"price": high, **changes}))
        return disco._substation(NOTHING, day, made(purchases=purchases, scenarios=scenarios))

    assert found() == pytest.approx(0.0, abs=1e-15)
    below = [[0.16, 0.4, 0.3, 0.3], [0.16, 0.3, 0.3, 0.3]]
    assert found(price=below) == pytest.approx(0.02 / 0.4)
    assert found(price=below, purchases="here-and-now") == 0.0
    below[0][0], below[1][0] = 0.2, 0.0
    few: dict[str, Any] = {"import_kw": [50.0, 5.0], "flow_kw": [[25.0, 0.0, 0.0, 0.0], [2.5, 0.0, 0.0, 0.0]]}
    assert found(price=below, **few) == pytest.approx(0.1)  # 5 of 50 kW are bought although the price misses a fifth
    above = [[0.2, 0.4, 0.3, 0.3], [0.24, 0.3, 0.3, 0.3]]
    assert found(price=above) == pytest.approx(0.1)
    idle: dict[str, Any] = {"import_kw": [50.0, 0.0], "flow_kw": [[25.0, 0.0, 0.0, 0.0], [0.0] * 4]}
    below[1][0] = 0.04
    assert found(price=below, **idle) == pytest.approx(0.0, abs=1e-15)
    assert found(price=above, **idle) == pytest.approx(0.1)
    nothing = {"import_kw": [0.0, 0.0], "flow_kw": np.zeros((2, 4))}
    scenarios = (priced(price=[[0.1] * 4, [0.12] * 4], **nothing),) * 2
    full = disco._substation(NOTHING, day, made(purchases="recourse", scenarios=scenarios))
    assert full == pytest.approx(0.04 / 0.12)
    little = scenarios[0], moved(moved(scenarios[0], "import_kw", 0, 0.001), "flow_kw", (0, 0), 0.5)
    assert disco._substation(NOTHING, day, made(purchases="recourse", scenarios=little)) == pytest.approx(full)


def test_the_scale_of_prices_counts_emissions() -> None:
    term = made(share=0.5, price_per_kg=0.1, factor_kg_per_kwh=[2.0, 4.0])
    day = made(scenarios=(given([0.1, 0.08]), given([0.1, -0.9])), emissions=term)
    assert disco._price_scale(day, made(scenarios=(priced(),))) == pytest.approx(0.7)
    assert disco._price_scale(day, made(scenarios=(priced(price=[[-0.8]]),))) == 0.8
    day = made(scenarios=(given([0.0, 0.0001]),), emissions=None)
    assert disco._price_scale(day, made(scenarios=(priced(price=[[0.0]]),))) == 0.001


def test_renewables_are_used_at_positive_prices_and_left_at_negative_ones() -> None:
    """The wind at bus 3: 0.02 is a twentieth of the largest price, 2 kW a twenty-fifth of the largest power."""
    day = made(scenarios=(given([0.4, 0.08]),), load_kw=[[0.0]], emissions=None)

    def found(price: float, used: float) -> float:
        one = moved(moved(priced(), "price", (1, 3), price - 0.3), "renewable_kw", (1, 1), used - 5.0)
        return disco._renewables(FORK, day, made(scenarios=(one,)))

    assert found(0.3, 5.0) == found(-0.02, 0.0) == 0.0
    assert found(0.3, 3.0) == pytest.approx(0.04)
    assert found(0.02, 0.0) == pytest.approx(0.05)
    assert found(-0.3, 2.0) == pytest.approx(0.04)
    assert found(-0.02, 5.0) == pytest.approx(0.05)
