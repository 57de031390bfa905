"""What is drawn, printed and told of a run, whatever its market: which day, which letters, which keys."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from equilibrium.errors import InputError
from sim import output


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run of three days, of which the second has the highest price."""
    drawn: list[Any] = []
    kind = SimpleNamespace(
        peak_column="peak",
        figures=lambda *given: drawn.append(given) or {"one": "figure"},
        day_table=lambda run: Table("a table of", str(len(run.days))),
        remarks=lambda _: ["a remark"],
    )
    monkeypatch.setattr(output, "market_of_run", lambda _: kind)
    days = pd.DataFrame(
        {"day": [3, 4, 7], "peak": [5.0, 9.0, 8.0], "date": pd.to_datetime(["2024-06-01", "2024-06-02", "2024-06-05"])}
    )
    manifest = {"scenario": "made", "status": "complete", "currency": "USD", "seed": 7, "days_done": 3, "secret": 1}
    return SimpleNamespace(folder=Path("runs") / "é", days=days, manifest=manifest, market="own", drawn=drawn)


def test_the_day_with_the_highest_price_is_chosen(run: Any) -> None:
    assert output.day_of_run(run) == 4
    assert [output.day_of_run(run, day) for day in (3, 4, 7)] == [3, 4, 7]
    for day in (0, 8):
        with pytest.raises(InputError, match=f"--day: got {day}, expected a day from 0 to 7"):
            output.day_of_run(run, day)
    run.days = run.days.iloc[:0]
    with pytest.raises(InputError, match="--day: got None, expected a run with at least one finished day"):
        output.day_of_run(run)


def test_figures_are_asked_for_the_chosen_day_in_the_currency(run: Any) -> None:
    assert output.run_figures(run) == {"one": "figure"}
    output.run_figures(run, 7)
    del run.manifest["currency"]
    output.run_figures(run, 3)
    assert [(given[1], given[3]) for given in run.drawn] == [(4, "USD"), (7, "USD"), (3, "currency")]
    assert all(given[0] is run for given in run.drawn)


def test_a_table_is_printed_with_all_of_its_letters_and_the_screen_stays_as_it_was() -> None:
    table = Table("x" * 60, "y" * 60)
    screen = Console(file=io.StringIO(), width=50)
    output.print_whole(screen, table)
    assert "x" * 60 in screen.file.getvalue()  # type: ignore[attr-defined]
    assert screen.width == 50
    wide = Console(file=io.StringIO(), width=400)
    output.print_whole(wide, table)
    assert wide.width == 400


def test_what_is_shown_of_a_run_with_and_without_days(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "closing", lambda _: ["nothing was done"])

    def shown() -> str:
        screen = Console(file=io.StringIO(), width=80)
        output.show_run(screen, run)
        return screen.file.getvalue()  # type: ignore[attr-defined,no-any-return]

    assert "a table of" in shown()
    assert shown().endswith("a remark\n")
    run.days = run.days.iloc[:0]
    assert shown() == "nothing was done\n"


def test_a_run_as_json(run: Any) -> None:
    text = output.run_json(run)
    told = json.loads(text)
    assert list(told) == [
        *("folder", "scenario", "market", "status", "currency", "seed", "days_asked", "days_done", "reasons", "days")
    ]
    assert (told["market"], told["days_asked"], told["seed"]) == ("own", None, 7)
    assert told["days"][1] == {"day": 4, "peak": 9.0, "date": "2024-06-02T00:00:00.000"}
    assert "é" in text
    run.days["peak"] = [1.0 / 3.0, 2.0 / 3.0, float("nan")]
    assert json.loads(output.run_json(run))["days"][0]["peak"] == pytest.approx(1.0 / 3.0, abs=1e-15)
    assert json.loads(output.run_json(run))["days"][2]["peak"] is None


def test_figures_are_not_written_through_a_link(run: Any, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / output.FIGURES).symlink_to(tmp_path / "elsewhere")
    run.folder = tmp_path
    with pytest.raises(InputError, match="got 'a link to another place'"):
        output.draw_run(run)


def test_a_run_of_a_market_that_is_not_there_or_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns that some runs alone have may be missing, all others are named: the first of the first table."""

    def column(name: str, present: Any = output.always) -> Any:
        return SimpleNamespace(name=name, present=present)

    tables = (
        SimpleNamespace(name="days", columns=[column("day")]),
        SimpleNamespace(
            name="lots", columns=[column("kw"), column("date", lambda *_: False), column("price"), column("x")]
        ),
    )
    kind = SimpleNamespace(tables=tables)
    monkeypatch.setattr(output, "market_kinds", lambda: {"own": kind, "other": None})
    made: Any = SimpleNamespace(
        folder="run", market="own", columns={"days": {"day": 1}, "lots": {"kw": 1, "price": 1, "x": 1}}
    )
    assert output.market_of_run(made) is kind
    del made.columns["lots"]["x"], made.columns["lots"]["price"]
    with pytest.raises(InputError, match="table lots: got 'not in the run', expected a column 'price'"):
        output.market_of_run(made)
    made.market = "third"
    with pytest.raises(InputError, match=r"market: got 'third', expected an installed market \(own, other\)"):
        output.market_of_run(made)
