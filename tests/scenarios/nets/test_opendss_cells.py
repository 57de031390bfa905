"""Elements of OpenDSS scripts: what of a grid each makes, also where it leaves its numbers to OpenDSS."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.net import LINE, SWITCH, TRANSFORMER, Net
from scenarios.readers.nets.opendss import read_opendss

CIRCUIT = "new circuit.c basekv=10 pu=1.02\n"
CABLE = "new line.l bus1=sourcebus bus2=b"


def net(folder: Path, text: str) -> Net:
    (folder / "x.dss").write_text(CIRCUIT + text)
    return read_opendss(folder / "x.dss")


def power(found: Net, name: str) -> list[complex]:
    return (getattr(found, f"{name}_kw") + 1j * getattr(found, f"{name}_kvar")).tolist()


def charging(nf: float) -> complex:
    """What half of a capacitance draws at 10 kV and 60 Hz, kvar."""
    return -0.5j * 2.0 * math.pi * 60.0 * nf * 1e-9 * 1e5


def test_a_line_with_its_own_numbers(tmp_path: Path) -> None:
    found = net(tmp_path, f"{CABLE} r1=0.2 x1=0.1 c1=0 length=3 normamps=100")
    (line,) = found.branches
    assert (line.label, line.other, line.kind, line.start, line.end, line.closed) == ("l", "line l", LINE, 0, 1, True)
    assert (line.r_ohm, line.x_ohm, line.ratio) == (pytest.approx(0.6), pytest.approx(0.3), 1.0)
    assert line.rating_kva == pytest.approx(math.sqrt(3.0) * 1000.0)
    assert [(bus.label, bus.kv) for bus in found.buses] == [("sourcebus", 10.0), ("b", 10.0)]
    assert [(root.bus, root.voltage_pu) for root in found.roots] == [(0, 1.02)]
    assert power(found, "shunt") == [0, 0]


def test_a_line_that_leaves_its_length_and_capacitance_to_opendss(tmp_path: Path) -> None:
    """One unit long, 3.4 nF, no limit; a longer one has as much of each."""
    one = net(tmp_path, f"{CABLE} r1=0.2 x1=0.1")
    assert (one.branches[0].r_ohm, one.branches[0].rating_kva) == (pytest.approx(0.2), math.inf)
    assert power(one, "shunt") == pytest.approx([charging(3.4)] * 2)
    two = net(tmp_path, f"{CABLE} r1=0.2 x1=0.1 length=2")
    assert power(two, "shunt") == pytest.approx([charging(6.8)] * 2)


def test_a_line_of_a_code_in_another_unit(tmp_path: Path) -> None:
    code = "new linecode.k r1=0.2 x1=0.1 c1=10 units=km normamps=50\n"
    found = net(tmp_path, f"{code}{CABLE} linecode=k length=500 units=m")
    (line,) = found.branches
    assert (line.r_ohm, line.x_ohm) == pytest.approx((0.1, 0.05))
    assert line.rating_kva == pytest.approx(math.sqrt(3.0) * 500.0)
    assert power(found, "shunt") == pytest.approx([charging(5.0)] * 2)
    own = net(tmp_path, f"{code}{CABLE} linecode=k length=500 units=m normamps=20 r1=0.4 x1=0.3")
    assert own.branches[0].r_ohm == pytest.approx(200.0)  # its own numbers are per its own unit
    assert own.branches[0].rating_kva == pytest.approx(math.sqrt(3.0) * 200.0)
    none = net(tmp_path, f"{code}{CABLE} linecode=k length=2")
    assert none.branches[0].r_ohm == pytest.approx(0.4)


def test_a_switch_has_hardly_an_impedance_and_no_capacitance(tmp_path: Path) -> None:
    found = net(tmp_path, f"{CABLE} r1=9 x1=9 c1=100 length=7 switch=y")
    (line,) = found.branches
    assert (line.kind, line.r_ohm, line.x_ohm) == (SWITCH, 0.001, 0.001)
    assert power(found, "shunt") == [0, 0]


@pytest.mark.parametrize("more", ["enabled=no", "\nopen line.m 1"])
def test_what_is_open_draws_nothing(more: str, tmp_path: Path) -> None:
    found = net(tmp_path, f"{CABLE} r1=1 x1=1 c1=0\nnew line.m bus1=sourcebus bus2=b r1=1 x1=1 c1=50 {more}")
    assert [branch.closed for branch in found.branches] == [True, False]
    assert power(found, "shunt") == [0, 0]


def test_a_transformer_by_hand(tmp_path: Path) -> None:
    """Of 0.4 kV and 500 kVA: 1 % and 4 % of 0.32 ohm; idle it draws 0.2 % and 0.5 % of its kVA."""
    windings = "wdg=1 bus=sourcebus kv=10 kva=500 tap=1.05 %r=0.4 wdg=2 bus=b kv=0.4 kva=500 %r=0.6"
    found = net(tmp_path, f"new transformer.t {windings} xhl=4 %noloadloss=0.2 %imag=0.5 normhkva=600")
    (branch,) = found.branches
    assert (branch.kind, branch.start, branch.end, branch.other) == (TRANSFORMER, 0, 1, "transformer t")
    assert (branch.r_ohm, branch.x_ohm) == pytest.approx((0.01 * 0.32, 0.04 * 0.32))
    assert (branch.ratio, branch.rating_kva) == (pytest.approx(26.25), 600.0)
    assert power(found, "shunt") == pytest.approx([0, 1 + 2.5j])
    assert [bus.kv for bus in found.buses] == [10.0, 0.4]


def test_a_transformer_that_leaves_its_numbers_to_opendss(tmp_path: Path) -> None:
    """Two windings of 0.2 % each, 7 %, and a rating of 1.1 of its kVA; lists say the same as windings."""
    lists = "buses=[sourcebus b] kvs=[10 0.4] kvas=[500 500]"
    (branch,) = net(tmp_path, f"new transformer.t {lists}").branches
    assert (branch.r_ohm, branch.x_ohm) == pytest.approx((0.004 * 0.32, 0.07 * 0.32))
    assert (branch.ratio, branch.rating_kva) == (25.0, pytest.approx(550.0))
    loss = net(tmp_path, f"new transformer.t {lists} %loadloss=2 taps=[1 0.95]").branches[0]
    assert (loss.r_ohm, loss.ratio) == pytest.approx((0.02 * (0.4 * 0.95) ** 2 / 0.5, 25.0 / 0.95))


@pytest.mark.parametrize(
    ("text", "kva"),
    [
        ("kw=100 kvar=30", 100 + 30j),
        ("kw=80 pf=0.8", 80 + 60j),
        ("kw=80 pf=-0.8", 80 - 60j),
        ("kw=88", 88 + 88j * math.tan(math.acos(0.88))),
        ("pf=1", 10),
        ("kw=80 pf=1", 80),
    ],
)
def test_loads(text: str, kva: complex, tmp_path: Path) -> None:
    found = net(tmp_path, f"{CABLE} r1=1 x1=1 c1=0\nnew load.a bus1=b.1.2.3 {text}")
    assert power(found, "load") == pytest.approx([0, kva])


def test_loads_of_other_kinds_are_named(tmp_path: Path) -> None:
    rows = "new load.a bus1=b kw=5 pf=1 phases=1\nnew load.d bus1=b kw=7 pf=1 model=2\nnew load.e bus1=b kw=1 enabled=n"
    found = net(tmp_path, f"{CABLE} r1=1 x1=1 c1=0\n{rows}\nnew generator.g bus1=b kw=3 pf=1")
    assert power(found, "load") == pytest.approx([0, 12])
    assert power(found, "generation") == pytest.approx([0, 3])
    assert "of fewer than three phases, spread evenly over all: load a (1)" in found.notes
    assert "loads of another model than constant power, taken as such: d 7 kW" in found.notes


@pytest.mark.parametrize(
    ("text", "kvar"),
    [
        ("kvar=300", 300),
        ("", 1200),
        ("kvar=300 numsteps=3", 300),
        ("kvar=300 numsteps=3 states=[1 0 0]", 100),
        ("kvar=300 numsteps=3 states=[1 0]", 100),
        ("kvar=[100 50] states=[0 1]", 50),
        ("kvar=[100 50]", 150),
    ],
)
def test_capacitors(text: str, kvar: float, tmp_path: Path) -> None:
    found = net(tmp_path, f"{CABLE} r1=1 x1=1 c1=0\nnew capacitor.k bus1=b {text}")
    assert power(found, "shunt") == pytest.approx([0, -1j * kvar])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{CABLE} phases=1", "line 2, line.l, phases: got 1, expected 3: unbalanced feeders are not read"),
        (f"new linecode.k nphases=2\n{CABLE} linecode=k",
         "line 3, line.l, phases: got 2, expected 3: unbalanced feeders are not read"),
        (f"{CABLE} linecode=k", "line 2, line.l, linecode: got 'k', expected a line code of the script"),
        (f"{CABLE} geometry=g",
         "line 2, line.l, geometry: got 'g', expected impedances, by a line code, r1 and x1, or matrices"),
        (f"{CABLE} r1=1 x1=1 length=-1", "line 2, line.l, length: got '-1', expected a number >= 0"),
        (f"{CABLE} r1=1 x1=1 normamps=-1", "line 2, line.l, normamps: got '-1', expected a number >= 0"),
        ("new transformer.t windings=3 bus=sourcebus", "line 2, transformer.t, windings: got 3, expected 2"),
        ("new transformer.t xfmrcode=k",
         "line 2, transformer.t, xfmrcode: got 'k', expected a transformer that states its own numbers"),
        ("new transformer.t buses=[sourcebus b] kvs=[10 0] kvas=[5 5]",
         "line 2, transformer.t, winding 2, kv: got '0', expected a number >= 1e-09"),
        ("new transformer.t buses=[sourcebus b] kvs=[10 1] kvas=[5 5] taps=[1 0]",
         "line 2, transformer.t, winding 2, tap: got '0', expected a number >= 1e-06"),
        (f"{CABLE} r1=1 x1=1\nnew load.a bus1=z",
         "line 3, load.a, bus1: got 'z', expected a bus that a line or transformer joins to the source"),
    ],
)  # fmt: skip
def test_what_is_no_grid(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        net(tmp_path, text)
    assert str(error.value) == f"{tmp_path / 'x.dss'}: {said}"
