"""A run of the market of two settlements: agents, days, tables, figures and words; every memory decides something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agents.two_settlement.bidders import HOPE, DemandBidder, LotBidder
from agents.two_settlement.operator import lasting
from equilibrium.errors import InputError
from equilibrium.markets.two_settlement.invariants import INVARIANTS
from equilibrium.markets.two_settlement.real_time import FixedDelivery, RealDay, Weather
from equilibrium.markets.two_settlement.relations import RELATIONS
from equilibrium.markets.two_settlement.settlement import OPERATOR
from equilibrium.markets.two_settlement.system import DayAhead, expected_prices
from sim.checks import CHECKS, check_run
from sim.draws import keep_draws, replay_draws
from sim.markets.two_settlement.kind import KIND
from sim.markets.two_settlement.model import TwoSettlementModel
from sim.markets.two_settlement.results import TwoSettlementDayResult
from sim.options import RunOptions
from sim.report.write import write_report
from sim.run import run_scenario
from sim.simulate import simulate
from sim.store import Run, comparable
from tests.sim.two_settlement_town import town


def test_what_holds_in_every_run_holds(town_run: Run) -> None:
    for finding in check_run(town_run, KIND.invariants):
        assert finding.holds, finding
    assert len(town_run.days) == 2
    assert len(town_run.outages) > 0
    assert town_run.days["certified"].all()


def test_a_call_beyond_what_was_accepted_is_seen(town_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = next(each for each in KIND.invariants if each.name == "calls")
    rows = town_run.dispatch.copy()
    at = rows.index[(rows["kind"] == "called") & (rows["unit"] == "lot")][40]
    accepted = town_run.schedule[
        (town_run.schedule["unit"] == "lot") & (town_run.schedule["day"] == rows.loc[at, "day"])
    ]
    mine = accepted[(accepted["period"] == 10) & accepted["kind"].isin(("spinning", "regulating"))]
    rows.loc[at, "p_kw"] = mine["p_kw"].sum() + 0.5  # period 40 of real time is in period 10 of the schedule
    monkeypatch.setitem(town_run.__dict__, "dispatch", rows)
    assert calls.violation(town_run) > 0.01


@pytest.mark.long
def test_what_was_not_served_stands_in_the_report(town_run: Run) -> None:
    assert float(town_run.days["shed_kwh"].sum()) > 0.0
    (page, *pictures) = write_report(town_run)
    assert "not served, kWh" in page.read_text()
    assert len(pictures) > 5


def test_a_run_is_told(town_run: Run) -> None:
    lines = "\n".join(KIND.remarks(town_run))
    assert "operator" in lines
    assert KIND.day_table(town_run).row_count == 2
    sums = KIND.payments(town_run) if KIND.payments is not None else None
    assert sums is not None
    own = sums["amount"] * ((sums["receiver"] == OPERATOR).astype(int) - (sums["payer"] == OPERATOR).astype(int))
    assert own.sum() == pytest.approx(town_run.days["profit"].sum())


def test_the_same_seed_gives_the_same_digits(town_run: Run, tmp_path: Path) -> None:
    model = TwoSettlementModel(town(tmp_path), seed=1)
    model.step()
    assert model.last is not None
    first = town_run.days.iloc[0]
    assert model.last.operator.profit == first["profit"]
    assert model.last.settlement.done.cost.sum() == first["real_time_cost"]


@pytest.mark.long
def test_a_run_goes_on_where_it_stopped(town_run: Run, tmp_path: Path) -> None:
    case = town(tmp_path)
    run_scenario(case, tmp_path / "run", RunOptions(days=1, seed=1))
    again = run_scenario(case, tmp_path / "run", RunOptions(days=2, seed=1), resume=True).run
    for name in ("days", "dispatch", "payments", "bidders"):
        pd.testing.assert_frame_equal(comparable(again.table(name)), comparable(town_run.table(name)))


def test_a_run_with_kept_draws_is_the_same(town_run: Run, tmp_path: Path) -> None:
    case = town(tmp_path)
    first = TwoSettlementModel(keep_draws(case, tmp_path / "draws"), seed=1)
    first.step()
    again = TwoSettlementModel(replay_draws(case, tmp_path / "draws", 1), seed=99)
    again.step()
    for model in (first, again):
        assert model.last is not None
        assert model.last.operator.profit == town_run.days["profit"].iloc[0]


@pytest.mark.long
def test_both_solvers_schedule_the_same_profit(tmp_path: Path) -> None:
    planned = []
    for solver in ("highs", "gurobi"):
        model = TwoSettlementModel(town(tmp_path, market={"gap": 0.0}), seed=1, solver=solver)
        model.step()
        assert model.last is not None
        planned.append(model.last.plan.profit)
    assert planned[0] == pytest.approx(planned[1], rel=1e-6)


def test_missing_reserve_costs_its_share_of_the_price_that_is_expected(tmp_path: Path) -> None:
    """Its price must not pass the penalty, in no draw of scenarios: a share of 1 is the least that is allowed."""
    model = TwoSettlementModel(town(tmp_path, penalties={"spinning_share": 1.0}), seed=0)
    model.step()
    forecast = model.last.settlement.forecast
    assert forecast.penalties.spinning == pytest.approx(expected_prices(forecast.scenarios).spinning)


def test_a_budget_on_net_load_is_paid_from_the_objective(tmp_path: Path) -> None:
    """In five hours loads may be a quarter larger."""
    rules = {"load_gamma": 5, "load_deviation_share": 0.25, "gap": 1e-6}
    found = []
    for market in ({"gap": 1e-6}, rules):
        model = TwoSettlementModel(town(tmp_path, market=market), seed=1)
        model.step()
        forecast = model.last.settlement.forecast
        share = model.case.file.market.load_deviation_share
        assert forecast.load_deviation_kw == pytest.approx(share * model.last.day.usual_kw.sum(axis=1))
        found.append(model.last.plan)
    assert found[0].protection == 0.0 < found[1].protection
    assert found[1].objective < found[0].objective
    assert found[1].objective + found[1].protection == pytest.approx(found[1].profit)


def test_schedules_are_checked_and_cleared_in_other_forms(tmp_path: Path) -> None:
    (day,) = simulate(town(tmp_path, market={"aim": "total"}), RunOptions(days=1, check="full"))
    checks = day.tables[CHECKS.name]
    assert set(checks["name"]) == {each.name for each in (*INVARIANTS, *RELATIONS)}
    assert all(checks["holds"])


def test_options_that_there_are_not(tmp_path: Path) -> None:
    case = town(tmp_path)
    with pytest.raises(InputError, match="certify: got 'full'"):
        TwoSettlementModel(case, certify="full")
    with pytest.raises(InputError, match="on_infeasible: got 'stop'"):
        TwoSettlementModel(case, on_infeasible="stop")


@pytest.mark.parametrize("parts", [1, 4])
def test_without_news_real_time_does_what_the_day_ahead_market_scheduled(parts: int, tmp_path: Path) -> None:
    """One scenario, which comes true; no reserve is missing. The two markets are stated apart from each other."""
    case = town(tmp_path, beliefs={"reserve_deviations": 0.0}, market={"gap": 0.0})
    model = TwoSettlementModel(case, seed=0)
    day = case.day(0, model.streams)
    for agent in (model.operator, *model.bidders):
        agent.observe(day)
    forecast, _ = model.expect(day)
    only = replace(forecast.scenarios[0], probability=1.0)
    fines = case.penalties_of(only.prices)
    plan = model.market.clear(replace(forecast, scenarios=(only,), penalties=fines)).positions
    hour = np.repeat(np.arange(24), parts)
    prices = case.prices_of(only.prices.buy[hour])
    weather = Weather(only.load_kw[hour], only.load_kvar[hour], only.available_kw[hour], prices)
    nothing = np.zeros(24 * parts)
    real = RealDay(nothing + 1.0 / parts, hour, weather, weather, fines, forecast.regulating_need_kw, nothing)
    ready = (plan.accepted_spinning_kw + plan.accepted_regulating_kw)[hour]
    bids = [FixedDelivery(plan.accepted_kw[hour, k], ready[:, k]) for k in range(2)]
    done = case.real_time().run(real, plan, forecast.bids, bids)
    assert done.trade_kw == pytest.approx(plan.trade_kw[hour], abs=1e-6)
    assert done.trade_kvar == pytest.approx(plan.trade_kvar[hour], abs=1e-6)
    assert done.generator_kw == pytest.approx(plan.generator_kw[hour], abs=1e-6)
    assert done.storage_kw == pytest.approx(plan.storage_kw[hour], abs=1e-6)
    assert done.cost == pytest.approx(nothing, abs=1e-6)
    assert not done.called_kw.any()


# What is remembered decides


class AskedError(Exception):
    """What the market is asked: the day ends there, nothing is solved."""

    def __init__(self, day: DayAhead) -> None:
        super().__init__("asked")
        self.day = day


def stopped(day: DayAhead) -> Any:
    raise AskedError(day)


Scramble = Callable[[TwoSettlementModel], None]


def opened(folder: Path, scramble: Scramble | None = None) -> tuple[TwoSettlementModel, DayAhead]:
    """Return a model in the middle of its first day, and what it asks the market."""
    model = TwoSettlementModel(town(folder), seed=3)
    if scramble is not None:
        scramble(model)
    model.market.clear = stopped  # type: ignore[method-assign]
    with pytest.raises(AskedError) as caught:
        model.simulate_day()
    return model, caught.value.day


def test_the_operators_memories_decide_what_it_plans_and_holds(tmp_path: Path) -> None:
    _, plain = opened(tmp_path)

    def price(model: TwoSettlementModel) -> None:
        model.operator.price = 2.0 * model.operator.price

    def load(model: TwoSettlementModel) -> None:
        model.operator.load_factor = 1.5 * model.operator.load_factor

    def errors(model: TwoSettlementModel) -> None:
        model.operator.deviation_kw = 3.0 * model.operator.deviation_kw

    _, dear = opened(tmp_path, price)
    expected = [sum(s.probability * s.prices.buy for s in day.scenarios) for day in (plain, dear)]
    assert expected[1] == pytest.approx(2.0 * np.asarray(expected[0]))
    assert dear.bids[0].sold_price == pytest.approx(2.0 * plain.bids[0].sold_price)
    _, heavy = opened(tmp_path, load)
    for mine, theirs in zip(heavy.scenarios, plain.scenarios, strict=True):
        assert mine.load_kw == pytest.approx(1.5 * theirs.load_kw)
    _, careful = opened(tmp_path, errors)
    assert careful.regulating_need_kw == pytest.approx(3.0 * plain.regulating_need_kw)
    assert (plain.regulating_need_kw > 0.0).all()


def test_the_remembered_persistence_decides_what_real_time_expects(tmp_path: Path) -> None:
    model, _ = opened(tmp_path)
    day = model.case.day(0, model.streams)
    model.operator.persistence = 0.25
    real = model.real_day(day)
    assert real.memory == 0.25
    ahead = real.expected.from_now(real.seen, 5, 3, real.memory).load_kw
    error = real.seen.load_kw[5] - real.expected.load_kw[5]
    assert ahead[1] == pytest.approx(real.expected.load_kw[6] + 0.25 * error)


@pytest.mark.parametrize("name", ["price", "accepted", "share", "reliability"])
@pytest.mark.parametrize("kind", ["demand", "lots"])
def test_what_aggregators_remember_changes_their_bids(tmp_path: Path, kind: str, name: str) -> None:
    def scramble(model: TwoSettlementModel) -> None:
        agent = getattr(model, kind)[0]
        value = getattr(agent, name)
        turned = value[::-1].copy() if name == "price" else 0.3 * value
        setattr(agent, name, turned)

    def reserved(model: TwoSettlementModel) -> None:
        """Reserve and energy must be nearly worth the same: a generator's at a low price, a vehicle's at a peak."""
        if name in ("accepted", "reliability"):
            agent = getattr(model, kind)[0]
            agent.price = np.full(24, 0.04) if kind == "demand" else np.where(np.arange(24) == 12, 0.5, 0.2)

    def both(model: TwoSettlementModel) -> None:
        reserved(model)
        scramble(model)

    (_, plain), (_, other) = opened(tmp_path, reserved), opened(tmp_path, both)
    place = 0 if kind == "demand" else 1
    mine, theirs = other.bids[place], plain.bids[place]
    names = ("power_kw", "spinning_kw", "regulating_kw")
    moved = max(float(np.abs(getattr(mine, each) - getattr(theirs, each)).max()) for each in names)
    assert moved > 0.1
    untouched = plain.bids[1 - place], other.bids[1 - place]
    assert untouched[0].power_kw.tolist() == untouched[1].power_kw.tolist()


def test_a_day_is_remembered(tmp_path: Path) -> None:
    """By hand: what came moves every memory by what is left of its own share, each another one."""
    beliefs = {"price_memory": 0.9, "load_memory": 0.6, "error_memory": 0.2, "attendance_memory": 0.4}
    model = TwoSettlementModel(town(tmp_path, beliefs=beliefs), seed=1)
    operator, (flats,), (lot,) = model.operator, model.demand, model.lots
    price, errors, persistence = operator.price.copy(), operator.deviation_kw.copy(), operator.persistence
    accepted = lot.accepted.copy()
    model.step()
    last = model.last
    assert last is not None
    day, settled = last.day, last.settlement
    assert operator.price == pytest.approx(0.9 * price + 0.1 * day.price)
    assert lot.price == pytest.approx(operator.price)
    load = day.load_kw.sum(axis=1).reshape(24, 4).mean(axis=1) / day.usual_kw.sum(axis=1)
    assert operator.load_factor == pytest.approx(0.6 + 0.4 * load)
    error = day.load_kw.sum(axis=1) - day.usual_kw[day.hour].sum(axis=1)
    error = error - (day.available_kw - day.expected_kw[day.hour]).sum(axis=1)
    squares = (error**2).reshape(24, 4).mean(axis=1)
    assert operator.deviation_kw == pytest.approx(np.sqrt(0.2 * errors**2 + 0.8 * squares))
    relative = day.load_kw.sum(axis=1) / day.usual_kw[day.hour].sum(axis=1) - 1.0
    assert operator.persistence == pytest.approx(0.2 * persistence + 0.8 * lasting(relative))
    assert flats.share == pytest.approx(0.4 + 0.6 * day.demand_factor[0])
    assert lot.share == pytest.approx(0.4 + 0.6 * day.vehicles[0].size / 4)
    bid, plan = settled.forecast.bids[1], settled.plan.positions
    offered = bid.spinning_kw + bid.regulating_kw
    got = plan.accepted_spinning_kw[:, 1] + plan.accepted_regulating_kw[:, 1]
    some = offered > 0.0
    assert some.any()
    assert lot.accepted[some] == pytest.approx(0.4 * accepted[some] + 0.6 * got[some] / offered[some])
    assert lot.accepted[~some] == pytest.approx(accepted[~some])
    missing = settled.done.unready_kw[:, 1].sum() * 0.25
    assert lot.reliability == pytest.approx(0.4 + 0.6 * max(0.0, 1.0 - missing / got.sum()))
    assert asdict(last.operator) == pytest.approx(
        {
            "planned_profit": last.plan.profit,
            "profit": settled.money.balances()["operator"] / 100,
            "price_error": np.abs(day.price - price).mean(),
            "load_error": np.abs(relative).mean(),
            "load_factor": operator.load_factor.mean(),
            "deviation_kw": operator.deviation_kw.mean(),
            "persistence": operator.persistence,
        }
    )
    for agent, record in zip((flats, lot), last.bidders, strict=True):
        assert asdict(record) == pytest.approx(remembered(agent, last))


def remembered(agent: DemandBidder | LotBidder, last: TwoSettlementDayResult) -> dict[str, Any]:
    """The record of an aggregator's day, from what the markets published; four quarters make an hour."""
    settled = last.settlement
    names = [bid.name for bid in settled.forecast.bids]
    k, done = names.index(agent.name), settled.done
    accepted = settled.plan.positions.accepted_kw[:, k]
    own = done.bid_kw[:, k] - done.called_kw[:, k] - done.held_kw[:, k] - np.repeat(accepted, 4)
    assert (np.abs(own) > 1e-3).any()
    return {
        "name": ("flats", "lot")[k],
        "kind": ("demand", "lot")[k],
        "planned": agent._planned,
        "income": settled.money.balances()[agent.name] / 100,
        "offered_kwh": settled.forecast.bids[k].power_kw.sum(),
        "accepted_kwh": accepted.sum(),
        "delivered_kwh": done.bid_kw[:, k].sum() / 4,
        "deviation_kwh": np.abs(own).sum() / 4,
        "called_kwh": done.called_kw[:, k].sum() / 4,
        "unready_kwh": done.unready_kw[:, k].sum() / 4,
        "expected_share": agent.share,
        "reliability": agent.reliability,
    }


def test_an_aggregator_never_gives_up_on_reserve(tmp_path: Path) -> None:
    model, _ = opened(tmp_path)
    (lot,) = model.lots
    lot.accepted = np.zeros(24)
    full = lot.offers.at(lot.price).regulating
    assert lot.expected_prices().regulating == pytest.approx(HOPE * full)


def test_errors_that_last() -> None:
    assert lasting(np.array([1.0, 0.5, 0.25])) == pytest.approx(0.5)
    assert lasting(np.array([1.0, -1.0, 1.0])) == 0.0
    assert lasting(np.zeros(3)) == 0.0
    assert lasting(np.array([1.0, 2.0, 4.0])) == 0.99


def test_a_wish_that_cannot_be_met_is_lowered(tmp_path: Path) -> None:
    case = town(tmp_path)
    axis = case.axis(0)
    batch = case.expected_vehicles(0, axis)
    late = replace(batch, arrival=batch.departure - 1)
    met = case.lot_zone(0, late, axis).vehicles
    assert (met.wish_kwh <= late.energy_kwh + 7.0 * 0.95 + 1e-9).all()
