"""Cells of PyPSA's CSV folders one by one: what an empty one means, the least that is taken, and time series."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.net import Net, NetBranch
from scenarios.readers.nets.pypsa import read_pypsa

BUSES = "name,v_nom\na,10\nb,10\nc,0.4\n"
KIND = "NAYY,0.3,0.1"


def grid(folder: Path, **files: str) -> Net:
    for name, text in ({"buses": BUSES} | files).items():
        (folder / f"{name.replace('__', '-')}.csv").write_text(text)
    return read_pypsa(folder)


def line(folder: Path, header: str, cells: str, types: str = "") -> tuple[NetBranch, Net]:
    files = {"line_types": types} if types else {}
    net = grid(folder, lines=f"name,bus0,bus1{header}\nl,a,b{cells}\n", **files)
    return net.branches[0], net


def transformer(folder: Path, header: str, cells: str, types: str = "") -> tuple[NetBranch, Net]:
    files = {"transformer_types": types} if types else {}
    net = grid(folder, transformers=f"name,bus0,bus1{header}\nt,a,c{cells}\n", **files)
    return net.branches[0], net


def test_bands_of_buses(tmp_path: Path) -> None:
    """A lowest voltage of nothing or less is none, and so is a highest without end; other numbers are taken as such."""
    buses = "name,v_nom,v_mag_pu_min,v_mag_pu_max,carrier\na,10,0,inf,AC\nb,10,-1,1.5,\nc,0.4,0.53,,AC\n"
    net = grid(tmp_path, buses=buses)
    assert [bus.label for bus in net.buses] == ["a", "b", "c"]
    assert [bus.kv for bus in net.buses] == [10.0, 10.0, 0.4]
    assert [bus.voltage_min_pu for bus in net.buses] == pytest.approx([math.nan, math.nan, 0.53], nan_ok=True)
    assert [bus.voltage_max_pu for bus in net.buses] == pytest.approx([math.nan, 1.5, math.nan], nan_ok=True)
    assert (net.name, net.notes) == (tmp_path.name, ())


def test_a_line_that_states_little_has_no_impedance_and_no_limit(tmp_path: Path) -> None:
    branch, net = line(tmp_path, "", "")
    assert (branch.label, branch.other, branch.kind, branch.start, branch.end) == ("l", "line 2", "line", 0, 1)
    assert (branch.r_ohm, branch.x_ohm, branch.ratio, branch.rating_kva) == (0.0, 0.0, 1.0, math.inf)
    assert set(net.shunt_kw) == set(net.shunt_kvar) == {0.0}
    endless, _ = line(tmp_path, ",s_nom", ",inf")
    assert endless.rating_kva == math.inf


def test_what_a_line_leaks_and_charges(tmp_path: Path) -> None:
    """Siemens at 10 kV, half of it at each end; a susceptance feeds in."""
    branch, net = line(tmp_path, ",r,x,s_nom,g,b", ",1.5,2.5,0.75,0.0004,0.0006")
    assert (branch.r_ohm, branch.x_ohm, branch.rating_kva) == (1.5, 2.5, 750.0)
    assert net.shunt_kw == pytest.approx([20.0, 20.0, 0.0])
    assert net.shunt_kvar == pytest.approx([-30.0, -30.0, 0.0])
    assert net.notes == (
        "charging of lines: 40 kW and -60 kvar at nominal voltage, taken as constant, 1 in all: l 40 kW and -60 kvar",
    )


def test_a_type_of_a_line_that_states_little(tmp_path: Path) -> None:
    """50 Hz, no charging, no current limit, and one system; a rating of the line's own comes first."""
    types = f"name,r_per_length,x_per_length\n{KIND}\n"
    branch, net = line(tmp_path, ",type,length", ",NAYY,4", types)
    assert (branch.r_ohm, branch.x_ohm) == pytest.approx((1.2, 0.4))
    assert branch.rating_kva == math.inf
    assert set(net.shunt_kvar) == {0.0}
    charged = f"name,r_per_length,x_per_length,c_per_length,i_nom\n{KIND},200,0.3\n"
    branch, net = line(tmp_path, ",type,length,s_nom,num_parallel", ",NAYY,4,0.5,0.5", charged)
    assert branch.rating_kva == 500.0
    assert (branch.r_ohm, branch.x_ohm) == pytest.approx((2.4, 0.8))
    kvar = 0.5 * 1000 * 10**2 * 2 * math.pi * 50 * 200e-9 * 4 * 0.5
    assert net.shunt_kvar == pytest.approx([-kvar, -kvar, 0.0])
    branch, _ = line(tmp_path, ",type,length", ",NAYY,0", types)
    assert (branch.r_ohm, branch.x_ohm) == (0.0, 0.0)
    free, _ = line(tmp_path, ",type,length", ",NAYY,4", "name,r_per_length,x_per_length\nNAYY,0,0\n")
    assert (free.r_ohm, free.x_ohm) == (0.0, 0.0)


def test_a_type_that_no_file_has_is_no_matter_beside_numbers(tmp_path: Path) -> None:
    branch, _ = line(tmp_path, ",type,r,x", ",other,0.5,0.25")
    assert (branch.r_ohm, branch.x_ohm) == (0.5, 0.25)
    with pytest.raises(InputError) as raised:
        line(tmp_path, ",type,r", ",other,0.5")
    assert str(raised.value).endswith(
        "lines.csv: line 2, type: got 'other', expected a type of line_types.csv, or x and r "
        "(calculate_dependent_values before the export writes them)"
    )


def test_a_transformer_that_states_little(tmp_path: Path) -> None:
    """10 kV over 0.4 kV without tap, iron or impedance; what it states is per unit of its rating."""
    branch, net = transformer(tmp_path, ",s_nom", ",0.5")
    assert (branch.kind, branch.start, branch.end, branch.other) == ("transformer", 0, 2, "line 2")
    assert (branch.r_ohm, branch.x_ohm, branch.ratio, branch.rating_kva) == (0.0, 0.0, 25.0, 500.0)
    assert set(net.shunt_kw) == set(net.shunt_kvar) == {0.0}
    branch, net = transformer(tmp_path, ",s_nom,r,x,g,b,tap_ratio", ",0.5,0.02,0.06,0.001,-0.004,1.25")
    assert (branch.r_ohm, branch.x_ohm) == pytest.approx((0.02 * 0.16 / 0.5, 0.06 * 0.16 / 0.5))
    assert branch.ratio == pytest.approx(25.0 * 1.25)
    assert net.shunt_kw == pytest.approx([0.25, 0.0, 0.25])
    assert net.shunt_kvar == pytest.approx([1.0, 0.0, 1.0])
    lower, _ = transformer(tmp_path, ",s_nom,x,tap_ratio,tap_side", ",0.5,0.06,1.25,1")
    assert lower.x_ohm == pytest.approx(0.06 * 0.5**2 / 0.5)
    assert lower.ratio == pytest.approx(20.0)


def test_a_type_of_a_transformer_that_states_little(tmp_path: Path) -> None:
    types = "name,s_nom,vsc,vscr\nbig,0.25,5,4\n"
    branch, net = transformer(tmp_path, ",type", ",big", types)
    assert (branch.r_ohm, branch.x_ohm) == pytest.approx((0.04 * 0.16 / 0.25, 0.03 * 0.16 / 0.25))
    assert (branch.ratio, branch.rating_kva) == (25.0, 250.0)
    assert set(net.shunt_kw) == set(net.shunt_kvar) == {0.0}
    moved = "name,s_nom,vsc,vscr,tap_step\nbig,0.25,0,0,2\n"
    branch, _ = transformer(tmp_path, ",type,tap_position,num_parallel", ",big,3,0.5", moved)
    assert (branch.ratio, branch.rating_kva) == pytest.approx((25.0 * 1.06, 125.0))
    assert (branch.r_ohm, branch.x_ohm) == (0.0, 0.0)
    neutral, _ = transformer(tmp_path, ",type", ",big", "name,s_nom,vsc,vscr,tap_step,tap_neutral\nbig,1,0,0,2,3\n")
    assert neutral.ratio == pytest.approx(25.0 * 0.94)
    # a reactance needs what is more than the resistance, and a current what is more than the iron
    small = "name,s_nom,vsc,vscr,pfe,i0\nbig,0.25,3,5,4,1\n"
    branch, net = transformer(tmp_path, ",type", ",big", small)
    assert (branch.r_ohm, branch.x_ohm) == pytest.approx((0.05 * 0.16 / 0.25, 0.0))
    assert net.shunt_kw == pytest.approx([2.0, 0.0, 2.0])
    assert set(net.shunt_kvar) == {0.0}


def test_shunts_and_what_is_left_out(tmp_path: Path) -> None:
    net = grid(
        tmp_path,
        shunt_impedances="name,bus,g,b\nx,b,,0.001\ny,c,2,\n",
        links="name,p_set\nhvdc,0.0123456\nidle,\n",
        stores="name\ntank\n",
    )
    assert net.shunt_kvar == pytest.approx([0.0, -100.0, 0.0])
    assert net.shunt_kw == pytest.approx([0.0, 0.0, 320.0])
    assert net.notes[:2] == (
        "left out: 2 of links.csv, with p_set: hvdc 12.35 kW, idle 0 kW",
        "left out: 1 of stores.csv, with p_set: tank 0 kW",
    )
    assert "shunts: 320 kW and -100 kvar at nominal voltage, taken as constant, 2 in all: y 320 kW, x -100 kvar" in (
        net.notes
    )


def test_powers_and_their_signs(tmp_path: Path) -> None:
    """A load draws, a generator feeds in; a sign of the other kind turns them, and no number is none."""
    net = grid(
        tmp_path,
        loads="name,bus,p_set,q_set,sign\nl,a,0.03,0.01,\nfed,a,0.002,-0.004,1\nsmall,b,,0.005,\n",
        generators="name,bus,control,p_set,q_set,sign\ng,c,,0.007,0.002,\ntaken,c,PQ,0.001,,-1\nidle,b,PV,,,\n"
        "held,b,PV,0.0123456,,\ns,a,Slack,,,\n",
    )
    assert net.load_kw == pytest.approx([28.0, 0.0, 0.0])
    assert net.load_kvar == pytest.approx([14.0, 5.0, 0.0])
    assert net.generation_kw == pytest.approx([0.0, 12.3456, 6.0])
    assert net.generation_kvar == pytest.approx([0.0, 0.0, 2.0])
    assert [(root.label, root.bus, root.voltage_pu) for root in net.roots] == [("s", 0, 1.0)]
    assert net.notes == (
        "generators that hold a voltage do not hold it here: idle 0 kW, held 12.35 kW",
        "3 generators feed in 18.35 kW and 2 kvar, as in the file, at every hour: held 12.35 kW, g 7 kW and 2 kvar, "
        "taken -1 kW",
    )


def test_time_series_of_all_four_kinds(tmp_path: Path) -> None:
    """Of three snapshots the second has the most load in all; what has no series is as stated."""
    series = {
        "loads__p_set": "snapshot,l,m\n1,0.5,0.1\n2,0.4,0.3\n3,0.2,0.4\n",
        "loads__q_set": "snapshot,m\n1,0.01\n2,0.02\n3,0.03\n",
        "generators__p_set": "snapshot,g\n1,0.001\n2,0.002\n3,0.003\n",
        "generators__q_set": "snapshot,g\n1,0.004\n2,0.005\n3,0.006\n",
    }
    net = grid(
        tmp_path,
        loads="name,bus,p_set,q_set\nl,a,9,0.07\nm,b,9,9\nn,c,0.05,\n",
        generators="name,bus,p_set,q_set\ng,c,9,9\n",
        **series,
    )
    assert net.load_kw == pytest.approx([400.0, 300.0, 50.0])
    assert net.load_kvar == pytest.approx([70.0, 20.0, 0.0])
    assert (net.generation_kw[2], net.generation_kvar[2]) == pytest.approx((2.0, 5.0))
    assert net.notes[0] == "of 3 snapshots the one with the most load is read: 2"


def test_series_of_generators_alone_are_read_at_the_first_snapshot(tmp_path: Path) -> None:
    net = grid(
        tmp_path,
        generators="name,bus\ng,c\n",
        generators__p_set="snapshot,g\nmorning,0.001\nnoon,0.002\n",
    )
    assert net.generation_kw[2] == pytest.approx(1.0)
    assert net.notes[0] == "of 2 snapshots the one with the most load is read: morning"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"buses": "name,v_nom\na,0\n"}, "buses.csv: line 2, v_nom: got '0', expected a number >= 1e-09"),
        ({"buses": "name\na\n"}, "buses.csv: line 2, v_nom: got None, expected a number >= 1e-09"),
        ({"buses": "name,v_nom\na,1\na,2\n"},
         "buses.csv: line 3, column name: got 'a', expected each name once (it stands in line 2)"),
        ({"lines": "name,bus0,bus1,num_parallel\nl,a,b,0\n"},
         "lines.csv: line 2, num_parallel: got '0', expected a number >= 1e-09"),
        ({"lines": "name,bus0,bus1,type\nl,a,b,NAYY\n", "line_types": f"name,r_per_length,x_per_length\n{KIND}\n"},
         "lines.csv: line 2, length: got None, expected a number >= 0"),
        ({"lines": "name,bus0,bus1,type,length\nl,a,b,NAYY,-1\n",
          "line_types": f"name,r_per_length,x_per_length\n{KIND}\n"},
         "lines.csv: line 2, length: got '-1', expected a number >= 0"),
        ({"lines": "name,bus0,bus1,type,length\nl,a,b,NAYY,1\n",
          "line_types": "name,r_per_length,x_per_length\nNAYY,0.3,-0.1\n"},
         "line_types.csv: line 2, x_per_length: got '-0.1', expected a number >= 0"),
        ({"transformers": "name,bus0,bus1,s_nom\nt,a,c,-1\n"},
         "transformers.csv: line 2, s_nom: got '-1', expected a number >= 0"),
        ({"transformers": "name,bus0,bus1\nt,a,c\n"},
         "transformers.csv: line 2, s_nom: got 0.0, expected the rating in MVA, to which r and x refer"),
        ({"transformers": "name,bus0,bus1,s_nom,tap_ratio\nt,a,c,1,0\n"},
         "transformers.csv: line 2, tap_ratio: got '0', expected a number >= 1e-06"),
        ({"transformers": "name,bus0,bus1,type\nt,a,c,k\n", "transformer_types": "name,s_nom,vsc,vscr\nk,0,1,1\n"},
         "transformer_types.csv: line 2, s_nom: got '0', expected a number >= 1e-09"),
        ({"transformers": "name,bus0,bus1,type\nt,a,c,k\n", "transformer_types": "name,s_nom,vsc,vscr\nk,1,-1,1\n"},
         "transformer_types.csv: line 2, vsc: got '-1', expected a number >= 0"),
        ({"transformers": "name,bus0,bus1,type,num_parallel\nt,a,c,k,0\n",
          "transformer_types": "name,s_nom,vsc,vscr\nk,1,1,1\n"},
         "transformers.csv: line 2, num_parallel: got '0', expected a number >= 1e-09"),
        ({"buses": "name,v_nom,v_mag_pu_set\na,10,0.05\n", "generators": "name,bus,control\ng,a,Slack\n"},
         "buses.csv: line 2, v_mag_pu_set: got '0.05', expected a number >= 0.1"),
        ({"loads__p_set": "snapshot,l\n1,2\n2,3\n", "loads__q_set": "snapshot,l\n1,2\n"},
         "loads-q_set.csv: rows: got 1, expected 2, one for each snapshot"),
    ],
)  # fmt: skip
def test_what_is_refused(files: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        grid(tmp_path, **files)
    assert str(raised.value).endswith(said)


def test_the_least_that_is_taken(tmp_path: Path) -> None:
    """A root may be held at a tenth, and a single element of each kind is read to its end."""
    net = grid(
        tmp_path,
        buses="name,v_nom,v_mag_pu_set\na,10,0.1\nb,10,1\n",
        generators="name,bus,control\ng,a,Slack\nh,b,Slack\n",
        lines="name,bus0,bus1,active\nl,a,b,False\nm,b,a,True\n",
    )
    assert [(root.label, root.voltage_pu) for root in net.roots] == [("g", 0.1), ("h", 1.0)]
    assert [(branch.label, branch.start, branch.end) for branch in net.branches] == [("m", 1, 0)]
    assert net.notes == ("not active, left out: 1 of lines.csv: l",)
