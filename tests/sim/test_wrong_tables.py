"""What must hold in the tables of a run: every wrong number breaks the statements that speak of it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from sim.checks import check_run
from sim.kinds import market_kinds
from sim.store import Run
from tests.sim.test_contract_market import wronged

TAKES = ("bought", "output", "renewable", "discharge", "given", "shed", "sold", "charge", "taken", "load")
SUMMED = ("bought", "output", "renewable", "shed", "sold", "load")
ENERGIES = ("bought_kwh", "sold_kwh", "generated_kwh", "renewable_kwh", "load_kwh", "shed_kwh", "called_kwh")
PROOF = [
    *(("certificates", name, 1e-6, None, {"verdicts"}) for name in ("primal", "dual", "complementarity")),
    ("certificates", "verdict", "unproved", None, {"verdicts"}),
]


def of_kind(name: str) -> Any:
    """The first row of a kind in period 12 of the last day."""

    def rows(frame: pd.DataFrame) -> Any:
        fits = (frame["kind"] == name) & (frame["period"] == 12) & (frame["day"] == frame["day"].max())
        assert fits.any()
        return frame.index == frame.index[fits][0]

    return rows


def broken(run: Run, market: str, wrong: tuple[str, str, Any, Any]) -> set[str]:
    return {each.name for each in check_run(wronged(run, *wrong), market_kinds()[market].invariants) if not each.holds}


TWO_SETTLEMENTS: list[tuple[str, str, Any, Any, set[str]]] = [
    *(
        ("dispatch", "p_kw", by, of_kind(name), {"active-balance"} | ({"day-sums"} if name in SUMMED else set()))
        for name in TAKES
        for by in (1.0, -1.0)
    ),
    ("dispatch", "p_kw", 1e4, of_kind("called"), {"day-sums", "calls"}),
    ("dispatch", "p_kw", 1.0, of_kind("reserve missing"), {"day-sums"}),
    *(("dispatch", "p_kw", 1.0, of_kind(name), set[str]()) for name in ("unready", "held back")),
    ("dispatch", "hours", 0.5, of_kind("load"), {"day-sums"}),
    *(("days", name, by, None, {"day-sums"}) for name in (*ENERGIES, "reserve_missing_kwh") for by in (1.0, -1.0)),
    *(("days", name, 0.1, None, {"money"}) for name in ("profit", "day_ahead_profit", "real_time_profit")),
    ("payments", "amount", 1.0, lambda frame: frame["payer"] == "operator", {"money"}),
    ("payments", "amount", 1.0, lambda frame: frame["receiver"] == "operator", {"money"}),
    ("payments", "amount", 0.005, lambda frame: frame.index == frame.index[-1], {"money", "cents"}),
    ("payments", "amount", -1e6, lambda frame: frame.index == frame.index[-1], {"money", "cents"}),
    *PROOF,
]


@pytest.mark.parametrize(("table", "column", "by", "rows", "names"), TWO_SETTLEMENTS)
def test_a_wrong_number_of_two_settlements(
    town_run: Run, table: str, column: str, by: Any, rows: Any, names: set[str]
) -> None:
    assert broken(town_run, "two-settlement", (table, column, by, rows)) == names
