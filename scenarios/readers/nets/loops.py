"""Loops of a grid: which branches close them, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from equilibrium.errors import InputError
from scenarios.readers.nets.net import Net, NetBranch
from scenarios.readers.nets.record import counted

_SHOWN_LOOPS, _SHOWN_BRANCHES = 4, 8
"""Most loops and branches of one that a message names."""


def loop_error(net: Net, tree: Mapping[int, NetBranch | None], closing: Sequence[NetBranch]) -> InputError:
    """Return the complaint that asks which branches to open, naming the loops.

    Parameters
    ----------
    net
        The grid.
    tree
        The branch that feeds each bus, its start upstream; ``None`` at the roots.
    closing
        Branches beside the tree, each of which closes one loop (or a way from one root to another).
    """
    loops = sorted((_around(tree, branch) for branch in closing), key=len)
    said = "; ".join(_said(loop) for loop in loops[:_SHOWN_LOOPS])
    more = f"; and {len(loops) - _SHOWN_LOOPS} more" if len(loops) > _SHOWN_LOOPS else ""
    one = ", ".join(branch.label for branch in closing[:_SHOWN_LOOPS])
    rest = ", .." if len(closing) > _SHOWN_LOOPS else ""
    expected = (
        f"a radial grid: say in feeder.open which branches to open, one of each loop. For example, of many choices, "
        f"open: [{one}{rest}]. Loops, each as its branches: {said}{more}"
    )
    return InputError(net.source, "open", counted(len(closing), "closed loop"), expected)


def _around(tree: Mapping[int, NetBranch | None], branch: NetBranch) -> list[NetBranch]:
    """Return the branches of the loop that a branch closes, in order."""
    down, up = _way(tree, branch.start), _way(tree, branch.end)
    while down and up and down[-1].label == up[-1].label:
        down.pop()
        up.pop()
    return [branch, *up, *reversed(down)]


def _way(tree: Mapping[int, NetBranch | None], bus: int) -> list[NetBranch]:
    """Return the branches from a bus to its root."""
    way = []
    while (branch := tree[bus]) is not None:
        way.append(branch)
        bus = branch.start
    return way


def _said(loop: Sequence[NetBranch]) -> str:
    shown = [branch.label for branch in loop[:_SHOWN_BRANCHES]]
    more = f", .. ({len(loop)} branches)" if len(loop) > _SHOWN_BRANCHES else ""
    return f"({', '.join(shown)}{more})"
