"""What `equilot reconfigure` prints, writes and draws of answers and flows that are told."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex

from equilibrium.errors import InputError
from equilibrium.grid.meshed import MeshedGrid
from equilibrium.grid.reconfiguration import Reconfiguration
from scenarios.readers.meshed import Limits
from sim import reconfigure
from sim.manifest import versions
from sim.show import switching
from sim.show.console import console
from sim.show.drawing import BLUE, GREEN, GREY, RED


def grid(**changes: Any) -> MeshedGrid:
    """Two roots a and f; b and c hang on a, d on c, e on f; ties lead from b to d and from d to e."""
    six = np.ones(6)
    given: dict[str, Any] = {
        **{"name": "ties", "base_kv": 11.0, "buses": tuple("abcdef"), "roots": (0, 5)},
        **{"start": np.array([0, 0, 2, 5, 1, 3]), "end": np.array([1, 2, 3, 4, 3, 4])},
        **{"r_ohm": 0.5 * six, "x_ohm": 0.25 * six, "rating_kva": np.array([900.0, math.inf, 700.0, 1, 2, 3])},
        **{"closed": np.array([True] * 4 + [False] * 2), "switchable": np.ones(6, dtype=bool)},
        **{"load_kw": np.array([0, 10.0, 20, 30, 40, 0]), "load_kvar": np.zeros(6)},
        **{"voltage_min_pu": 0.9 * six, "voltage_max_pu": 1.1 * six},
    }
    return MeshedGrid(**given | changes)


def answer(**changes: Any) -> Reconfiguration:
    closed = np.array([True, True, False, True, False, True])
    given: dict[str, Any] = {
        **{"closed": closed, "loss_kw": 12.34567, "base_loss_kw": 20.5, "base_breaks": (), "bound_kw": 12.3},
        **{"flows": 7, "nodes": 3, "cuts": 11, "finished": True},
    }
    return Reconfiguration(**given | changes)


def flow(lowest: float) -> Any:
    return SimpleNamespace(voltage_pu=np.linspace(1.0, lowest, 6), flow_kva=100.0 * np.arange(1.0, 7.0))


def told(found: Reconfiguration, flows: Any, capsys: pytest.CaptureFixture[str]) -> list[str]:
    reconfigure._tell(console(), grid(), found, flows, Path("out"))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_an_answer_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(answer(), (flow(0.95), flow(0.975)), capsys) == [
        "base found",
        "loss, kW 20.500 12.346",
        "lowest voltage, p.u. 0.95000 0.97500",
        "open branches: c-d, b-d",
        "closed of those open in the base: d-e",
        "lower bound: 12.300 kW, gap 0.3699% (proved)",
        "7 power flows, 3 nodes, 11 cuts",
        "results in out",
    ]


def test_an_answer_of_a_base_without_a_flow(capsys: pytest.CaptureFixture[str]) -> None:
    """Of four broken limits three are named; where nothing moves it is said, and of no loss there is no gap."""
    still = answer(
        closed=grid().closed,
        base_loss_kw=math.nan,
        loss_kw=0.0,
        bound_kw=0.0,
        finished=False,
        base_breaks=tuple("wxyz"),
    )
    assert told(still, (None, flow(0.9)), capsys) == [
        "base found",
        "loss, kW - 0.000",
        "lowest voltage, p.u. - 0.90000",
        "open branches: b-d, d-e",
        "closed of those open in the base: none",
        "lower bound: 0.000 kW, gap 0.0000% (a limit came first)",
        "7 power flows, 3 nodes, 11 cuts",
        *("note: base: w", "note: base: x", "note: base: y", "note: base: 1 more limits are broken"),
        "results in out",
    ]
    three = told(answer(base_breaks=tuple("xyz")), (None, None), capsys)
    assert [line for line in three if line.startswith("note")] == [f"note: base: {name}" for name in "xyz"]
    all_closed = told(answer(closed=np.ones(6, dtype=bool)), (None, None), capsys)
    assert all_closed[3:5] == ["open branches: none", "closed of those open in the base: b-d, d-e"]


def test_files_of_an_answer(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    reconfigure._write(folder, grid(), answer(base_breaks=("low",)), (flow(0.95), None))
    assert json.loads((folder / "reconfiguration.json").read_text()) == {
        **{"feeder": "ties", "roots": ["a", "f"], "base_loss_kw": 20.5, "base_breaks": ["low"], "loss_kw": 12.34567},
        **{"bound_kw": 12.3, "gap": 1 - 12.3 / 12.34567, "finished": True, "open_branches": ["c-d", "b-d"]},
        **{"lowest_voltage_pu": [0.95, None], "power_flows": 7, "nodes": 3, "cuts": 11, "versions": versions()},
    }
    assert (folder / "switching.csv").read_text().splitlines() == [
        "from_bus,to_bus,closed_before,closed_after,flow_before_kva,flow_after_kva,rating_kva",
        *("a,b,1,1,100.0,,900.0", "a,c,1,1,200.0,,", "c,d,1,0,300.0,,700.0", "f,e,1,1,400.0,,1.0"),
        *("b,d,0,0,500.0,,2.0", "d,e,0,1,600.0,,3.0"),
    ]
    reconfigure._write(folder, grid(), answer(base_loss_kw=math.nan), (None, flow(0.5)))
    held = json.loads((folder / "reconfiguration.json").read_text())
    assert (held["base_loss_kw"], held["lowest_voltage_pu"]) == (None, [None, 0.5])
    assert (folder / "voltages.csv").read_text().splitlines() == [
        "bus,voltage_before_pu,voltage_after_pu", "a,,1.0", "b,,0.9", "c,,0.8", "d,,0.7", "e,,0.6", "f,,0.5",
    ]  # fmt: skip
    assert (folder / "switching.csv").read_text().splitlines()[1] == "a,b,1,1,,100.0,900.0"


def test_limits_of_the_command_line() -> None:
    def named(**limits: Any) -> Limits:
        return reconfigure._limits(
            argparse.Namespace(**dict.fromkeys(("rating", "voltage_min", "voltage_max")) | limits)
        )

    assert named() == Limits()
    assert named(rating=500.0, voltage_max=1.04) == Limits(rating_kva=500.0, voltage_max_pu=1.04)
    assert named(voltage_min=0.93) == Limits(voltage_min_pu=0.93)


def test_folders_of_answers(tmp_path: Path) -> None:
    reconfigure._check_folder(tmp_path / "new", force=False)
    answer_file, other = tmp_path / "reconfiguration.json", tmp_path / "voltages.csv"
    answer_file.write_text('{"feeder": "x", "bound_kw": 1}')
    reconfigure._check_folder(tmp_path, force=True)
    with pytest.raises(InputError) as error:
        reconfigure._check_folder(tmp_path, force=False)
    assert str(error.value) == (
        f"{tmp_path}: output folder: got 'reconfiguration.json', expected an empty or new folder, or --force to "
        "overwrite"
    )
    other.write_text("mine")
    answer_file.write_text('{"feeder": "x"}')
    with pytest.raises(InputError, match=r"got 'reconfiguration.json', expected a folder without it: no answer of th"):
        reconfigure._check_folder(tmp_path, force=True)
    answer_file.unlink()
    with pytest.raises(InputError, match=r"got 'voltages.csv', expected a folder without it: no answer of this comm"):
        reconfigure._check_folder(tmp_path, force=True)


# The map


def test_places_of_two_trees() -> None:
    """The tree of the second root stands two rows below the lowest of the first."""
    places = switching.grid_places(grid())
    assert places[:, 0].tolist() == [0, 1, 1, 2, 1, 0]
    lowest = places[:4, 1].min()
    assert places[0, 1] == places[2, 1] == places[3, 1]
    assert places[:4, 1].max() == 0.0
    assert places[4:, 1].tolist() == [lowest - 2.0] * 2


def test_a_line_that_would_lie_on_other_buses_is_bent() -> None:
    far = switching._way(np.array([1.0, 2.0]), np.array([4.0, 2.0]))
    assert far.shape == (21, 2)
    assert far[:, 0] == pytest.approx(np.linspace(1.0, 4.0, 21))
    assert far[:, 1] == pytest.approx([2.0 + 1.8 * (k / 20) * (1 - k / 20) for k in range(21)])
    for one, other in (([1.0, 2.0], [2.0, 2.0]), ([1.0, 2.0], [5.0, 3.0])):
        way = switching._way(np.array(one), np.array(other))
        assert way == pytest.approx(np.linspace(one, other, 21))


def test_what_changes_has_a_look_of_its_own() -> None:
    figure = switching.switching_figure(grid(), answer())
    before, after = figure.axes
    looks = [[(line.get_label(), to_hex(line.get_color()), line.get_linestyle()) for line in axis.lines]
             for axis in figure.axes]  # fmt: skip
    assert looks[0] == [
        ("Open", to_hex(GREY), ":"), ("_nolegend_", to_hex(GREY), ":"),
        ("Closed", to_hex(BLUE), "-"), *[("_nolegend_", to_hex(BLUE), "-")] * 3,
    ]  # fmt: skip
    assert looks[1] == [
        ("Open", to_hex(GREY), ":"), ("Closed", to_hex(BLUE), "-"), *[("_nolegend_", to_hex(BLUE), "-")] * 2,
        ("Opened now", to_hex(RED), ":"), ("Closed now", to_hex(GREEN), "-"),
    ]  # fmt: skip
    places = switching.grid_places(grid())
    others, roots = (np.asarray(points.get_offsets()).tolist() for points in after.collections)
    assert (others, roots) == (places[1:5].tolist(), places[[0, 5]].tolist())
    assert [text.get_text() for text in before.texts] == list("abcdef")
    assert [text.xy for text in after.texts] == [tuple(place) for place in places.tolist()]  # type: ignore[attr-defined]
    lost = switching.switching_figure(grid(), answer(base_loss_kw=math.nan))
    assert [axis.get_title(loc="left") for axis in lost.axes] == ["Before: not radial", "After: 12.35 kW of loss"]


@pytest.mark.parametrize(("size", "labels"), [(100, 100), (101, 0)])
def test_up_to_a_hundred_buses_have_labels(size: int, labels: int) -> None:
    one = np.ones(size)
    line = grid(
        buses=tuple(f"b{k}" for k in range(size)), roots=(0,), start=np.arange(size - 1), end=np.arange(1, size),
        **dict.fromkeys(("r_ohm", "x_ohm", "rating_kva"), one[1:]), closed=np.ones(size - 1, dtype=bool),
        switchable=np.ones(size - 1, dtype=bool), load_kw=0 * one, load_kvar=0 * one, voltage_min_pu=0.9 * one,
        voltage_max_pu=1.1 * one,
    )  # fmt: skip
    figure = switching.switching_figure(line, answer(closed=line.closed))
    assert [len(axis.texts) for axis in figure.axes] == [labels] * 2
