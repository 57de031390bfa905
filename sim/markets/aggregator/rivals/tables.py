"""The tables of several aggregators: those of each of them with its name, and who deals with whom at which prices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.aggregator.rivals.outcome import Choice
from scenarios.time_axis import TimeAxis
from sim.columns import (
    DATE,
    DAY,
    PER_MWH,
    Column,
    Columns,
    Table,
    count,
    energy_kwh,
    flag,
    itself,
    number,
    periods,
    text,
)
from sim.markets.aggregator import hourly, tables
from sim.markets.aggregator.results import AggregatorDayResult
from sim.markets.aggregator.rivals.model import RivalsDayResult

Result = RivalsDayResult

TRADED: Mapping[str, tuple[str, float]] = {
    "charge_g2v_kw": ("charge", 1.0),
    "charge_v2g_kw": ("charge", 1.0),
    "discharge_kw": ("discharge", 1.0),
    "reserve_kw": ("reserve", 1.0),
    "output_kw": ("output", 1.0),
    "served_kw": ("served", 1.0),
}
"""What is traded, by column of a follower's program: how the tables call it."""


def _sum(name: str) -> Callable[[Result], float]:
    """Return what adds up a number of the aggregators' days."""
    column = next(each for each in tables.DAYS.columns if each.name == name)
    return lambda day: float(sum(column.values(part) for part in day.parts))


def _summed(name: str, meaning: str) -> Column[Result]:
    return number(name, meaning, _sum(name))


DAYS: Table[Result, Result] = Table(
    "days",
    itself,
    (
        DAY,
        DATE,
        _summed("profit", "what the aggregators earned together, currency"),
        _summed("planned_profit", "what they expected, currency"),
        _summed("lot_profit", "what all lots earned, currency"),
        _summed("generator_profit", "what all generators earned at their true costs, currency"),
        _summed("retail_profit", "what all load retailers earned, currency"),
        number("wheeling", "what followers paid for trade with strangers, currency", lambda d: _fees(d)),
        _summed("charged_kwh", "energy drawn by all lots, kWh"),
        _summed("discharged_kwh", "energy given by all lots, kWh"),
        _summed("reserve_kwh", "reserve of all lots over time, kWh"),
        _summed("generated_kwh", "energy of all generators, kWh"),
        _summed("served_kwh", "load that was served, kWh"),
        _summed("interrupted_kwh", "load that was interrupted, kWh"),
        number("strangers_kwh", "energy that followers traded with strangers, kWh", lambda d: _strange(d)),
        _summed("vehicles", "vehicles that came"),
        number(
            "upstream_price_peak_per_mwh",
            "highest upstream price of energy, currency/MWh",
            lambda d: max(float(part.settlement.outcome.energy_price.max()) for part in d.parts) * PER_MWH,
        ),
        count("rounds", "rounds of replies from the start that is published", lambda d: _run(d).rounds),
        text("start", "the start that is published", lambda d: _run(d).start),
        text("ended", "equilibrium, cycle or none-found", lambda d: d.cleared.ended),
        number(
            "worst_regret",
            "proven bound on what an aggregator could gain alone, currency",
            lambda d: d.cleared.certificate.worst_regret,
        ),
        flag("certified", "whether the plan is certified", lambda d: d.cleared.certificate.certified),
        text("verdict", "its verdict", lambda d: str(d.cleared.certificate.verdict)),
        number("seconds", "wall time of the day, s", lambda d: d.seconds),
    ),
)


def _run(day: Result) -> Any:  # noqa: ANN401 - a run of replies
    return min(day.cleared.runs, key=lambda run: run.regret)


def _fees(day: Result) -> float:
    return float(sum(market.fees for market in day.came[1]))


def _strange(day: Result) -> float:
    power = np.zeros(day.axis.size)
    for market in day.came[1]:
        for each in market.choices:
            for who in range(len(day.parts)):
                if who != each.follower.home:
                    power += sum((kw for name, kw in _powers(each, who).items() if name != "reserve"), 0.0 * power)
    return energy_kwh(day.axis.length_h, power)


def _powers(choice: Choice, who: int) -> dict[str, FloatArray]:
    """Return what a follower trades with an aggregator, kW, by what it is called, ``(periods,)`` each."""
    whole = np.zeros(choice.follower.base.program.shape[1])
    whole[choice.follower.traded] = choice.with_whom(who)
    found: dict[str, FloatArray] = {}
    for column, (name, sign) in TRADED.items():
        if column in choice.follower.base.program.columns:
            power = sign * choice.follower.base.program.value(whole, column)
            found[name] = found.get(name, 0.0) + power
    return found


def _of_each(values: Callable[[Result, int], Any]) -> Callable[[Result], list[Any]]:
    return lambda day: [values(day, who) for who in range(len(day.parts))]


AGGREGATORS: Table[Result, Result] = Table(
    "aggregators",
    itself,
    (
        DAY,
        DATE,
        text("aggregator", "its name", _of_each(lambda d, k: d.cleared.names[k])),
        number("profit", "what it earned, currency", _of_each(lambda d, k: d.parts[k].aggregator.profit)),
        number("planned_profit", "what it expected, currency", _of_each(lambda d, k: d.cleared.profit[k])),
        number("own", "what its own followers brought, currency", _of_each(lambda d, k: d.margins[k, k])),
        number(
            "strangers",
            "what followers of others brought, currency",
            _of_each(lambda d, k: d.margins[k].sum() - d.margins[k, k]),
        ),
        number("bound", "most that it could have planned alone, currency", _of_each(lambda d, k: d.cleared.bound[k])),
        number("regret", "that less the plan, currency", _of_each(lambda d, k: d.cleared.certificate.regret[k])),
        number(
            "lot_profit",
            "what its lots earned, currency",
            _of_each(lambda d, k: sum(lot.profit for lot in d.parts[k].lots)),
        ),
        number(
            "generator_profit",
            "what its generators earned, currency",
            _of_each(lambda d, k: sum(unit.profit for unit in d.parts[k].generators)),
        ),
        number(
            "retail_profit",
            "what its load retailer earned, currency",
            _of_each(lambda d, k: d.parts[k].retailer.profit),
        ),
        number(
            "price_error_per_mwh",
            "mean size of the error of its price forecast, currency/MWh",
            _of_each(lambda d, k: d.parts[k].aggregator.price_error * PER_MWH),
        ),
        number(
            "load_factor",
            "part of the expected load that it expects tomorrow",
            _of_each(lambda d, k: d.parts[k].aggregator.load_factor),
        ),
        number(
            "willing",
            "part of its interruptible customers who are willing tomorrow",
            _of_each(lambda d, k: d.parts[k].retailer.willing),
        ),
    ),
)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Numbers by period with some words."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    period: IntArray
    words: tuple[np.ndarray, ...]
    value: FloatArray


def _rows(day: Result, found: list[tuple[tuple[str, ...], FloatArray]]) -> _Rows:
    size = day.axis.size
    words = tuple(
        np.repeat(np.array([names[k] for names, _ in found], dtype=object), size) for k in range(len(found[0][0]))
    )
    period = np.tile(np.arange(size), len(found))
    return _Rows(day.index, day.date, day.axis, period, words, np.concatenate([value for _, value in found]))


def _offers(day: Result) -> _Rows:
    found: list[tuple[tuple[str, ...], FloatArray]] = []
    names = day.cleared.names
    for who, part in enumerate(day.parts):
        found.append(((names[who], "upstream", "energy"), part.settlement.outcome.energy_price))
        found.append(((names[who], "upstream", "reserve"), part.settlement.outcome.reserve_price))
        for market, prices in enumerate(day.cleared.profile[who]):
            found += [((names[who], names[market], name), value) for name, value in prices.items()]
    return _rows(day, found)


def _trade(day: Result) -> _Rows:
    sums: dict[tuple[str, ...], FloatArray] = {}
    names = day.cleared.names
    for market, here in enumerate(day.came[1]):
        for each in here.choices:
            for who in range(len(names)):
                for kind, power in _powers(each, who).items():
                    key = (names[market], each.follower.base.name, kind, names[who])
                    sums[key] = sums.get(key, 0.0) + each.follower.base.weight * power
    return _rows(day, list(sums.items()))


_PERIODS: tuple[Column[_Rows], ...] = periods(lambda rows: (rows.axis, rows.period))

_AT: tuple[Column[_Rows], ...] = (DAY, DATE, *_PERIODS)


def _word(name: str, meaning: str, place: int) -> Column[_Rows]:
    return text(name, meaning, lambda rows: rows.words[place])


OFFERS: Table[Result, _Rows] = Table(
    "offers",
    _offers,
    (
        *_AT,
        _word("aggregator", "who offers", 0),
        _word("market", "to whose followers, or upstream: what it pays and gets there itself", 1),
        _word("price", "which price", 2),
        number("price_per_mwh", "currency/MWh; of reserve: per MW and hour", lambda p: p.value * PER_MWH),
    ),
)

TRADE: Table[Result, _Rows] = Table(
    "trade",
    _trade,
    (
        *_AT,
        _word("market", "whose follower", 0),
        _word("asset", "name of the lot or generator, or retailer", 1),
        _word("kind", "charge, discharge, reserve (kept ready), output or served", 2),
        _word("with_whom", "the aggregator that it is traded with", 3),
        number("p_kw", "power, kW", lambda p: p.value),
    ),
)


def _joined(table: Table[AggregatorDayResult, Any], *, lots: bool = False) -> Table[Result, list[tuple[str, Columns]]]:
    """Return a table of one aggregator for several: the same columns, and whose they are.

    Parameters
    ----------
    lots
        Whether it is about lots, which an aggregator may be without.
    """

    def rows(day: Result) -> list[tuple[str, Columns]]:
        parts = [pair for pair in zip(day.cleared.names, day.parts, strict=True) if pair[1].lots or not lots]
        found = [(who, table.of(part)) for who, part in parts]
        return [(who, columns) for who, columns in found if columns is not None]

    def of(column: str) -> Callable[[list[tuple[str, Columns]]], list[Any]]:
        return lambda found: [value for _, columns in found for value in columns[column]]

    own: Column[list[tuple[str, Columns]]] = text(
        "aggregator",
        "whose it is",
        lambda found: [who for who, columns in found for _ in columns["day"]],
    )
    columns = [Column(each.name, each.type, each.meaning, of(each.name)) for each in table.columns]
    return Table(table.name, rows, (*columns[:2], own, *columns[2:]))


def _proof(name: str) -> Callable[[Result], Any]:
    return lambda day: getattr(day.cleared.certificate, name)


CERTIFICATES: Table[Result, Result] = Table(
    "certificates",
    itself,
    (
        DAY,
        DATE,
        text("verdict", "how much is proved of the plan", lambda d: str(d.cleared.certificate.verdict)),
        flag("certified", "whether that is an equilibrium", _proof("certified")),
        number("primal", "largest relative violation of a row or bound", _proof("primal")),
        number("dual", "largest relative multiplier of a wrong sign", _proof("dual")),
        number("complementarity", "largest relative product", _proof("complementarity")),
        number("gap", "largest relative gap of a program", _proof("gap")),
        number("worst_regret", "proven bound on what an aggregator could gain alone, currency", _proof("worst_regret")),
        number("epsilon", "relative to its profit", _proof("epsilon")),
        text("method", "how the plan was found", _proof("method")),
        text("solver", "who solved programs", _proof("solver")),
        text("notes", "what a reader should know", lambda d: "; ".join(d.cleared.certificate.notes)),
    ),
)

TABLES: tuple[Table[Result, Any], ...] = (
    DAYS,
    AGGREGATORS,
    OFFERS,
    TRADE,
    _joined(hourly.DISPATCH),
    _joined(hourly.LOTS, lots=True),
    _joined(tables.LOT_DAYS, lots=True),
    _joined(tables.CONTRACTS, lots=True),
    _joined(tables.GENERATORS),
    CERTIFICATES,
)
