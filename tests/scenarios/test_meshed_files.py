"""Grids with ties from folders and from pairs of tables, and one line for what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.readers.meshed import Limits, load_meshed

BUSES = "bus,p_kw,q_kvar,base_kv,source\na,0,0,11,1\nb,100,50,11,0\nc,200,-80,11,0\nd,0,0,11,1\n"
BRANCHES = """branch,from_bus,to_bus,r_ohm,x_ohm,tie_open_in_base
1,a,b,0.5,0.25,0
2,b,c,1,0.5,1
3,d,c,2,1,0
"""


def pair(folder: Path, buses: str = BUSES, branches: str = BRANCHES) -> str:
    """Write two tables; return what their names begin with."""
    (folder / "town_buses.csv").write_text(buses)
    (folder / "town_branches.csv").write_text(branches)
    return str(folder / "town")


def test_a_pair_of_tables_by_its_beginning_or_by_either_file(tmp_path: Path) -> None:
    for name in (pair(tmp_path), f"{tmp_path}/town_buses.csv", f"{tmp_path}/town_branches.csv"):
        grid = load_meshed(name, Limits(rating_kva=900.0, voltage_min_pu=0.92, voltage_max_pu=1.05))
        assert (grid.name, grid.base_kv, grid.buses, grid.roots) == ("town", 11.0, ("a", "b", "c", "d"), (0, 3))
        assert (grid.start.tolist(), grid.end.tolist()) == ([0, 1, 3], [1, 2, 2])
        assert (grid.r_ohm.tolist(), grid.x_ohm.tolist()) == ([0.5, 1.0, 2.0], [0.25, 0.5, 1.0])
        assert (grid.load_kw.tolist(), grid.load_kvar.tolist()) == ([0.0, 100.0, 200.0, 0.0], [0.0, 50.0, -80.0, 0.0])
        assert (grid.closed.tolist(), grid.switchable.all()) == ([True, False, True], True)
        assert set(grid.rating_kva) == {900.0}
        assert (set(grid.voltage_min_pu), set(grid.voltage_max_pu)) == ({0.92}, {1.05})


def test_limits_and_fixed_branches_of_the_files(tmp_path: Path) -> None:
    buses = "bus,p_kw,q_kvar,base_kv,source,voltage_min_pu\na,0,0,11,1,\nb,100,50,11,0,0.97\n"
    branches = "from_bus,to_bus,r_ohm,x_ohm,tie_open_in_base,rating_kva,switchable\na,b,0.5,0.25,0,700,0\n"
    grid = load_meshed(pair(tmp_path, buses, branches))
    assert grid.voltage_min_pu.tolist() == [0.5, 0.97]
    assert (grid.rating_kva.tolist(), grid.switchable.tolist()) == ([700.0], [False])


def test_bundled_feeders_with_ties() -> None:
    grid = load_meshed("ieee33")
    assert (grid.size, grid.branches, grid.roots, int((~grid.closed).sum())) == (33, 37, (0,), 5)
    assert load_meshed("ieee33").is_radial(grid.closed)
    das = load_meshed("das70")  # two substations, without the link that makes one tree of them
    assert (das.size, das.branches, int((~das.closed).sum())) == (70, 76, 8)
    assert [das.buses[root] for root in das.roots] == ["1", "70"]
    assert np.all(das.r_ohm > 0.0)
    assert das.is_radial(das.closed)


def test_a_folder_with_several_roots(feeder_folder: Path) -> None:
    (feeder_folder / "feeder.yaml").write_text("base_kv: 10\nroots: [a, c]\n")
    grid = load_meshed(str(feeder_folder))
    assert [grid.buses[root] for root in grid.roots] == ["a", "c"]
    assert "a-c" not in {grid.label(k) for k in range(grid.branches)}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a,0,0,11,1", "a,0,0,11,2", "line 2, column source: got '2', expected a number >= 0 <= 1"),
        ("b,100,50,11,0", "b,100,50,12,0", "line 3, column base_kv: got '12', expected 11, as in the first row"),
        ("b,100,50,11,0", "b,x,50,11,0", "line 3, column p_kw: got 'x'"),
        ("b,100,50,11,0", "a,100,50,11,0", "line 3, column bus: got 'a'"),
        (",11,", ",11000,", "line 2, column base_kv: got '11000', expected kV"),
        ("1,a,b,0.5", "1,a,z,0.5", "line 2, column to_bus: got 'z', expected a bus of"),
        ("1,a,b,0.5", "1,a,b,-0.5", "line 2, column r_ohm: got '-0.5'"),
        ("0.5,0.25,0", "0.5,0.25,0.5", "line 2, column tie_open_in_base: got '0.5', expected 0 or 1"),
        ("1,a,b,0.5,0.25,0", "1,c,b,0.5,0.25,0", "branch 2 (b-c): got 'a second branch between the same buses'"),
        ("a,b,0.5,0.25,0\n2,b,c,1,0.5,1\n", "a,d,0.5,0.25,0\n", "bus b: got 'an island without a source'"),
    ],
)
def test_one_line_names_the_cell(old: str, new: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_meshed(pair(tmp_path, BUSES.replace(old, new), BRANCHES.replace(old, new)))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_or_not_modelled_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a bundled feeder \(.*ieee33.*_buses.csv and \.\.\._branches.csv"):
        load_meshed(str(tmp_path / "none"))
    header, *lines = BUSES.split()
    shunt = "\n".join([f"{header},b_shunt", *(f"{row},{k}" for row, k in zip(lines, "0040", strict=True))])
    with pytest.raises(InputError, match=r"column b_shunt: got '4', expected 0: shunts are not modelled"):
        load_meshed(pair(tmp_path, shunt + "\n"))
    with pytest.raises(InputError, match=r"column source: got '0 in every row'"):
        load_meshed(pair(tmp_path, BUSES.replace(",1\n", ",0\n")))
    with pytest.raises(InputError, match=r"voltage_min_pu: got 1\.2, expected 0 < value < 1\.1"):
        Limits(voltage_min_pu=1.2, voltage_max_pu=1.1)
    with pytest.raises(InputError, match=r"rating_kva: got 0\.0"):
        Limits(rating_kva=0.0)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"rating_kva": 0.0}, "rating_kva: got 0.0, expected a number > 0"),
        ({"voltage_min_pu": 0.0}, "voltage_min_pu: got 0.0, expected 0 < value < 1.5"),
        ({"voltage_min_pu": 1.1, "voltage_max_pu": 1.1}, "voltage_min_pu: got 1.1, expected 0 < value < 1.1"),
    ],
)
def test_limits_at_their_edges(limits: dict[str, float], said: str) -> None:
    with pytest.raises(InputError) as caught:
        Limits(**limits)
    assert str(caught.value) == f"limits: {said}"
    assert Limits(rating_kva=0.5, voltage_min_pu=1.09, voltage_max_pu=1.1).voltage_min_pu == 1.09
