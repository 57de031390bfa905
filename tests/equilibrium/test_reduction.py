"""How a program loses its state columns."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import splu

from equilibrium.programs.blocks import solve_columns
from tests.equilibrium.oracle import examples
from tests.equilibrium.test_vertices import SEEDS


@examples(60)
@given(SEEDS, st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 9), st.sampled_from([0.0, 0.3]))
def test_columns_of_different_blocks_share_a_side_and_are_told_apart(seed, sizes, columns, spread):
    """Some columns reach into one block, some (``spread``) into several, some nowhere; rows and states are shuffled."""
    rng = np.random.default_rng(seed)
    square = sp.block_diag(
        [sp.csr_array(np.eye(size) * 3.0 + rng.uniform(-1.0, 1.0, (size, size)) / size) for size in sizes]
    ).toarray()
    block = np.repeat(np.arange(len(sizes)), sizes)
    right = rng.uniform(-1.0, 1.0, (block.size, columns)) * (rng.random((block.size, columns)) < 0.7)
    home = rng.integers(0, len(sizes) + 1, columns)
    right[(block[:, None] != home) & (rng.random(columns) >= spread)] = 0.0
    turn, states = rng.permutation(block.size), rng.permutation(block.size)
    square, right = square[turn][:, states], right[turn]
    found = solve_columns(splu(sp.csc_matrix(square)), sp.csc_array(square), sp.csc_array(right))
    assert found.toarray() == pytest.approx(np.linalg.solve(square, right), abs=1e-12)
