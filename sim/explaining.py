"""Why a price of a run is what it is: which place is asked for, the words for the terminal, and the check."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.errors import InputError
from equilibrium.plain import plain
from sim.columns import PER_MWH
from sim.explanation import Explanation, NextKw, Place
from sim.options import RunOptions
from sim.output import day_of_run, market_of_run
from sim.simulate import kind_of, simulate
from sim.store import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenarios.case import Case
    from sim.markets.base import MarketKind


def explainable(run: Run) -> MarketKind[Any, Any]:
    """Return the market of a run whose prices can be explained.

    Raises
    ------
    InputError
        When the market has no prices by bus.
    """
    kind = market_of_run(run)
    if kind.explain is None:
        raise InputError(str(run.folder), "market", run.market, "a market with a price at every bus")
    return kind


def place_of(run: Run, day: int | None, hour: int | None, bus: str | None) -> Place:
    """Return the place that is asked for; what is left open is that of the highest price.

    Parameters
    ----------
    day
        Day of the run.
    hour
        Clock hour in which the period starts; of several the first.
    bus
        Label of the bus.

    Raises
    ------
    InputError
        When the run has no such day, hour or bus; the nearest labels of buses are named.
    """
    kind, source = explainable(run), str(run.folder)
    chosen = day_of_run(run, day)
    prices = run.table("prices", chosen, bus)
    if hour is not None:
        hours = prices["hour"].unique().tolist()
        if hour not in hours:
            raise InputError(source, "--hour", hour, f"an hour of the day, {min(hours)} to {max(hours)}")
        prices = prices[prices["hour"] == hour]
        prices = prices[prices["period"] == prices["period"].min()]
    highest = prices.iloc[int(prices[kind.price_column].argmax())]
    return Place(chosen, int(highest["period"]), str(highest["bus"]))


def checkable(run: Run) -> Callable[[Any, Any, Place], NextKw]:
    """Return what tells the costs around a price of a run, where its days can be cleared again.

    Raises
    ------
    InputError
        When the market has no such check, or the run had a rule of its own.
    """
    next_kw, source = explainable(run).next_kw, str(run.folder)
    if next_kw is None:
        raise InputError(source, "--check", run.market, "a market whose operator's program can be asked again")
    if run.manifest.get("rule") is not None:
        raise InputError(source, "--check", run.manifest["rule"], "a run without a rule of one's own")
    return next_kw


def check_price(run: Run, place: Place, scenario: Case[Any]) -> tuple[float, NextKw]:
    """Clear the days of a run again up to a place, then its day with a little less and a little more load there.

    Parameters
    ----------
    scenario
        The run's scenario, loaded.

    Returns
    -------
    tuple
        The price that comes out again, and what the last and the next kW cost, all in currency/MWh.

    Raises
    ------
    InputError
        As :func:`checkable`, or when the scenario is another one.
    """
    next_kw, kind, source, manifest = checkable(run), explainable(run), str(run.folder), run.manifest
    if kind_of(scenario).name != run.market or scenario.resolved() != manifest.get("resolved_scenario"):
        raise InputError(source, "scenario", scenario.name, "the scenario of the run, unchanged")
    if scenario.input_hashes() != manifest.get("input_sha256"):
        raise InputError(source, "scenario", scenario.name, "its files as they were when it ran")
    names = ("seed", "solver", "on_infeasible", "certify", "node_limit")
    options = RunOptions(days=place.day + 1, **{name: manifest[name] for name in names})
    last = None
    for day in simulate(scenario, options):
        last = day
    assert last is not None  # a run has at least one day
    prices = pd.DataFrame(dict(last.tables["prices"]))
    there = prices[(prices["period"] == place.period) & (prices["bus"] == place.bus)]
    return float(there[kind.price_column].iloc[0]), next_kw(scenario, last.result, place)


def explain_price(run: Run, day: int | None = None, hour: int | None = None, bus: str | None = None) -> list[str]:
    """Return why a price of a run is what it is, as lines of text; the parameters are those of :func:`place_of`.

    Raises
    ------
    InputError
        As :func:`explainable` and :func:`place_of`.
    """
    kind = explainable(run)
    assert kind.explain is not None  # it is explainable
    place = place_of(run, day, hour, bus)
    return told(run, place, kind.explain(run, place))


def told(run: Run, place: Place, found: Explanation) -> list[str]:
    """Return an explanation as lines for the terminal."""
    currency = run.manifest.get("currency", "currency")
    prices = run.table("prices", place.day)
    row = prices[prices["period"] == place.period].iloc[0]
    date = f" ({row['date']:%Y-%m-%d})" if "date" in row else ""
    length = "" if row["hours"] == 1.0 else f", {row['hours']:g} h long"
    width = max(len(name) for name, _ in (*found.parts, ("price", 0.0)))
    return [
        f"day {place.day}{date}, period {place.period} from {row['start']}{length}, bus {plain(place.bus)}",
        *(f"  {name:<{width}}  {_amount(amount)}" for name, amount in found.parts),
        f"  {'price':<{width}}  {_amount(found.price)}  {currency}/MWh"
        + ("" if abs(found.rest) <= RESIDUAL_TOLERANCE * PER_MWH else f"  (the parts miss {found.rest:.3g})"),
        *found.lines,
        f"a kW there is worth {found.price * row['hours'] / PER_MWH:.6g} {currency} in this period; where the cost "
        "has a kink the next one may cost more (--check)",
    ]


def told_check(price: float, again: float, around: NextKw, currency: str) -> list[str]:
    """Return the outcome of a check as lines for the terminal."""
    same = abs(price - again) <= RESIDUAL_TOLERANCE * PER_MWH * (1.0 + abs(price))
    verdict = "the price agrees" if around.holds(again) else "the price does NOT lie between them"
    return [
        f"check: the day cleared again gives {again:.4f} {currency}/MWh, "
        f"{'as in the run' if same else f'NOT as in the run ({price:.4f})'}",
        f"check: with the lots' powers as they are the last kW costs {_side(around.last)}, the next one "
        f"{_side(around.following)}: {verdict}",
    ]


def _side(amount: float) -> str:
    return f"{amount:.4f}" if math.isfinite(amount) else "more than the network can carry"


def _amount(amount: float) -> str:
    return f"{round(amount, 4) + 0.0:12.4f}"
