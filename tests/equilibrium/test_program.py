import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.programs.program import INF, ProgramBuilder, signed_parts


def test_ports_reach_cost_rows_and_bounds():
    build = ProgramBuilder()
    theta = build.port("theta", (2,))
    x = build.columns("x", (2,), lower=1.0, upper=10.0, cost=[1.0, 2.0])
    row = build.rows("sum", (1,), lower=-INF, upper=4.0)
    build.coefficients(row, x, 1.0)
    build.cost_ports(x, theta, 3.0)
    build.row_ports(row, theta[:1], -1.0)
    build.lower_ports(x, theta, 0.5)
    build.upper_ports(x, theta, -1.0)
    instance = build.compile().bind({"theta": [2.0, 4.0]})
    assert instance.cost.tolist() == [7.0, 14.0]
    assert instance.row_upper.tolist() == [6.0]
    assert instance.row_lower.tolist() == [-INF]
    assert instance.col_lower.tolist() == [2.0, 3.0]
    assert instance.col_upper.tolist() == [8.0, 6.0]


def test_binding_refuses_missing_and_unknown_ports():
    build = ProgramBuilder()
    build.port("load", (1,))
    program = build.compile()
    with pytest.raises(KeyError, match=r"missing.*load.*unknown.*lod"):
        program.bind({"lod": 1.0})


def test_a_block_is_stated_once():
    build = ProgramBuilder()
    build.columns("x", (1,))
    with pytest.raises(ValueError, match="stated twice"):
        build.columns("x", (1,))


def test_compiled_arrays_are_frozen():
    build = ProgramBuilder()
    build.columns("x", (2,), cost=1.0)
    program = build.compile()
    with pytest.raises(ValueError, match="read-only"):
        program.cost[0] = 5.0


def test_repeated_coefficients_add_up():
    build = ProgramBuilder()
    x = build.columns("x", (1,))
    row = build.rows("r", (1,), upper=1.0)
    build.coefficients(row, x, 1.0)
    build.coefficients(row, x, 2.0)
    assert build.compile().matrix.toarray().tolist() == [[3.0]]


def test_a_sparse_matrix_is_placed_at_its_rows_and_columns_and_adds_up():
    build = ProgramBuilder()
    x, rows = build.columns("x", (4,)), build.rows("r", (3,))
    build.block(rows[[2, 0]], x[[3, 1]], sp.csr_array([[1.0, 0.0], [2.0, 3.0]]))
    build.block(rows[:1], x[1:2], sp.csc_array([[4.0]]).T)
    assert build.compile().matrix.toarray().tolist() == [[0.0, 7.0, 0.0, 2.0], [0.0] * 4, [0.0, 0.0, 0.0, 1.0]]


def test_signed_parts_hold_no_zeros_and_leave_the_matrix_alone():
    matrix = sp.csc_array(np.array([[1.0, -2.0], [0.0, 3.0]]))
    matrix.data[0] = 0.0
    positive, negative = signed_parts(matrix)
    assert (positive @ [np.inf, 1.0]).tolist() == [0.0, 3.0]
    assert (negative @ [np.inf, 1.0]).tolist() == [-2.0, 0.0]
    assert matrix.nnz == 3


def test_blocks_read_in_their_own_shape():
    build = ProgramBuilder()
    build.columns("x", (2, 3))
    build.columns("y", (2,))
    program = build.compile()
    vector = np.arange(8.0)
    assert program.value(vector, "x").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert program.value(vector, "y").tolist() == [6, 7]
