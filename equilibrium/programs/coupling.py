"""Which hours a program joins, read off its matrix."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from equilibrium.programs.program import Program


def joined_hours(program: Program, *given: str) -> tuple[tuple[int, ...], ...]:
    """Return the groups of hours that a program's rows join once some columns are given.

    Rows and columns are the nodes of a graph, non-zero coefficients its edges. Without the given columns, two hours
    belong together when a path leads from a column of the one to a column of the other: then the program does not fall
    apart by hour, whatever the reason.

    Parameters
    ----------
    program
        Its column blocks have the hour as first axis.
    given
        Blocks of the columns that come from outside (the lots' powers).

    Returns
    -------
    tuple of tuples
        Every hour once, in increasing order inside and among the groups; single hours where nothing joins them.
    """
    rows, columns = program.shape
    outside = [program.columns[name].index.ravel() for name in given]
    kept = np.setdiff1d(np.arange(columns), np.concatenate([np.zeros(0, dtype=np.int64), *outside]))
    graph = sp.csr_array(program.matrix[:, kept])
    both = sp.block_array([[None, graph], [graph.T, None]], format="csr")
    _, label = connected_components(both, directed=False)
    hour = np.concatenate([np.repeat(np.arange(b.shape[0]), b.size // b.shape[0]) for b in program.columns.values()])
    hours = hour.max() + 1
    # Hours are joined where a component holds columns of several: once more a graph, of hours and components.
    seen = sp.coo_array((np.ones(kept.size), (hour[kept], hours + label[rows:])), shape=(hours + label.max() + 1,) * 2)
    _, group = connected_components(seen, directed=False)
    found: dict[int, list[int]] = {}
    for k in range(hours):
        found.setdefault(int(group[k]), []).append(k)
    return tuple(tuple(members) for members in found.values())
