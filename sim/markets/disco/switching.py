"""What a run says about the retailer's belief: which program it held for the best, and what programs earned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Switch:
    """A morning on which another program has the highest forecast than the day before.

    Attributes
    ----------
    day
        Day of the run.
    before, after
        The two programs.
    """

    day: int
    before: str
    after: str


def switches(days: pd.DataFrame) -> list[Switch]:
    """Return the mornings on which the retailer changed its mind about the best program.

    Parameters
    ----------
    days
        The table ``days`` of a run.
    """
    return list(_changes(days))


def _changes(days: pd.DataFrame) -> Iterator[Switch]:
    best = days["best_program"].tolist()
    for day, before, after in zip(days["day"].tolist()[1:], best, best[1:], strict=False):
        if before != after:
            yield Switch(int(day), str(before), str(after))


def by_program(programs: pd.DataFrame) -> pd.DataFrame:
    """Return what each program that was offered was expected to earn and earned, in the mean of its days.

    Parameters
    ----------
    programs
        The table ``programs`` of a run.

    Returns
    -------
    pandas.DataFrame
        By program, in the order of the menu: ``days`` on which it was offered, and the means of ``forecast_profit`` and
        ``earned_profit`` on them, currency.
    """
    offered = programs[programs["chosen"].astype(bool)].groupby("program")
    means = offered[["forecast_profit", "earned_profit"]].mean().assign(days=offered.size())
    return means.reindex([name for name in dict.fromkeys(programs["program"]) if name in means.index])
