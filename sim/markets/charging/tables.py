"""The tables of the markets of charging lots: what each column is, and how a finished day fills it.

A market adds columns of its own between those that stand here: :func:`charging_tables`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.records import SessionRecord
from equilibrium.arrays import FloatArray
from sim.columns import (
    DATE,
    DAY,
    PER_MWH,
    Column,
    Table,
    count,
    energy_kwh,
    flag,
    itself,
    mean_over_time,
    number,
    place_of_lowest,
    text,
)
from sim.markets.charging.hourly import AC, DISPATCH, PRICES, STORAGE, ClearedDay, lots_table
from sim.markets.charging.limits import LIMITS
from sim.markets.charging.results import DayResult
from sim.markets.charging.yardstick import PriceMeasure

DayColumns = tuple[Column[DayResult], ...]


# One row a day


def _lowest(day: DayResult) -> tuple[int, int]:
    """Return period and bus of the day's lowest voltage."""
    return place_of_lowest(day.clearing.voltage_pu)


def _energy(power: Callable[[DayResult], FloatArray]) -> Callable[[DayResult], float]:
    """Return what gives the energy of powers of a day."""
    return lambda day: energy_kwh(day.market.length_h, power(day))


def _mean(values: Callable[[DayResult], FloatArray]) -> Callable[[DayResult], float]:
    """Return what gives the mean over a day."""
    return lambda day: mean_over_time(day.market.length_h, values(day))


_DAYS: DayColumns = (
    DAY,
    DATE,
    number("hours", "length of the day, h", lambda d: d.market.length_h.sum()),
    number("energy_charged_kwh", "energy drawn by all lots, kWh", _energy(lambda d: d.clearing.lot_kw)),
    number("network_cost", "NC of (2a) without shortages, currency", lambda d: d.clearing.network_cost),
    number("fuel_cost", "fuel of the microturbines, currency", lambda d: d.clearing.fuel_cost),
    number("shortage_cost", "price paid for shortages, currency", lambda d: d.clearing.shortage_cost),
    number("import_kwh", "energy bought from the wholesale market, kWh", _energy(lambda d: d.clearing.import_kw)),
    number("export_kwh", "energy sold to it, kWh", _energy(lambda d: d.clearing.export_kw)),
    number("load_kwh", "inflexible load, served or not, kWh", _energy(lambda d: d.market.load_kw)),
    number("shed_kwh", "load not served, kWh", _energy(lambda d: d.clearing.shed_kw)),
    number(
        "unserved_kwh", "charging energy due and not given, battery side, kWh", lambda d: d.clearing.unserved_kwh.sum()
    ),
    number(
        "curtailed_kwh",
        "renewable potential not used, kWh",
        _energy(lambda d: d.market.renewable_kw - d.clearing.renewable_kw),
    ),
    number(
        "voltage_min_pu",
        "lowest voltage of all buses and periods, per unit",
        lambda d: d.clearing.voltage_pu[_lowest(d)],
    ),
    text("voltage_min_bus", "its bus", lambda d: d.network.feeder.buses[_lowest(d)[1]]),
    count("voltage_min_hour", "clock hour in which its period starts", lambda d: d.axis.clock_hour[_lowest(d)[0]]),
    text("voltage_min_start", "start of its period", lambda d: d.axis.starts[_lowest(d)[0]]),
    number(
        "dlmp_mean_per_mwh",
        "mean DLMP over buses and time, currency/MWh",
        _mean(lambda d: d.clearing.dlmp * PER_MWH),
    ),
    number(
        "dlmp_peak_per_mwh",
        "highest DLMP of all buses and periods, currency/MWh",
        lambda d: d.clearing.dlmp.max() * PER_MWH,
    ),
    number(
        "wholesale_mean_per_mwh",
        "mean wholesale price, currency/MWh",
        _mean(lambda d: d.market.wholesale_price * PER_MWH),
    ),
    number("lot_profit", "sum of the lots' profits, currency", lambda d: d.clearing.lot_profit.sum()),
    number("network_charge", "what the lots pay the operator for the network, currency", lambda d: d.operator.income),
    count("sessions", "sessions that ended at a lot today", lambda d: len(d.finished)),
    count("turned_away", "drivers who found no place today", lambda d: len(d.drivers.turned_away)),
    count("stayed_away", "drivers who preferred to stay away today", lambda d: len(d.drivers.stayed_away)),
    number(
        "worst_regret",
        "largest proven gain of a lot from deviating, currency",
        lambda d: d.clearing.certificate.worst_regret,
    ),
    flag("certified", "whether the day is certified", lambda d: d.clearing.certificate.certified),
)
_SECONDS: DayColumns = (number("seconds", "wall time of the day, s", lambda d: d.seconds),)


def days_table(own: DayColumns = ()) -> Table[DayResult, DayResult]:
    """Return the table ``days`` with a market's own columns."""
    return Table("days", itself, (*_DAYS, *own, *_SECONDS))


def _recorded(name: str) -> Callable[[DayResult], list[Any]]:
    """Return what reads one attribute of the lots' records."""
    return lambda day: [getattr(record, name) for record in day.lots]


_LOT_MONEY: DayColumns = (
    DAY,
    DATE,
    text("lot", "name of the lot", _recorded("name")),
    number("price_per_kwh", "posted price, mean over the day, currency/kWh", _recorded("price")),
    number("energy_kwh", "energy drawn, kWh", _recorded("energy_kwh")),
    number("revenue", "what the drivers pay, currency", _recorded("revenue")),
    number("payment", "what the lot pays for its energy, currency", _recorded("payment")),
    number("network_charge", "what it pays the operator for the network, currency", _recorded("network_charge")),
    number("profit", "revenue minus payment and network charge, currency", lambda d: d.clearing.lot_profit),
)
_LOT_PROOF: DayColumns = (
    number(
        "regret",
        "proven bound on the gain from deviating, currency",
        lambda d: list(d.clearing.certificate.regret),
    ),
    flag("attained", "whether the lot reaches its maximum", lambda d: list(d.clearing.certificate.attained)),
)
_LOT_GUESTS: DayColumns = (
    count("arrivals", "vehicles that came in", _recorded("arrivals")),
    count("refused", "attempts that found the lot full", _recorded("refused")),
    count("departures", "vehicles that left", _recorded("departures")),
    count("parked", "vehicles there at midnight", _recorded("parked")),
    count("peak_occupancy", "most places taken at one moment", _recorded("peak_occupancy")),
    number("unreachable_kwh", "wishes that stay and charger cannot reach, kWh", _recorded("unreachable_kwh")),
    number("unserved_kwh", "energy due and not given, battery side, kWh", _recorded("unserved_kwh")),
    number("reputation", "what drivers think of the lot, 0 to 1", lambda d: d.drivers.reputation),
)


def lot_days_table(maximum: str, own: DayColumns = ()) -> Table[DayResult, DayResult]:
    """Return the table ``lot_days`` with a market's own columns; ``maximum`` is what its column of that name means."""
    most: DayColumns = (number("maximum", maximum, lambda d: d.clearing.lot_maximum),)
    return Table("lot_days", itself, (*_LOT_MONEY, *most, *_LOT_PROOF, *own, *_LOT_GUESTS))


# The feeder


def _with_feeder(day: DayResult) -> DayResult | None:
    return None if day.index else day


def _of_feeder(name: str) -> Callable[[DayResult], FloatArray]:
    """Return what reads one array of the feeder."""
    return lambda day: getattr(day.network.feeder, name)


def _parents(day: DayResult) -> list[str | None]:
    feeder = day.network.feeder
    return [None if bus < 0 else feeder.buses[bus] for bus in feeder.parent]


FEEDER: Table[DayResult, DayResult] = Table(
    "feeder",
    _with_feeder,
    (
        DAY,
        DATE,
        text("bus", "label of the bus", lambda d: list(d.network.feeder.buses)),
        text("parent", "label of the bus that feeds it, empty at the root", _parents),
        number(
            "rating_kva",
            "rating of the branch that feeds it, the root's is the substation's, kVA, inf for none",
            _of_feeder("rating_kva"),
        ),
        number("r_ohm", "resistance of that branch, ohm", _of_feeder("r_ohm")),
        number("x_ohm", "reactance of that branch, ohm", _of_feeder("x_ohm")),
        number("base_kv", "base voltage, line to line, kV", lambda d: d.network.feeder.base_kv),
        number("voltage_min_pu", "lowest voltage that it may have, per unit", _of_feeder("voltage_min_pu")),
        number("voltage_max_pu", "highest voltage that it may have, per unit", _of_feeder("voltage_max_pu")),
    ),
    optional=True,
)
"""The tree that was cleared, written once, with the first day."""


# The drivers


def _ended(day: DayResult) -> tuple[SessionRecord, ...]:
    return day.finished + day.drivers.turned_away + day.drivers.stayed_away


def _of_session(name: str) -> Callable[[DayResult], list[Any]]:
    """Return what reads one attribute of the sessions' records."""
    return lambda day: [getattr(record, name) for record in _ended(day)]


SESSIONS: Table[DayResult, DayResult] = Table(
    "sessions",
    itself,
    (
        DAY,
        DATE,
        text("session", "identifier of the session", _of_session("name")),
        text("outcome", "served, unreachable, shortage, full or away", lambda d: [str(r.outcome) for r in _ended(d)]),
        text("lot", "name of the lot, empty for a driver who got no place or stayed away", _of_session("lot")),
        count("home_lot", "index of the lot where it was recorded, or -1", _of_session("home_lot")),
        count("arrival_day", "day of the arrival", _of_session("arrival_day")),
        number("arrival_h", "hours since the start of the run", _of_session("arrival_h")),
        number("departure_h", "hours since the start of the run", _of_session("departure_h")),
        count("tries", "lots tried", _of_session("tries")),
        number("battery_kwh", "battery size, kWh", _of_session("battery_kwh")),
        number("arrival_energy_kwh", "energy at arrival, kWh", _of_session("arrival_energy_kwh")),
        number("asked_kwh", "energy wanted, kWh", _of_session("asked_kwh")),
        number("unreachable_kwh", "part of it that stay and charger cannot give, kWh", _of_session("unreachable_kwh")),
        number("got_kwh", "energy added to the battery, kWh", _of_session("got_kwh")),
        number("drawn_kwh", "energy drawn from the lot for it, kWh", _of_session("drawn_kwh")),
        number("paid", "what the driver paid, currency", _of_session("paid")),
    ),
)


# Posted prices beside their equilibrium


@dataclass(frozen=True, eq=False)
class _Priced:
    """A day's posted prices with its date."""

    index: int
    date: dt.date | None
    measure: PriceMeasure


def _priced(day: DayResult) -> _Priced | None:
    return None if day.prices is None else _Priced(day.index, day.date, day.prices)


def _posted(name: str) -> Callable[[_Priced], FloatArray]:
    """Return what reads one array of the certificate of the posted prices."""
    return lambda p: getattr(p.measure.yardstick.posted, name)


def _equilibrium(p: _Priced) -> list[float | None]:
    nearest = p.measure.yardstick.equilibrium
    return [None] * len(p.measure.lots) if nearest is None else nearest.prices.tolist()


def _distance(p: _Priced) -> list[float | None]:
    return [None if math.isnan(each) else each for each in p.measure.yardstick.distance.tolist()]


YARDSTICK: Table[DayResult, _Priced] = Table(
    "yardstick",
    _priced,
    (
        DAY,
        DATE,
        text("lot", "name of the lot", lambda p: list(p.measure.lots)),
        number("cost_per_kwh", "what a kWh cost it, network charge included, currency", lambda p: p.measure.cost),
        number("posted_per_kwh", "posted price, currency/kWh", _posted("prices")),
        number("equilibrium_per_kwh", "price of the nearest equilibrium, empty where none was found", _equilibrium),
        number("distance_per_kwh", "posted less equilibrium price, currency/kWh", _distance),
        number(
            "expected_profit", "what drivers are expected to bring at the posted prices, currency", _posted("profit")
        ),
        number("best_per_kwh", "best price that was found while the others stay, currency/kWh", _posted("best_price")),
        number("gain", "what that price earns more, currency", _posted("gain")),
        number("regret", "proven bound on what any price would earn more, currency", _posted("regret")),
        text("verdict", "what is proved of the game of prices", lambda p: str(p.measure.yardstick.verdict)),
        flag("complete", "whether no other equilibrium exists, proved", lambda p: p.measure.yardstick.answer.complete),
        count("equilibria", "equilibria that were found", lambda p: len(p.measure.yardstick.answer.equilibria)),
        number("seconds", "wall time of the yardstick, s", lambda p: p.measure.yardstick.seconds),
    ),
    optional=True,
)


# The proof

_PROOF: DayColumns = (
    DAY,
    DATE,
    flag("certified", "true from the verdict epsilon-nash upward", lambda d: d.clearing.certificate.certified),
    text("verdict", "unproved, kkt-consistent, epsilon-nash or exact", lambda d: str(d.clearing.certificate.verdict)),
    number(
        "worst_regret",
        "largest proven gain of a lot from deviating, currency",
        lambda d: d.clearing.certificate.worst_regret,
    ),
    number("epsilon", "worst_regret / max(1, profit)", lambda d: d.clearing.certificate.epsilon),
    number("primal", "largest relative primal residual", lambda d: d.clearing.certificate.primal),
    number("dual", "largest relative dual residual", lambda d: d.clearing.certificate.dual),
    number(
        "complementarity",
        "largest relative complementarity residual",
        lambda d: d.clearing.certificate.complementarity,
    ),
    number("gap", "relative duality gap", lambda d: d.clearing.certificate.gap),
    text("method", "method that was used", lambda d: d.clearing.certificate.method),
    text("solver", "solver and version", lambda d: d.clearing.certificate.solver),
    text("notes", "what a reader should know", lambda d: "; ".join(d.clearing.certificate.notes)),
)
_PROOF_TIMES: DayColumns = (
    number("seconds", "wall time of the clearing with its certificate, s", lambda d: d.clearing.seconds),
    number("solver_seconds", "part of it inside the solver, s", lambda d: d.clearing.solver_seconds),
)


def certificates_table(own: DayColumns = (), own_times: DayColumns = ()) -> Table[DayResult, DayResult]:
    """Return the table ``certificates`` with a market's own columns."""
    return Table("certificates", itself, (*_PROOF, *own, *_PROOF_TIMES, *own_times))


def charging_tables(
    *,
    maximum: str,
    days: DayColumns = (),
    lots: tuple[Column[ClearedDay], ...] = (),
    lot_days: DayColumns = (),
    certificates: DayColumns = (),
    certificate_times: DayColumns = (),
) -> tuple[Table[DayResult, Any], ...]:
    """Return the tables of a market of charging lots.

    Parameters
    ----------
    maximum
        What the column ``maximum`` of ``lot_days`` means.
    days, lots, lot_days, certificates, certificate_times
        The market's own columns.
    """
    return (
        days_table(days),
        PRICES,
        LIMITS,
        DISPATCH,
        STORAGE,
        lots_table(lots),
        lot_days_table(maximum, lot_days),
        SESSIONS,
        certificates_table(certificates, certificate_times),
        AC,
        YARDSTICK,
        FEEDER,
    )
