"""What the agents of the aggregator market write down."""

from __future__ import annotations

from dataclasses import dataclass

from equilibrium.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class AggregatorRecord:
    """The aggregator's day.

    Attributes
    ----------
    planned_profit, profit
        What it expected in the morning and what it earned, currency.
    price_error
        Mean size of the error of its forecast of the upstream energy price, currency/kWh.
    attendance
        Share of the usual arrivals that it expects at each lot tomorrow.
    load_factor
        Share of the expected load that it expects tomorrow.
    """

    planned_profit: float
    profit: float
    price_error: float
    attendance: tuple[float, ...]
    load_factor: float


@dataclass(frozen=True, eq=False)
class ContractLotRecord:
    """One lot's day.

    Attributes
    ----------
    lot
        Its name.
    step
        By how much its energy tariffs stand above those of the scenario, currency/kWh.
    profit
        With drivers and aggregator, currency.
    paid
        What it paid the aggregator in all, currency; negative where it was paid.
    """

    lot: str
    step: float
    profit: float
    paid: float


@dataclass(frozen=True, eq=False)
class ContractRecord:
    """One lot's drivers on one day.

    Attributes
    ----------
    lot
        Its name.
    attendance
        Share of the usual drivers who come.
    came
        Vehicles that came.
    share
        Part of them that took each contract, shape ``(categories,)``.
    satisfaction, reputation
        What drivers of each contract got today between the least and the most, and what is remembered of it, shape
        ``(categories,)``, from 0 to 1.
    """

    lot: str
    attendance: float
    came: float
    share: FloatArray
    satisfaction: FloatArray
    reputation: FloatArray


@dataclass(frozen=True, slots=True)
class GeneratorRecord:
    """One generator's day.

    Attributes
    ----------
    name
        Its name.
    markup
        Part by which the stated cost exceeds the true one.
    energy_kwh
        What it produced.
    profit
        At its true cost, currency.
    """

    name: str
    markup: float
    energy_kwh: float
    profit: float


@dataclass(frozen=True, slots=True)
class LoadRetailRecord:
    """The load retailer's day.

    Attributes
    ----------
    willing
        Share of the interruptible customers who are willing tomorrow.
    served_kwh, interrupted_kwh
        Energy of the load.
    profit
        Currency.
    """

    willing: float
    served_kwh: float
    interrupted_kwh: float
    profit: float
