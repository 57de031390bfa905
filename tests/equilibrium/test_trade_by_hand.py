"""Whether power is bought or sold at a negative price, each number by hand: surplus, proof, mixed-integer program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.arrays import FloatArray
from equilibrium.errors import SolverError
from equilibrium.grid.assets import Microturbine, RenewableUnit, StorageUnit
from equilibrium.grid.network import Network
from equilibrium.markets.charging import trade
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.trade import (
    decide_by_milp,
    importing_is_optimal,
    least_cost_of_exporting,
    surplus_kw,
    undecided_hours,
)
from equilibrium.programs.program import GAP, Instance, Program, ProgramBuilder
from equilibrium.programs.solvers import MixedSolution, Status
from tests.equilibrium.conftest import lot_data, small_day, small_network

DEAR, CHEAP, BROKEN = (
    Microturbine("a", 1, 5.0, 0.09),
    Microturbine("b", 2, 30.0, 0.06),
    Microturbine("c", 2, 70.0, 0.01),
)
STORE = StorageUnit("store", 1, energy_kwh=40.0, charge_max_kw=7.0, discharge_max_kw=11.0, initial_kwh=20.0)


def town(load_kw: list[float], price: list[float], *, storage: bool = True) -> tuple[Network, MarketDay]:
    """Two lots, sun of 2 kW, storage, and three microturbines, of which the cheapest is out of order."""
    network = replace(
        small_network(lots=2),
        microturbines=(DEAR, CHEAP, BROKEN),
        renewables=(RenewableUnit("sun", 2, 9.0, "pv"),),
        storage=(STORE,) if storage else (),
    )
    lot = lot_data(0.0, [50.0] * len(price))
    day = small_day(price, (lot, lot), turbines=3)
    load = np.zeros((len(price), 3))
    load[:, 1], load[:, 2] = 1.0, np.array(load_kw) - 1.0
    on = np.array([True, True, False])
    sun = np.full((len(price), 1), 2.0)
    return network, replace(day, load_kw=load, renewable_kw=sun, microturbine_available=on, period_h=0.5)


def test_the_surplus_is_what_all_local_units_give_above_the_load() -> None:
    """2 of sun, 5 and 30 of the turbines that run, and 11 of storage."""
    network, day = town([47.5, 48.0, 50.0, 8.0], [-0.1, -0.1, -0.1, 0.0])
    assert surplus_kw(network, day).tolist() == [0.5, 0.0, -2.0, 40.0]
    assert undecided_hours(network, day).tolist() == [True, False, False, False]


def test_what_is_missing_while_exporting_comes_from_the_cheapest_turbines() -> None:
    network, day = town([8.0, 20.0, 45.0, 99.0], [-0.1] * 4)
    charging = np.array([0.0, 6.0, 4.0, 0.0])
    least = least_cost_of_exporting(network, day, charging)
    # 13 kW are free, more than the first 8. Of 26 kW the second turbine makes 13, of 49 kW 30 and the first its 5 of 6.
    assert least.tolist() == pytest.approx([0.0, 13 * 0.06, 30 * 0.06 + 5 * 0.09, 30 * 0.06 + 5 * 0.09])


# The proof that importing is optimal


def stated(storage: bool) -> Program:
    """Columns and rows of two periods, with coefficients only where the test needs them; a row of the grid is first."""
    build = ProgramBuilder()
    lot = build.columns("lot_kw", (2, 2))
    build.columns("import_kw", (2,))
    turbine = build.columns("microturbine_kw", (2, 3))
    build.coefficients(build.rows("active_balance", (1,)), lot[1, 0], 1.0)
    soe = build.rows("soe_balance", (2, 2))
    build.coefficients(soe, lot, -0.9)
    if storage:
        charge, discharge = (build.columns(f"storage_{name}_kw", (2, 1)) for name in ("charge", "discharge"))
        row = build.rows("storage_balance", (2, 1))
        build.coefficients(row, charge, -0.5)
        build.coefficients(row, discharge, 2.0)
    build.coefficients(build.rows("ramp", (2, 3)), turbine, 1.0)
    return build.compile()


def outcome(
    values: tuple[float, float],
    load: float,
    share: float,
    *,
    running: float,
    earned: float,
    storage: bool = True,
) -> bool:
    """Whether importing is proved in period 1, if it costs more than exporting by a share of what is taken as equal.

    ``values`` are what a kW is worth to the lots at the multipliers of their rows, one of which is a cut. They draw 4
    and 5 kW, of 2 to 20 and 3 to 12; the turbines run at 3, 0 and 0 kW, storage takes 2 and gives 1. In period 0 they
    draw at least 2 kW of a surplus of a half, so that its dear purchase does not matter.
    """
    network, day = town([47.5 if storage else 36.5, load], [-0.3, -0.5], storage=storage)
    program = stated(storage)
    instance = program.bind({}).with_rows(sp.csr_array(np.eye(1, program.shape[1], 2)), np.zeros(1), np.ones(1))
    lot, turbine = program.columns["lot_kw"].index, program.columns["microturbine_kw"].index
    cost = np.zeros(program.shape[1])
    cost[turbine] = 0.5 * np.array([0.09, 0.06, 0.01])
    low, high = np.zeros(cost.size), np.full(cost.size, 50.0)
    low[lot[0]] = 1.0
    low[lot[1]], high[lot[1]] = [2.0, 3.0], [20.0, 12.0]
    instance = replace(instance, cost=cost, col_lower=low, col_upper=high)
    y = np.zeros(instance.shape[0])
    y[0], y[-1] = 99.0, 0.1  # the grid's counts for nothing; the cut's is worth 0.1 to the first lot
    y[program.rows["soe_balance"].index[1]] = [-(values[0] - 0.1) / 0.9, -values[1] / 0.9]
    y[program.rows["ramp"].index[1]] = [0.025, 0.1, 0.0]  # -0.02, 0.07 and -0.005 a kW
    x = np.zeros(program.shape[1])
    x[lot[1]], x[turbine[1]] = [4.0, 5.0], [3.0, 0.0, 0.0]
    units = -0.02 * 3.0
    if storage:
        y[program.rows["storage_balance"].index[1]] = 0.04  # -0.02 a kW that is taken, 0.08 one that is given
        x[program.columns["storage_charge_kw"].index[1]], x[program.columns["storage_discharge_kw"].index[1]] = 2.0, 1.0
        units += -0.02 * 2.0 + 0.08 * 1.0
    imported = running - earned + share * GAP * (1.0 + abs(earned))
    bought = (imported + units + values[0] * 4.0 + values[1] * 5.0) / (0.5 * -0.5)
    x[program.columns["import_kw"].index] = [-1e6, bought]
    return importing_is_optimal(network, day, program, instance, x, y)


RUNNING = -(0.07 * 30.0 + 0.08 * 11.0)
"""Exporting, the second turbine and storage run at their limits."""

CASES: list[tuple[tuple[float, float], float, float]] = [
    ((0.4, -0.2), 6.0, 0.4 * 2 - 0.2 * 3 + 0.4 * 18),  # 42 kW of surplus: the first lot is filled, the other stays
    ((0.2, 0.4), 33.0, 0.2 * 2 + 0.4 * 3 + 0.4 * 9 + 0.2 * 1),  # room for 10: the second is filled first
    ((0.4, 0.2), 33.0, 0.4 * 2 + 0.2 * 3 + 0.4 * 10),
    ((-0.4, -0.2), 6.0, -0.4 * 2 - 0.2 * 3),
    ((0.4, 0.2), 43.0, 0.4 * 2 + 0.2 * 3),  # the least charging is all the surplus
]


@pytest.mark.parametrize(("values", "load", "earned"), CASES)
def test_importing_is_proved_to_the_last_digits(values: tuple[float, float], load: float, earned: float) -> None:
    assert outcome(values, load, 0.95, running=RUNNING, earned=earned)
    assert not outcome(values, load, 1.05, running=RUNNING, earned=earned)


def test_without_storage_turbines_alone_run_while_exporting() -> None:
    earned = 0.4 * 2 + 0.2 * 3 + 0.4 * 10
    assert outcome((0.4, 0.2), 22.0, 0.5, running=-2.1, earned=earned, storage=False)
    assert not outcome((0.4, 0.2), 22.0, 1.5, running=-2.1, earned=earned, storage=False)


def test_where_the_least_charging_is_more_than_the_surplus_nothing_is_exported() -> None:
    assert outcome((0.4, 0.2), 43.5, 1e9, running=RUNNING, earned=0.0)


# The mixed-integer program


def direction(monkeypatch: pytest.MonkeyPatch, status: Status, found: list[float]) -> tuple[Any, Any, Program]:
    """What is given to the solver for periods 1 and 3 of four, of which one can sell 6 kW and the other 40."""
    network, day = town([8.0, 42.0, 60.0, 8.0], [0.3, -0.5, -0.5, -0.1])
    build = ProgramBuilder()
    build.columns("lot_kw", (4, 2), upper=np.arange(1.0, 9.0).reshape(4, 2))
    build.columns("import_kw", (4,), cost=-0.25)
    build.columns("export_kw", (4,))
    build.coefficients(build.rows("row", (1,), lower=2.0, upper=3.0), 0, 5.0)
    program, given = build.compile(), []
    instance = program.bind({}).with_columns(np.array([6]), 0.0, np.inf)

    def solve(*asked: Any) -> MixedSolution:
        given.append(asked)
        return MixedSolution(status, np.array([0.0] * 16 + found), 0.0, 0.0, 0.0)

    monkeypatch.setattr(trade, "solve_mixed", solve)
    network = replace(network, feeder=replace(network.feeder, rating_kva=np.array([60.0, 20.0, 20.0])))
    exporting = decide_by_milp(network, day, program, instance, "told")
    return exporting, given[0], program


def test_a_switch_for_each_undecided_period_opens_one_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bought are the load, what the lots and storage take at most, and no more than 60 kVA; sold is the surplus."""
    exporting, (mixed, integer, solver), _ = direction(monkeypatch, Status.OPTIMAL, [0.5, 0.6])
    assert exporting.tolist() == [False, False, False, True]
    assert (integer.tolist(), solver) == ([False] * 16 + [True] * 2, "told")
    most = [42.0 + 3.0 + 4.0 + 7.0, 8.0 + 0.0 + 8.0 + 7.0]  # the seventh column has no limit and counts as 0
    rows: FloatArray = mixed.matrix.toarray()
    expected = np.zeros((5, 18))
    expected[0, 0] = 5.0
    for number, hour in enumerate((1, 3)):
        expected[1 + number, [8 + hour, 16 + number]] = 1.0, most[number]
        expected[3 + number, [12 + hour, 16 + number]] = 1.0, -(6.0, 40.0)[number]
    np.testing.assert_allclose(rows, expected)
    assert mixed.cost.tolist() == [0.0] * 8 + [-0.25] * 4 + [0.0] * 6
    assert mixed.row_lower.tolist() == [2.0, *[-np.inf] * 4]
    assert mixed.row_upper.tolist() == [3.0, *most, 0.0, 0.0]
    assert (mixed.col_lower[16:].tolist(), mixed.col_upper[16:].tolist()) == ([0.0, 0.0], [1.0, 1.0])
    assert isinstance(mixed, Instance)


def test_the_root_carries_no_more_than_its_rating(monkeypatch: pytest.MonkeyPatch) -> None:
    network, day = town([8.0, 42.0], [0.3, -0.5])
    build = ProgramBuilder()
    for name, shape in (("lot_kw", (2, 2)), ("import_kw", (2,)), ("export_kw", (2,))):
        build.columns(name, shape, upper=50.0)
    given = []

    def solve(mixed: Instance, *_: object) -> MixedSolution:
        given.append(mixed)
        return MixedSolution(Status.OPTIMAL, np.zeros(mixed.shape[1]), 0.0, 0.0, 0.0)

    monkeypatch.setattr(trade, "solve_mixed", solve)
    network = replace(network, feeder=replace(network.feeder, rating_kva=np.array([60.0, 20.0, 20.0])))
    program = build.compile()
    decide_by_milp(network, day, program, program.bind({}), "auto")
    assert given[0].row_upper.tolist() == [60.0, 0.0]


def test_no_direction_and_an_open_search_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert direction(monkeypatch, Status.INFEASIBLE, [0.0, 0.0])[0] is None
    with pytest.raises(SolverError, match="the direction of trade at negative prices was not settled: "):
        direction(monkeypatch, Status.LIMIT, [0.0, 0.0])
