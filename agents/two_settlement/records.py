"""What the agents of the market of two settlements write down."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """The operator's day.

    Attributes
    ----------
    planned_profit, profit
        What it expected, and what both settlements brought, currency.
    price_error
        Mean size of the error of its forecast of the day-ahead price, currency/kWh.
    load_error
        Mean relative error of its forecast of the load.
    load_factor
        Load that it expects tomorrow as a share of the usual one, mean of the hours.
    deviation_kw
        Size of the errors of net load that it reckons with tomorrow, mean of the hours.
    persistence
        Share of a forecast error that it believes to be left a period later.
    """

    planned_profit: float
    profit: float
    price_error: float
    load_error: float
    load_factor: float
    deviation_kw: float
    persistence: float


@dataclass(frozen=True, slots=True)
class BidderRecord:
    """One aggregator's day.

    Attributes
    ----------
    name, kind
        Its name; ``demand`` or ``lot``.
    planned, income
        What it expected from the operator, and what both settlements brought, currency.
    offered_kwh, accepted_kwh, delivered_kwh
        Energy that it would give (negative: take), that was accepted, and that it gave in the end, calls included.
    deviation_kwh
        Energy that it gave or took beside its position by itself.
    called_kwh, unready_kwh
        Reserve that was called, and accepted reserve that it had not got ready, over time.
    expected_share
        Demand or vehicles that it expects tomorrow as a share of the usual ones.
    reliability
        Share of accepted reserve that it trusts itself to have ready.
    """

    name: str
    kind: str
    planned: float
    income: float
    offered_kwh: float
    accepted_kwh: float
    delivered_kwh: float
    deviation_kwh: float
    called_kwh: float
    unready_kwh: float
    expected_share: float
    reliability: float
