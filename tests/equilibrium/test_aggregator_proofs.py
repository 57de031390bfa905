"""Whether the aggregator market's proofs notice: each statement sees what breaks it, each search keeps its bound.

Prices that nothing is traded at are as `docs/aggregator.md` says, or the leader would earn less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from equilibrium.markets.aggregator import group
from equilibrium.markets.aggregator.answer import answer
from equilibrium.markets.aggregator.clearing import AggregatorClearing
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.flow import Flows, fixed, within
from equilibrium.markets.aggregator.followers import followers
from equilibrium.markets.aggregator.invariants import INVARIANTS, check_clearing
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.reaction import expected_margin, react_all
from tests.equilibrium.aggregator_days import on_line, random_day
from tests.equilibrium.test_aggregator import bare

UNIFORM: dict[str, Any] = {"pricing": "uniform"}


@pytest.fixture(scope="module")
def pair() -> tuple[AggregatorDay, AggregatorClearing]:
    """A day with two scenarios on a feeder whose load is worth more than the cap, and how it is cleared."""
    day = on_line(random_day(4, scenarios=2))
    day = replace(day, retailer=replace(day.retailer, price=day.retailer.price + 4.0))
    return day, AggregatorMarket().clear(day)


# Statements about cleared days


def lot_with(name: str, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def changed(cleared: AggregatorClearing) -> AggregatorClearing:
        did = cleared.lots[0]
        return replace(cleared, lots=(replace(did, **{name: change(getattr(did, name))}), *cleared.lots[1:]))

    return changed


def with_(**changes: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda cleared: replace(
        cleared, **{name: change(getattr(cleared, name)) for name, change in changes.items()}
    )


def accounts_with(name: str, more: Any) -> Callable[[Any], Any]:
    return lambda cleared: replace(
        cleared, accounts=replace(cleared.accounts, **{name: getattr(cleared.accounts, name) + more})
    )


def upstream_of_the_gap(part: float, more: float = 0.0) -> Callable[[Any], Any]:
    """Let the aggregator earn more upstream: a part of what its bound leaves open, and something more."""
    return lambda cleared: accounts_with("upstream", part * (cleared.bound - cleared.profit) + more)(cleared)


def price_with(name: str, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda cleared: replace(cleared, prices={**cleared.prices, name: change(cleared.prices[name])})


def grid_with(name: str, more: float) -> Callable[[Any], Any]:
    return lambda cleared: replace(cleared, grid=replace(cleared.grid, **{name: getattr(cleared.grid, name) + more}))


def last(more: float) -> Callable[[Any], Any]:
    """Add to the last number alone."""

    def changed(values: Any) -> Any:
        found = np.array(values)
        found.flat[-1] += more
        return found

    return changed


BROKEN: list[tuple[str, Callable[[Any], Any], str]] = [
    ("purchase", with_(purchase_kw=last(1.0)), "energy money"),
    ("served", with_(served_kw=last(-1.0)), "energy interruption money"),
    ("output", with_(generators_kw=last(1.0)), "energy money"),
    ("reserve", with_(reserve_kw=last(1.0)), "money"),
    ("losses of the feeder", grid_with("loss_kw", 0.5), "energy"),
    ("substation", grid_with("substation_kw", 0.5), "energy"),
    ("upstream", upstream_of_the_gap(1.0, 0.01), "bound duality money"),
    ("upstream within the gap", upstream_of_the_gap(0.99), "duality money"),
    ("upstream less", accounts_with("upstream", -1.0), "duality money"),
    ("losses", accounts_with("losses", 1.0), "duality"),
    ("from lots", accounts_with("from_lots", -1.0), "duality money"),
    ("generators", accounts_with("generators", np.array([0.0, 0.3])), "money reaction"),
    ("retailer", accounts_with("retailer", 0.3), "money reaction"),
    ("linearised", with_(linearised=lambda value: value + 1.0), "duality"),
    ("linearised less", with_(linearised=lambda value: value - 1.0), "duality"),
    ("bound", with_(bound=lambda value: value - 20.0), "bound"),
    ("charge G2V", lot_with("charge_g2v_kw", last(500.0)), "energy pools powers"),
    ("charge V2G", lot_with("charge_v2g_kw", last(-1.0)), "energy pools powers"),
    ("discharge", lot_with("discharge_kw", last(1.0)), "energy pools powers"),
    ("reserve of a lot", lot_with("reserve_kw", lambda value: value + 50.0), "powers"),
    ("less than no reserve", lot_with("reserve_kw", last(-1.0)), "powers"),
    ("energy G2V", lot_with("g2v_kwh", last(0.5)), "pools"),
    ("energy V2G", lot_with("v2g_kwh", last(0.5)), "pools"),
    ("flex1", lot_with("flex1_kwh", last(0.5)), "pools"),
    ("flex2", lot_with("flex2_kwh", last(0.5)), "pools"),
    ("cap", price_with("retailer", lambda price: price + 4.0), "caps reaction"),
    ("below zero", price_with("retailer", lambda price: price - 30.0), "caps reaction"),
    ("breakpoint", price_with("generators", lambda price: price + 0.01), "breakpoints reaction"),
]


def test_a_cleared_day_keeps_every_statement(pair: tuple[AggregatorDay, AggregatorClearing]) -> None:
    day, cleared = pair
    assert all(finding.holds for finding in check_clearing(day, cleared))
    assert [each.name for each in INVARIANTS] == [
        *("money", "energy", "pools", "powers", "reaction", "duality", "bound", "caps", "breakpoints", "interruption")
    ]
    seen = {name for _, _, names in BROKEN for name in names.split()}
    assert seen == {each.name for each in INVARIANTS}


@pytest.mark.parametrize(("change", "names"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_statement_sees_what_breaks_it(
    pair: tuple[AggregatorDay, AggregatorClearing], change: Callable[[Any], Any], names: str
) -> None:
    day, cleared = pair
    found = {finding.name for finding in check_clearing(day, change(cleared)) if not finding.holds}
    assert found == set(names.split())


def test_what_is_paid_for_may_be_interrupted(pair: tuple[AggregatorDay, AggregatorClearing]) -> None:
    """The statement on interruption is about caps below the load's worth alone."""
    day, cleared = pair
    less = replace(cleared, served_kw=cleared.served_kw - 1.0)
    interruption = next(each for each in INVARIANTS if each.name == "interruption")
    assert interruption.violation(None, day, less) > 1e-3
    assert interruption.violation(None, replace(day, cap=float(day.retailer.worth.min())), less) == 0.0


# Searches that are cut short


@pytest.mark.parametrize(
    ("seed", "changes"),
    [(4, {"periods": 4, "scenarios": 2}), (9, {"periods": 4, "scenarios": 3, **UNIFORM}), (22, {"periods": 6}),
     (2, {"periods": 3, "scenarios": 2, "lots": 2})],
)  # fmt: skip
def test_a_search_that_is_cut_short_anywhere_brackets_the_optimum(seed: int, changes: dict[str, Any]) -> None:
    day = random_day(seed, **changes)
    whole = AggregatorMarket(gap=0.0).clear(day)
    assert whole.certificate.verdict is Verdict.EXACT
    bounds = []
    limits = sorted({1, 2, 3, 5, 13, 34, max(1, whole.nodes // 2)} & set(range(1, whole.nodes)))
    for limit in limits:
        cut = AggregatorMarket(gap=0.0, node_limit=limit).clear(day)
        size = 1.0 + abs(whole.profit)
        assert cut.profit <= whole.profit + 1e-8 * size
        assert cut.bound >= whole.profit - 1e-8 * size
        assert cut.nodes <= whole.nodes
        assert all(finding.holds for finding in check_clearing(day, cut))
        regret = max(0.0, cut.bound - cut.profit)
        assert cut.certificate.regret[0] == pytest.approx(regret, abs=1e-9 * size)
        assert cut.gap == pytest.approx(regret / max(1.0, abs(cut.profit)))
        assert (cut.certificate.verdict is Verdict.EXACT) == (regret <= 1e-8 * max(1.0, abs(cut.profit)))
        bounds.append(cut.bound)
    if limits:
        assert bounds[0] > whole.profit + 1e-6
    assert bounds == sorted(bounds, reverse=True) or max(np.diff(bounds)) < 1e-6


@pytest.mark.parametrize("more", [{}, UNIFORM])
def test_on_a_feeder_any_gap_and_any_limit_brackets_the_same_optimum(more: dict[str, Any]) -> None:
    day = on_line(random_day(3, periods=3, scenarios=2, **more))
    found = [
        AggregatorMarket(gap=gap, node_limit=limit).clear(day) for gap, limit in ((1e-3, 1), (1e-2, 40), (1e-4, 400))
    ]
    best = max(each.profit for each in found)
    assert all(each.bound >= best - 1e-9 * (1.0 + best) for each in found)
    assert found[-1].gap <= 1e-3


@pytest.mark.parametrize(("seed", "more"), [(0, {}), (1, UNIFORM), (6, UNIFORM)])
def test_splitting_prices_alone_comes_to_the_same_optimum(
    seed: int, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the search with all scenarios in one problem finds, boxes of prices find too; cut short they bracket it."""
    day = random_day(seed, periods=3, scenarios=2, **more)
    whole = AggregatorMarket(gap=0.0).clear(day)
    monkeypatch.setattr(group, "TOGETHER", 1)
    split = AggregatorMarket(gap=0.0).clear(day)
    assert split.certificate.verdict is Verdict.EXACT
    assert split.nodes > whole.nodes
    assert split.profit == pytest.approx(whole.profit, rel=1e-9)
    assert split.bound == pytest.approx(whole.profit, rel=2e-9)
    monkeypatch.setattr(group, "MOST_BOXES", 3)
    cut = AggregatorMarket(gap=0.0).clear(day)
    assert cut.nodes <= split.nodes
    assert cut.profit <= split.bound
    assert cut.bound >= split.profit


# The certificate


def test_the_certificate_says_who_could_gain_how_much(pair: tuple[AggregatorDay, AggregatorClearing]) -> None:
    day, cleared = pair
    proof = cleared.certificate
    players = 1 + day.scenarios * len(day.lots) + len(day.generators) + 1
    assert len(proof.regret) == players
    assert proof.regret[0] == pytest.approx(cleared.bound - cleared.profit)
    assert max(proof.regret[1:]) <= 1e-6
    assert proof.worst_regret == max(proof.regret)
    assert proof.epsilon == pytest.approx(proof.regret[0] / max(1.0, cleared.profit))
    assert proof.notes[0] == f"profit {cleared.profit:.10g}, proven bound {cleared.bound:.10g}"
    assert proof.verdict is Verdict.KKT_CONSISTENT
    assert max(proof.primal, proof.dual, proof.complementarity, proof.gap) <= 1e-7
    assert "HiGHS" in proof.solver
    assert 0.0 < cleared.solver_seconds <= cleared.seconds
    drawn = sum(day.probability @ (each.charge_kw - each.discharge_kw) for each in cleared.lots)
    np.testing.assert_allclose(cleared.purchase_kw, cleared.served_kw + drawn - cleared.generators_kw.sum(axis=1))
    np.testing.assert_allclose(cleared.reserve_kw, sum(day.probability @ each.reserve_kw for each in cleared.lots))
    for k, lot in enumerate(day.lots):
        called = day.call * (1.0 - lot.failure_rate) * cleared.prices[f"{lot.name} out"]
        np.testing.assert_allclose(cleared.all_in_reserve[:, k], cleared.prices[f"{lot.name} reserve"] + called)


@pytest.mark.parametrize("more", [{}, UNIFORM])
def test_a_price_is_identified_where_something_is_traded_at_it(more: dict[str, Any]) -> None:
    day = random_day(5, scenarios=2, **more)
    cleared = AggregatorMarket().clear(day)
    did = cleared.lots[0]

    def used(*quantities: Any) -> list[bool]:
        return [any(np.asarray(each)[..., t].max() > 1e-6 for each in quantities) for t in range(day.periods)]

    output, served = cleared.generators_kw.T, cleared.served_kw[None, :]
    energy = (did.charge_g2v_kw, did.charge_v2g_kw, did.discharge_kw)
    if more:
        wanted = {"energy": used(*energy, output, served), "reserve": used(did.reserve_kw)}
    else:
        wanted = {"lot 0 in": used(*energy[:2]), "lot 0 out": used(energy[2]), "lot 0 reserve": used(did.reserve_kw)}
        wanted |= {"generators": used(output), "retailer": used(served)}
    assert {name: flags.tolist() for name, flags in cleared.identified.items()} == wanted


# Prices at which nothing is traded


@pytest.mark.parametrize(
    ("seed", "changes"), [(2, {}), (5, {"scenarios": 2}), (6, {"reserve_cap": 0.4, "lots": 2}), (11, {})]
)
def test_idle_prices_are_normal_or_earn_less_when_they_are(seed: int, changes: dict[str, Any]) -> None:
    day = random_day(seed, **{"call_probability": 0.2, **changes})
    cleared = AggregatorMarket().clear(day)
    every, idle = followers(day), 0
    for lot in day.lots:
        names = {what: f"{lot.name} {what}" for what in ("in", "out", "reserve")}
        price = {what: cleared.prices[name] for what, name in names.items()}
        traded = {what: cleared.identified[name] for what, name in names.items()}
        called = day.call * (1.0 - lot.failure_rate)
        whole = price["reserve"] + called * price["out"]
        for t in range(day.periods):
            trials: list[dict[str, float]] = []
            if not traded["in"][t]:
                trials.append({"in": day.energy_cap})
            if not traded["out"][t]:
                kept = min(whole[t], day.reserve_cap) if traded["reserve"][t] else 0.0
                rest = (whole[t] - kept) / called[t] if traded["reserve"][t] else 0.0
                trials.append({"reserve": kept, "out": rest})
            for trial in trials:
                idle += 1
                if all(price[what][t] == pytest.approx(value, abs=1e-12) for what, value in trial.items()):
                    continue
                other = {name: value.copy() for name, value in cleared.prices.items()}
                for what, value in trial.items():
                    other[names[what]][t] = value
                assert expected_margin(react_all(every, other)) < cleared.profit - 1e-10
    assert idle > 3
    if day.generators:
        still = ~cleared.identified["generators"]
        assert (cleared.prices["generators"][still] == 0.0).all()


# Prices that stand already


@pytest.mark.parametrize("more", [{}, UNIFORM])
def test_a_day_at_the_prices_of_its_own_plan_is_the_plan(more: dict[str, Any]) -> None:
    day = on_line(random_day(4, periods=4, **more))
    cleared = AggregatorMarket().clear(day)
    again = answer(day, cleared.prices)
    assert again.limits_kept
    assert again.profit == pytest.approx(cleared.profit)
    assert again.accounts.losses == pytest.approx(cleared.accounts.losses)
    assert again.grid is not None
    assert cleared.grid is not None
    np.testing.assert_allclose(again.grid.loss_kw, cleared.grid.loss_kw, atol=1e-6)
    assert max(each.worst for each in again.residuals) <= 1e-7
    assert len(again.residuals) == 1 + 2 + 1


def test_an_answer_that_breaks_a_limit_has_no_losses_and_says_so() -> None:
    """At 10 ohm a branch the line carries nothing of this day; without limits the followers do what they want."""
    free = random_day(3)
    prices = AggregatorMarket().clear(free).prices
    tight = answer(on_line(free, voltage_min_pu=0.9999, ohm=2.0), prices)
    assert not tight.limits_kept
    assert tight.grid is None
    assert tight.accounts.losses == 0.0
    loose = answer(free, prices)
    assert loose.limits_kept
    assert loose.grid is None
    assert tight.profit == pytest.approx(loose.profit)


# One period of the feeder


def test_a_flow_says_by_how_much_it_misses_its_limits() -> None:
    """Two buses, 0.4 + 0.2j ohm: 100 kW + 40 kvar drawn at 4.8 kV. A lower voltage limit and a rating are missed."""
    day = on_line(bare(generators=()), buses=2)
    grid = day.grid
    assert grid is not None
    given = fixed(np.zeros(0), np.zeros(0), 100.0)
    free = Flows(day, grid)
    flow = free.solve(0, given)
    assert flow is not None
    voltage, root = float(free.voltage_pu(flow)[1]), 4.8
    assert free.violation(given).value == 0.0
    assert within(free.violation(given))
    current = float(free.losses_kw(flow)[1]) * 1000.0 / 0.4  # A^2, and that is (kVA / kV)^2
    high = replace(grid.feeder, voltage_min_pu=np.full(2, 0.9999))
    missed = Flows(day, replace(grid, feeder=high)).violation(given)
    assert missed.value == pytest.approx((0.9999**2 - voltage**2) * root**2)
    assert not within(missed)
    weak = replace(grid.feeder, rating_kva=np.array([np.inf, 30.0]))
    missed = Flows(day, replace(grid, feeder=weak)).violation(given)
    assert missed.value == pytest.approx(current - (30.0 / root) ** 2)
    low = replace(grid.feeder, voltage_max_pu=np.full(2, 0.99))
    excess = Flows(day, replace(grid, feeder=low)).violation(given).value
    assert 0.5 < excess / ((voltage**2 - 0.99**2) * root**2) < 1.0  # wasted current lowers a voltage
    assert Flows(day, replace(grid, feeder=high)).solve(0, given) is None
    # What a kW more at the load costs: the gradient is the difference of the values.
    more = free.solve(0, fixed(np.zeros(0), np.zeros(0), 101.0))
    assert more is not None
    assert more.value - flow.value == pytest.approx(flow.gradient[-1], rel=0.2)
    assert flow.value == pytest.approx(8.0 * float(free.losses_kw(flow).sum()))
    half = Flows(replace(day, period_h=0.5), grid).solve(0, given)
    assert half is not None
    assert half.value == pytest.approx(0.5 * flow.value)
    earned = free.solve(0, given, np.array([3.0]))
    assert earned is not None
    assert earned.value == pytest.approx(flow.value - 300.0)
    assert free.substation_kw(flow) == pytest.approx((100.0 + float(free.losses_kw(flow).sum())) / 0.98)


def test_powers_beyond_the_range_of_flows_miss_it_and_their_gradient_is_a_cut() -> None:
    """2,000 kW is the range of the one branch: what is missed grows with the load, and no allowed load is cut off."""
    day = on_line(bare(generators=()), buses=2)
    assert day.grid is not None
    flows = Flows(day, day.grid)
    loads = np.array([2500.0, 1e4, 1e5])
    missed = [flows.violation(fixed(np.zeros(0), np.zeros(0), load)) for load in loads]
    assert all(not within(each) for each in missed)
    assert 0.0 < missed[0].value < missed[1].value < missed[2].value
    assert missed[0].value >= 500.0  # kW beyond the range alone
    for each, load in zip(missed, loads, strict=True):
        for allowed in (0.0, 100.0, 400.0):
            assert flows.solve(0, fixed(np.zeros(0), np.zeros(0), allowed)) is not None
            assert each.value + each.gradient[-1] * (allowed - load) <= 1e-6 * each.value
