"""MATPOWER cases: tables, conversions of units, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.matlab import MatlabFile
from scenarios.readers.nets.matpower import read_matpower
from scenarios.readers.nets.radial import Band, RadialNet, radial_net
from tests.scenarios.nets.made import MATPOWER


def read(folder: Path, text: str, **options: object) -> RadialNet:
    (folder / "small.m").write_text(text)
    return radial_net(read_matpower(folder / "small.m"), Band(0.9, 1.1, None), **options)


def test_a_case_by_hand(tmp_path: Path) -> None:
    radial = read(tmp_path, MATPOWER)
    feeder = radial.feeder
    assert (feeder.name, feeder.base_kv, feeder.buses) == ("small", 10.0, ("1", "2", "3", "7"))
    assert feeder.parent.tolist() == [-1, 0, 1, 1]
    assert feeder.r_ohm == pytest.approx([0, 0.5, 0.4, 0.6])  # written in ohms, turned to per unit and back
    assert feeder.x_ohm == pytest.approx([0, 0.3, 0.2, 0.1])
    assert feeder.rating_kva.tolist() == [math.inf, math.inf, 3000, math.inf]
    assert feeder.load_kw == pytest.approx([0, 100, 200, 50])
    assert feeder.root_voltage_pu == 1.02
    assert feeder.voltage_max_pu == pytest.approx([1.1, 1.06, 1.06, 1.06])
    assert radial.generation_kw == pytest.approx([0, 0, 0, 30])
    assert radial.shunt_kvar == pytest.approx([0, 0, -20 * 1.02**2, 0])
    notes = " | ".join(radial.notes)
    assert "open in the case, left out: 1 branch: 3-7" in notes
    assert "hold a voltage do not hold it here: generator at 7" in notes
    assert "1 generator feeds in 30 kW and 10 kvar" in notes


def test_a_transformer_and_names(tmp_path: Path) -> None:
    text = MATPOWER.replace(
        "7	2	50	0	0	0	1	1	0	10	1",
        "7	1	50	0	0	0	1	1	0	135/sqrt(3)	1",
    )
    text = text.replace(
        "2	7	0.6	0.1	0	0	0	0	0	0", "2	7	0.6	0.1	0	0	0	0	0.95	0"
    )
    text += "mpc.bus_name = {\n'root'; 'a'; 'b'; 'high';\n};\n"
    radial = read(tmp_path, text)
    assert radial.feeder.buses == ("root", "a", "b", "high")
    assert radial.idle_kv[3] == pytest.approx(135 / 3**0.5 / 0.95)
    assert radial.feeder.r_ohm[3] == pytest.approx(0.6 * 0.95**2)  # 0.6 is seen from the higher side


def test_a_mesh_is_asked_about(tmp_path: Path) -> None:
    text = MATPOWER.replace(
        "3	7	1.0	1.0	0	0	0	0	0	0	0",
        "3	7	1.0	1.0	0	0	0	0	0	0	1",
    )
    with pytest.raises(InputError) as raised:
        read(tmp_path, text)
    assert raised.value.where == "open"
    assert "Loops, each as its branches: (3-7, 2-7, 2-3)" in str(raised.value)
    assert read(tmp_path, text, opened=["2-7"]).feeder.parent.tolist() == [-1, 0, 1, 2]
    assert read(tmp_path, text, opened=["branch 3"]).feeder.parent.tolist() == [-1, 0, 1, 2]
    with pytest.raises(InputError, match=r"open: got '2-8', expected a line.*\(closest: 2-"):
        read(tmp_path, text, opened=["2-8"])


def test_joined_lines_blocks_of_comments_and_quotes(tmp_path: Path) -> None:
    text = MATPOWER.replace("mpc.bus = [", "%{\nmpc.gen = [1 2\n%}\nmpc.bus = [ ...  the buses", 1)
    text += "\nmpc.bus_name = {'it''s'; 'one % more'; \"a\"; 'z'};\n"
    assert read(tmp_path, text).feeder.buses == ("it's", "one % more", "a", "z")
    assert read(tmp_path, MATPOWER).feeder.load_kw.tolist() == read(tmp_path, text).feeder.load_kw.tolist()


BAD = [
    ("mpc.baseMVA = 10;", "mpc.baseMVA = -1;", "mpc.baseMVA: got -1.0, expected a number > 0"),
    ("mpc.baseMVA = 10;", "if x, y = 1; end", "line 4: got 'if x, y = 1'"),
    ("mpc.baseMVA = 10;", "mpc.baseMVA = 10; system('rm x')", "got \"system('rm x')\", expected an assignment"),
    ("	2	1	100	50	0", "	2	1	100	fifty	0", "line 9: got 'fifty'"),
    (
        "	2	1	100	50	0	0	1	1	0	10",
        "	2	1	100	50	0	0	1	1	0",
        "line 9: got '12 numbers'",
    ),
    ("	2	7	0.6", "	2	8	0.6", "line 18, T_BUS: got '8', expected the number of a bus"),
    ("	7	2	50", "	2	2	50", "line 11, BUS_I: got '2', expected each bus once"),
    ("0	10	1	1.06	0.94;\n	3", "0	0	1	1.06	0.94;\n	3", "line 9, BASE_KV: got 0.0"),
    (
        "0	10	1	1.06	0.94;\n	3",
        "0	20	1	1.06	0.94;\n	3",
        "TAP: got '0 between 10 kV and 20 kV'",
    ),
    ("1	3	0	0", "1	1	0	0", "roots: got 'no external grid in service'"),
    ("/ (Vbase^2 / Sbase)", "/ (Vbase^2 / Missing)", "got 'Missing'"),
    ("/ (Vbase^2 / Sbase)", "/ (Vbase^2 / 0)", "an expression with finite values"),
    ("\t2\t1\t100\t50\t0", "\t2\t1\tNaN\t50\t0", "line 9: got 'mpc.bus with NaN', expected numbers"),
    ("[PD, QD]) / 1e3", "[PD, PDX]) / 1e3", "got 'PDX', expected one of the 13 rows or columns of mpc.bus"),
    ("mpc.bus(:, [PD, QD]) / 1e3", "mpc.bus(:, [PD, QD]) / mpc.bus(:, [PD, QD])", "expected an expression"),
    ("mpc.gen = [", "mpc.gen2 = [", "got 'no mpc.gen', expected a matrix mpc.gen"),
    ("	3	7	1.0	1.0", "	3	3	1.0	1.0", "line 3-3: got '3', expected two different ends"),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD, ids=[message for *_, message in BAD])
def test_bad_cases(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in MATPOWER
    with pytest.raises(InputError) as raised:
        read(tmp_path, MATPOWER.replace(old, new, 1))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14),
        ("-2^2", -4),
        ("(1 + 1)^2 / 8", 0.5),
        ("sin(acos(0.6))", 0.8),
        ("2e3 / 1.5e-1", 2e3 / 0.15),
        ("pi", math.pi),
        ("- -3", 3),
        ("-2^-2", -0.25),
        ("2^3^1", 8),
        ("+".join(["(1)"] * 100), 100),
        ("-" * 5_000 + "1", 1),
        ("(" * 40 + "1" + ")" * 40, 1),
        ("2" + "^1" * 40, 2),
    ],
)
def test_expressions(text: str, value: float) -> None:
    assert MatlabFile.read("x.m", f"x = {text};", {}).numbers["x"] == pytest.approx(value)


@pytest.mark.parametrize("text", ["(" * 41 + "1" + ")" * 41, "2" + "^1" * 41, "(" * 5_000, "2" + "^-1" * 5_000])
def test_what_stands_too_deep_inside_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"x\.m: line 1: got "):
        MatlabFile.read("x.m", f"x = {text};", {})


@pytest.mark.parametrize("place", ["3, 1", "0, 1", "1, 9" + "9" * 5_000, "1, \u00b2", "1, 3", "-1, 1"])
def test_a_place_that_a_matrix_has_not_got(place: str) -> None:
    with pytest.raises(InputError, match=r"x\.m: line 2: got "):
        MatlabFile.read("x.m", f"mpc.bus = [1 10; 2 20];\nmpc.bus({place}) = 1;\n", {})
    with pytest.raises(InputError, match=r"x\.m: line 2: got "):
        MatlabFile.read("x.m", f"mpc.bus = [1 10; 2 20];\nx = mpc.bus({place});\n", {})


def test_power_factors_of_whole_columns() -> None:
    text = "mpc.bus = [1 10; 2 20];\npf = 0.8;\nmpc.bus(:, 2) = mpc.bus(:, 2) .* pf ...\n + mpc.bus(2, 1) * 0;\n"
    file = MatlabFile.read("x.m", text, {})
    assert np.array_equal(file.matrices["bus"], [[1, 8], [2, 16]])
