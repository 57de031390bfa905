"""Prices put together from several: nothing is asked for twice; and by how much mixtures of pieces may be off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.deadline import Deadline
from equilibrium.markets.aggregator.nodes import Nodes, Prices, Problem
from equilibrium.markets.aggregator.polish import polished
from equilibrium.markets.aggregator.search import Search
from equilibrium.programs.program import GAP
from tests.equilibrium.test_aggregator_group import STEPS, with_graphs


def test_no_prices_are_asked_for_twice_and_the_best_mixture_is_found() -> None:
    """Each period is worth most where one of the three has it; two of them agree in the first period."""
    wanted = np.array([2.0, 5.0, 7.0])
    first, *others = ({"price": np.array(each)} for each in ([2.0, 0.0, 0.0], [2.0, 5.0, 0.0], [1.0, 0.0, 7.0]))
    asked = list[bytes]()

    def earned(prices: Prices) -> tuple[Prices, float]:
        asked.append(prices["price"].tobytes())
        return prices, -float(np.abs(prices["price"] - wanted).sum())

    best, value = polished(first, -12.0, others, earned)
    assert best["price"].tolist() == wanted.tolist()
    assert value == 0.0
    assert len(asked) == len(set(asked))
    assert first["price"].tobytes() not in asked


@pytest.mark.parametrize("nodes", [1, 3])
def test_what_a_mixture_of_pieces_is_off_by(nodes: int) -> None:
    """Nothing with one piece in use; else what is not the largest share, times one more than how far values differ."""
    group = with_graphs(*STEPS)
    halves = group._halves(0)
    inner = Nodes(Problem.of(halves))
    search = Search(inner, lambda prices: group.earned(0, prices))
    search.run(Deadline(nodes=nodes))
    root = inner.root()
    draw, mixed = np.random.default_rng(1), 0
    for _ in range(20):
        point = root.sides[-1].point.copy()
        for at in halves.weights:
            shares = draw.random(at.shape) * (draw.random((at.shape[0], 1)) < 0.5)
            point[inner._first + at] = shares / max(1.0, shares.sum())
        node = replace(root, sides=(*root.sides[:-1], replace(root.sides[-1], point=point)))
        for found, at in zip(search._spread(node), halves.weights, strict=True):
            weight = point[inner._first + at].sum(axis=1)
            used = np.flatnonzero(weight > GAP)
            value = halves.prices.cost[at[used]]
            off = (1.0 - weight.max()) * (1.0 + value.max() - value.min()) if used.size > 1 else 0.0
            assert found == pytest.approx(off, abs=1e-12)
            mixed += used.size > 1
    assert mixed
