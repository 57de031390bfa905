"""`equilot inspect`: what is said and drawn of a scenario before it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equilibrium.grid.feeder import Feeder
from scenarios.loading import load_scenario
from scenarios.starter import new_scenario
from sim.cli import main
from sim.inspection import _feeder_rows, assets, price_figure
from sim.show.console import console
from sim.show.telling import show_notes
from tests.scenarios.nets.made import pandapower_json, pandapower_net, table


@pytest.fixture
def town(tmp_path: Path) -> Path:
    new_scenario(str(tmp_path / "town"))
    return tmp_path / "town"


def test_a_new_town(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "seen"
    assert main(["inspect", str(town), "--out", str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for part in (
        "feeder: 8 buses, fed at substation with 10 kV",
        "substation, mill, school, market, church, station, hill, farm",
        "1,170 kW and 355 kvar of load at 7 buses",
        "7 of 7 branches: 1,000 to 4,000 kVA",
        "1 per unit at the root, at least 0.94, at most 1.06 elsewhere",
        "lowest voltage 0.9920 at farm, the supply at 31 % of its rating",  # 1,170 kW and 355 kvar of 4,000 kVA
        "14 days, 2024-06-03 to 2024-06-16, 24 prices a day",
        "148 on 14 days from 2024-06-03",
        "lot station at bus station",
        "renewable roofs at bus school",
    ):
        assert part in said
    assert sorted(path.name for path in out.glob("*.png")) == ["feeder.png", "load.png", "prices.png", "sessions.png"]
    buses = pd.read_csv(out / "buses.csv")
    assert buses["bus"].tolist()[:3] == ["substation", "mill", "school"]
    assert buses["fed_from"].tolist()[1:4] == ["substation", "mill", "school"]
    assert buses["load_kw"].sum() == 1170
    assert not (tmp_path / "runs").exists()


def test_a_feeder_alone(town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (town / "net.json").write_text(pandapower_json(pandapower_net()))
    assert main(["inspect", str(town / "net.json"), "--out", str(tmp_path / "seen")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "net: 4 buses, fed at feed with 10 kV buses feed, middle, end, low" in said
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == [
        *("buses.csv", "feeder.png", "feeder.svg", "notes.txt")
    ]
    buses = (town / "feeder" / "buses.csv").read_text()
    (town / "feeder" / "buses.csv").write_text(buses.replace("mill,180,60", "mill,-180,60"))
    assert main(["inspect", str(town / "feeder"), "--no-figures"]) == 0
    said = capsys.readouterr().out
    assert "8 buses, fed at substation" in said
    assert "note: negative loads feed in 180 kW at profile value 1: mill -180 kW" in said


def test_a_feeder_alone_takes_the_keys_that_a_scenario_would_have(
    town: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(town)
    net = pandapower_net()
    feeds = [["grid", 0, 1.0, True], ["other", 2, 1.0, True]]
    net["ext_grid"] = table(["name", "bus", "vm_pu", "in_service"], feeds)
    Path("net.json").write_text(pandapower_json(net))
    assert main(["inspect", "net.json"]) == 2
    assert "net.json: feeder.roots: got '2 external grids', expected one bus" in capsys.readouterr().err
    assert main(["inspect", "net.json", "--no-figures", "--set", "feeder.roots=[feed]"]) == 0
    assert "note: 1 external grid feeds nothing, as feeder.roots names others: end" in capsys.readouterr().out
    for setting, complaint in (
        ("feeder.rots=[feed]", "--set feeder.rots: feeder.rots: got 'rots', expected one of the keys name, file, open"),
        ("lots.lot-1=3", "--set lots.lot-1: lots: got 'lots', expected one of the keys feeder"),
        ("feeder.roots=[fed]", "net.json: feeder.roots: got 'fed', expected buses of the grid, such as feed, end (clo"),
    ):
        assert main(["inspect", "net.json", "--no-figures", "--set", setting]) == 2
        assert complaint in capsys.readouterr().err
    assert main(["inspect", str(town), "--no-figures", "--set", "lots.station.places=3"]) == 0


def test_notes_fill_no_more_than_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    show_notes(console(), ["short", "long " * 100, *"abcdefgh"], "notes.txt")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert max(map(len, lines)) <= 246
    assert lines[-1] == "note: 2 more, and all names are in notes.txt"
    show_notes(console(), ["short"], "notes.txt")
    assert capsys.readouterr().out == "note: short\n"


def test_a_folder_without_a_scenario_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path)]) == 2
    assert "folder: got 'no scenario.yaml', expected a folder with scenario.yaml" in capsys.readouterr().err


def test_one_day_of_prices_is_one_day(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (town / "prices.csv").write_text("".join((town / "prices.csv").read_text().splitlines(keepends=True)[:25]))
    assert main(["inspect", str(town), "--no-figures"]) == 0
    assert "prices.csv: 1 day, 2024-06-03 to 2024-06-03" in " ".join(capsys.readouterr().out.split())


def test_a_foreign_net_with_its_notes(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (town / "net.json").write_text(pandapower_json(pandapower_net()))
    text = (town / "scenario.yaml").read_text().replace("  name: feeder ", "  file: net.json #")
    text = (
        text.replace("bus: station ", "bus: low ").replace("bus: market", "bus: end").replace("bus: school", "bus: low")
    )
    (town / "scenario.yaml").write_text(text)
    assert main(["inspect", str(town), "--no-figures"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "net: 4 buses, fed at feed with 10 kV" in said
    assert "note: 1 generator feeds in 40 kW, as in the file, at every hour: pv 40 kW" in said
    assert "note: out of service, left out: 1 of table load: off" in said
    assert "times that" not in said
    sets = ["--set", "feeder.generation_scale=0.5", "--set", "feeder.generation_profile=pv"]
    assert main(["inspect", str(town), "--no-figures", *sets]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "note: generators of the file feed in 0.5 times that (generation_scale)" in said
    assert "note: generators of the file follow the profile pv (generation_profile)" in said


def test_nothing_is_drawn_of_what_cannot_be_read(
    town: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (town / "prices.csv").write_text((town / "prices.csv").read_text().replace("2024-06-04,3,", "2024-06-04,30,"))
    assert main(["inspect", str(town), "--out", str(tmp_path / "seen")]) == 2
    assert "line 28, column hour: got '30'" in capsys.readouterr().err
    assert not (tmp_path / "seen").exists()


@pytest.mark.parametrize(
    "name", ["disco-15", "aggregator-37", "aggregators-37", "two-settlement", "epec-lots-33-case1"]
)
def test_every_market_says_what_it_has(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", name, "--no-figures"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    case = load_scenario(name)
    contents = case.contents()
    assert contents.feeder is not None
    assert contents.load_kw is not None
    assert f"market {case.file.market.kind}" in said
    assert f"{contents.feeder.size} buses" in said
    assert f"{contents.load_kw.min():,.0f} to {contents.load_kw.max():,.0f} kW" in said
    for kind, unit, bus in assets(case):
        assert f"{kind.removesuffix('s')} {unit} at bus {bus}" in said


def test_limits_that_the_base_case_breaks_are_named(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = town / "feeder" / "branches.csv"
    path.write_text(path.read_text().replace("hill,farm,0.60,0.30,1,1000", "hill,farm,60,30,1,50"))
    assert main(["inspect", str(town), "--no-figures"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    # 90 kW and 30 kvar: 94.87 of 50 kVA, and 60 * 90 + 30 * 30 = 6300 more of 100,000: 0.063 per unit
    assert "the branch into farm at 190 % of its rating; BEYOND THEIR LIMITS: 1 branches and 1 buses" in said


def test_the_mean_price_is_drawn(town: Path) -> None:
    prices = load_scenario(str(town)).prices
    axis = price_figure(prices).axes[0]
    mean = axis.lines[-1].get_ydata()
    assert np.asarray(mean)[::2] == pytest.approx(1000 * np.mean(prices.price, axis=0))
    assert axis.get_title(loc="left") == "Prices of prices.csv"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["each of 14 days", "mean at each hour"]


def test_what_is_said_of_a_feeder_by_hand() -> None:
    """Limits of the root's own branch and bus are no limits of the grid: they are neither counted nor in a range."""
    feeder = Feeder(
        "by hand", 10.0, ("a", "b", "c", "d"), np.array([-1, 0, 1, 1]), np.array([0.0, 1.0, 2.0, 0.0]), np.zeros(4),
        np.array([9000.0, 1000.0, np.inf, 600.0]), np.array([50.0, 0.0, 300.0, 200.0]), np.array([0.0, 5.0, 0.0, 70.0]),
        np.array([0.5, 0.9, 0.95, 0.96]), np.array([1.5, 1.05, 1.1, 1.07]),
    )  # fmt: skip
    rows = dict(_feeder_rows(feeder))
    assert rows["buses"] == "a, b, c, d"
    assert rows["base case"] == "550 kW and 75 kvar of load at 3 buses"
    assert rows["ratings"] == "2 of 3 branches: 600 to 1,000 kVA"
    assert rows["voltages"] == "1 per unit at the root, at least 0.9 to 0.96, at most 1.05 to 1.1 elsewhere"
    # 500 kW over 1 ohm and 300 kW over 2 ohm more: 0.005 and 0.006 of 10 kV; into b 505.6 of 1000 kVA.
    assert rows["its flow"] == "lowest voltage 0.9890 at c, the branch into b at 51 % of its rating"
    over = replace(
        feeder, rating_kva=np.array([560.0, 500.0, np.inf, 600.0]), voltage_min_pu=np.array([0.5, 0.996, 0.9, 0.9])
    )
    assert dict(_feeder_rows(over))["its flow"].endswith("; BEYOND THEIR LIMITS: 1 branches and 1 buses")
    two = Feeder(
        "two", 10.0, ("a", "b"), np.array([-1, 0]), np.array([0.0, 1.0]), np.zeros(2), np.array([np.inf, 1000.0]),
        np.array([0.0, 500.0]), np.zeros(2), np.full(2, 0.9), np.full(2, 1.1),
    )  # fmt: skip
    assert dict(_feeder_rows(two))["its flow"] == "lowest voltage 0.9950 at b, the branch into b at 50 % of its rating"
    one = Feeder(
        "one", 10.0, ("a",), np.array([-1]), *np.zeros((2, 1)), np.array([np.inf]), *np.zeros((2, 1)), *np.ones((2, 1))
    )
    assert [what for what, _ in _feeder_rows(one)] == ["feeder", "buses", "base case", "ratings"]
    assert dict(_feeder_rows(one))["ratings"] == "0 of 0 branches: none"
    assert _feeder_rows(None) == []
