"""``equilot reconfigure``: what is printed, written and drawn, and its exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from equilibrium.grid.reconfiguration import reconfigure
from scenarios.readers.meshed import load_meshed
from sim.cli import main
from sim.show.switching import grid_places, switching_figure
from tests.scenarios.test_meshed_files import pair
from tests.sim.drawn import assert_tidy

RING = "from_bus,to_bus,r_ohm,x_ohm,tie_open_in_base\na,b,1,0.5,0\nb,c,4,2,0\na,c,1,0.5,1\n"
LOADS = "bus,p_kw,q_kvar,base_kv,source\na,0,0,11,1\nb,1000,0,11,0\nc,1000,0,11,0\n"


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ring of two loads: the tie a-c is closed and b-c is opened."""
    monkeypatch.chdir(tmp_path)
    return pair(tmp_path, LOADS, RING)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_answer_is_printed_written_and_drawn(town: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reconfigure", town]) == 0
    printed = capsys.readouterr().out
    answer = reconfigure(load_meshed(town))
    first, second, *_ = printed.splitlines()
    assert first == "town: 3 buses, 3 branches, 1 root"
    assert second == "search: until 0.010% are left (--gap), at most 600 s (--time-limit)"
    assert f"{answer.base_loss_kw:.3f}" in printed
    assert f"{answer.loss_kw:.3f}" in printed
    assert "open branches: b-c\nclosed of those open in the base: a-c\n" in printed
    assert f"lower bound: {answer.bound_kw:.3f} kW, gap {answer.gap:.4%} (proved)" in printed
    folder = Path("runs") / "reconfigure-town"
    held = json.loads((folder / "reconfiguration.json").read_text())
    assert held["loss_kw"] == answer.loss_kw
    assert held["base_loss_kw"] == answer.base_loss_kw
    assert held["bound_kw"] <= held["loss_kw"]
    assert (held["open_branches"], held["finished"], held["base_breaks"]) == (["b-c"], True, [])
    branches = rows(folder / "switching.csv")
    assert [row["closed_before"] for row in branches] == ["1", "1", "0"]
    assert [row["closed_after"] for row in branches] == ["1", "0", "1"]
    assert [float(row["flow_after_kva"]) > 1000.0 for row in branches] == [True, False, True]
    buses = rows(folder / "voltages.csv")
    assert held["lowest_voltage_pu"][0] == min(float(row["voltage_before_pu"]) for row in buses)
    assert held["lowest_voltage_pu"][1] == min(float(row["voltage_after_pu"]) for row in buses)
    assert {path.name for path in folder.glob("configuration.*")} == {"configuration.svg", "configuration.png"}
    assert main(["reconfigure", town]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["reconfigure", town, "--force", "--no-figures"]) == 0
    (folder / "reconfiguration.json").unlink()
    assert main(["reconfigure", town, "--force"]) == 2
    assert "switching.csv" in capsys.readouterr().err


def by_hand(ways: list[list[complex]]) -> tuple[list[list[float]], list[list[float]]]:
    """Voltages (p.u.) and largest flows (kVA) along chains from the root with 1 MW behind each impedance (ohm)."""
    voltages, flows = [], []
    for way in ways:
        v = np.full(len(way), 11.0 + 0j)
        for _ in range(50):
            current = np.conj(1.0 / v)[::-1].cumsum()[::-1]
            v = 11.0 - (np.array(way) * current).cumsum()
        sending = np.append(11.0, v[:-1])
        voltages.append((np.abs(v) / 11.0).tolist())
        flows.append((1000.0 * np.maximum(np.abs(sending * current), np.abs(v * current))).tolist())
    return voltages, flows


def test_every_column_is_that_of_the_power_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before b and c hang in a row, after each has its own branch; a base that is no tree has no flow to tell."""
    monkeypatch.chdir(tmp_path)
    ab, bc = 1 + 0.5j, 4 + 2j
    ((b0, c0),), ((ab0, bc0),) = by_hand([[ab, bc]])
    ((b1,), (c1,)), ((ab1,), (ac1,)) = by_hand([[ab], [ab]])
    assert main(["reconfigure", pair(tmp_path, LOADS, RING), "--rating", "3000", "--no-figures", "--out", "one"]) == 0
    first = [[row[key] for key in row] for row in rows(Path("one") / "switching.csv")]
    assert [row[:4] for row in first] == [["a", "b", "1", "1"], ["b", "c", "1", "0"], ["a", "c", "0", "1"]]
    numbers = np.array([[float(cell) for cell in row[4:]] for row in first])
    np.testing.assert_allclose(numbers, [[ab0, ab1, 3000], [bc0, 0, 3000], [0, ac1, 3000]], rtol=1e-6, atol=1e-6)
    buses = [
        [row["bus"], float(row["voltage_before_pu"]), float(row["voltage_after_pu"])]
        for row in rows(Path("one") / "voltages.csv")
    ]
    assert [bus[0] for bus in buses] == ["a", "b", "c"]
    np.testing.assert_allclose([bus[1:] for bus in buses], [[1, 1], [b0, b1], [c0, c1]], rtol=1e-8)
    closed = pair(tmp_path, LOADS, RING.replace("a,c,1,0.5,1", "a,c,1,0.5,0"))
    assert main(["reconfigure", closed, "--no-figures", "--out", "two"]) == 0
    second = rows(Path("two") / "switching.csv")
    assert [row["flow_before_kva"] for row in second] == ["", "", ""]
    assert [float(row["flow_after_kva"]) for row in second] == pytest.approx([ab1, 0, ac1], rel=1e-6)
    assert [row["voltage_before_pu"] for row in rows(Path("two") / "voltages.csv")] == ["", "", ""]
    held = json.loads((Path("two") / "reconfiguration.json").read_text())
    assert (held["base_loss_kw"], held["lowest_voltage_pu"][0]) == (None, None)


def test_exit_codes(town: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reconfigure", "nowhere"]) == 2
    assert "expected a bundled feeder" in capsys.readouterr().err
    assert main(["reconfigure", town, "--rating", "900"]) == 3
    assert "infeasible: grid town: no configuration that keeps the limits was found" in capsys.readouterr().err
    assert not Path("runs").exists()
    limited = ["reconfigure", "ieee33", "--node-limit", "1", "--out", "out", "--no-figures", "--voltage-min", "0.93"]
    assert main(limited) == 1
    printed = capsys.readouterr().out
    assert "(a limit came first)" in printed
    assert "note: base: bus 10: 0.9" in printed
    broken = json.loads((Path("out") / "reconfiguration.json").read_text())["base_breaks"]
    notes = [line.removeprefix("note: base: ") for line in printed.splitlines() if line.startswith("note: base: ")]
    assert notes == [*broken[:3], f"{len(broken) - 3} more limits are broken"]
    with pytest.raises(SystemExit):
        main(["reconfigure", town, "--gap", "2"])
    assert "got '2', expected a number, at least 0 and at most 1" in capsys.readouterr().err


def test_the_map_shows_both_configurations(town: str) -> None:
    grid = load_meshed(town)
    answer = reconfigure(grid)
    figure = switching_figure(grid, answer)
    assert_tidy(figure)
    before, after = figure.axes
    assert before.get_title(loc="left") == f"Before: {answer.base_loss_kw:.2f} kW of loss"
    assert after.get_title(loc="left") == f"After: {answer.loss_kw:.2f} kW of loss"
    assert [line.get_label() for line in before.lines] == ["Open", "Closed", "_nolegend_"]
    assert [line.get_label() for line in after.lines] == ["Closed", "Opened now", "Closed now"]
    places = grid_places(grid)
    for line, branch in zip(after.lines, (0, 1, 2), strict=True):
        way = np.column_stack(line.get_data())
        assert way[[0, -1]].tolist() == places[[grid.start[branch], grid.end[branch]]].tolist()
    assert {text.get_text() for text in after.texts} == {"a", "b", "c"}


def test_roots_stand_below_each_other_and_a_base_without_a_tree_is_drawn() -> None:
    das = load_meshed("das70")
    places = grid_places(das)
    assert len(set(map(tuple, places.tolist()))) == das.size
    assert places[0, 1] > places[69, 1]
