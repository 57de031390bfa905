"""Cells of MATPOWER cases: what of a grid each makes, and the smallest that is taken."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.matpower import read_matpower
from scenarios.readers.nets.net import Net

BUS = {"BUS_I": 1, "BUS_TYPE": 3, "PD": 0, "QD": 0, "GS": 0, "BS": 0, "BUS_AREA": 1, "VM": 1.01, "VA": 0,
       "BASE_KV": 10, "ZONE": 1, "VMAX": 1.1, "VMIN": 0.9}  # fmt: skip
GEN = {"GEN_BUS": 1, "PG": 0, "QG": 0, "QMAX": 1, "QMIN": -1, "VG": 1.02, "MBASE": 100, "GEN_STATUS": 1}
BRANCH = {"F_BUS": 1, "T_BUS": 2, "BR_R": 0.1, "BR_X": 0.2, "BR_B": 0, "RATE_A": 3, "RATE_B": 0, "RATE_C": 0, "TAP": 0,
          "SHIFT": 0, "BR_STATUS": 1}  # fmt: skip
LOAD = BUS | {"BUS_I": 2, "BUS_TYPE": 1}
BASE = 5.0


def text(
    bus: tuple[dict[str, Any], ...] = (BUS, LOAD),
    gen: tuple[dict[str, Any], ...] = (GEN,),
    branch: tuple[dict[str, Any], ...] = (BRANCH,),
    more: str = "",
    base: str = f"mpc.baseMVA = {BASE};\n",
) -> str:
    found = base
    for name, rows in (("bus", bus), ("gen", gen), ("branch", branch)):
        lines = "\n".join(" ".join(map(str, row.values())) + ";" for row in rows)
        found += f"mpc.{name} = [\n{lines}\n];\n"
    return found + more


def power(found: Net, name: str) -> list[complex]:
    """Loads, generation or shunts of all buses, kVA."""
    return (getattr(found, f"{name}_kw") + 1j * getattr(found, f"{name}_kvar")).tolist()


def net(folder: Path, **tables: Any) -> Net:
    (folder / "x.m").write_text(text(**tables))
    return read_matpower(folder / "x.m")


def test_a_branch_in_ohms_of_the_lower_side(tmp_path: Path) -> None:
    """Per unit of 10 kV and 5 MVA are 20 ohm."""
    (branch,) = net(tmp_path).branches
    assert (branch.label, branch.other, branch.start, branch.end, branch.closed) == ("1-2", "branch 1", 0, 1, True)
    assert (branch.r_ohm, branch.x_ohm, branch.ratio, branch.rating_kva) == pytest.approx((2.0, 4.0, 1.0, 3000.0))
    high = net(tmp_path, bus=(BUS | {"BASE_KV": 20}, LOAD), branch=(BRANCH | {"TAP": 0.95},)).branches[0]
    assert (high.r_ohm, high.ratio, high.kind) == (pytest.approx(2.0), pytest.approx(1.9), "transformer")
    assert branch.kind == "line"


@pytest.mark.parametrize(
    ("cells", "closed"), [({"BR_STATUS": 0}, False), ({"BR_STATUS": -1}, False), ({"BR_STATUS": 0.5}, True)]
)
def test_which_branches_are_closed(cells: dict[str, Any], closed: bool, tmp_path: Path) -> None:
    extra = BRANCH | cells | {"BR_B": 0.2}
    found = net(tmp_path, branch=(BRANCH, extra))
    assert [branch.closed for branch in found.branches] == [True, closed]
    assert [branch.label for branch in found.branches] == ["branch 1", "branch 2"]
    open_ones = ("open in the case, left out: 1 branch: branch 2",) if not closed else ()
    assert tuple(note for note in found.notes if "open in" in note) == open_ones
    assert power(found, "shunt") == pytest.approx([-500j if closed else 0j] * 2)  # half of 0.2 of 5 MVA at each end
    isolated = net(tmp_path, bus=(BUS, LOAD, LOAD | {"BUS_I": 3, "BUS_TYPE": 4}), branch=(BRANCH, extra | {"T_BUS": 3}))
    assert [branch.closed for branch in isolated.branches] == [True, False]


def test_loads_and_shunts_of_buses(tmp_path: Path) -> None:
    found = net(tmp_path, bus=(BUS, LOAD | {"PD": 1, "QD": 0.5, "GS": 0.25, "BS": 0.125}))
    assert power(found, "load") == [0, 1000 + 500j]
    assert power(found, "shunt") == [0, 250 - 125j]
    assert (found.buses[0].kv, found.buses[0].voltage_min_pu, found.buses[0].voltage_max_pu) == (10.0, 0.9, 1.1)


def test_generators(tmp_path: Path) -> None:
    """Of several at a root the first says the voltage; one out of service says nothing and feeds nothing."""
    two = GEN | {"GEN_BUS": 2, "PG": 0.5, "QG": 0.25}
    found = net(tmp_path, gen=(GEN | {"GEN_STATUS": 0, "VG": 9}, GEN, GEN | {"VG": 1.05}, two, two | {"GEN_STATUS": 0}))
    assert power(found, "generation") == [0, 500 + 250j]
    assert [(root.label, root.bus, root.voltage_pu) for root in found.roots] == [("1", 0, 1.02)]
    assert "out of service, left out: generator at 1, generator at 2" in found.notes
    assert not any("hold a voltage" in note for note in found.notes)
    held = net(tmp_path, bus=(BUS, LOAD | {"BUS_TYPE": 2}), gen=(two | {"PG": 0, "QG": 0},))
    assert held.roots[0].voltage_pu == 1.01  # that of the bus
    assert power(held, "generation") == [0, 0]
    assert "generators that hold a voltage do not hold it here: generator at 2" in held.notes


def test_names_and_tables_that_are_not_read(tmp_path: Path) -> None:
    found = net(tmp_path, more="mpc.bus_name = {'a'; 'a'};\nmpc.gencost = [1 2];\nmpc.dcline = [1 2 0];\n")
    assert [bus.label for bus in found.buses] == ["1", "2"]
    assert found.notes[0] == "buses whose name is not theirs alone are called otherwise: a -> 1, a -> 2"
    assert "tables that are not read, as no flow depends on them: mpc.gencost, mpc.dcline" in found.notes
    assert [bus.label for bus in net(tmp_path, more="mpc.bus_name = {'a'};\n").buses] == ["1", "2"]
    assert [bus.label for bus in net(tmp_path, more="mpc.bus_name = {' a '; 'b'};\n").buses] == ["a", "b"]


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"base": ""}, "mpc.baseMVA: got None, expected a number > 0"),
        ({"base": "mpc.baseMVA = 0;\n"}, "mpc.baseMVA: got 0.0, expected a number > 0"),
        ({"bus": (BUS | {"BUS_I": 0}, LOAD)}, "line 3, BUS_I: got 0.0, expected a number >= 1"),
        ({"bus": (BUS, LOAD | {"BUS_I": 1})}, "line 4, BUS_I: got '1', expected each bus once"),
        ({"bus": (BUS, LOAD | {"BUS_TYPE": 0})}, "line 4, BUS_TYPE: got 0.0, expected a number >= 1"),
        ({"bus": (BUS, LOAD | {"BASE_KV": 0})}, "line 4, BASE_KV: got 0.0, expected the nominal voltage in kV"),
        *(({"bus": (BUS, LOAD | {key: -0.1})}, f"line 4, {key}: got -0.1, expected a number >= 0")
          for key in ("BASE_KV", "VMIN", "VMAX")),
        ({"gen": (GEN | {"VG": 0.09},)}, "line 7, VG: got 0.09, expected a number >= 0.1"),
        ({"gen": (), "bus": (BUS | {"VM": 0.09}, LOAD)}, "line 3, VM: got 0.09, expected a number >= 0.1"),
        ({"gen": (GEN | {"GEN_BUS": 3},)}, "line 7, GEN_BUS: got '3', expected the number of a bus"),
        *(({"branch": (BRANCH | {key: -0.1},)}, f"line 10, {key}: got -0.1, expected a number >= 0")
          for key in ("RATE_A", "TAP")),
        ({"branch": (BRANCH | {"T_BUS": 7},)}, "line 10, T_BUS: got '7', expected the number of a bus"),
        ({"bus": (BUS | {"BASE_KV": 20}, LOAD)}, "line 10, TAP: got '0 between 20 kV and 10 kV', expected the ratio "
         "of a transformer between two levels: 1 for its nominal one"),
        ({"branch": (dict(list(BRANCH.items())[:10]),)},
         "line 10: got '10 columns', expected 11 columns of mpc.branch (version 2)"),
        ({"gen": (dict(list(GEN.items())[:7]),)}, "line 7: got '7 columns', expected 8 columns of mpc.gen (version 2)"),
        ({"more": "mpc.dcline = [1 2 1];\n"}, "mpc.dcline: got 'in service', expected a case without it: it has no "
         "model here"),
        ({"more": "mpc.if = [1 2 0; 1 2 1];\n"}, "mpc.if: got 'in service', expected a case without it: it has no "
         "model here"),
    ],
)  # fmt: skip
def test_what_is_no_case(tables: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        net(tmp_path, **tables)
    assert str(error.value) == f"{tmp_path / 'x.m'}: {said}"


def test_the_smallest_that_is_taken(tmp_path: Path) -> None:
    small = LOAD | {"BASE_KV": 0.5, "VMIN": 0}
    found = net(
        tmp_path,
        bus=(BUS | {"BASE_KV": 0.5, "VM": 0.1}, small),
        gen=(GEN | {"VG": 0.1},),
        branch=(BRANCH | {"RATE_A": 0},),
        base="mpc.baseMVA = 0.5;\n",
    )
    assert found.branches[0].rating_kva == math.inf
    assert (found.branches[0].r_ohm, found.roots[0].voltage_pu) == (pytest.approx(0.05), 0.1)
    near = net(tmp_path, bus=(BUS | {"BASE_KV": 10.000001}, LOAD))
    assert near.branches[0].ratio == 1.0
