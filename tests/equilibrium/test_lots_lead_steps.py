"""Stages of the lots-lead market, step by step: maxima that are constants, faces, tie-breaks, shortages, errors."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.errors import InfeasibleError, SolverError
from equilibrium.grid.assets import LotSite
from equilibrium.markets.charging import stages as staging
from equilibrium.markets.charging.stages import NEXT_KW, NUDGE, Optimum, Stages, UnsettledError, constant_profit, impose
from equilibrium.markets.lots_lead import market as leading
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.programs.duality import Residuals
from equilibrium.programs.program import INF, Instance, Program, ProgramBuilder
from equilibrium.programs.solvers import Solution, Status
from tests.equilibrium.conftest import lot_data, small_day, small_network

LENGTH = np.array([0.5, 2.0])


# Maxima that are constants of the data


def data(price: list[float], end: float = 12.0) -> Any:
    """4 kWh come, 1 and 2 leave."""
    lot = lot_data(end, [9.0, 9.0], price)
    return replace(lot, energy_in_kwh=np.array([4.0, 0.0]), energy_out_kwh=np.array([1.0, 2.0]))


def test_a_flat_price_makes_a_constant_of_what_is_drawn() -> None:
    """12 at the end, 3 that leave and less 4 that come: 11 kWh at 0.8 and 0.5; and 8 at 0.4 and 0.25."""
    sites = (LotSite("a", 1, 0.8), LotSite("b", 2, 0.4))
    found = constant_profit(sites, (data([0.5, 0.5]), data([0.25, 0.25], 9.0)))
    assert found is not None
    assert found.maximum == pytest.approx([0.5 * 11.0 / 0.8, 0.25 * 8.0 / 0.4])
    assert found.face is None
    assert found.residuals is None


@pytest.mark.parametrize(
    ("price", "changes"),
    [([0.5, 0.4], {}), ([0.5, 0.5], {"terminal": "ge"}), ([0.5, 0.5], {"first_hour": "as_printed"})],
)
def test_else_it_is_none(price: list[float], changes: dict[str, Any]) -> None:
    sites = (LotSite("a", 1, 0.8), LotSite("b", 2, 0.4, **changes))
    assert constant_profit(sites, (data([0.5, 0.5]), data(price))) is None
    assert constant_profit(sites[::-1], (data(price), data([0.5, 0.5]))) is None


# Faces


def stated(more: int, first: str) -> tuple[Program, Instance]:
    """A program with the blocks of two lots in two periods, some more around them, and a cut."""
    build = ProgramBuilder()
    build.columns(first, (more,))
    build.rows(f"{first} rows", (more,), lower=0.0)
    for name in ("soe_kwh", "lot_kw"):
        build.columns(name, (2, 2))
        build.columns(f"beside {name}", (more,))
    for name, shape in (("soe_end", (2,)), ("soe_balance", (2, 2))):
        build.rows(name, shape, lower=0.0)
        build.rows(f"beside {name}", (more,))
    program = build.compile()
    cut = sp.csr_array((1, program.shape[1]))
    return program, program.bind({}).with_rows(cut, np.array([-70.0]), np.array([70.0]))


def test_a_face_of_the_lots_own_problems_is_imposed_on_their_part() -> None:
    whole, instance = stated(3, "grid")
    own, alone = stated(0, "nothing")
    size = own.shape
    face = replace(
        alone,
        col_lower=np.arange(100.0, 100.0 + size[1]),
        col_upper=np.arange(200.0, 200.0 + size[1]),
        row_lower=np.arange(300.0, 301.0 + size[0]),
        row_upper=np.arange(400.0, 401.0 + size[0]),
    )
    found = impose(whole, instance, own, face)
    for names, blocks, mine, offset in (
        (("lot_kw", "soe_kwh"), (whole.columns, own.columns), (found.col_lower, found.col_upper), 100.0),
        (("soe_balance", "soe_end"), (whole.rows, own.rows), (found.row_lower, found.row_upper), 300.0),
    ):
        for name in names:
            there, here = (block[name].index.ravel() for block in blocks)
            assert mine[0][there].tolist() == (here + offset).tolist()
            assert mine[1][there].tolist() == (here + offset + 100.0).tolist()
    assert (found.row_lower[-1], found.row_upper[-1]) == (300.0 + size[0], 400.0 + size[0])
    changed = np.concatenate([whole.columns[name].index.ravel() for name in ("lot_kw", "soe_kwh")])
    kept = np.setdiff1d(np.arange(whole.shape[1]), changed)
    assert np.array_equal(found.col_lower[kept], instance.col_lower[kept])
    rows = np.setdiff1d(
        np.arange(whole.shape[0]), np.concatenate([whole.rows[n].index.ravel() for n in ("soe_balance", "soe_end")])
    )
    assert np.array_equal(found.row_lower[rows], instance.row_lower[rows])
    assert np.array_equal(instance.row_lower, [*whole.row_lower.tolist(), -70.0])
    assert impose(whole, instance, own, None) is instance


# The network-wide stages


def stages(price: tuple[float, float] = (0.03, 0.05)) -> Any:
    """Two lots in a half hour and two hours; three rows of active power a period."""
    build = ProgramBuilder()
    build.columns("lot_kw", (2, 2))
    build.columns("export_kw", (2,))
    build.columns("import_kw", (2,))
    build.rows("active_balance", (2, 3), lower=4.0, upper=4.0)
    build.rows("other", (1,), lower=5.0, upper=6.0)
    program = build.compile()
    lots = (LotSite("a", 2), LotSite("b", 1))
    day = SimpleNamespace(
        lots=(lot_data(0.0, [1.0, 1.0], [0.5, 0.6]), lot_data(0.0, [1.0, 1.0], [0.7, 0.8])),
        hours=2,
        length_h=LENGTH,
        wholesale_price=np.array(price),
    )
    here: Any = Stages(SimpleNamespace(lots=lots), day, program, SimpleNamespace(), program.bind({}), "told")  # type: ignore[arg-type]
    return here


def test_what_a_kw_is_worth_to_lots() -> None:
    here = stages()
    assert here.worth == pytest.approx(np.array([[0.25, 0.35], [1.2, 1.6]]))
    assert here.profit_cost().tolist() == pytest.approx([-0.25, -0.35, -1.2, -1.6, 0.0, 0.0, 0.0, 0.0])
    assert here.profit_cost(1).tolist() == pytest.approx([0.0, -0.35, 0.0, -1.6, 0.0, 0.0, 0.0, 0.0])
    assert here.when == "periods"


def test_a_kwh_weighs_more_the_later_it_is_charged() -> None:
    """The second period begins after a fifth of the day; a lot weighs a seventh of its share more."""
    late = stages()._lateness
    assert late.tolist() == pytest.approx(
        [0.0, 0.0, 2.0 * 0.2**0.7, 2.0 * 0.2**0.7 * (1.0 + 1.0 / 14.0), 0.0, 0.0, 0.0, 0.0]
    )


def test_what_a_lots_next_kwh_costs() -> None:
    """The multiplier at its bus and a little of the lateness, by the length of the period."""
    here = stages()
    y = np.arange(7.0)
    late = here._lateness[:4].reshape(2, 2)
    wanted = (np.array([[2.0, 1.0], [5.0, 4.0]]) + NUDGE * late) / np.array([[0.5], [2.0]])
    assert here.marginal(y) == pytest.approx(wanted)


def test_loads_grow_by_amounts_of_which_no_two_are_alike() -> None:
    here = stages()
    share = np.modf(0.5 * (np.sqrt(5.0) - 1.0) * np.arange(6))[0]
    found = here._with_more_load(here.instance, 2.0)
    assert found.row_lower.tolist() == pytest.approx([*(4.0 + 2.0 * (1.0 + share)), 5.0])
    assert found.row_upper.tolist() == pytest.approx([*(4.0 + 2.0 * (1.0 + share)), 6.0])
    assert here.instance.row_lower.tolist() == [4.0] * 6 + [5.0]


def test_exports_are_closed_where_the_price_is_negative() -> None:
    assert (plain := stages())._imports_only(plain.instance) is plain.instance
    here = stages((0.0, -0.05))
    assert here._imports_only(here.instance).col_upper.tolist() == [INF] * 5 + [0.0, INF, INF]


def settled(found: dict[float, bool | None]) -> tuple[Any, list[float]]:
    """Settle where a rise of the loads can be carried (by its sign) and has a schedule, or not."""
    here, asked = stages(), list[float]()
    low = here.instance.row_lower[0]

    def least(instance: Instance) -> Any:
        rise = float(np.sign(instance.row_lower[0] - low))
        asked.append(rise)
        return None if found[rise] is None else Optimum(instance, np.array([rise]), np.zeros(0), 0.0, ())

    def earliest(optimum: Optimum) -> Any:
        assert optimum.instance.row_lower[0] == low
        return optimum if found[float(optimum.x[0])] else None

    here.least_cost, here.earliest = least, earliest
    answer = here.settled(here.instance)
    return (None if answer is None else float(answer.x[0])), asked


def test_prices_are_those_of_the_next_kw_else_of_the_last_else_of_the_day() -> None:
    assert NEXT_KW > 0.0
    assert settled({1.0: True}) == (1.0, [1.0])
    assert settled({1.0: None, -1.0: True}) == (-1.0, [1.0, -1.0])
    assert settled({1.0: False, -1.0: None, 0.0: True}) == (0.0, [1.0, -1.0, 0.0])
    assert settled({1.0: None, -1.0: None, 0.0: None}) == (None, [1.0, -1.0, 0.0])
    with pytest.raises(UnsettledError, match="no schedule of least cost satisfies its own multipliers"):
        settled({1.0: None, -1.0: None, 0.0: False})


def least_cost(
    monkeypatch: pytest.MonkeyPatch, price: float, status: Status, *, undecided: bool, proved: bool = True
) -> tuple[Any, bool]:
    """The least cost of a day with some price and a solver that ends so; whether the direction of trade was settled."""
    here, directed = stages((0.03, price)), list[Any]()
    here.model.solve = lambda _: Solution(status, np.zeros(8), np.zeros(7), 2.0)

    def settled(instance: Instance, seconds: float) -> str:
        directed.append((instance.col_upper.tolist(), seconds))
        return "directed"

    here._directed = settled
    monkeypatch.setattr(staging, "undecided_hours", lambda *_: np.array([False, undecided]))
    monkeypatch.setattr(staging, "importing_is_optimal", lambda *_: proved)
    found = here.least_cost(here.instance)
    if directed:
        assert directed == [([INF] * 8, 2.0)]
    return found, bool(directed)


def test_the_direction_of_trade_is_settled_only_where_importing_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    found, directed = least_cost(monkeypatch, 0.05, Status.OPTIMAL, undecided=False)
    assert (found.notes, found.seconds, directed) == ((), 2.0, False)
    assert least_cost(monkeypatch, 0.0, Status.OPTIMAL, undecided=False)[0].notes == ()
    found, _ = least_cost(monkeypatch, -0.05, Status.OPTIMAL, undecided=True)
    assert found.notes == ("negative price in 1 periods: exports excluded there",)
    assert found.instance.col_upper[5] == 0.0
    assert least_cost(monkeypatch, -0.05, Status.OPTIMAL, undecided=True, proved=False) == ("directed", True)
    assert least_cost(monkeypatch, -0.05, Status.INFEASIBLE, undecided=True) == ("directed", True)
    assert least_cost(monkeypatch, 0.05, Status.INFEASIBLE, undecided=False) == (None, False)
    with pytest.raises(SolverError, match="the cost stage"):
        least_cost(monkeypatch, 0.05, Status.LIMIT, undecided=False)


def test_a_direction_that_is_settled_closes_the_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    here, given = stages((-0.03, -0.05)), list[Instance]()

    def solve(instance: Instance) -> Solution:
        given.append(instance)
        return Solution(Status.OPTIMAL, np.zeros(8), np.zeros(7), 2.0)

    here.model.solve = solve
    monkeypatch.setattr(staging, "undecided_hours", lambda *_: np.array([True, True]))
    monkeypatch.setattr(staging, "decide_by_milp", lambda *_: np.array([False, True]))
    found = here._directed(here.instance, 3.0)
    assert given[0].col_upper.tolist() == [INF] * 4 + [0.0, INF, INF, 0.0]
    assert found.seconds == 5.0
    told = "direction of trade at negative prices settled by a mixed-integer program: 1 periods export"
    assert found.notes == (told,)
    monkeypatch.setattr(staging, "decide_by_milp", lambda *_: None)
    assert here._directed(here.instance, 3.0) is None


def test_of_equally_cheap_schedules_the_one_that_charges_earliest_is_taken() -> None:
    here, given = stages(), list[Instance]()
    for status, found in ((Status.OPTIMAL, True), (Status.INFEASIBLE, False)):

        def nearest(instance: Instance, status: Status = status) -> Solution:
            given.append(instance)
            return Solution(status, np.ones(8), np.ones(7), 2.0)

        here.model.point = nearest
        answer = here.earliest(Optimum(here.instance, np.zeros(8), np.zeros(7), 3.0, ("note",)))
        assert (answer is not None) == found
        if answer is not None:
            assert (answer.x.tolist(), answer.seconds, answer.notes) == ([1.0] * 8, 5.0, ("note",))
    assert given[0].cost.tolist() == here._lateness.tolist()


def test_a_look_weighs_lateness_a_little_and_may_find_nothing() -> None:
    here, given = stages((0.03, -0.05)), list[Instance]()
    for status, found in ((Status.OPTIMAL, True), (Status.INFEASIBLE, False)):

        def glance(instance: Instance, status: Status = status) -> Solution:
            given.append(instance)
            return Solution(status, np.ones(8), np.ones(7), 2.0)

        here.model.glance = glance
        answer = here.likely(here.instance)
        assert (answer is not None) == found
    assert given[0].cost.tolist() == pytest.approx(NUDGE * here._lateness)
    assert given[0].col_upper[5] == 0.0


# The market


def test_a_day_that_cannot_be_split_or_cleared_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    network, day = small_network(), small_day([0.03, 0.05], (lot_data(50.0, [80.0, 80.0]),))
    market = LotsLeadMarket(network)
    monkeypatch.setattr(leading, "broken_cuts", lambda _: [])
    fine = market.clear(day)
    assert fine.certificate.certified
    monkeypatch.setattr(leading, "MAXIMUM_CUT_ROUNDS", 0)
    with pytest.raises(SolverError, match="the charging could not be split among the vehicles after 0 cuts"):
        market.clear(day)
    nothing: Any = lambda *_: None  # noqa: E731
    monkeypatch.setattr(Stages, "settled", nothing)
    with pytest.raises(SolverError, match="the face of maximal profit has no point of least cost"):
        market._solve(day, [])
    shed = LotsLeadMarket(network, on_infeasible="shed")
    with pytest.raises(SolverError, match="the day with the least shortage could not be cleared"):
        shed._short(day, [], None)
    monkeypatch.setattr(Stages, "most_profit", nothing)
    with pytest.raises(InfeasibleError):
        market._solve(day, [])
    with pytest.raises(SolverError, match="the day with the least shortage could not be cleared"):
        shed._short(day, [], None)


def test_a_shortage_is_shared_by_the_loads_of_buses_and_the_lengths_of_periods(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load below nothing has no share; one of half a kW has its own."""
    given = list[Any]()

    def effort(_network: Any, _program: Any, _model: Any, length: Any, shared: Any) -> Any:
        given.append((length.tolist(), {name: value.tolist() for name, value in shared.items()}))
        return SimpleNamespace(dispatch=lambda *_: "shared")

    monkeypatch.setattr(leading, "DailyEffort", effort)
    market = LotsLeadMarket(small_network())
    day = replace(small_day([0.03, 0.05], (lot_data(5.0, [80.0, 80.0]),)), period_h=LENGTH)
    day = replace(day, load_kw=np.array([[0.0, -3.0, 0.5], [0.0, 4.0, 6.0]]))
    compiled = market._compiled[day.length_h]
    optimum: Any = SimpleNamespace(instance=None, x=None, y=None)
    short: Any = SimpleNamespace(program="another", model=None, lot=np.zeros((2, 1)))
    assert market._settled(day, short, optimum) == "shared"
    shared = {"shed_kw": [[0.0, 0.0, 1.0], [0.0, 2.0, 3.0]], "unserved_kwh": [[0.5], [2.0]]}
    assert given == [([0.5, 2.0], shared)]
    monkeypatch.setattr(type(compiled.effort), "dispatch", lambda *_: "own")
    assert market._settled(day, SimpleNamespace(program=compiled.program), optimum) == "own"  # type: ignore[arg-type]
    assert len(given) == 1


def test_only_lots_below_their_maximum_are_asked_for_their_best_deviation() -> None:
    """The first earns its own maximum; the second's bound is that of a program, in 3 s."""
    market: Any = object.__new__(LotsLeadMarket)
    nothing, asked = Residuals(0.0, 0.0, 0.0, 0.0), list[Any]()
    build = ProgramBuilder()
    build.columns("lot_kw", (2, 2))
    program = build.compile()

    def respond(lot: int, power: Any) -> tuple[float, Residuals, float]:
        asked.append((lot, power.tolist()))
        return 6.5, Residuals(1e-4, 0.0, 0.0, 0.0), 3.0

    here = SimpleNamespace(
        lot=program.columns["lot_kw"].index,
        low_level_residuals=lambda _: nothing,
        best_response=respond,
        model=SimpleNamespace(solver_name="told"),
    )
    optimum = Optimum(program.bind({}), np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(0), 0.0, ("note",))
    own = staging.Own(np.array([5.0, 8.0]), residuals=Residuals(0.0, 2e-4, 0.0, 0.0))
    proof, seconds = market._prove(here, own, optimum, np.array([5.0, 6.0]))
    assert asked == [(1, [[1.0, 2.0], [3.0, 4.0]])]
    assert (proof.regret, proof.attained, seconds) == ((0.0, 0.5), (True, False), 3.0)
    assert (proof.primal, proof.dual, proof.notes) == (1e-4, 2e-4, ("note",))
    asked.clear()
    market._prove(here, None, optimum, np.array([5.0, 6.0]))
    assert [lot for lot, _ in asked] == [0, 1]
