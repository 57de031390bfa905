"""Statements of MATPOWER cases by themselves: what they assign, and what is refused with its line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.matlab import MatlabFile

COLUMNS = {"bus": {"A": 0, "B": 1, "C": 2}}
BUS = "mpc.bus = [1 2 3; 4 5 6];\n"


def read(text: str) -> MatlabFile:
    return MatlabFile.read("x.m", text, COLUMNS)


@pytest.mark.parametrize(
    ("statement", "matrix"),
    [
        ("mpc.bus(:, B) = 9;", [[1, 9, 3], [4, 9, 6]]),
        ("mpc.bus(:, 2) = 9;", [[1, 9, 3], [4, 9, 6]]),
        ("mpc.bus(2, :) = 9;", [[1, 2, 3], [9, 9, 9]]),
        ("mpc.bus(1, C) = 9;", [[1, 2, 9], [4, 5, 6]]),
        ("mpc.bus(:, [A, C]) = 9;", [[9, 2, 9], [9, 5, 9]]),
        ("mpc.bus(:, [A C]) = 9;", [[9, 2, 9], [9, 5, 9]]),
        ("mpc.bus([2], [3, 1]) = mpc.bus(1, [A, B]);", [[1, 2, 3], [2, 5, 1]]),
        ("mpc.bus(:, A) = mpc.bus(:, B) + mpc.bus(:, C);", [[5, 2, 3], [11, 5, 6]]),
        ("mpc.bus(:, A) = mpc.bus(:, B) - 2 * mpc.bus(:, C);", [[-4, 2, 3], [-7, 5, 6]]),
        ("mpc.bus(:, A) = mpc.bus(:, B) .* mpc.bus(:, C);", [[6, 2, 3], [30, 5, 6]]),
        ("mpc.bus(:, A) = mpc.bus(:, C) ./ mpc.bus(:, B);", [[1.5, 2, 3], [1.2, 5, 6]]),
        ("mpc.bus(:, A) = 6 ./ mpc.bus(:, C);", [[2, 2, 3], [1, 5, 6]]),
        ("mpc.bus(:, A) = mpc.bus(:, A) .^ 2;", [[1, 2, 3], [16, 5, 6]]),
        ("mpc.bus(:, A) = -mpc.bus(:, A);", [[-1, 2, 3], [-4, 5, 6]]),
        ("mpc.bus(:, A) = abs(mpc.bus(:, A) - 3);", [[2, 2, 3], [1, 5, 6]]),
        ("mpc.bus(:, A) = mpc.bus(:, A) / 2 * 3;", [[1.5, 2, 3], [6, 5, 6]]),
    ],
)
def test_places_of_a_matrix(statement: str, matrix: list[list[float]]) -> None:
    assert read(BUS + statement).matrices["bus"] == pytest.approx(np.array(matrix))


def test_a_matrix_is_copied_where_another_one_is_made_of_it() -> None:
    with pytest.raises(InputError, match="expected a single number"):
        read(f"{BUS}x = mpc.bus;\n")
    file = read(f"{BUS}mpc.bus(:, :) = mpc.bus * 2;\n")
    assert file.matrices["bus"].tolist() == [[2, 4, 6], [8, 10, 12]]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a = 2; b = a * 3", {"a": 2.0, "b": 6.0}),
        ("a = 2\nb = mpc.a + 1\n", {"a": 2.0, "b": 3.0}),
        ("mpc.baseMVA = 1d2;", {"baseMVA": 100.0}),
        ("a = .5 % half\n% b = 3\n", {"a": 0.5}),
        ("%{\nb = 1\n%{\n%}\nb = 2\n%}\na = 3\n", {"a": 3.0}),
        ("%}\na = 3\n", {"a": 3.0}),
        ("a = 1 + ...\n 2;\n", {"a": 3.0}),
        ("function mpc = x\ndefine_constants;\n[A, B] = idx_bus;\na = 1;\nreturn\nend\n", {"a": 1.0}),
        (";;a = 1;;", {"a": 1.0}),
        ("a = mpc.bus(2, 1)", {"a": 4.0}),
        ("a = 5 - 3 - 1", {"a": 1.0}),
        ("a = 8 / 4 / 2", {"a": 1.0}),
        ("a = +2 - -3", {"a": 5.0}),
    ],
)
def test_numbers(text: str, numbers: dict[str, float]) -> None:
    assert read(BUS + text).numbers == numbers


def test_texts() -> None:
    file = read("mpc.version = '2';\nmpc.names = {'a''b'; \"c; d\"\n'e % f'};\n")
    assert file.texts == {"version": ["2"], "names": ["a'b", "c; d", "e % f"]}


def test_rows_of_a_matrix_have_their_lines() -> None:
    file = read("\nmpc.bus = [\n1, 2; 3 4\n\n-5e1 inf % last\n];\nmpc.none = [];\n")
    assert file.matrices["bus"].tolist() == [[1, 2], [3, 4], [-50, float("inf")]]
    assert file.lines == {"bus": [3, 3, 5], "none": []}
    assert file.matrices["none"].shape == (0, 0)
    assert read("mpc.bus = [1/2 3*2 pi]").matrices["bus"].tolist()[0][:2] == [0.5, 6.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("disp(1)", "line 3: got 'disp(1)', expected an assignment of a matrix, a number or columns, as MATPOWER cases "
         "have them"),
        ("x == 1", "line 3: got 'x == 1', expected an assignment of a matrix, a number or columns, as MATPOWER cases "
         "have them"),
        ("x = [1 2] + 1", "line 3: got '[1 2] + 1', expected a matrix of numbers in [ ]"),
        ("x = [1 2\n3]", "line 4: got '1 numbers', expected 2 numbers in each row"),
        ("x = [1 mpc.bus]", "line 3: got 'mpc.bus', expected a number"),
        ("mpc.bus(:, A) = mpc.bus(1, :)", "line 3: got '(1, 3) values', expected one value, or (2, 1) of them"),
        ("x = (1", "line 3: got 'x = (1', expected a bracket that is closed"),
        ("x = 1 2", "line 3: got '1 2', expected an expression of numbers, names and columns"),
        ("x = 1 +", "line 3: got '1 +', expected an expression of numbers, names and columns"),
        ("x = 1 # 2", "line 3: got '1 # 2', expected an expression of numbers, names and columns"),
        ("x = * 2", "line 3: got '* 2', expected an expression of numbers, names and columns"),
        ("x = mpc.bus(1, 1 2)", "line 3: got 'mpc.bus(1, 1 2)', expected an expression of numbers, names and columns"),
        ("x = mpc.bus(1 1)", "line 3: got 'mpc.bus(1 1)', expected an expression of numbers, names and columns"),
        ("x = 2 ^ mpc.bus(:, 1)", "line 3: got '2 ^ mpc.bus(:, 1)', expected an expression of numbers, names and "
         "columns"),
        ("mpc.bus(:, 1) = mpc.bus(:, 1) ^ 2", "line 3: got 'mpc.bus(:, 1) ^ 2', expected an expression of numbers, "
         "names and columns"),
        ("mpc.bus(:, 1) = mpc.bus(:, 1) * mpc.bus(:, 2)", "line 3: got 'mpc.bus(:, 1) * mpc.bus(:, 2)', expected an "
         "expression of numbers, names and columns"),
        ("mpc.bus(:, 1) = 2 / mpc.bus(:, 2)", "line 3: got '2 / mpc.bus(:, 2)', expected an expression of numbers, "
         "names and columns"),
        ("mpc.bus(:, 1) = mpc.bus(1, :) + mpc.bus(:, 1)", "line 3: got 'mpc.bus(1, :) + mpc.bus(:, 1)', expected an "
         "expression of numbers, names and columns"),
        ("x = 1 / 0", "line 3: got '1 / 0', expected an expression with finite values"),
        ("x = y", "line 3: got 'y', expected a number or matrix that was assigned before, or a known function"),
        ("x = exp(1)", "line 3: got 'exp', expected a number or matrix that was assigned before, or a known function"),
        ("mpc.gen(1, 1) = 2", "line 3: got 'gen', expected a matrix that was assigned before"),
        ("mpc.bus(1, 1, 1) = 2", "line 3: got '1, 1, 1', expected an expression of numbers, names and columns"),
        ("mpc.bus(1, D) = 2", "line 3: got 'D', expected one of the 3 rows or columns of mpc.bus"),
        ("mpc.bus(3, A) = 2", "line 3: got '3', expected one of the 2 rows or columns of mpc.bus"),
        ("mpc.gen = [1 2\n NaN 3];\nx = mpc.gen(1, 1) + mpc.gen(2, 1)", "line 4: got 'mpc.gen with NaN', expected "
         "numbers"),
    ],
)  # fmt: skip
def test_what_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(f"% a case\n{BUS}{text}")
    assert str(error.value) == f"x.m: {said}"


@pytest.mark.parametrize(("text", "at"), [("x = 1", 1), ("\n\nx = 1", 3), ("%{\n%}\n x = 1;", 3), ("y = 1; x = 1", 1)])
def test_a_statement_is_of_the_line_at_which_it_begins(text: str, at: int) -> None:
    with pytest.raises(InputError) as error:
        read(text.replace("x = 1", "x = ...\n nothing"))
    assert str(error.value).startswith(f"x.m: line {at}: got 'nothing', expected ")


def test_numbers_are_told_apart_from_texts() -> None:
    given: Any = read("mpc.a = 'x';\na = 3;\n")
    assert (given.texts, given.numbers) == ({"a": ["x"]}, {"a": 3.0})


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        ("disp(", ")", "an assignment of a matrix, a number or columns, as MATPOWER cases have them"),
        ("x = bus + 0 * ", "", "a single number"),
        ("x = [", " ] 1", "a matrix of numbers in [ ]"),
        ("x = (", "", "a bracket that is closed"),
        ("x = 1 # ", "", "an expression of numbers, names and columns"),
        ("x = 1 / 0 + ", "", "an expression with finite values"),
    ],
)
def test_of_a_long_statement_eighty_characters_are_told(begin: str, end: str, expected: str) -> None:
    """Eighty are told whole; of more the middle is left out, and the message stays as long."""
    whole = expected in ("a matrix of numbers in [ ]",) or begin.startswith(("x = 1 # ", "x = 1 / 0"))
    told = begin.removeprefix("x = ") if whole else begin
    for size in (80, 81, 300):
        text = told + "7" * (size - len(told) - len(end)) + end
        with pytest.raises(InputError) as error:
            read(f"{BUS}{text if told == begin else 'x = ' + text}")
        message = str(error.value)
        assert message.endswith(f", expected {expected}")
        found = message.removeprefix("x.m: line 2: got '").removesuffix(f"', expected {expected}")
        assert len(found) == 80
        assert (found == text) is (size == 80)
