"""How several variables hang together, whatever each one's own distribution: Gaussian and vine copulas.

R. B. Nelsen, *An Introduction to Copulas*, 2nd ed., Springer, 2006; K. Aas, C. Czado, A. Frigessi and H. Bakken,
Pair-copula constructions of multiple dependence, Insurance: Mathematics and Economics 44 (2009) 182.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.special import ndtri

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError

_EDGE = 1e-12
"""Shares are kept so far from 0 and 1, where a normal score is infinite."""


class Copula(Protocol):
    """A joint distribution of ranks."""

    def scores(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw normal scores, shape ``(variables, count)``."""
        ...


@dataclass(frozen=True, eq=False)
class GaussianCopula:
    """Normal scores with a correlation.

    Attributes
    ----------
    factor
        Lower Cholesky factor of the correlation, shape ``(variables, variables)``.
    """

    factor: FloatArray

    @classmethod
    def fit(cls, ranks: FloatArray) -> GaussianCopula:
        """Take the correlation of the normal scores of ranks, shape ``(variables, values)``, between 0 and 1."""
        scores = ndtri(ranks)
        spread = scores.std(axis=1)
        safe = np.where(spread > 0.0, spread, 1.0)
        joint = (scores @ scores.T / ranks.shape[1] - np.outer(scores.mean(axis=1), scores.mean(axis=1))) / np.outer(
            safe, safe
        )
        np.fill_diagonal(joint, 1.0)
        values, vectors = np.linalg.eigh(joint)  # ranks with many ties may leave it short of positive definite
        joint = (vectors * np.maximum(values, 1e-9)) @ vectors.T
        size = np.sqrt(np.diag(joint))
        return cls(np.linalg.cholesky(joint / np.outer(size, size)))

    def scores(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw normal scores, shape ``(variables, count)``."""
        return np.asarray(self.factor @ rng.standard_normal((len(self.factor), count)))


@dataclass(frozen=True, eq=False)
class VineCopula:
    """A regular vine of pair copulas: what the tails of two variables have in common may differ from the middle.

    Attributes
    ----------
    vine
        A ``pyvinecopulib.Vinecop``.
    """

    vine: Any

    @classmethod
    def fit(cls, ranks: FloatArray) -> VineCopula:
        """Choose the trees by Kendall's tau and each pair's parametric family by the AIC.

        Parameters
        ----------
        ranks
            Between 0 and 1, shape ``(variables, values)``.

        Raises
        ------
        InputError
            Where pyvinecopulib is not installed.
        """
        try:
            library = importlib.import_module("pyvinecopulib")
        except ImportError:
            expected = "pyvinecopulib: pip install 'equilot[copula]'"
            raise InputError("vine copula", "pyvinecopulib", "not installed", expected) from None
        families = getattr(library, "families", library).parametric  # where they are depends on the version
        controls = library.FitControlsVinecop(family_set=families, num_threads=1)
        return cls(library.Vinecop.from_data(np.asfortranarray(ranks.T), controls=controls))

    def scores(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw normal scores, shape ``(variables, count)``, by the inverse Rosenblatt transform of uniform numbers."""
        if not count:
            return np.zeros((self.vine.dim, 0))
        shares = self.vine.inverse_rosenblatt(np.asfortranarray(rng.random((count, self.vine.dim))))
        return np.asarray(ndtri(np.clip(shares, _EDGE, 1.0 - _EDGE)).T)


COPULAS: Mapping[str, Callable[[FloatArray], Copula]] = {"gaussian": GaussianCopula.fit, "vine": VineCopula.fit}
"""By the name that a scenario gives."""
