"""What the nodal market returns: the equilibrium beside the competitive outcome, and measures of market power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from equilibrium.arrays import FloatArray
from equilibrium.certificate import EPSILON_REGRET
from equilibrium.markets.charging.clearing import Clearing


@dataclass(frozen=True, eq=False)
class NodalClearing(Clearing):
    """One cleared day of the nodal market.

    ``lot_profit`` is ``sum_t (F_t - lambda_ct) p_ct`` at the published prices, ``lot_maximum`` the proven bound on each
    lot's best deviation. Beyond :class:`equilibrium.markets.charging.clearing.Clearing`:

    Attributes
    ----------
    behaviours
        One per lot.
    lot_payment
        What each lot pays for its energy, currency, shape ``(lots,)``.
    lot_price_low, lot_price_high
        Interval of each lot's published price over the dual optimal face, currency/kWh, ``(hours, lots)``.
    value_optimistic, value_pessimistic
        Each lot's profit at its lowest and at its highest price in every hour, currency, ``(lots,)``: what the
        published model leaves undetermined.
    competitive_kw, competitive_dlmp
        Charging ``(hours, lots)`` and prices ``(hours, buses)`` of the welfare optimum: the competitive outcome.
    competitive_profit, competitive_cost
        The lots' profits there, ``(lots,)``, and its network cost.
    markdown
        How much lower each lot's mean price paid is than in the competitive outcome, currency/kWh, ``(lots,)``.
    shifted_kwh, withheld_kwh
        Energy that each lot moves to other hours, and does not draw at all, compared with the competitive outcome.
    load_payment, network_surplus
        What the inflexible load pays at the DLMPs, and what the operator keeps: payments of loads and lots minus
        receipts of generators and the wholesale market, currency. Storage is the operator's own and receives nothing.
    price_of_anarchy
        Lots' revenue minus network cost at the welfare optimum, divided by the same at the equilibrium.
    price_rule
        How the published prices were chosen.
    rounds, order, iteration, cycle
        How the equilibrium was found: rounds with the proving one, order of play, kind of iteration, and the length of
        the cycle if the iteration came back to a point (0: it did not).
    """

    behaviours: tuple[str, ...]
    lot_payment: FloatArray
    lot_price_low: FloatArray
    lot_price_high: FloatArray
    value_optimistic: FloatArray
    value_pessimistic: FloatArray
    competitive_kw: FloatArray
    competitive_dlmp: FloatArray
    competitive_profit: FloatArray
    competitive_cost: float
    markdown: FloatArray
    shifted_kwh: FloatArray
    withheld_kwh: FloatArray
    load_payment: float
    network_surplus: float
    price_of_anarchy: float
    price_rule: str
    rounds: int
    order: tuple[int, ...]
    iteration: str
    cycle: int
    certificate_seconds: float

    @property
    def settled(self) -> bool:
        """Whether another order of play would not help: the day is certified, or the second method has no verdict."""
        proof = self.certificate
        return proof.certified or (proof.second is not None and not proof.second.finished)

    @property
    def tempts(self) -> bool:
        """Whether some player gains by moving: only then may the game end better from another start."""
        return self.certificate.epsilon > EPSILON_REGRET


def best_of(tried: Sequence[NodalClearing], late: str = "", elsewhere: Sequence[NodalClearing] = ()) -> NodalClearing:
    """Return the best of the points at which the search has ended, with a note if none is an equilibrium.

    Parameters
    ----------
    tried
        Those of different orders of play.
    late
        What to say where a limit was reached: then it is not known whether there is an equilibrium.
    elsewhere
        Those of other starts.
    """
    best = min(
        [*tried, *elsewhere], key=lambda clearing: (not clearing.certificate.certified, clearing.certificate.epsilon)
    )
    proof, note = best.certificate, late
    if not late and not best.settled and best.tempts:
        orders = len({clearing.order for clearing in tried})
        starts = f" and {len(elsewhere)} other starts" if elsewhere else ""
        note = f"no pure equilibrium found with one price for all: best of {orders} orders of play{starts}"
    return replace(best, certificate=replace(proof, notes=(*proof.notes, note))) if note else best
