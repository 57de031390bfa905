"""What the nodal market adds to the tables; in a run of another market these columns are empty."""

from __future__ import annotations

import math
from typing import Any

from equilibrium.arrays import FloatArray
from equilibrium.grid.network import Network
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.nodal.clearing import NodalClearing
from sim.store import Columns

PER_MWH = 1000.0
"""From currency/kWh to currency/MWh."""


def day_columns(network: Network, clearing: Clearing) -> Columns:
    """Return the nodal columns of ``days``.

    ``markdown`` is each lot's markdown times the energy that it draws. ``welfare_loss`` is by how much lots' revenue
    minus network cost is higher in the competitive outcome; unlike the price of anarchy it is defined on days on which
    the load costs more than the lots earn.
    """
    row: dict[str, Any] = dict.fromkeys(
        (
            *("competitive_cost", "welfare_loss", "price_of_anarchy", "markdown"),
            *("load_payment", "lot_payment", "network_surplus", "rounds"),
        )
    )
    if isinstance(clearing, NodalClearing):
        paid = (_competitive_price(network, clearing) * clearing.competitive_kw).sum(axis=0)
        competitive = (clearing.competitive_profit + paid).sum() - clearing.competitive_cost
        reached = (clearing.lot_profit + clearing.lot_payment).sum() - clearing.network_cost
        anarchy = clearing.price_of_anarchy
        row = {
            "competitive_cost": clearing.competitive_cost,
            "welfare_loss": competitive - reached,
            "price_of_anarchy": None if math.isnan(anarchy) else anarchy,
            "markdown": clearing.markdown @ clearing.lot_kw.sum(axis=0),
            "load_payment": clearing.load_payment,
            "lot_payment": clearing.lot_payment.sum(),
            "network_surplus": clearing.network_surplus,
            "rounds": clearing.rounds,
        }
    return {name: [value] for name, value in row.items()}


def lot_columns(network: Network, clearing: Clearing) -> Columns:
    """Return the nodal columns of ``lots``: hour by hour, lot by lot."""
    names = (
        *("lot_price_per_mwh", "lot_price_low_per_mwh", "lot_price_high_per_mwh"),
        *("competitive_kw", "competitive_price_per_mwh"),
    )
    if not isinstance(clearing, NodalClearing):
        return dict.fromkeys(names, [None] * clearing.lot_kw.size)
    values = (
        *(clearing.lot_price * PER_MWH, clearing.lot_price_low * PER_MWH, clearing.lot_price_high * PER_MWH),
        *(clearing.competitive_kw, _competitive_price(network, clearing) * PER_MWH),
    )
    columns: dict[str, Any] = {name: value.ravel() for name, value in zip(names, values, strict=True)}
    return columns


def lot_day_columns(clearing: Clearing) -> Columns:
    """Return the nodal columns of ``lot_days``, lot by lot."""
    amounts = ("competitive_profit", "shifted_kwh", "withheld_kwh", "value_optimistic", "value_pessimistic")
    names = ("behaviour", "markdown_per_mwh", *amounts)
    if not isinstance(clearing, NodalClearing):
        return dict.fromkeys(names, [None] * clearing.lot_profit.size)
    return {
        "behaviour": list(clearing.behaviours),
        "markdown_per_mwh": clearing.markdown * PER_MWH,
        **{name: getattr(clearing, name) for name in amounts},
    }


def certificate_columns(network: Network, clearing: Clearing) -> Columns:
    """Return the nodal columns of ``certificates``."""
    row: dict[str, Any] = dict.fromkeys(("iteration", "order", "rounds", "cycle", "price_rule", "certificate_seconds"))
    if isinstance(clearing, NodalClearing):
        row = {name: getattr(clearing, name) for name in row}
        row["order"] = ", ".join(network.lots[k].name for k in clearing.order)
    second = clearing.certificate.second
    for name in ("method", "gap", "finished", "seconds"):
        row[f"second_{name}"] = None if second is None else getattr(second, name)
    return {name: [value] for name, value in row.items()}


def _competitive_price(network: Network, clearing: NodalClearing) -> FloatArray:
    """Return the competitive outcome's price at each lot, currency/kWh, shape ``(hours, lots)``."""
    price: FloatArray = clearing.competitive_dlmp[:, [site.bus for site in network.lots]]
    return price
