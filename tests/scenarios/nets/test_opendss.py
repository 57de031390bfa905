"""OpenDSS scripts: what is read, what is refused, and the flow beside OpenDSS's own."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.files import net_files, read_net
from scenarios.readers.nets.radial import Band, RadialNet, radial_net
from tests.fuzz.guard import LONGEST_LINE
from tests.fuzz.mutate import HOSTILE_TEXT
from tests.scenarios.nets.test_pandapower import flow

BAND = Band(0.9, 1.1, None)

STREET = """! A street: a transformer, two branches, a tie that is open
Clear
Set DefaultBaseFrequency=50
New Circuit.street basekv=20 pu=1.02 bus1=grid R1=0.0001 X1=0.0001 R0=0.0001 X0=0.0001
Redirect codes.dss
New Transformer.station phases=3 windings=2 buses=(grid, a.1.2.3) conns=(delta wye) kvs=(20 0.4) kvas=(630 630)
~ %rs=(0.6 0.6) xhl=5.8 taps=(1.0 1.025) %noloadloss=0.2 %imag=0.0
New Line.first bus1=a.1.2.3 bus2=b.1.2.3 linecode=cable length=120 units=m
New Line.second b a linecode=cable
Line.second.bus1=b
Line.second.bus2=c
Edit Line.second len=0.08 units=km   // cut short, as OpenDSS allows
New Line.aerial bus1=b bus2=d linecode=overhead length=150 units=m
New Line.tie bus1=c bus2=d switch=y
Open Line.tie 1
New Load.school bus1=c kv=0.4 kw=80 pf=0.95 model=1
New Load.shop bus1=d.1.2.3 kv=0.4 kw=45 kvar=12 vminpu=0.7
New Load.flats bus1=b kv=0.4 kva=60 pf=-0.98
New Load.lamp phases=1 bus1=b.1 kv=0.23 kw=0.001 kvar=0
New Capacitor.bank bus1=d kv=0.4 kvar=20
New Generator.roofs bus1=c kv=0.4 kw=25 kvar=0 model=1
New RegControl.station transformer=station winding=2
New EnergyMeter.m element=line.first
Set VoltageBases=[20 0.4]
Calcvoltagebases
Solve
"""

CODES = """New LineCode.cable nphases=3 r1=0.206 x1=0.116 c1=280 units=km normamps=270
New LineCode.overhead nphases=3 units=km
~ rmatrix=(0.40 | 0.06 0.40 | 0.06 0.06 0.40)
More xmatrix=[0.70 | 0.36 0.70 | 0.36 0.36 0.70] cmatrix=(11 | -2 11 | -2 -2 11)
"""

BARE = (("%noloadloss=0.2", "%noloadloss=0"), ("New Capacitor", "!"), ("New Load.lamp", "!"), ("c1=280", "c1=0"),
        ("(11 | -2 11 | -2 -2 11)", "(0 | 0 0 | 0 0 0)"))  # fmt: skip
"""Changes that leave nothing whose power depends on the voltage."""


def read(folder: Path, *changes: tuple[str, str]) -> RadialNet:
    street, codes = STREET, CODES
    for old, new in changes:
        assert old in street + codes
        street, codes = street.replace(old, new), codes.replace(old, new)
    (folder / "street.dss").write_text(street, encoding="utf-8")
    (folder / "codes.dss").write_text(codes, encoding="utf-8")
    return radial_net(read_net(folder / "street.dss"), BAND)


def test_a_script_by_hand(tmp_path: Path) -> None:
    radial = read(tmp_path)
    feeder = radial.feeder
    assert feeder.buses == ("grid", "a", "b", "c", "d")
    assert (feeder.base_kv, feeder.root_voltage_pu) == (20.0, 1.02)
    square = (20 / (0.4 * 1.025)) ** 2  # the tap is at 0.4 kV
    assert feeder.r_ohm[1] == pytest.approx(0.012 * (0.4 * 1.025) ** 2 / 0.63 * square)
    assert feeder.x_ohm[1] == pytest.approx(0.058 * (0.4 * 1.025) ** 2 / 0.63 * square)
    assert feeder.r_ohm[2:] / square == pytest.approx([0.206 * 0.12, 0.206 * 0.08, 0.34 * 0.15])
    assert feeder.x_ohm[2:] / square == pytest.approx([0.116 * 0.12, 0.116 * 0.08, 0.34 * 0.15])
    assert feeder.rating_kva[1:4] == pytest.approx([693.0, 3**0.5 * 0.4 * 270, 3**0.5 * 0.4 * 270])
    assert feeder.load_kw == pytest.approx([0, 0, 60 * 0.98 + 0.001, 80, 45])
    assert feeder.load_kvar == pytest.approx([0, 0, -60 * (1 - 0.98**2) ** 0.5, 80 * (1 / 0.95**2 - 1) ** 0.5, 12])
    assert radial.generation_kw == pytest.approx([0, 0, 0, 25, 0])
    notes = " | ".join(radial.notes)
    assert "of fewer than three phases, spread evenly over all: load lamp (1)" in notes
    assert "controls do not act; taps, steps and switches stand as in the file: regcontrol station" in notes
    assert "not in service: line tie" in notes
    assert "idle transformers: 1.26 kW" in notes
    assert [path.name for path in net_files(tmp_path / "street.dss")] == ["street.dss", "codes.dss"]


def test_the_flow_beside_that_of_opendss(tmp_path: Path) -> None:
    """Numbers of OpenDSSDirect 0.9.4: bare to its tolerance, else apart by what depends on the voltage there."""
    pytest.importorskip("pandapower")
    voltage, imported = flow(read(tmp_path, *BARE))
    assert voltage == pytest.approx([1.01999995, 1.03949773, 1.0127195, 1.00556887, 0.99439255], abs=2e-6)
    assert imported == pytest.approx(164.3585526, abs=0.01)
    voltage, imported = flow(read(tmp_path))
    assert voltage == pytest.approx([1.02, 1.041365, 1.016386, 1.009261, 1.004561], abs=1e-3)
    assert imported == pytest.approx(165.488013, abs=0.01 * 6.67)


BAD = [
    (("phases=3 windings=2", "phases=1 windings=2"), "3: unbalanced feeders are not read"),
    (("Line.aerial bus1=b", "Line.aerial phases=2 bus1=b"), "phases: got 2, expected 3: unbalanced feeders"),
    (("linecode=overhead", "linecode=rope"), "linecode: got 'rope', expected a line code of the script"),
    (("linecode=overhead", "geometry=g"), "geometry: got 'g', expected impedances"),
    (("windings=2", "windings=3"), "windings: got 3, expected 2"),
    (("kw=80", "kilowatts=80"), "line 16: got 'kilowatts', expected a property of a load"),
    (("kw=80", "kw=many"), "load.school, kw: got 'many', expected a number"),
    (("Load.school bus1=c", "Load.school bus1=nowhere"), "a bus that a line or transformer joins to the source"),
    (("New Capacitor.bank", "New Reactor.bank"), "a class that is read (vsource, linecode, line"),
    (("Solve", "Dance"), "line 26: got 'Dance', expected a command of a script that states a grid"),
    (("New Circuit.street", "! New Circuit.street"), "circuit: got 'none', expected a line New Circuit.NAME"),
    (("Open Line.tie 1", ""), "loops"),
    (("(0.40 | 0.06 0.40 | 0.06 0.06 0.40)", "(0.40 | 0.40)"), "rmatrix: got '(0.40 | 0.40)', expected three rows"),
    (("units=m\nNew Line.second", "units=yards\nNew Line.second"), "units: got 'yards', expected one of mi"),
    (("kvar=20", "kvar=(a b)"), "capacitor.bank, kvar: got '(a b)', expected numbers"),
    (("kvas=(630 630)", "kvas=(630 630) wdg=x"), "line 6, transformer.station, wdg: got 'x', expected a number"),
    (("Redirect codes.dss", "Redirect street.dss"), "scripts deep"),
    (("Redirect codes.dss", "Redirect other.dss"), "line 5, redirect: got 'other.dss', expected a script that exists"),
    (("Solve", "Set loadmult=0.5"), "line 26, set loadmult: got '0.5', expected 1: loads.scale of the scenario scales"),
    (("Solve", "set mode=snap GenM=2"), "set GenM: got '2', expected 1: feeder.generation_scale of the scenario"),
    (("Solve", "BatchEdit Load.s[a-z]+ kw=2"), "line 26, batchedit: got 'Load.s[a-z]+', expected names of elements"),
    (("Solve", "BatchEdit Load..* kw=x"), "load.school, kw: got 'x', expected a number"),
    (("kw=80", "kva=80 vminqu=0.9"), "(closest: vminpu)"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_bad_scripts(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, change)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_set_for_many_at_once(tmp_path: Path) -> None:
    script = "Set LoadMult=1.0 mode=snapshot\nBatchEdit Load.s.*o kw=10 pf=1\nBatchEdit RegControl..* enabled=no\nSolve"
    radial = read(tmp_path, ("Solve", script))
    at = dict(zip(radial.feeder.buses, radial.feeder.load_kw, strict=True))
    assert (at["c"], at["d"]) == pytest.approx((10, 10))  # school and shop, and no other load
    assert at["b"] == pytest.approx(60 * 0.98 + 0.001)


def test_elements_that_are_like_others_and_steps_of_capacitors(tmp_path: Path) -> None:
    more = "Solve\nNew Load.like like=school bus1=d\nNew Capacitor.steps bus1=c kvar=(5 7) numsteps=2 states=(1 0)\n"
    more += "New Capacitor.even bus1=c kvar=30 numsteps=3 states=[1 1 0]\nDisable Load.shop\n"
    radial = read(tmp_path, ("Solve\n", more), ("model=1\nNew Load.shop", "model=2\nNew Load.shop"))
    assert radial.feeder.load_kw[4] == pytest.approx(80)
    assert radial.shunt_kvar[3] == pytest.approx(-25 * (1.02 * 1.025) ** 2, abs=0.01)  # 5 and 20 of the steps
    notes = " | ".join(radial.notes)
    assert "loads of another model than constant power, taken as such: school 80 kW, like 80 kW" in notes
    assert "not in service: line tie, load shop" in notes


MUTANTS = 150


@pytest.mark.parametrize("first", [0, pytest.param(10_000, marks=pytest.mark.long)])
def test_whatever_stands_in_a_script_gives_a_grid_or_one_line(tmp_path: Path, first: int) -> None:
    """Words of a script exchanged for others: of the script, or of foes."""
    words = re.split(r"([\s=(),|]+)", STREET.replace("Redirect codes.dss", CODES))
    said = []
    for seed in range(first, first + (20 * MUTANTS if first else MUTANTS)):
        draw = random.Random(seed)
        changed = list(words)
        for _ in range(draw.choice((1, 1, 2, 4))):
            changed[draw.randrange(len(changed))] = draw.choice((*HOSTILE_TEXT, *words))
        (tmp_path / "mutant.dss").write_bytes("".join(changed).encode("utf-8", "surrogatepass"))
        try:
            radial_net(read_net(tmp_path / "mutant.dss"), BAND)
        except InputError as error:
            said.append(str(error))
    assert said
    assert [text for text in said if len(text.splitlines()) != 1 or len(text) >= LONGEST_LINE] == []
