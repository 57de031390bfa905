"""PyPSA's CSV folders."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.files import net_files, read_net
from scenarios.readers.nets.radial import Band, RadialNet, radial_net
from tests.scenarios.nets.made import PYPSA


def read(folder: Path, **files: str) -> RadialNet:
    for name, text in (PYPSA | {f"{key.replace('__', '-')}.csv": text for key, text in files.items()}).items():
        (folder / name).write_text(text)
    return radial_net(read_net(folder), Band(0.9, 1.1, None))


def test_a_folder_by_hand(tmp_path: Path) -> None:
    radial = read(tmp_path)
    feeder = radial.feeder
    assert (feeder.base_kv, feeder.buses, feeder.root_voltage_pu) == (20.0, ("grid", "station", "farm"), 1.03)
    # a tap of 1.05 on the side of 20 kV: 0.4 kV idles at 0.4 / 1.05; 0.01 of 0.4**2 / 0.25 ohm there
    square = (20 * 1.05 / 0.4) ** 2
    assert feeder.r_ohm == pytest.approx([0, 0.01 * 0.64 * square, 0.05 * square])
    assert feeder.x_ohm == pytest.approx([0, 0.04 * 0.64 * square, 0.02 * square])
    assert feeder.rating_kva.tolist()[1:] == pytest.approx([250, 100])
    assert feeder.load_kw == pytest.approx([0, 20, 30])
    assert radial.generation_kw == pytest.approx([0, 0, 4])
    assert feeder.voltage_max_pu == pytest.approx([1.1, 1.1 * 1.05, 1.1 * 1.05])
    notes = " | ".join(radial.notes)
    assert "left out: 1 of storage_units.csv, with p_set: battery 0 kW" in notes
    assert "not active, left out: 1 of lines.csv: spare" in notes
    assert len(net_files(tmp_path)) == len(PYPSA)


def test_types_and_series(tmp_path: Path) -> None:
    radial = read(
        tmp_path,
        lines="name,bus0,bus1,type,length,num_parallel,r,x\ncable,station,farm,NAYY,0.2,2,0,0\n",
        line_types="name,f_nom,r_per_length,x_per_length,c_per_length,i_nom\nNAYY,50,0.3,0.1,0,0.25\n",
        loads__p_set="snapshot,house\n2024-01-01 00:00:00,0.01\n2024-01-01 01:00:00,0.05\n",
    )
    square = (20 * 1.05 / 0.4) ** 2
    assert radial.feeder.r_ohm[2] == pytest.approx(0.3 * 0.2 / 2 * square)
    assert radial.feeder.rating_kva[2] == pytest.approx(3**0.5 * 0.4 * 250 * 2)
    assert radial.feeder.load_kw == pytest.approx([0, 20, 50])
    assert any(
        "of 2 snapshots the one with the most load is read: 2024-01-01 01:00:00" in each for each in radial.notes
    )


BAD = [
    (
        {"lines": "name,bus0,bus1,r,x\ncable,station,barn,1,1\n"},
        "line 2, bus1: got 'barn', expected a bus of buses.csv",
    ),
    (
        {"lines": "name,bus0,bus1,type,length\ncable,station,farm,NAYY,1\n"},
        "type: got 'NAYY', expected a type of line_types",
    ),
    (
        {"transformers": "name,bus0,bus1,r,x,s_nom\nt1,grid,station,0.01,0.04,0\n"},
        "s_nom: got 0.0, expected the rating in MVA",
    ),
    ({"generators": "name,bus,control\ng,grid,PQ\n"}, "roots: got 'no external grid in service'"),
    ({"buses": "name,v_nom,carrier\ngrid,20,DC\n"}, "line 2, carrier: got 'DC', expected AC"),
    ({"loads": "name,bus,p_set\nhouse,farm,some\n"}, "line 2, p_set: got 'some', expected a number"),
]


@pytest.mark.parametrize(("files", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_folders(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, **files)
    assert message in str(raised.value)


def test_other_formats_are_named(tmp_path: Path) -> None:
    (tmp_path / "net.xlsx").write_text("x")
    with pytest.raises(InputError, match=r"got '.xlsx', expected a pandapower net \(.json\), a MATPOWER case"):
        read_net(tmp_path / "net.xlsx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"buses.csv: got 'no file'"):
        read_net(tmp_path / "empty")
    for name in ("buses", "branches"):
        (tmp_path / "empty" / f"{name}.csv").write_text("bus,load_kw\na,1\n")
    with pytest.raises(
        InputError, match=r"empty: folder: got 'buses.csv and branches.csv', expected PyPSA.*feeder.yaml"
    ):
        read_net(tmp_path / "empty")


def test_types_of_lines_and_transformers_by_hand(tmp_path: Path) -> None:
    """Every number of a type counts: two cables side by side, and two transformers two steps above the middle."""
    types = (
        "name,f_nom,s_nom,v_nom_0,v_nom_1,vsc,vscr,pfe,i0,phase_shift,tap_side,tap_neutral,tap_min,tap_max,tap_step\n"
    )
    read(
        tmp_path,
        lines="name,bus0,bus1,type,length,num_parallel,r,x,s_nom\ncable,station,farm,NAYY,0.2,2,0,0,0\n",
        line_types="name,f_nom,r_per_length,x_per_length,c_per_length,i_nom\nNAYY,60,0.3,0.1,210,0.25\n",
        transformers="name,bus0,bus1,type,num_parallel,tap_position,s_nom\nt1,grid,station,big,2,3,0\n",
        transformer_types=types + "big,50,0.25,20,0.4,5,3,0.6,0.5,150,1,1,-2,2,2.5\n",
        shunt_impedances="name,bus,g,b\ncapacitor,farm,0.01,0.3\n",
    )
    net = read_net(tmp_path)
    cable, big = net.branches
    assert (cable.r_ohm, cable.x_ohm) == (pytest.approx(0.3 * 0.2 / 2), pytest.approx(0.1 * 0.2 / 2))
    assert cable.rating_kva == pytest.approx(math.sqrt(3.0) * 0.25 * 0.4 * 2 * 1000)
    # 5 % of which 3 % are losses: a reactance of 4 %, of 0.4 kV at 500 kVA, and the tap of 1 + 2 steps of 2.5 % there
    assert (big.r_ohm, big.x_ohm) == (
        pytest.approx(0.03 * (0.4 * 1.05) ** 2 / 0.5),
        pytest.approx(0.04 * (0.4 * 1.05) ** 2 / 0.5),
    )
    assert big.ratio == pytest.approx(20.0 / (0.4 * 1.05))
    assert big.rating_kva == pytest.approx(500.0)
    # idle: 0.6 of 250 kW and 0.5 % of current, half at each end; the cable charges with 2 pi 60 210 nF
    iron, current = 0.6 / 250.0, 0.005
    idle = 0.5 * 500.0 * complex(iron, math.sqrt(current**2 - iron**2))
    charging = -0.5 * 1000.0 * 0.4**2 * 2.0 * math.pi * 60.0 * 210e-9 * 0.2 * 2
    bank = 1000.0 * 0.4**2 * complex(0.01, -0.3)
    assert net.shunt_kw == pytest.approx([idle.real, idle.real, bank.real])
    assert net.shunt_kvar == pytest.approx([idle.imag, idle.imag + charging, charging + bank.imag])
