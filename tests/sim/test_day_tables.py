"""How the small tables of all markets are laid out: numbers at the right, and no cell in two lines."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from sim.markets.aggregator.rivals.terminal import day_table as rivals
from sim.markets.aggregator.terminal import day_table as aggregator
from sim.markets.charging import terminal as charging
from sim.markets.disco.terminal import day_table as disco
from sim.markets.two_settlement.terminal import day_table as two_settlement

EMPTY: Any = SimpleNamespace(
    days=pd.DataFrame({name: pd.Series(dtype=object) for name in ("day", "verdict", "certified")}),
    certificates=pd.DataFrame({"day": [], "epsilon": []}),
)


@pytest.mark.parametrize(
    ("table", "columns"), [(rivals, 12), (aggregator, 13), (disco, 13), (two_settlement, 14), (charging.day_table, 2)]
)
def test_the_columns_of_a_day_table(table: Callable[[Any], Any], columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    heads = [charging.Head("a", str, ""), charging.Head("b", str, "")]
    for name in ("_day_heads", "_market_heads", "_profit_heads", "_proof_heads"):
        monkeypatch.setattr(charging, name, lambda *_, own=name, **__: heads if own == "_day_heads" else [])
    made = table(EMPTY)
    assert made.row_count == 0
    assert len(made.columns) == columns
    assert [column.no_wrap for column in made.columns] == [True] * columns
    left = ["program"] if table is disco else []
    assert [str(column.header) for column in made.columns if column.justify != "right"] == left
    assert (made.box, made.pad_edge, made.padding) == (None, False, (0, 0, 0, 1))
