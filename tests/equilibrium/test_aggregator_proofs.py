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
from equilibrium.errors import InputError
from equilibrium.markets.aggregator import group
from equilibrium.markets.aggregator.answer import answer
from equilibrium.markets.aggregator.checks import check_day
from equilibrium.markets.aggregator.clearing import AggregatorClearing
from equilibrium.markets.aggregator.day import AggregatorDay, Generator, Reading
from equilibrium.markets.aggregator.flow import Flows, fixed, within
from equilibrium.markets.aggregator.followers import followers
from equilibrium.markets.aggregator.invariants import INVARIANTS, check_clearing
from equilibrium.markets.aggregator.market import AggregatorMarket
from equilibrium.markets.aggregator.reaction import expected_margin, react_all
from tests.equilibrium.aggregator_days import on_line, random_day
from tests.equilibrium.test_aggregator import bare, one_car, three_periods

UNIFORM: dict[str, Any] = {"pricing": "uniform"}


@pytest.fixture(scope="module")
def pair() -> tuple[AggregatorDay, AggregatorClearing]:
    """A day with two scenarios on a feeder whose load is worth more than the cap, and how it is cleared."""
    day = on_line(random_day(3, scenarios=2))
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
    [(3, {"periods": 4, "scenarios": 2}), (9, {"periods": 4, "scenarios": 3, **UNIFORM}), (1, {"periods": 6}),
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


# Numbers at the edge of what is allowed


def lots(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, lots=(replace(day.lots[0], **changes),))


def tariffs(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, lots=(replace(day.lots[0], tariffs=replace(day.lots[0].tariffs, **changes)),))


def vehicles(**changes: Callable[[Any], Any]) -> Callable[[AggregatorDay], AggregatorDay]:
    def changed(day: AggregatorDay) -> AggregatorDay:
        came = day.lots[0].vehicles
        given = {name: change(getattr(came, name)) for name, change in changes.items()}
        return replace(day, lots=(replace(day.lots[0], vehicles=replace(came, **given)),))

    return changed


def retailer(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, retailer=replace(day.retailer, **changes))


def unit(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, generators=(replace(Generator("unit", 1.0, 1.0), **changes),))


def of_day(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(day, **changes)


def feeder(**changes: Any) -> Callable[[AggregatorDay], AggregatorDay]:
    return lambda day: replace(on_line(day), grid=replace(on_line(day).grid, **changes))


EDGES: list[tuple[str, Callable[..., Any], str, list[Any], list[Any]]] = [
    ("charger", lots, "charger_kw", [500.0], [-1e-9, np.nan, np.inf]),
    ("battery", lots, "battery_kwh", [24.0], [0.0, -1.0, np.inf]),
    ("stations", lots, "stations", [250.0], [-0.5, np.nan]),
    ("eta in", lots, "charge_efficiency", [1.0, 0.9], [0.0, 1.0 + 1e-9, -0.5]),
    ("eta out", lots, "discharge_efficiency", [1.0, 0.5], [0.0, 1.0 + 1e-9, -0.5]),
    ("lot fails", lots, "failure_rate", [0.0, 1.0], [-1e-9, 1.0 + 1e-9]),
    ("least", lots, "soc_min", [0.0], [-1e-9, 0.951]),
    ("most", lots, "soc_max", [1.0, 0.95], [1.0 + 1e-9, 0.899]),
    ("start", lots, "initial_kwh", [(0.0, 0.0)], [(-1e-9, 0.0), (0.0, -1e-9), (0.0, np.inf)]),
    ("fails", of_day, "failure_rate", [0.0, 1.0], [-1e-9, 1.0 + 1e-9]),
    ("calls", of_day, "call_probability", [0.0, 1.0, np.full(5, 0.5)], [-1e-9, 1.0 + 1e-9, np.full(4, 0.5)]),
    ("cap", of_day, "cap", [0.0, 10.0], [-1e-9, np.inf, np.nan, None]),
    ("reserve cap", of_day, "reserve_cap", [0.0], [-1e-9, np.inf, np.nan]),
    ("energy price", of_day, "energy_price", [np.full(5, -9.0)], [np.full(5, np.inf)]),
    ("reserve price", of_day, "reserve_price", [np.zeros(5)], [np.zeros(4), np.zeros((5, 1))]),
    (
        "probability",
        of_day,
        "probability",
        [np.ones(1), np.ones(1) - 9e-10],
        [np.full(1, 1.1), np.zeros(0), np.ones((1, 1))],
    ),
    ("load", retailer, "load_kw", [np.zeros(5)], [np.full(5, -1e-9), np.zeros(6), np.full(5, np.nan)]),
    ("price", retailer, "price", [np.full(5, -1.0)], [np.zeros(4)]),
    ("incentive", retailer, "incentive", [0.0], [-1e-9, np.inf]),
    ("interruptible", retailer, "interruptible_share", [0.0, 1.0], [-1e-9, 1.0 + 1e-9]),
    ("cost", unit, "cost", [0.0], [-1e-9, np.inf]),
    ("capacity", unit, "capacity_kw", [0.0], [-1e-9, np.inf]),
    ("parked", vehicles, "parked", [lambda v: v], [lambda v: v[:, 1:], lambda v: v - 100.0, lambda v: v + 1e3]),
    ("moved", vehicles, "arriving", [lambda v: v + 1e-8], [lambda v: v + 1e-3, lambda v: v - 1e3]),
    ("gone", vehicles, "departing", [lambda v: v], [lambda v: v + 1e-3, lambda v: v[0]]),
    ("came with", vehicles, "arrival_kwh", [lambda v: v], [lambda v: v - 1e3, lambda v: v[:, :, 1:]]),
    ("brought", vehicles, "brought_kwh", [lambda v: v], [lambda v: v - 1e3, lambda v: v[:, :, 1:]]),
    ("V2G", tariffs, "v2g", [11.0 + 0.5], [11.0 + 0.5 - 1e-6, np.full(4, 12.0)]),
    ("cheap G2V", tariffs, "g2v3", [11.0], [12.0, 11.6, np.nan]),
    ("G2V", tariffs, "g2v2", [11.9], [11.0, 13.0, -1.0]),
    ("dear G2V", tariffs, "g2v1", [12.1], [12.0, np.inf]),
    ("extra", tariffs, "extra", [0.0], [-1e-9]),
    ("parking", tariffs, "parking", [0.0], [-1e-9]),
    ("wear", tariffs, "degradation", [0.0, 0.5], [-1e-9, 0.6]),
    ("loss price", feeder, "loss_price", [np.full(5, 1e-9)], [np.zeros(5), np.full(5, -1.0), np.ones(4)]),
    ("segments", feeder, "segments", [1], [0]),
    ("transformer", feeder, "transformer_efficiency", [1.0], [0.0, 1.0 + 1e-9]),
]


def edge_day() -> AggregatorDay:
    """Tariffs at which every inequality between them is near."""
    day = random_day(4)
    usual = {"g2v1": 13.0, "g2v2": 12.0, "g2v3": 11.0, "v2g": 11.5, "degradation": 0.5, "extra": 0.1, "parking": 1.0}
    return tariffs(**usual)(day)


@pytest.mark.parametrize(
    ("make", "name", "allowed", "refused"), [case[1:] for case in EDGES], ids=[case[0] for case in EDGES]
)
def test_numbers_at_the_edge(
    make: Callable[..., Callable[[AggregatorDay], AggregatorDay]], name: str, allowed: list[Any], refused: list[Any]
) -> None:
    day = edge_day()
    for value in allowed:
        check_day(make(**{name: value})(day))
    for value in refused:
        with pytest.raises(InputError):
            check_day(make(**{name: value})(day))


def test_units_stand_on_buses_of_the_feeder_and_names_differ() -> None:
    day = on_line(edge_day(), buses=4)
    for bus, fine in ((0, True), (3, True), (-1, False), (4, False)):
        for moved in (
            replace(day, lots=(replace(day.lots[0], bus=bus),)),
            replace(day, generators=(replace(day.generators[0], bus=bus), day.generators[1])),
        ):
            if fine:
                check_day(moved)
                continue
            with pytest.raises(InputError, match=rf"bus: got {bus}, expected 0 .. 3"):
                check_day(moved)
    same = replace(day, generators=(day.generators[0], replace(day.generators[1], name="lot 0")))
    with pytest.raises(InputError, match="names that differ"):
        check_day(same)
    with pytest.raises(InputError, match="base-case load"):
        check_day(replace(day, grid=replace(day.grid, feeder=replace(day.grid.feeder, load_kw=np.zeros(4)))))


def test_what_a_pool_can_reach_is_followed_period_by_period() -> None:
    """One vehicle of 20 kWh: chargers just strong enough, and vehicles that leave just enough room."""
    # It must leave with 0.6 * 20 = 12 kWh, came with 6, and is charged in two periods at 0.75.
    fix = one_car(0, 0.6, 6.0)
    enough = 6.0 / (0.75 * 2.0)
    check_day(three_periods(replace(fix, charger_kw=enough)))
    with pytest.raises(InputError, match=r"G2V pool: period 2: got .*, expected energy that chargers can reach"):
        check_day(three_periods(replace(fix, charger_kw=enough - 1e-3)))
    # A vehicle that only charges and leaves with less than it came with has energy that nobody takes.
    with pytest.raises(InputError, match="whatever leaves with the others"):
        check_day(three_periods(one_car(0, 0.2, 6.0)))
    # One that also discharges can get rid of it: half of what is above the minimum (printed), or all of it.
    both = one_car(2, 0.3, 10.0)
    check_day(three_periods(replace(both, charger_kw=50.0), reading=Reading(output_stock="start")))
    # 10 -> 7 -> 5.5 kWh of 4 + 6 * 0.5 * 0.5: it should leave with 6, so half of what lies above is enough.
    check_day(three_periods(replace(both, charger_kw=50.0)))
    with pytest.raises(InputError, match="whatever leaves with the others"):
        check_day(three_periods(replace(one_car(2, 0.25, 10.0), charger_kw=50.0)))
    check_day(three_periods(replace(one_car(2, 0.25, 10.0), charger_kw=50.0), reading=Reading(output_stock="start")))


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
