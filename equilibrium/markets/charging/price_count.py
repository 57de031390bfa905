"""At most one equilibrium in a box of prices, proved where no lot can fill there.

Where every lot's slope falls by its own price faster than all others' prices together can raise it, the slopes are a
strictly diagonally dominant map, and a game has at most one equilibrium (J. B. Rosen, *Econometrica* 33, 1965, with
the largest difference of a price as the norm). Second derivatives are bounded over the box by interval arithmetic.
"""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.markets.charging.lot_profits import LotProfits
from equilibrium.markets.charging.profit_ranges import Range, choice_shares
from equilibrium.programs.program import GAP


def at_most_one(game: LotProfits, low: FloatArray, high: FloatArray) -> bool:
    """Return whether it is proved that a box holds no two equilibria.

    Parameters
    ----------
    game
        The lots and their drivers.
    low, high
        Ends of the box, currency/kWh, shape ``(lots,)``.
    """
    free = np.flatnonzero(high > low)
    if not free.size:
        return True
    demand = game.demand
    utility = Range(demand.utility(high[None]), demand.utility(low[None]))
    shares = choice_shares(np.ones((1, game.lots), dtype=np.bool_), utility, demand.outside)
    share = Range(shares.low[0], shares.high[0])
    if (demand.drivers @ share.high > (1.0 - GAP) * game.places).any():
        return False
    sensitive = -demand.price_utility_per_kwh
    weight = demand.drivers * demand.energy_kwh * sensitive
    one = Range(np.ones(demand.types), np.ones(demand.types))
    for lot in free.tolist():
        own = Range(share.low[:, lot], share.high[:, lot])
        margin = Range(sensitive * (low[lot] - game.cost[:, lot]), sensitive * (high[lot] - game.cost[:, lot]))
        # d/dp_l of s (1 - s) is -b s (1 - s) (1 - 2 s), and by a rival's price b s s_k (1 - 2 s).
        bend = margin * (one - own - own)
        leave = own * (one - own)
        steepest = float(weight @ (leave * (bend - one - one)).high)
        others = 0.0
        for rival in free[free != lot].tolist():
            across = own * Range(share.low[:, rival], share.high[:, rival]) * (one - bend)
            others += max(abs(float(weight @ across.low)), abs(float(weight @ across.high)))
        if not steepest + others + float(game.rounding[1, lot]) * float(sensitive.max()) < 0.0:
            return False
    return True
