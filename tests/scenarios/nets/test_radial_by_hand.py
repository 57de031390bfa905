"""What is said of a grid that becomes a feeder, and which grids are refused: nets of four buses."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.net import TRANSFORMER, NetBranch, NetBuilder, NetBus, NetRoot
from scenarios.readers.nets.radial import Band, needless_rating, radial_net
from tests.scenarios.nets.test_radial import line, net, radial

CHAIN = [line("p", 0, 1), line("q", 1, 2), line("r", 2, 3)]
DOWN = NetBranch("t", "t 1", TRANSFORMER, 1, 2, 0.02, 0.05, 25.0, 400.0)


def banded(*bands: tuple[float, float], **changes: Any) -> Any:
    grid = net(CHAIN)
    buses = tuple(replace(bus, voltage_min_pu=low, voltage_max_pu=high) for bus, (low, high) in zip(grid.buses, bands))  # noqa: B905
    return replace(grid, buses=buses, **changes)


NONE = (math.nan, math.nan)


def test_bands_of_buses_and_of_those_that_have_none() -> None:
    """A band of one value is none; at the root the voltage is held, and its band reaches it."""
    feeder = radial(banded((0.99, 0.995), (0.95, 1.05), (1.0, 1.0), NONE)).feeder
    assert feeder.voltage_min_pu.tolist() == [0.9, 0.95, 0.9, 0.9]
    assert feeder.voltage_max_pu.tolist() == [1.1, 1.05, 1.1, 1.1]
    low, high = (radial_net(net(CHAIN), Band(0.9, 1.1, held)).feeder for held in (0.85, 1.2))
    assert (low.voltage_min_pu[0], low.voltage_max_pu[0], low.root_voltage_pu) == (0.85, 1.1, 0.85)
    assert (high.voltage_min_pu[0], high.voltage_max_pu[0], high.root_voltage_pu) == (0.9, 1.2, 1.2)
    for wrong in ((1.05, 0.95), (-0.1, 1.1), (0.9, 2.1)):
        with pytest.raises(InputError) as error:
            radial(banded(NONE, NONE, wrong, NONE))
        assert str(error.value) == (
            f"net: bus c, voltage band: got '{wrong[0]:g} to {wrong[1]:g}', expected 0 < low < high"
        )


def test_voltage_levels_are_counted_and_referred_to_the_root() -> None:
    """A transformer of 25 below nominal 10 kV gives 0.4 kV: all is referred to 10 kV, times 25 squared."""
    made = radial(net([CHAIN[0], DOWN, line("r", 2, 3, 0.1)], kv=(10, 10, 0.4, 0.4)))
    assert made.notes == ("voltage levels (2 buses at 10 kV, 2 buses at 0.4 kV) are referred to 10 kV, the root's",)
    assert made.feeder.r_ohm == pytest.approx([0.0, 1.0, 0.02 * 625, 0.1 * 625])
    assert made.feeder.rating_kva.tolist() == [math.inf, math.inf, 400.0, math.inf]
    assert made.idle_kv == pytest.approx([10, 10, 0.4, 0.4])
    one = radial(net([CHAIN[0], replace(DOWN, ratio=20.0), line("r", 2, 3)], kv=(10, 10, 0.4, 0.4)))
    assert one.notes[1:] == (
        "ratio and tap: 2 buses of 0.4 kV idle at 0.5 kV (1.2500 of it), and 1 per unit is that voltage there: c, d",
    )
    assert one.feeder.voltage_max_pu == pytest.approx([1.1, 1.1, 0.88, 0.88])
    same = radial(net([CHAIN[0], replace(DOWN, ratio=1.0), line("r", 2, 3)]))
    assert same.notes == ()


def test_roots_that_the_scenario_names() -> None:
    two = net([line("p", 0, 1), line("q", 2, 3)], roots=(0, 2))
    with pytest.raises(InputError) as error:
        radial(two)
    assert str(error.value) == (
        "net: roots: got '2 external grids', expected one bus that feeds the grid, or feeder.roots: [a, c] to feed "
        "from all of them (each part of the grid from one)"
    )
    both = radial(two, roots=("a", "c"))
    assert both.notes == (
        "ratio and tap: 2 buses of 10 kV idle at 10.4 kV (1.0400 of it), and 1 per unit is that voltage there: c, d",
        "2 external grids are joined into one root at a: a, c",
    )
    assert both.feeder.parent.tolist() == [-1, 0, 0, 2]
    assert both.feeder.r_ohm == pytest.approx([0.0, 1.0, 0.0, 1.0 / 1.04**2])
    one = radial(two, roots=("c",))
    assert one.feeder.root_voltage_pu == pytest.approx(1.04)
    assert one.notes[0] == "1 external grid feeds nothing, as feeder.roots names others: a"
    assert one.notes[1] == (
        "2 buses have no supply and are left out, with loads of 30 kW and 10 kvar and generation of 0 kW: a, b"
    )
    new = radial(two, roots=("d",))
    assert new.notes[:2] == (
        "2 external grids feed nothing, as feeder.roots names others: a, c",
        "no external grid of the file, fed by feeder.roots at nominal voltage: d",
    )
    assert new.feeder.root_voltage_pu == 1.0
    assert radial(two, roots=("c", "c")).feeder.buses == ("c", "d")


@pytest.mark.parametrize(
    ("grid", "options", "said"),
    [
        (net(CHAIN, roots=()), {}, "roots: got 'no external grid in service', expected a bus that is fed from outside: "
         "the file says none, so name it, feeder.roots: [BUS]"),
        (net(CHAIN), {"roots": ("x",)}, "roots: got 'x', expected buses of the grid, such as a"),
        (net(CHAIN, roots=()), {"roots": ("x",)}, "roots: got 'x', expected buses of the grid"),
        (net(CHAIN), {"opened": ("line z",)}, "open: got 'line z', expected a line, transformer or switch of the grid "
         "(closest: line r)"),
        (net(CHAIN, kv=(0.05,) * 4), {}, "bus a, nominal voltage: got 0.05, expected kV, from 0.1 up to 200"),
        (net([replace(CHAIN[0], rating_kva=-1.0), *CHAIN[1:]]), {}, "rating: got -1.0, expected a rating > 0"),
        (net([replace(CHAIN[0], r_ohm=-1.0), *CHAIN[1:]]), {},
         "branch into bus b, r_ohm: got -1.0, expected an impedance >= 0"),
        (net([*CHAIN[:2], replace(CHAIN[2], x_ohm=-0.5)]), {},
         "branch into bus d, x_ohm: got -0.5, expected an impedance >= 0"),
        (net(CHAIN), {"rating_kva": 1e9},
         "rating_kva: got 1000000000.0, expected at most 3.464e+05 kVA, which are 20 kA "
         "at 10 kV; 1e+09 VA would be 1e+06 kVA"),
        (replace(net(CHAIN), load_kw=np.full(4, 1e6)), {},
         "loads: got '4e+06 kW in all', expected kW and kvar that "
         "draw 20 kA at 10 kV at most, not 231 kA; 4e+06 VA would be 4000 kVA"),
    ],
)  # fmt: skip
def test_grids_that_become_no_feeder(grid: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        radial(grid, **options)
    assert str(error.value) == f"net: {said}"


def test_a_branch_may_be_opened_by_either_name() -> None:
    ring = [*CHAIN, line("s", 3, 0)]
    for name in ("q", "line q"):
        made = radial(net(ring), opened=(name,))
        assert dict(zip(made.feeder.buses, made.feeder.parent.tolist(), strict=True)) == {
            "a": -1,
            "b": 0,
            "d": 0,
            "c": 3,
        }


def test_ratings_by_default_and_needless_ones() -> None:
    made = radial(net([replace(CHAIN[0], rating_kva=50.0), *CHAIN[1:]]), rating_kva=80.0)
    assert made.feeder.rating_kva.tolist() == [80.0, 50.0, 80.0, 80.0]
    assert [needless_rating(value, 10.0) for value in (0.0, 1.0, 3.4e5, 3.5e5, math.inf)] == [
        *(math.inf, 1.0, 3.4e5, math.inf, math.inf)
    ]


def test_two_switches_beside_a_line_and_what_a_bus_draws() -> None:
    """Without impedance a parallel branch takes all; shunts are of the square of the voltage that stands there."""
    grid = replace(net([line("p", 0, 1), line("w", 0, 1, 0.0), *CHAIN[1:]]), shunt_kw=np.array([0.0, 4.0, 0, 0]))
    made = radial_net(grid, Band(0.9, 1.1, 1.05))
    assert made.feeder.r_ohm.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert made.shunt_kw == pytest.approx([0.0, 4.0 * 1.05**2, 0.0, 0.0])
    assert isinstance(grid.buses[0], NetBus)


def test_of_many_external_grids_eight_are_named() -> None:
    build = NetBuilder("net", "net", [NetBus(f"n{k}", 10.0) for k in range(10)])
    build.roots += [NetRoot(f"grid {k}", k, 1.0) for k in range(9)]
    with pytest.raises(InputError) as error:
        radial(build.build(), roots=["x"])
    assert str(error.value) == (
        "net: roots: got 'x', expected buses of the grid, such as n0, n1, n2, n3, n4, n5, n6, n7 and 1 more"
    )
