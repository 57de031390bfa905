"""What the followers do when several aggregators have posted prices, and what everybody earns then.

A follower does what is best for it. Where it is indifferent the aggregators' joint margin decides, and then its own
aggregator has it: of two offers that are as good, the one whose maker could still go further wins, as it would if it
went a hair further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.aggregator.accounts import Accounts, LotAccount, LotQuantities, keep_accounts
from equilibrium.markets.aggregator.day import AggregatorDay
from equilibrium.markets.aggregator.reaction import face, margin_costs
from equilibrium.markets.aggregator.rivals.day import Prices, Profile, RivalsDay
from equilibrium.markets.aggregator.rivals.offers import RESERVE_PORT, Offered, offered
from equilibrium.programs.duality import Residuals, kkt_residuals, optimal_face
from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import solve_linear
from equilibrium.programs.solvers.choose import require_optimal


@dataclass(frozen=True, eq=False)
class Choice:
    """What one follower does (a lot: in one scenario).

    Attributes
    ----------
    follower
        Who.
    x
        Its decision.
    margins
        What each aggregator earns with it, upstream value and payments, currency, unweighted, ``(aggregators,)``.
    fees
        What it pays for wheeling, currency.
    residuals
        How well it satisfies its optimality conditions, recomputed from arrays.
    """

    follower: Offered
    x: FloatArray
    margins: FloatArray
    fees: float
    residuals: Residuals

    def with_whom(self, who: int) -> FloatArray:
        """Return what is traded with an aggregator, by traded column."""
        return self.x[self.follower.part(who)]


@dataclass(frozen=True, eq=False)
class MarketOutcome:
    """One aggregator's followers at everybody's prices.

    Attributes
    ----------
    choices
        In the order of the followers.
    lots, generators_kw, served_kw
        As in :class:`equilibrium.markets.aggregator.clearing.AggregatorClearing`, with whomever it is traded.
    margins
        What each aggregator earns in this market, expected, currency, shape ``(aggregators,)``.
    fees
        What the followers pay for wheeling, expected, currency.
    accounts
        Profits of the followers, the payments to all aggregators and the fees counted. Its terms of the aggregator are
        what all aggregators earn here together.
    """

    choices: tuple[Choice, ...]
    lots: tuple[LotQuantities, ...]
    generators_kw: FloatArray
    served_kw: FloatArray
    margins: FloatArray
    fees: float
    accounts: Accounts


def outcome(day: RivalsDay, profile: Profile) -> tuple[MarketOutcome, ...]:
    """Return what happens in every market at the prices of a profile."""
    markets = range(day.size)
    return tuple(
        market_outcome(day, market, offered(day, market), [profile[who][market] for who in markets])
        for market in markets
    )


def earned_by(markets: Sequence[MarketOutcome], profile: Profile, who: int) -> Accounts:
    """Return the accounts of an aggregator and its followers: its own terms count what it trades in every market."""
    received = dict.fromkeys(("lot", "generator", "retailer"), 0.0)
    for number, market in enumerate(markets):
        for each in market.choices:
            paid = each.follower.payments(each.x, who, profile[who][number])
            base = each.follower.base
            received[base.kind] += base.weight * sum(float(amount.sum()) for amount in paid.values())
    everything = sum(float(market.margins[who]) for market in markets)
    return replace(
        markets[who].accounts,
        upstream=everything - sum(received.values()),
        from_lots=received["lot"],
        from_generators=received["generator"],
        from_retailer=received["retailer"],
    )


def market_outcome(
    day: RivalsDay, market: int, followers: Sequence[Offered], offers: Sequence[Prices]
) -> MarketOutcome:
    """Return what happens in one market.

    Parameters
    ----------
    followers
        Of :func:`.offers.offered`.
    offers
        Prices of every aggregator there.
    """
    own = day.markets[market]
    choices = tuple(choose(each, offers) for each in followers)
    weights = [each.follower.base.weight for each in choices]
    lots = tuple(_lot(own, name, choices) for name in (lot.name for lot in own.lots))
    output = [_block(each, "output_kw") for each in choices if each.follower.base.kind == "generator"]
    generators = np.array(output).reshape(-1, own.periods).T
    served = next(_block(each, "served_kw") for each in choices if each.follower.base.kind == "retailer")
    margins = sum((w * each.margins for w, each in zip(weights, choices, strict=True)), np.zeros(day.size))
    return MarketOutcome(
        choices=choices,
        lots=lots,
        generators_kw=generators,
        served_kw=served,
        margins=margins,
        fees=float(sum(w * each.fees for w, each in zip(weights, choices, strict=True))),
        accounts=_accounts(own, market, choices, lots, (generators, served), offers),
    )


def choose(follower: Offered, offers: Sequence[Prices]) -> Choice:
    """Return what a follower does: best for itself, then for all aggregators together, then with its own one."""
    instance = follower.at(offers)
    optimal, y, _ = face(instance)
    margins = [margin_costs(follower.view(who, offers), instance) for who in range(len(offers))]
    preferred = _best(optimal, -np.sum(margins, axis=0))
    at_home = np.zeros(instance.shape[1])
    at_home[follower.part(follower.home)] = -1.0
    x = require_optimal(solve_linear(preferred.with_cost(at_home)), "a follower's optimal face").x
    fees = sum(float(follower.fee @ x[follower.part(who)]) for who in range(len(offers)) if who != follower.home)
    earned = np.array([float(margin @ x) for margin in margins])
    return Choice(follower, x, earned, fees, kkt_residuals(instance, x, y))


def _best(instance: Instance, cost: FloatArray) -> Instance:
    """Return the face of an instance on which a cost is least."""
    asked = instance.with_cost(cost)
    answer = require_optimal(solve_linear(asked), "a follower's optimal face")
    return optimal_face(asked, answer.y, point=answer.x)


def _block(choice: Choice, name: str) -> FloatArray:
    return choice.follower.program.value(choice.x, name)


def _lot(day: AggregatorDay, name: str, choices: Sequence[Choice]) -> LotQuantities:
    own = [each for each in choices if each.follower.base.kind == "lot" and each.follower.base.name == name]
    assert len(own) == day.scenarios
    names = ("charge_g2v_kw", "charge_v2g_kw", "discharge_kw", "reserve_kw", "g2v_kwh", "v2g_kwh", "flex1_kwh")
    rows = {each: np.array([_block(choice, each) for choice in own]) for each in names}
    flex2 = np.array([_block(choice, "returned_kwh") + _block(choice, "bought_kwh") for choice in own])
    return LotQuantities(**rows, flex2_kwh=flex2)


def _accounts(
    day: AggregatorDay,
    market: int,
    choices: Sequence[Choice],
    lots: tuple[LotQuantities, ...],
    others: tuple[FloatArray, FloatArray],
    offers: Sequence[Prices],
) -> Accounts:
    """Count what everybody pays whom; what lots settle with their drivers does not depend on the prices."""
    plain = keep_accounts(day, offers[market], lots, *others, 0.0)
    details, generators, retailer = [], [], 0.0
    for lot, detail in zip(day.lots, plain.lot_accounts, strict=True):
        own = [each for each in choices if each.follower.base.kind == "lot" and each.follower.base.name == lot.name]
        details.append(_lot_account([_paid(each, offers) for each in own], detail.drivers))
    for each in choices:
        paid = sum(_paid(each, offers).values())
        if each.follower.base.kind == "generator":
            cost = next(unit.cost for unit in day.generators if unit.name == each.follower.base.name)
            generators.append(-paid - cost * float(_block(each, "output_kw") @ day.length_h))
        elif each.follower.base.kind == "retailer":
            interrupted = day.retailer.load_kw - others[1]
            retailer = float((day.retailer.price * others[1] - day.retailer.incentive * interrupted) @ day.length_h)
            retailer -= paid
    weight = day.probability if day.reading.weights == "expected" else np.ones(day.scenarios)
    received = {
        kind: sum(
            each.follower.base.weight * (sum(_paid(each, offers).values()) - each.fees)
            for each in choices
            if each.follower.base.kind == kind
        )
        for kind in ("lot", "generator", "retailer")
    }
    everything = sum(each.follower.base.weight * float(each.margins.sum()) for each in choices)
    return replace(
        plain,
        upstream=everything - sum(received.values()),
        from_lots=received["lot"],
        from_generators=received["generator"],
        from_retailer=received["retailer"],
        lots=np.array([float(weight @ (each.market + each.drivers)) for each in details]),
        lot_accounts=tuple(details),
        generators=np.array(generators),
        retailer=retailer,
    )


def _paid(choice: Choice, offers: Sequence[Prices]) -> Mapping[str, float]:
    """Return what a follower pays in all, fees too, by what for: ``bought``, ``sold``, ``reserve`` and ``called``."""
    found = dict.fromkeys(("bought", "sold", "reserve", "called", "fees"), 0.0)
    follower = choice.follower
    base = follower.base.program.columns
    reserve = np.zeros(follower.traded.size, dtype=bool)
    if "reserve_kw" in base:
        at = base["reserve_kw"].slice
        reserve = (follower.traded >= at.start) & (follower.traded < at.stop)
    for who, prices in enumerate(offers):
        for port, paid in follower.payments(choice.x, who, prices).items():
            if port == RESERVE_PORT:
                found["reserve"] += float(paid.sum())
                continue
            found["called"] += float(paid[reserve].sum())
            kind = "sold" if port == "price_out" else "bought"
            found[kind] += float(paid[~reserve].sum())
    return {**found, "fees": choice.fees}


def _lot_account(paid: Sequence[Mapping[str, float]], drivers: FloatArray) -> LotAccount:
    """Return a lot's account; wheeling counts as a part of what it pays for energy."""
    each = {name: np.array([one[name] for one in paid]) for name in paid[0]}
    return LotAccount(
        bought=each["bought"] + each["fees"],
        sold=-each["sold"],
        reserve=-each["reserve"],
        called=-each["called"],
        drivers=drivers,
    )
