"""Where the buses of a radial feeder stand when it is drawn as a tree: the root at the left, laterals as branches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equilibrium.arrays import FloatArray

_Reach = dict[int, tuple[int, int]]
"""Lowest and highest row that is taken at each distance from the root."""


def tree_places(parent: Sequence[int]) -> FloatArray:
    """Return where each bus stands.

    Each bus stands one step to the right of its parent. The longest way on is a straight line; every other branch
    stands in rows of its own above or below it, on the side that is free nearer by. A branch leaves its parent upright
    and then goes right, and no two lines cross.

    Parameters
    ----------
    parent
        Index of the upstream bus of each bus; -1 at the root.

    Returns
    -------
    FloatArray
        Distance from the root and row of each bus, shape ``(buses, 2)``.
    """
    order, children = _longest_first(parent)
    distance = np.zeros(len(parent), dtype=np.int64)
    for bus in order[1:]:
        distance[bus] = distance[parent[bus]] + 1
    row = np.zeros(len(parent), dtype=np.int64)
    _place(order[0], children, distance, row)
    return np.column_stack([distance, row]).astype(np.float64)


def lateral_order(parent: Sequence[int]) -> list[int]:
    """Return the buses lateral by lateral, so that as many as can be stand right behind the one that feeds them.

    Where the feeder's own order is such a one already it stays; else the longest way comes first, then what leaves it
    nearest to its end.

    Parameters
    ----------
    parent
        Index of the upstream bus of each bus; -1 at the root.
    """
    ends = len(parent) - len({above for above in parent if above >= 0})
    broken = sum(above != bus - 1 for bus, above in enumerate(parent))
    if broken < max(ends, 1):
        return list(range(len(parent)))
    order, children = _longest_first(parent)
    waiting, laterals = [order[0]], list[int]()
    while waiting:
        bus = waiting.pop()
        laterals.append(bus)
        waiting.extend(reversed(children[bus]))
    return laterals


def _longest_first(parent: Sequence[int]) -> tuple[list[int], list[list[int]]]:
    """Return the buses in an order from the root, and what each feeds, the longest way first."""
    children: list[list[int]] = [[] for _ in parent]
    for bus, above in enumerate(parent):
        if above >= 0:
            children[above].append(bus)
    order = [bus for bus, above in enumerate(parent) if above < 0]
    for bus in order:
        order.extend(children[bus])
    height = np.zeros(len(parent), dtype=np.int64)
    for bus in reversed(order[1:]):
        height[parent[bus]] = max(height[parent[bus]], height[bus] + 1)
    for each in children:
        each.sort(key=lambda bus: -height[bus])  # equal ones stay in the feeder's order
    return order, children


def _place(first: int, children: list[list[int]], distance: np.ndarray, row: np.ndarray) -> _Reach:
    """Give all buses behind the first one a row, its own being 0, and return the rows that they take."""
    line = [first]
    while children[line[-1]]:
        line.append(children[line[-1]][0])
    reach: _Reach = {int(distance[bus]): (0, 0) for bus in line}
    for bus in reversed(line):
        for branch in children[bus][1:]:
            own = _place(branch, children, distance, row)
            own[int(distance[bus])] = (0, 0)  # the corner where it turns to the right
            below = min(reach[step][0] - high for step, (_, high) in own.items()) - 1
            above = max(reach[step][1] - low for step, (low, _) in own.items()) + 1
            shift = above if above <= -below else below
            _move(branch, children, row, shift)
            for step, (low, high) in own.items():
                reach[step] = (min(reach[step][0], low + shift), max(reach[step][1], high + shift))
    return reach


def _move(first: int, children: list[list[int]], row: np.ndarray, shift: int) -> None:
    """Move a bus and all behind it by some rows."""
    moved = [first]
    for bus in moved:
        moved.extend(children[bus])
    row[moved] += shift
