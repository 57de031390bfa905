"""Feeders: what is bundled, what a folder may hold, and what every bad cell gets."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.files import DATA, Document, Table
from scenarios.readers.feeders import feeder_names, limited_by_currents, load_feeder

TOTALS = {
    "ieee33": (33, 3715.0, 2300.0, 5),
    "das15": (15, 1226.4, 1251.1785, 0),
    "ieee37": (37, 2457.0, 1201.0, 0),
    "bw69": (69, 3802.1, 2694.7, 0),
    "das70": (70, 5385.4, 3687.6, 8),
    "das85": (85, 2570.28, 2622.2097, 0),
    "khodr141": (141, 11944.625, 7402.6137, 0),
    "moses1197": (1197, 1749.0, 574.868, 0),
}


def test_the_bundled_list_is_the_tested_one() -> None:
    assert feeder_names() == sorted(TOTALS)


@pytest.mark.parametrize("name", TOTALS)
def test_bundled_feeder_has_the_published_size_and_load(name: str) -> None:
    size, load_kw, load_kvar, ties = TOTALS[name]
    feeder = load_feeder(name)
    assert feeder.size == size
    assert feeder.load_kw.sum() == pytest.approx(load_kw)
    assert feeder.load_kvar.sum() == pytest.approx(load_kvar)
    # Every bus hangs on the root, so the whole load flows through the substation.
    assert feeder.subtree_sum(feeder.load_kw)[0] == pytest.approx(load_kw)
    closed = Table.read(DATA / "feeders" / name / "branches.csv").columns["closed"]
    assert closed.count("0") == ties
    about = Document.read(DATA / "feeders" / name / "feeder.yaml").data
    assert {"title", "source", "doi", "licence", "notes"} <= about.keys()


def test_every_bundled_feeder_has_a_base_case_to_compare_with() -> None:
    table = Table.read(DATA / "feeders" / "validation.csv", ("feeder", "loss_kw", "vmin_pu", "vmin_bus", "source"), ())
    assert table.columns["feeder"] == feeder_names()
    for name, bus in zip(table.columns["feeder"], table.columns["vmin_bus"], strict=True):
        assert bus in load_feeder(name).buses


def test_the_two_substations_of_das70_are_one_tree() -> None:
    feeder = load_feeder("das70", rating_kva=4000.0)
    second = feeder.index("70")
    assert feeder.parent[second] == 0
    assert feeder.r_ohm[second] == feeder.x_ohm[second] == 0.0


def test_own_folder(feeder_folder: Path) -> None:
    feeder = load_feeder(str(feeder_folder), rating_kva=900.0, voltage_min_pu=0.95)
    assert feeder.buses == ("a", "b", "c")
    assert feeder.parent.tolist() == [-1, 0, 1]  # the open tie a-c is left out, branch c-b is turned around
    assert feeder.r_ohm.tolist() == [0.0, 0.5, 0.2]
    assert feeder.rating_kva.tolist() == [900.0, 900.0, 400.0]
    assert set(feeder.voltage_min_pu) == {0.95}


def test_the_root_comes_first_wherever_it_stands(feeder_folder: Path) -> None:
    (feeder_folder / "feeder.yaml").write_text("base_kv: 10\nroot: c\nsubstation_rating_kva: 700\n")
    feeder = load_feeder(str(feeder_folder))
    assert feeder.buses == ("c", "a", "b")
    assert feeder.load_kw.tolist() == [50.0, 0.0, 100.0]
    assert feeder.parent.tolist() == [-1, 2, 0]
    assert feeder.rating_kva.tolist() == [700.0, np.inf, 400.0]


BAD = [
    ("branches.csv", "a,b,0.5,0.3,1,", "a,b,half,0.3,1,", "line 2, column r_ohm: got 'half'"),
    ("branches.csv", "a,b,0.5,0.3,1,", "a,b,nan,0.3,1,", "line 2, column r_ohm: got 'nan'"),
    ("branches.csv", "a,b,0.5,0.3,1,", "a,b,-0.5,0.3,1,", "line 2, column r_ohm: got '-0.5'"),
    ("branches.csv", "a,b,0.5,0.3,1,", "a,b,0.5,,1,", "line 2, column x_ohm: got ''"),
    ("branches.csv", "1,400", "1,-400", "line 3, column rating_kva: got '-400'"),
    ("branches.csv", "c,b,0.2", "c,z,0.2", "line 3, column to_bus: got 'z', expected a bus of buses.csv"),
    ("branches.csv", "c,b,0.2", "b,b,0.2", "line 3, column to_bus"),
    ("branches.csv", "a,c,1,1,0", "a,c,1,1,1", "line 4, column closed: got '1', expected a radial feeder"),
    ("branches.csv", "c,b,0.2,0.1,1", "c,b,0.2,0.1,0", "bus c: got 'not connected to the root'"),
    ("branches.csv", "a,b,0.5,0.3,1,", "a,b,0.5,0.3,yes,", "line 2, column closed"),
    ("branches.csv", "a,b,0.5,0.3,1,", "a,b,0.5,0.3", "line 2: got '4 cells'"),
    ("branches.csv", "x_ohm", "x", "line 1: got 'from_bus,to_bus,r_ohm,x,closed,rating_kva'"),
    ("branches.csv", "rating_kva", "rating_kVA", "line 1: got 'rating_kVA'"),
    ("buses.csv", "c,50,10", "b,50,10", "line 4, column bus: got 'b', expected each bus once"),
    ("buses.csv", "c,50,10", "c,inf,10", "line 4, column load_kw: got 'inf'"),
    ("buses.csv", "load_kw", "bus", "line 1"),
    ("feeder.yaml", "base_kv: 10", "base_kv: -10", "line 1, base_kv: got -10"),
    ("feeder.yaml", "base_kv: 10", "base_kv: yes", "line 1, base_kv: got True"),
    ("feeder.yaml", "base_kv: 10\n", "", "base_kv: got None"),
    ("feeder.yaml", "root: a", "root: q", "line 2, root: got 'q'"),
    ("feeder.yaml", "root: a", "rood: a", "line 2, rood: got 'rood', expected only the keys base_kv, root"),
    ("feeder.yaml", "root: a", "root: [", "expected valid YAML"),
    ("feeder.yaml", "root: a", "base_kv: 11", "line 2, base_kv: got 'base_kv', expected each key once"),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), BAD)
def test_bad_cell_names_file_and_line(feeder_folder: Path, file: str, old: str, new: str, message: str) -> None:
    path = feeder_folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load_feeder(str(feeder_folder))
    assert str(path) in str(caught.value)


def test_missing_folder_file_and_limits(tmp_path: Path, feeder_folder: Path) -> None:
    with pytest.raises(InputError, match="one of bw69, das15"):
        load_feeder(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=re.escape("rating_kva: got -1")):
        load_feeder("ieee33", rating_kva=-1.0)
    with pytest.raises(InputError, match=r"root_voltage_pu: got 1\.2"):
        load_feeder("ieee33", root_voltage_pu=1.2)
    with pytest.raises(InputError, match="voltage_min_pu"):
        load_feeder("ieee33", voltage_min_pu=1.2)
    (feeder_folder / "buses.csv").unlink()
    with pytest.raises(InputError, match=r"buses\.csv.*file that can be read"):
        load_feeder(str(feeder_folder))


def test_not_utf8(feeder_folder: Path) -> None:
    (feeder_folder / "buses.csv").write_bytes(b"bus,load_kw,load_kvar\n\xe9,0,0\n")
    with pytest.raises(InputError, match="UTF-8"):
        load_feeder(str(feeder_folder))


def test_what_is_read_of_a_feeder_cannot_be_changed_in_place():
    """Every market of a process may share it."""
    feeder = load_feeder("ieee33")
    for name in ("r_ohm", "x_ohm", "rating_kva", "load_kw", "load_kvar", "voltage_min_pu", "voltage_max_pu"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(feeder, name)[1] = 0.0


def test_without_a_root_the_first_bus_of_the_file_is_it(feeder_folder: Path) -> None:
    (feeder_folder / "feeder.yaml").write_text("base_kv: 10\n")
    assert load_feeder(str(feeder_folder)).buses == ("a", "b", "c")


def test_currents_become_ratings_and_impedances_are_scaled() -> None:
    """sqrt(3) times 12.66 kV is 21.928 kVA an ampere; the substation keeps its own."""
    feeder = load_feeder("ieee33", rating_kva=5000.0)
    kva = 3.0**0.5 * feeder.base_kv
    limited = limited_by_currents(feeder, 100.0, trunk=["2", "3"], trunk_current_max_a=250.0, impedance_factor=0.5)
    wanted = np.full(33, 100.0 * kva)
    wanted[[0, feeder.index("2"), feeder.index("3")]] = [feeder.rating_kva[0], 250.0 * kva, 250.0 * kva]
    np.testing.assert_allclose(limited.rating_kva, wanted)
    np.testing.assert_allclose(limited.r_ohm, 0.5 * feeder.r_ohm)
    np.testing.assert_allclose(limited.x_ohm, 0.5 * feeder.x_ohm)
    same = limited_by_currents(feeder, None)
    np.testing.assert_array_equal(same.rating_kva, feeder.rating_kva)
    np.testing.assert_array_equal(same.r_ohm, feeder.r_ohm)
    with pytest.raises(InputError):
        limited_by_currents(feeder, 100.0, trunk=["99"], trunk_current_max_a=1.0)
