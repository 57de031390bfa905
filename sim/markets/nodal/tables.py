"""The tables of the nodal market: what it adds to those of the markets of charging lots."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.grid.assets import LotSite
from equilibrium.markets.nodal.clearing import NodalClearing
from sim.columns import PER_MWH, Column, count, flag, number, text
from sim.markets.charging.hourly import ClearedDay, at_lots
from sim.markets.charging.tables import DayColumns, charging_tables


def _nodal(day: ClearedDay) -> NodalClearing:
    """Return what the nodal market cleared."""
    assert isinstance(day.clearing, NodalClearing)
    return day.clearing


def _of(name: str) -> Callable[[ClearedDay], Any]:
    """Return what reads one attribute of the clearing."""
    return lambda day: getattr(_nodal(day), name)


def _welfare_loss(day: ClearedDay) -> float:
    """Return by how much lots' revenue minus network cost is higher in the competitive outcome, currency.

    Unlike the price of anarchy it is defined on days on which the load costs more than the lots earn.
    """
    cleared = _nodal(day)
    price: FloatArray = cleared.competitive_dlmp[:, [site.bus for site in day.network.lots]]
    paid = day.market.length_h @ (price * cleared.competitive_kw)
    competitive = (cleared.competitive_profit + paid).sum() - cleared.competitive_cost
    reached = (cleared.lot_profit + cleared.lot_payment).sum() - cleared.network_cost
    return float(competitive - reached)


def _anarchy(day: ClearedDay) -> float | None:
    anarchy = _nodal(day).price_of_anarchy
    return None if math.isnan(anarchy) else anarchy


def _order(day: ClearedDay) -> str:
    return ", ".join(day.network.lots[lot].name for lot in _nodal(day).order)


_DAYS: DayColumns = (
    number("competitive_cost", "network cost of the competitive outcome, currency", _of("competitive_cost")),
    number("welfare_loss", "how much more value the competitive outcome has, currency", _welfare_loss),
    number("price_of_anarchy", "its value over the equilibrium's, empty if that is not positive", _anarchy),
    number(
        "markdown",
        "what the lots pay less than at competitive mean prices, currency",
        lambda d: d.market.length_h @ _nodal(d).lot_kw @ _nodal(d).markdown,
    ),
    number("load_payment", "what the inflexible load pays at the DLMPs, currency", _of("load_payment")),
    number("lot_payment", "what the lots pay for their energy, currency", lambda d: _nodal(d).lot_payment.sum()),
    number("network_surplus", "payments minus receipts of generators and wholesale, currency", _of("network_surplus")),
    count("rounds", "rounds of best responses, the proving one included", _of("rounds")),
)


def _each_period(day: ClearedDay, of_lot: Callable[[LotSite], float]) -> FloatArray:
    """Return one number of each lot in every period."""
    return np.tile([of_lot(site) for site in day.network.lots], day.market.hours)


_LOTS: tuple[Column[ClearedDay], ...] = (
    number(
        "subscribed_kw",
        "capacity that the lot has subscribed to, infinite without a contract, kW",
        lambda d: _each_period(d, lambda site: math.inf if site.subscription is None else site.subscription.power_kw),
    ),
    number(
        "excess_per_kwh",
        "what a kWh above that capacity costs on top of everything else, currency",
        lambda d: _each_period(d, lambda site: 0.0 if site.subscription is None else site.subscription.charge),
    ),
    number(
        "lot_price_per_mwh",
        "published price that the lot pays, currency/MWh",
        lambda d: _nodal(d).lot_price.ravel() * PER_MWH,
    ),
    number(
        "lot_price_low_per_mwh",
        "lowest price that supports the dispatch, infinite if none is, currency/MWh",
        lambda d: _nodal(d).lot_price_low.ravel() * PER_MWH,
    ),
    number(
        "lot_price_high_per_mwh",
        "highest price that supports it, infinite if none is, currency/MWh",
        lambda d: _nodal(d).lot_price_high.ravel() * PER_MWH,
    ),
    number(
        "competitive_kw", "charging power of the competitive outcome, kW", lambda d: _nodal(d).competitive_kw.ravel()
    ),
    number(
        "competitive_price_per_mwh",
        "price at the lot's bus there, currency/MWh",
        lambda d: at_lots(d, _nodal(d).competitive_dlmp) * PER_MWH,
    ),
)

_LOT_DAYS: DayColumns = (
    text("behaviour", "strategic, price-taking or central", lambda d: list(_nodal(d).behaviours)),
    number("competitive_profit", "profit in the competitive outcome, currency", _of("competitive_profit")),
    number(
        "markdown_per_mwh",
        "how much lower the mean price paid is than there, currency/MWh",
        lambda d: _nodal(d).markdown * PER_MWH,
    ),
    number("shifted_kwh", "energy moved to other times compared with it, kWh", _of("shifted_kwh")),
    number("withheld_kwh", "energy not drawn compared with it, kWh", _of("withheld_kwh")),
    number("value_optimistic", "profit at the lowest price of every period, currency", _of("value_optimistic")),
    number("value_pessimistic", "profit at the highest price of every period, currency", _of("value_pessimistic")),
)


def _second(name: str) -> Callable[[ClearedDay], Any]:
    """Return what reads one attribute of the second method's proof; empty where there was none."""
    return lambda day: getattr(_nodal(day).certificate.second, name, None)


def _with_full_proof(*columns: Column[ClearedDay]) -> DayColumns:
    """Return columns that only a run with ``--certify full`` fills."""
    return tuple(replace(column, present=lambda _, options: options.certify == "full") for column in columns)


_CERTIFICATES: DayColumns = (
    text("iteration", "gauss-seidel or jacobi", _of("iteration")),
    text("order", "strategic lots in the order of play", _order),
    count("rounds", "rounds of best responses, the proving one included", _of("rounds")),
    count("cycle", "rounds after which a point came back, 0 if none did", _of("cycle")),
    text("price_rule", "how prices were chosen where several support the dispatch", _of("price_rule")),
    *_with_full_proof(
        text("second_method", "independent method that proved the regrets too", _second("method")),
        number("second_gap", "largest relative gap of its proofs", _second("gap")),
        flag("second_finished", "whether it finished within its time limit", _second("finished")),
    ),
)

_CERTIFICATE_TIMES: DayColumns = (
    number("certificate_seconds", "part of it for prices and certificate, s", _of("certificate_seconds")),
    *_with_full_proof(number("second_seconds", "part of that for the independent method, s", _second("seconds"))),
)

TABLES = charging_tables(
    maximum="profit of the best deviation, currency",
    days=_DAYS,
    lots=_LOTS,
    lot_days=_LOT_DAYS,
    certificates=_CERTIFICATES,
    certificate_times=_CERTIFICATE_TIMES,
)
