"""The rows of a bus, and what is said where there is none of that name."""

from __future__ import annotations

import pandas as pd
import pytest

from equilibrium.errors import InputError
from sim.buses import rows_at_bus

ROWS = pd.DataFrame({"bus": ["mill", "mall", "mill", "mill2", "farm", "mile"], "kw": range(6)})


def test_rows_of_a_bus() -> None:
    assert rows_at_bus("run", ROWS, "mill")["kw"].tolist() == [0, 2]
    assert rows_at_bus("run", ROWS, "farm")["kw"].tolist() == [4]


@pytest.mark.parametrize(
    ("frame", "bus", "said"),
    [
        (ROWS, "mill1", "a bus, mill to mile; did you mean mill, mill2, mile?"),
        (ROWS, "xyz", "a bus, mill to mile"),
        (ROWS.iloc[:0], "mill", "nothing: the table has no rows"),
        (ROWS[["kw"]], "mill", "nothing: its columns are kw"),
    ],
)
def test_no_such_bus(frame: pd.DataFrame, bus: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        rows_at_bus("run", frame, bus)
    assert str(error.value) == f"run: bus: got '{bus}', expected {said}"
