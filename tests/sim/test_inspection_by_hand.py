"""What `equilot inspect` says and draws of prices, loads and sessions: series and logs of a few numbers."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.grid.feeder import Feeder
from scenarios.time_axis import day_axis
from sim import inspection
from sim.show.console import console
from tests.sim.drawn import drawn

FEEDER = Feeder(
    "by hand", 10.0, ("a", "b", "c"), np.array([-1, 0, 0]), np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.5, 0.25]),
    np.array([np.inf, 1000.0, np.inf]), np.array([0.0, 50.0, 30.0]), np.array([0.0, 5.0, 0.0]),
    np.array([0.5, 0.9, 0.95]), np.array([1.5, 1.05, 1.1]),
)  # fmt: skip


def series(*days: Any, dates: bool = True, source: str = "prices.csv", step: int = 60) -> Any:
    axes = tuple(day_axis(None, None, step) for _ in days)
    found = tuple(np.broadcast_to(np.asarray(day, float), (axis.size,)) for day, axis in zip(days, axes, strict=True))
    known = tuple(dt.date(2024, 6, 1) + dt.timedelta(days=k) for k in range(len(days))) if dates else ()
    return SimpleNamespace(price=found, axes=axes, dates=known, days=len(days), source=source, currency="EUR")


def log(**changes: Any) -> Any:
    given = {
        "source": "log.csv",
        "site": ("b", "", "a", "b"),
        "day": np.array([0, 0, 1, 1]),
        "days": 2,
        "first": dt.date(2024, 6, 3),
        "energy_kwh": np.array([5.0, 10.0, 20.0, 7.25]),
        "stay_h": np.array([1.0, 2.0, 3.5, 8.0]),
        "arrival_h": np.array([7.0, 8.5, 9.0, 23.0]),
    }
    return SimpleNamespace(**given | changes)


def test_prices() -> None:
    rows = inspection._price_rows(series(0.05, 0.07, np.linspace(-0.01, 1.3, 24)))
    assert rows == [
        ("prices", "prices.csv: 3 days, 2024-06-01 to 2024-06-03, 24 prices a day"),
        ("", "-10.00 to 1,300.00, 70.00 in the middle, EUR/MWh"),
    ]
    (first, _) = inspection._price_rows(series(0.05, dates=False))
    assert first == ("prices", "prices.csv: 1 day, a typical day, 24 prices a day")
    mixed = series(0.05, 0.07)
    mixed.axes = (day_axis(), day_axis(None, None, 15))
    assert inspection._price_rows(mixed)[0][1].endswith("24 or 96 prices a day")


def test_a_file_below_the_folder_is_named_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert inspection._place(str(tmp_path / "in" / "a.csv")) == "in/a.csv"
    assert inspection._place("in/a.csv") == "in/a.csv"
    assert inspection._place("/elsewhere/a.csv") == "/elsewhere/a.csv"


def test_sessions() -> None:
    assert inspection._session_rows(log()) == [
        ("sessions", "log.csv: 4 on 2 days from 2024-06-03, sites a, b"),
        ("", "in the middle 8.6 kWh, 2.8 h, arriving at 08:45"),
    ]
    assert inspection._session_rows(log(site=("",) * 4))[0][1] == "log.csv: 4 on 2 days from 2024-06-03"
    many = inspection._session_rows(log(site=tuple("jihgfedcba")))
    assert many[0][1].endswith("sites a, b, c, d, e, f, g, h")


@pytest.mark.parametrize(("hours", "clock"), [(0.0, "00:00"), (8.75, "08:45"), (23.99, "23:59"), (9.999, "10:00")])
def test_the_clock(hours: float, clock: str) -> None:
    assert inspection._clock(hours) == clock


def test_a_feeder_of_more_buses_than_fit_a_line() -> None:
    def line(size: int) -> Feeder:
        labels = tuple(f"b{k}" for k in range(size))
        one = np.ones(size)
        return Feeder(
            "line", 10.0, labels, np.arange(-1, size - 1), one, one, 1e6 * one, one, one, 0.5 * one, 1.5 * one
        )

    assert dict(inspection._feeder_rows(line(16)))["buses"] == ", ".join(f"b{k}" for k in range(16))
    assert dict(inspection._feeder_rows(line(18)))["buses"].endswith("b14, b15 and 2 more")


def test_every_day_s_prices_and_their_mean_are_drawn() -> None:
    figure = inspection.price_figure(series(0.05, 0.07))
    shown = drawn(figure)
    edges = [0.0, *np.repeat(np.arange(1.0, 24.0), 2), 24.0]
    for name, level in (("each of 2 days", 50.0), ("#1", 70.0), ("mean at each hour", 60.0)):
        assert shown[0, "lines", name][:, 0].tolist() == edges
        assert shown[0, "lines", name][:, 1].tolist() == pytest.approx([level] * 48)
    assert [shown[0, "words", name] for name in ("title", "x", "y")] == [
        "Prices of prices.csv",
        "hours since midnight",
        "EUR/MWh",
    ]
    assert figure.axes[0].get_xticks().tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24]
    many = inspection.price_figure(series(*[0.05] * 61))
    assert len(many.axes[0].lines) == 61
    assert [text.get_text() for text in many.axes[0].get_legend().get_texts()] == [
        "each of 60 days",
        "mean at each hour",
    ]


def test_load_and_sessions_are_drawn_where_there_are_any() -> None:
    contents: Any = SimpleNamespace(load_kw=None, sessions=())
    assert inspection._curves(contents) == {}
    contents.load_kw, contents.sessions = np.array([1.0, 3.0]), (log(), log(source="in/other.csv"))
    figures = inspection._curves(contents)
    assert list(figures) == ["load", "sessions"]
    shown = drawn(figures["load"])
    assert shown[0, "lines", "#0"].tolist() == [[0.0, 1.0], [12.0, 1.0], [12.0, 3.0], [24.0, 3.0]]
    assert (shown[0, "words", "title"], shown[0, "words", "y"]) == ("Expected load of all buses", "kW")
    panels = figures["sessions"].axes
    assert [axis.get_xlabel() for axis in panels] == ["arrival, hour of the clock", "stay, h", "energy, kWh"]
    assert [axis.get_ylabel() for axis in panels] == ["sessions", "", ""]
    assert [text.get_text() for text in panels[-1].get_legend().get_texts()] == ["log", "other"]
    for axis, top in zip(panels, (24.0, 8.0, 20.0), strict=True):
        first, second = ([bar.get_height() for bar in group] for group in axis.containers)  # type: ignore[attr-defined]
        assert (len(first), sum(first), sum(second)) == (24, 4.0, 4.0)
        last = axis.containers[0][-1]  # type: ignore[attr-defined, index]
        assert last.get_x() + last.get_width() == pytest.approx(top, rel=0.02)
    first, second = ([bar.get_height() for bar in group] for group in panels[0].containers)  # type: ignore[attr-defined]
    assert {k: height for k, height in enumerate(first) if height} == {7: 1.0, 8: 1.0, 9: 1.0, 23: 1.0}


def test_the_buses_of_a_feeder_are_written_with_their_branches(tmp_path: Path) -> None:
    """No rating is an empty cell, and a label with a comma or a quote stands in quotes."""
    named = replace(FEEDER, buses=("a", 'b "1"', "c,d"), rating_kva=np.array([np.inf, 1000.0, 0.1]))
    assert inspection.write_buses(named, tmp_path / "new" / "buses.csv").read_text() == (
        "bus,fed_from,load_kw,load_kvar,r_ohm,x_ohm,rating_kva,voltage_min_pu,voltage_max_pu\n"
        "a,,0,0,0,0,,0.5,1.5\n"
        '"b ""1""",a,50,5,1,0.5,1000,0.9,1.05\n'
        '"c,d",a,30,0,2,0.25,0.1,0.95,1.1\n'
    )


def test_what_stands_on_a_feeder_of_one_and_of_several_aggregators() -> None:
    def unit(name: str) -> Any:
        return SimpleNamespace(name=name, bus=f"bus of {name}")

    market = SimpleNamespace(name="nowhere")
    one = SimpleNamespace(lots=(unit("l"),), generators=(unit("g"), market), storage=(unit("s"),))
    two = SimpleNamespace(lots=(unit("m"),))
    case: Any = SimpleNamespace(file=SimpleNamespace(microturbines=(unit("t"),), aggregators=(one, two)))
    assert inspection.assets(case) == [
        ("microturbines", "t", "bus of t"),
        ("lots", "l", "bus of l"),
        ("generators", "g", "bus of g"),
        ("storage", "s", "bus of s"),
        ("lots", "m", "bus of m"),
    ]


def test_rows_are_printed_without_a_head(capsys: pytest.CaptureFixture[str]) -> None:
    inspection._show_rows(console(), [("market", "toll"), ("", "[bold] 7")])
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [" market  toll", "         [bold] 7"]


def test_what_is_said_of_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    """The load is 1 MWh in the mean of a day of 24 hours; what stands on the feeder follows, one line each."""
    contents = SimpleNamespace(feeder=None, load_kw=np.array([1000.0, 3000.0]), sessions=(log(),))
    unit = SimpleNamespace(name="a", bus="7")
    case: Any = SimpleNamespace(
        contents=lambda: contents,
        prices=series(0.05),
        file=SimpleNamespace(market=SimpleNamespace(kind="toll"), lots=(unit,), microturbines=(unit,)),
    )
    inspection.show_contents(console(), case)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "market toll"
    assert "load of a day 1,000 to 3,000 kW, 48.00 MWh, as expected" in lines
    assert lines[-2:] == ["lot a at bus 7", "microturbine a at bus 7"]
    contents.load_kw, contents.sessions = None, ()
    inspection.show_contents(console(), case)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line.startswith(("load", "sessions"))] == []


def test_figures_of_a_scenario_name_what_stands_at_a_bus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    def load_map(*given: Any) -> str:
        asked.append(given)
        return "map"

    monkeypatch.setattr(inspection, "load_map", load_map)
    monkeypatch.setattr(inspection, "price_figure", lambda _: "prices")
    monkeypatch.setattr(inspection, "_curves", lambda _: {"load": "curve"})
    monkeypatch.setattr(inspection, "save", lambda figure, path: [path.with_suffix(f".{figure}")])
    units = tuple(SimpleNamespace(name=name, bus=bus) for name, bus in (("x", "b"), ("y", "c"), ("z", "b")))
    contents = SimpleNamespace(feeder=FEEDER)
    case: Any = SimpleNamespace(contents=lambda: contents, prices=None, file=SimpleNamespace(lots=units))
    found: Any = inspection.contents_figures(case)
    assert found == {"prices": "prices", "feeder": "map", "load": "curve"}
    assert asked == [(FEEDER, {"b": "x, z", "c": "y"}, "by hand: base-case load")]
    assert inspection.draw_contents(case, tmp_path) == [
        tmp_path / "prices.prices", tmp_path / "feeder.map", tmp_path / "load.curve",
    ]  # fmt: skip
    assert inspection.draw_grid(FEEDER, tmp_path) == [tmp_path / "feeder.map"]
    assert asked[-1] == (FEEDER, {}, "by hand: base-case load")
    contents.feeder = None
    without: Any = inspection.contents_figures(case)
    assert without == {"prices": "prices", "load": "curve"}


def test_spans_and_flows() -> None:
    assert [inspection._span(np.array(values)) for values in ([0.9, 0.95], [0.9, 0.90001])] == ["0.9 to 0.95", "0.9"]
    # 55 and 5 kvar beyond a: b has 50.25 of 1000 kVA; voltages fall by R p + X q over 1000 times 100
    said = inspection._flow_text(FEEDER)
    assert said == "lowest voltage 0.9994 at c, the branch into b at 5 % of its rating"
    full = replace(FEEDER, rating_kva=np.array([50.0, 40.0, 30.0]), voltage_min_pu=np.array([0.5, 0.9995, 0.9995]))
    assert inspection._flow_text(full) == (
        "lowest voltage 0.9994 at c, the supply at 160 % of its rating; BEYOND THEIR LIMITS: 2 branches and 2 buses"
    )
    edge = replace(FEEDER, load_kvar=np.zeros(3), rating_kva=np.array([np.inf, 50.0, np.inf]))
    assert inspection._flow_text(edge).endswith("the branch into b at 100 % of its rating")
    idle = replace(FEEDER, load_kw=np.zeros(3), load_kvar=np.zeros(3))
    assert inspection._flow_text(idle) == "lowest voltage 1.0000 at a"
