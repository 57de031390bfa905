"""Other ways to the same optimum, and the comparison of what they publish."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp

from equilibrium.programs.program import Instance
from equilibrium.programs.solvers import Solution, choose
from equilibrium.programs.solvers.highs import HighsHandle

SAME = 1e-6
"""Distance, relative to ``1 + |value|``, up to which two published numbers are the same."""

OF_THE_SOLVER = ("seconds", "solver_seconds", "certificate_seconds", "certificate")


class ShuffledHandle(HighsHandle):
    """HiGHS with its columns in another order, and with its primal simplex half of the time: other vertices."""

    order = 0

    def __init__(self, instance: Instance, *, restored: bool = False, perturbed: bool = True) -> None:
        rng = np.random.default_rng(self.order)
        self._turn = rng.permutation(instance.shape[1])
        super().__init__(self._turned(instance), restored=restored, perturbed=perturbed)
        self._solver.setOptionValue("simplex_strategy", int(rng.choice([1, 4])))
        self._solver.setOptionValue("random_seed", int(rng.integers(1000)))

    def _turned(self, instance: Instance) -> Instance:
        turn = self._turn
        return dataclasses.replace(
            instance,
            matrix=sp.csr_array(instance.matrix[:, turn]),
            cost=instance.cost[turn],
            col_lower=instance.col_lower[turn],
            col_upper=instance.col_upper[turn],
        )

    def update(self, instance: Instance) -> None:
        # The bounds of columns are turned round where they are held.
        super().update(dataclasses.replace(instance, cost=instance.cost[self._turn]))

    def hold(self, lower: np.ndarray, upper: np.ndarray) -> None:
        super().hold(lower[self._turn], upper[self._turn])

    def add_rows(self, matrix: sp.csr_array, lower: np.ndarray, upper: np.ndarray) -> None:
        super().add_rows(sp.csr_array(matrix[:, self._turn]), lower, upper)

    def solve(self, *, multipliers: bool = True) -> Solution:
        solution = super().solve(multipliers=multipliers)
        if not solution.x.size:
            return solution
        return dataclasses.replace(solution, x=solution.x[np.argsort(self._turn)])


@contextlib.contextmanager
def shuffled(order: int) -> Iterator[None]:
    """Let every linear program take another way while this lasts."""
    handle = type("ShuffledHandle", (ShuffledHandle,), {"order": order})
    with patch.object(choose, "HighsHandle", handle):
        yield


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """All numbers and words of a result, by name; a certificate's verdict and regrets among them."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.name not in OF_THE_SOLVER:
                yield from leaves(getattr(value, field.name), f"{name}.{field.name}")
        proof = getattr(value, "certificate", None)
        if proof is not None:
            for part in ("verdict", "attained", "regret", "method"):
                yield from leaves(getattr(proof, part), f"{name}.certificate.{part}")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{name}.{key}")
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from leaves(part, name)
    else:
        yield name, value


def differences(first: Any, second: Any) -> dict[str, float]:
    """What two results do not have in common: the largest relative distance by name; infinite for other words."""
    found: dict[str, float] = {}
    for (name, one), (_, other) in zip(leaves(first), leaves(second), strict=True):
        if isinstance(one, (np.ndarray, float, np.floating)):
            a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            with np.errstate(invalid="ignore"):
                distance = np.where(same, 0.0, np.abs(a - b) / (1.0 + np.abs(a)))
            largest = float(np.nan_to_num(distance, nan=np.inf).max(initial=0.0))
        else:
            largest = 0.0 if one == other else np.inf
        if largest > SAME:
            found[name] = max(found.get(name, 0.0), largest)
    return found
