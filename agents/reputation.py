"""What drivers think of each parking lot: an exponential smoothing of the grades that they give."""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray


class Reputation:
    """The reputation of several lots, from 0 (never served) to 1 (always served in full).

    Every visit is graded from 0 to 1. A day's mean grade ``g_l`` enters by

        reputation_l <- memory * reputation_l + (1 - memory) * g_l,

    and a day without visits changes nothing. All lots begin with 1.

    Parameters
    ----------
    lots
        Number of lots.
    memory
        Weight of what was thought before, 0 to 1.

    Attributes
    ----------
    values
        The reputations, shape ``(lots,)``.
    """

    def __init__(self, lots: int, memory: float) -> None:
        self.memory = memory
        self.values: FloatArray = np.ones(lots)

    def learn(self, lot: int, grades: float, visits: float) -> None:
        """Take in a day of one lot.

        Parameters
        ----------
        lot
            Number of the lot.
        grades
            Sum of the grades of its visits.
        visits
            Their number; with none nothing is learned.
        """
        if visits:
            self.values[lot] = self.memory * self.values[lot] + (1.0 - self.memory) * grades / visits
