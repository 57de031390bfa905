"""The figure of a front shows its points, its extremes and the choice."""

from __future__ import annotations

import numpy as np
import pytest

from equilibrium.programs.front import Front
from sim.show.front import front_figure


def made(count: int) -> Front:
    """A front of four points."""
    values = np.array([[1.0, 9.0, 5.0], [2.0, 6.0, 7.0], [4.0, 5.0, 2.0], [8.0, 1.0, 3.0]])[:, :count]
    payoff = np.array([[1.0, 9.0, 5.0], [8.0, 1.0, 3.0], [4.0, 5.0, 2.0]])[:count, :count]
    return Front(("cost", "loss", "shed")[:count], values, np.zeros((4, 1)), payoff, True, 9)


@pytest.mark.parametrize(("count", "panels"), [(2, [(0, 1)]), (3, [(0, 1), (1, 2), (0, 2)])])
def test_every_pair_of_objectives_has_its_panel(count: int, panels: list[tuple[int, int]]) -> None:
    front = made(count)
    figure = front_figure(front)
    assert len(figure.axes) == len(panels)
    for axis, (k, j) in zip(figure.axes, panels, strict=True):
        assert (axis.get_xlabel(), axis.get_ylabel()) == (front.names[k], front.names[j])
        points, ends, chosen = (each.get_offsets() for each in axis.collections)
        assert np.asarray(points).tolist() == front.values[:, [k, j]].tolist()
        assert np.asarray(ends).tolist() == front.payoff[[k, j]][:, [k, j]].tolist()
        assert np.asarray(chosen).tolist() == [front.values[front.choice(), [k, j]].tolist()]
        assert len(axis.lines) == int(count == 2)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Not dominated", "Extremes", "Chosen"]


def test_another_point_can_be_marked() -> None:
    figure = front_figure(made(2), chosen=3)
    assert np.asarray(figure.axes[0].collections[2].get_offsets()).tolist() == [[8.0, 1.0]]
