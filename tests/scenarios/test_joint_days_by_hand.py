"""Errors that last, days of a source by their probabilities, joint days and units of one law, number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scenarios.markets.charging.schema import RenewableSection
from scenarios.markets.two_settlement import draws
from scenarios.markets.two_settlement.draws import Source, fading_errors, joined, laws_of, potentials
from scenarios.streams import Streams
from scenarios.time_axis import day_axis


@pytest.mark.parametrize("persistence", [0.0, 0.6])
def test_each_error_keeps_a_share_of_the_one_before(persistence: float) -> None:
    shocks = np.random.default_rng(4).standard_normal(3)
    left, fresh = persistence, (1.0 - persistence**2) ** 0.5
    second = left * shocks[0] + fresh * shocks[1]
    wanted = [shocks[0], second, left * second + fresh * shocks[2]]
    found = fading_errors(np.random.default_rng(4), 3, 0.25, persistence)
    assert found == pytest.approx([0.25 * each for each in wanted])
    assert fading_errors(np.random.default_rng(4), 0, 0.25, persistence).shape == (0,)


def test_days_at_quantiles_of_their_probabilities() -> None:
    """Of 0.25, 0.5 and 0.25 the edges are 0.25 and 0.75; a share at an edge is of the next day."""
    source = Source(np.array([[1.0], [2.0], [3.0]]), np.array([0.25, 0.5, 0.25]), 0.0)
    shares = np.array([0.0, 0.2, 0.25, 0.7, 0.75, 0.99, 1.0])
    assert source.picked(shares).tolist() == [[1.0], [1.0], [2.0], [2.0], [3.0], [3.0], [3.0]]


class Turned:
    """Permutations that are told: the first one as it is, the next one backwards."""

    def __init__(self) -> None:
        self.asked = 0

    def permutation(self, count: int) -> Any:
        self.asked += 1
        return np.arange(count)[:: 1 if self.asked == 1 else -1]


def test_joint_days_take_each_source_evenly_in_an_order_of_its_own() -> None:
    """Of four joint days those at 1/8, 3/8, 5/8 and 7/8."""
    sources = [
        Source(np.array([[1.0], [2.0]]), np.array([0.25, 0.75]), 0.0),
        Source(np.array([[5.0], [6.0], [7.0]]), np.array([0.4, 0.2, 0.4]), 0.0),
    ]
    rng: Any = Turned()
    first, second = joined(sources, 4, rng)
    assert first.ravel().tolist() == [1.0, 2.0, 2.0, 2.0]
    assert second.ravel().tolist() == [7.0, 7.0, 5.0, 5.0]
    assert rng.asked == 2


def test_a_source_keeps_what_stands_for_the_others() -> None:
    """Days 0, 1 and 10 are equally likely: of two that are kept one is 10, and the other stands for two."""
    found = Source.reduced(np.array([[[0.0]], [[1.0]], [[10.0]]]), 2)
    kept = dict(zip(found.kept.ravel().tolist(), found.probability.tolist(), strict=True))
    assert kept.pop(10.0) == pytest.approx(1.0 / 3.0)
    assert list(kept.values()) == [pytest.approx(2.0 / 3.0)]
    assert found.distance == pytest.approx(1.0 / 3.0)
    assert found.kept.shape == (2, 1, 1)


def unit(name: str, **keys: Any) -> RenewableSection:
    return RenewableSection.model_validate({"name": name, "bus": "1", "rated_kw": 10.0, "kind": "pv"} | keys)


def test_units_of_one_kind_and_one_law_go_together() -> None:
    units = [
        unit("a"),
        unit("b", kind="wind"),
        unit("c", bus="7", rated_kw=99.0, failures_per_year=2.0, repair_h=5.0),
        unit("d", day_sigma=0.25),
        unit("e", kind="wind"),
    ]
    assert [group.tolist() for group in laws_of(units)] == [[0, 2], [1, 4], [3]]


def test_potentials_have_a_column_a_unit() -> None:
    units = [unit("a"), unit("b", kind="wind", rated_kw=4.0)]
    expected = np.column_stack([np.linspace(0.0, 9.0, 24), np.linspace(6.0, 0.0, 24)])
    found = potentials(units, expected, Streams(1), 0, day_axis(None))
    assert found == pytest.approx(np.minimum(expected, [10.0, 4.0]))
    assert potentials([], np.zeros((24, 0)), Streams(1), 0, day_axis(None)).shape == (24, 0)


def test_each_draw_has_streams_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def drawn(of: Any, expected: Any, streams: Streams, index: int, axis: Any) -> Any:
        asked.append((of, expected, index, axis, streams.generator("x", 0).integers(2**40)))
        return np.full(2, float(len(asked)))

    monkeypatch.setattr(draws, "drawn_potential", drawn)
    given: Any = ("expected", "axis")
    found = draws.drawn_potentials(unit("a"), given[0], Streams(3), 5, given[1], 3)
    assert found.tolist() == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
    seeds = Streams(3).generator("forecast pv", 5).integers(2**62, size=3).tolist()
    assert max(seeds) > 2**55
    first = [Streams(seed).generator("x", 0).integers(2**40) for seed in seeds]
    assert asked == [(unit("a"), "expected", 5, "axis", each) for each in first]
