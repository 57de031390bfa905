"""What holds of the limits at work of every cleared day of a market of charging lots."""

from __future__ import annotations

from equilibrium.certificate import RESIDUAL_TOLERANCE
from equilibrium.grid.network import Network
from equilibrium.invariants import PUBLISHED_TOLERANCE, SMALLEST_PRICE, Invariant, most
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.charging.day import MarketDay

DOCUMENT = "equilibrium/grid/binding.py"

_LOWER = ("voltage-min", "storage-empty")


def _slack(network: Network, day: MarketDay, cleared: Clearing) -> float:  # noqa: ARG001 - the same for all
    """Also: no limit is to blame for a shortage on a day without one."""
    short = bool(cleared.shed_kw.any() or cleared.unserved_kwh.any())
    worst = 0.0
    for limit in cleared.limits:
        room = limit.value - limit.bound if limit.name in _LOWER else limit.bound - limit.value
        blamed = 0.0 if short else abs(limit.shortage)
        worst = most(worst, abs(limit.slack - room) / most(1.0, abs(limit.bound)), blamed)
    return worst


def _worth(network: Network, day: MarketDay, cleared: Clearing) -> float:
    price = most(SMALLEST_PRICE, abs(day.wholesale_price), abs(cleared.dlmp))
    bus = {unit.name: unit.bus for unit in network.renewables}
    return most(
        0.0,
        *(
            abs(limit.multiplier / day.length_h[limit.period] - cleared.dlmp[limit.period, bus[limit.place]]) / price
            for limit in cleared.limits
            if limit.name == "renewable"
        ),
    )


LIMITS: tuple[Invariant[MarketDay, Clearing], ...] = (
    Invariant(
        "limit-slack",
        "a limit's slack is the distance of its value from its bound; on a day without a shortage none is to blame",
        DOCUMENT,
        RESIDUAL_TOLERANCE,
        _slack,
    ),
    Invariant(
        "limit-worth",
        "a kW more of sun or wind that is all used is worth the DLMP at its bus",
        f"stationarity of (2l) of docs/epec_lots.md; {DOCUMENT}",
        PUBLISHED_TOLERANCE,
        _worth,
    ),
)
