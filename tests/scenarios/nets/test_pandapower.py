"""pandapower nets: what is read, what is said, and the flow beside pandapower's own."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilibrium.errors import InputError
from scenarios.readers.nets.pandapower import read_pandapower
from scenarios.readers.nets.radial import Band, RadialNet, radial_net
from sim.acflow import AcFlow
from tests.scenarios.nets.made import changed, pandapower_json, pandapower_net, table

BAND = Band(0.9, 1.1, None)


def made(folder: Path, tables: dict[str, Any], encoded: bool = True) -> Path:
    path = folder / "net.json"
    path.write_text(pandapower_json(tables, encoded))
    return path


@pytest.mark.parametrize("encoded", [True, False], ids=["tables as texts", "tables as objects"])
def test_a_net_by_hand(tmp_path: Path, encoded: bool) -> None:
    radial = radial_net(read_pandapower(made(tmp_path, pandapower_net(), encoded)), BAND)
    feeder = radial.feeder
    assert (feeder.name, feeder.base_kv, feeder.buses) == ("net", 10.0, ("feed", "middle", "end", "low"))
    assert feeder.parent.tolist() == [-1, 0, 1, 2]
    # two lines of 2 km at 0.2 ohm/km in parallel; 0.4 kV seen from 9.5 kV over 0.4 kV: 0.05 * 0.16/0.4 ohm there
    square = (10.0 / (0.4 * 10.0 / 9.5)) ** 2
    assert feeder.r_ohm == pytest.approx([0, 0.2, 0.3, 0.03 * 0.4**2 / 0.4 * square])
    assert feeder.x_ohm == pytest.approx([0, 0.1, 0.2, 0.04 * 0.4**2 / 0.4 * square])
    assert feeder.rating_kva == pytest.approx([math.inf, 0.4 * 1e4 * 3**0.5, 0.1 * 1e4 * 3**0.5, 400])
    assert feeder.load_kw == pytest.approx([0, 300, 0, 100])  # 0.5 MW scaled by 0.6; what is out of service is not
    assert feeder.load_kvar == pytest.approx([0, 60, 0, 20])
    assert radial.generation_kw == pytest.approx([0, 0, 0, 40])
    assert radial.idle_kv == pytest.approx([10, 10, 10, 0.4 / 0.95])
    # the band of a bus behind the tap is stated in its idle voltage
    assert feeder.voltage_min_pu == pytest.approx([0.9, 0.9, 0.9, 0.9 * 0.95])


def test_everything_left_out_or_turned_is_said(tmp_path: Path) -> None:
    tables = pandapower_net() | {"poly_cost": table(["element"], [[0]])}
    notes = " | ".join(radial_net(read_pandapower(made(tmp_path, tables)), BAND).notes)
    assert "out of service, left out: 1 of table load: off" in notes
    assert "1 generator feeds in 40 kW, as in the file, at every hour: pv 40 kW" in notes
    assert "not read, as no flow depends on them: poly_cost (1 row)" in notes
    assert "(3 buses at 10 kV, 1 bus at 0.4 kV) are referred to 10 kV" in notes
    assert "1 bus of 0.4 kV idle at 0.421053 kV (1.0526 of it)" in notes


def test_names_and_parts_that_a_reader_changes_are_said(tmp_path: Path) -> None:
    tables = changed(pandapower_net(), "bus", 1, "name", "end")
    tables |= {"asymmetric_load": table(["bus", "p_a_mw", "name"], [[2, 0.01, "shop"]])}
    notes = " | ".join(radial_net(read_pandapower(made(tmp_path, tables)), BAND).notes)
    assert "buses whose name is not theirs alone are called otherwise: end -> 1, end -> 2" in notes
    assert "taken as loads: three-phase sums of table asymmetric_load: shop 10 kW" in notes


def test_switches(tmp_path: Path) -> None:
    tables = pandapower_net()
    tables["switch"] = table(
        ["bus", "element", "et", "closed", "name"],
        [[1, 1, "l", False, "s1"], [1, 2, "b", True, "coupler"], [3, 0, "t", True, "s3"]],
    )
    feeder = radial_net(read_pandapower(made(tmp_path, tables)), BAND).feeder
    assert feeder.parent.tolist() == [-1, 0, 1, 2]  # the bus-bus switch feeds the end in the place of line b
    assert feeder.r_ohm[2] == feeder.x_ohm[2] == 0.0
    tables["switch"] = table(["bus", "element", "et", "closed"], [[3, 0, "t", False]])
    radial = radial_net(read_pandapower(made(tmp_path, tables)), BAND)
    assert radial.feeder.buses == ("feed", "middle", "end")
    assert "1 bus has no supply and is left out, with loads of 100 kW and 20 kvar and generation of 40 kW: low" in (
        radial.notes
    )


def test_a_line_open_at_one_end_still_charges(tmp_path: Path) -> None:
    tables = changed(pandapower_net(), "line", 1, "c_nf_per_km", 300.0)
    charging = 2 * math.pi * 50 * 300e-9 * 10**2 * 1000  # kvar at 10 kV
    radial = radial_net(read_pandapower(made(tmp_path, tables)), BAND)
    assert radial.shunt_kvar == pytest.approx([0, -charging / 2, -charging / 2, 0])
    path = made(tmp_path, tables)
    path.write_text(path.read_text().replace('"f_hz": 50.0, ', ""))
    assert radial_net(read_pandapower(path), BAND).shunt_kvar.tolist() == radial.shunt_kvar.tolist()
    path.write_text(pandapower_json(tables).replace('"f_hz": 50.0', '"f_hz": 60.0'))
    assert radial_net(read_pandapower(path), BAND).shunt_kvar == pytest.approx(1.2 * radial.shunt_kvar)
    tables["switch"] = table(["bus", "element", "et", "closed"], [[2, 1, "l", False]])
    radial = radial_net(read_pandapower(made(tmp_path, tables)), BAND)
    assert radial.shunt_kvar == pytest.approx([0, -charging])


BAD = [
    (lambda t: changed(t, "line", 0, "length_km", "long"), "line 0, length_km: got 'long', expected a number >= 0"),
    (lambda t: changed(t, "line", 1, "to_bus", 9), "line 1, to_bus: got '9', expected the index of a bus"),
    (lambda t: changed(t, "load", 0, "p_mw", 1e300), "load 0, p_mw: got 1e+300"),
    (lambda t: changed(t, "bus", 3, "vn_kv", None), "bus 3, vn_kv: got None, expected a number"),
    (lambda t: changed(t, "bus", 2, "vn_kv", 20.0), "line b: got '10 kV at middle and 20 kV at end'"),
    (
        lambda t: changed(t, "trafo", 0, "vkr_percent", 6.0),
        "trafo 0, vkr_percent: got 6.0, expected at most vk_percent",
    ),
    (lambda t: changed(t, "trafo", 0, "tap_changer_type", "Tabular"), "trafo 0, tap_changer_type: got 'Tabular'"),
    (lambda t: changed(t, "ext_grid", 0, "in_service", False), "roots: got 'no external grid in service'"),
    (lambda t: {k: v for k, v in t.items() if k != "bus"}, "got 'no table bus'"),
    (lambda t: t | {"dcline": table(["name", "in_service"], [["hv", True]])}, "dcline 0: got 'hv', expected a grid"),
    (lambda t: t | {"dcline": table(["in_service"], [[True]])}, "dcline 0: got 'one of table dcline', expected a grid"),
    (
        lambda t: t | {"ext_grid": table(["bus", "vm_pu"], [[0, 1.0], [2, 1.0]])},
        "roots: got '2 external grids', expected one bus that feeds the grid, or feeder.roots: [feed, end]",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_bad_nets(tmp_path: Path, change: Any, message: str) -> None:
    path = made(tmp_path, change(pandapower_net()))
    with pytest.raises(InputError) as raised:
        radial_net(read_pandapower(path), BAND)
    assert message in str(raised.value)
    assert len(str(raised.value)) < 1700


def test_what_is_no_json_is_said_in_one_line(tmp_path: Path) -> None:
    for text in ("{", "[1, 2]", '{"bus": 3}', "[" * 100_000):
        (tmp_path / "net.json").write_text(text)
        with pytest.raises(InputError):
            radial_net(read_pandapower(tmp_path / "net.json"), BAND)


def pandapower() -> Any:
    """The package, without its warnings about pandas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("pandapower")


def flow(radial: RadialNet) -> tuple[np.ndarray, float]:
    """Voltages in the nominal unit, and the power that enters at the root, kW."""
    feeder = radial.feeder
    drawn_kw = feeder.load_kw + radial.shunt_kw - radial.generation_kw
    drawn_kvar = feeder.load_kvar + radial.shunt_kvar - radial.generation_kvar
    voltage, loss = AcFlow(feeder).solve(drawn_kw, drawn_kvar)
    return voltage * radial.idle_kv / radial.nominal_kv, float(drawn_kw.sum()) + loss


def solved(net: Any, path: Path) -> Any:
    """The net's own flow, and its file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pandapower().runpp(net, numba=False)
        pandapower().to_json(net, str(path))
    return net


LIBRARY = {
    "create_cigre_network_mv": ({}, {}, 1.0),
    "create_cigre_network_mv with sun and wind": ({"with_der": "pv_wind"}, {}, 1.0),
    "mv_oberrhein": ({}, {"roots": ("Bus 38", "Bus 177")}, 1.0),
    "create_kerber_landnetz_freileitung_1": ({}, {}, 1.0),
    "case33bw": ({}, {}, 1e-4),
}
"""Options of the net and of the feeder, and how many percent of pandapower's losses ours may differ by: what idle lines
and transformers draw depends on the voltage there and not here."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] if "sun" in name else []) for name in LIBRARY]
)
def test_losses_beside_pandapower(tmp_path: Path, name: str) -> None:
    given_options, options, percent = LIBRARY[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pandapower()
        import pandapower.networks as library

        net = solved(getattr(library, name.split()[0])(**given_options), tmp_path / "net.json")
    radial = radial_net(read_pandapower(tmp_path / "net.json"), BAND, **options)
    voltage, imported = flow(radial)
    theirs = 1000 * float(net.res_ext_grid.p_mw.sum())
    loss = 1000 * float(net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum())
    assert abs(imported - theirs) < percent / 100 * loss
    by_name = dict(zip(map(str, net.bus.name), net.res_bus.vm_pu, strict=True))
    assert voltage == pytest.approx([by_name[label] for label in radial.feeder.buses], abs=2e-3)


@settings(max_examples=3, deadline=None)
@given(
    tap=st.integers(-3, 3),
    side=st.sampled_from(["hv", "lv"]),
    held=st.floats(0.97, 1.05),
    kv=st.floats(9.5, 11.0),
    parallel=st.integers(1, 3),
    load=st.floats(0.01, 0.3),
)
def test_ratio_and_tap_are_exact(
    tmp_path_factory: pytest.TempPathFactory, tap: int, side: str, held: float, kv: float, parallel: int, load: float
) -> None:
    pp = pandapower()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = pp.create_empty_network()
        feed, high, low, end = (
            pp.create_bus(net, vn, name=name) for name, vn in zip("abcd", (10, 10, 0.4, 0.4), strict=True)
        )
        pp.create_ext_grid(net, feed, vm_pu=held)
        pp.create_line_from_parameters(net, feed, high, 3.0, 0.3, 0.2, 0.0, 0.3)
        pp.create_transformer_from_parameters(
            net,
            high,
            low,
            0.4,
            kv,
            0.41,
            1.4,
            6.0,
            0.0,
            0.0,
            tap_side=side,
            tap_neutral=0,
            tap_pos=tap,
            tap_step_percent=2.5,
            tap_step_degree=0.0,
            tap_changer_type="Ratio",
            parallel=parallel,
        )
        pp.create_line_from_parameters(net, low, end, 0.1, 0.2, 0.1, 0.0, 0.3, parallel=parallel)
        pp.create_load(net, end, p_mw=load, q_mvar=load / 3)
    path = tmp_path_factory.mktemp("net") / "net.json"
    solved(net, path)
    voltage, imported = flow(radial_net(read_pandapower(path), BAND))
    assert voltage == pytest.approx(net.res_bus.vm_pu.to_numpy(), abs=1e-7)
    assert imported == pytest.approx(1000 * float(net.res_ext_grid.p_mw.sum()), rel=1e-6)


LONG = pytest.mark.long


@pytest.mark.parametrize("side", [pytest.param("hv", marks=LONG), "mv", pytest.param("lv", marks=LONG)])
def test_three_windings_are_exact(tmp_path: Path, side: str) -> None:
    pp = pandapower()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = pp.create_empty_network()
        upper, middle, lower = (
            pp.create_bus(net, kv, name=name) for name, kv in zip("abc", (110, 20, 10), strict=True)
        )
        pp.create_ext_grid(net, upper, vm_pu=1.01)
        pp.create_transformer3w_from_parameters(
            net,
            upper,
            middle,
            lower,
            *(110, 20.5, 10.2, 40, 25, 15, 10.0, 11.0, 12.0, 0.3, 0.31, 0.32, 0.0, 0.0),
            tap_side=side,
            tap_pos=2,
            tap_neutral=0,
            tap_step_percent=1.5,
            tap_step_degree=0.0,
            tap_changer_type="Ratio",
            name="big",
        )
        for bus, load in ((middle, 15.0), (lower, 8.0)):
            pp.create_load(net, bus, p_mw=load, q_mvar=load / 4)
    solved(net, tmp_path / "net.json")
    radial = radial_net(read_pandapower(tmp_path / "net.json"), BAND)
    assert radial.feeder.buses == ("a", "b", "c", "big (star)")
    assert radial.feeder.rating_kva.tolist()[1:] == [25_000, 15_000, 40_000]
    voltage, imported = flow(radial)
    assert voltage[:3] == pytest.approx(net.res_bus.vm_pu.to_numpy(), abs=1e-7)
    assert imported == pytest.approx(1000 * float(net.res_ext_grid.p_mw.sum()), rel=1e-6)
    net.trafo3w["tap_at_star_point"] = True
    solved(net, tmp_path / "net.json")
    with pytest.raises(InputError, match="trafo3w 0, tap_at_star_point: got True, expected false"):
        read_pandapower(tmp_path / "net.json")
