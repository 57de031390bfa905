"""Cells of pandapower's tables: what of a grid each makes, and the smallest that is taken."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.net import LINE, SWITCH, Net
from scenarios.readers.nets.pandapower import read_pandapower

BUSES = [{"name": name, "vn_kv": 10.0} for name in "abc"]
GRID = {"name": "grid", "bus": 0}
CABLE = {"name": "l", "from_bus": 0, "to_bus": 1, "length_km": 2.0, "r_ohm_per_km": 0.2, "x_ohm_per_km": 0.1}


def net(folder: Path, f_hz: Any = 50.0, **tables: list[dict[str, Any]]) -> Net:
    """A net of tables, each a list of rows; three buses of 10 kV and an external grid at the first."""
    content: dict[str, Any] = {"f_hz": f_hz}
    for name, rows in ({"bus": BUSES, "ext_grid": [GRID]} | tables).items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        data = [[row.get(key) for key in columns] for row in rows]
        content[name] = {"columns": columns, "index": list(range(len(rows))), "data": data}
    (folder / "x.json").write_text(json.dumps(content))
    return read_pandapower(folder / "x.json")


def power(found: Net, name: str) -> list[complex]:
    return (getattr(found, f"{name}_kw") + 1j * getattr(found, f"{name}_kvar")).tolist()


def test_a_line_by_hand(tmp_path: Path) -> None:
    """Two parallel systems of 2 km, at 80 % of 90 % of 0.2 kA."""
    more = {"parallel": 2, "max_i_ka": 0.2, "df": 0.9, "max_loading_percent": 80.0}
    found = net(tmp_path, line=[CABLE | more, CABLE | {"name": "m", "to_bus": 2}])
    one, two = found.branches
    assert (one.label, one.other, one.kind, one.start, one.end, one.ratio) == ("l", "line 0", LINE, 0, 1, 1.0)
    assert (one.r_ohm, one.x_ohm) == pytest.approx((0.2, 0.1))
    assert one.rating_kva == pytest.approx(math.sqrt(3.0) * 10.0 * 200.0 * 0.9 * 2 * 0.8)
    assert (two.r_ohm, two.rating_kva, two.closed) == (pytest.approx(0.4), math.inf, True)
    assert "max_loading_percent sets the rating of 1 lines: l" in found.notes


@pytest.mark.parametrize("frequency", [50.0, 60])
def test_the_charging_of_a_line(frequency: float, tmp_path: Path) -> None:
    """Of 2 km with 100 nF and 3 uS each, at 10 kV; half of it stands at each end, or all at the one that is left."""
    line = CABLE | {"c_nf_per_km": 100.0, "g_us_per_km": 3.0}
    whole = 1e5 * complex(2 * 3e-6, -2 * math.pi * frequency * 2e-7)
    assert power(net(tmp_path, frequency, line=[line]), "shunt") == pytest.approx([whole / 2, whole / 2, 0])
    cut = net(tmp_path, frequency, line=[line], switch=[{"et": "l", "bus": 0, "element": 0, "closed": False}])
    assert power(cut, "shunt") == pytest.approx([0, whole, 0])
    assert not cut.branches[0].closed
    joined = net(tmp_path, frequency, line=[line], switch=[{"et": "l", "bus": 0, "element": 0, "closed": True}])
    assert joined.branches[0].closed


def test_switches_between_buses(tmp_path: Path) -> None:
    rows = [{"name": "s", "et": "b", "bus": 0, "element": 1}, {"et": "b", "bus": 1, "element": 2, "closed": False}]
    one, two = net(tmp_path, switch=rows).branches
    assert (one.label, one.kind, one.start, one.end, one.r_ohm, one.closed) == ("s", SWITCH, 0, 1, 0.0, True)
    assert (two.label, two.closed) == ("switch 1", False)
    dead = net(tmp_path, bus=[*BUSES[:2], BUSES[2] | {"in_service": False}], switch=[rows[0] | {"element": 2}])
    assert not dead.branches[0].closed
    apart = net(tmp_path, switch=[rows[0] | {"z_ohm": 1.0}]).branches[0]
    assert math.hypot(apart.r_ohm, apart.x_ohm) == pytest.approx(1.0, rel=1e-3)


def test_external_grids_and_slack_generators(tmp_path: Path) -> None:
    """Of several at a bus the first counts; a generator that is a slack feeds nothing in."""
    slack = {"name": "g", "bus": 1, "vm_pu": 1.03, "slack": True, "p_mw": 5.0}
    grids = [GRID | {"vm_pu": 1.02}, GRID | {"name": "again", "vm_pu": 1.05}, GRID | {"bus": 2, "in_service": False}]
    found = net(tmp_path, ext_grid=grids, gen=[slack])
    assert [(root.label, root.bus, root.voltage_pu) for root in found.roots] == [
        ("ext_grid 0", 0, 1.02),
        ("g", 1, 1.03),
    ]
    assert power(found, "generation") == [0, 0, 0]
    assert net(tmp_path).roots[0].voltage_pu == 1.0


def test_loads_of_every_table(tmp_path: Path) -> None:
    """Motors by their shaft, storage with its sign, the sum of three phases; and what is taken as constant is named."""
    found = net(
        tmp_path,
        load=[
            {"name": "p", "bus": 0, "p_mw": 0.5, "q_mvar": 0.1, "scaling": 0.5, "const_z_percent": 20.0},
            {"name": "none", "bus": 0, "const_i_percent": 20.0},
        ],
        motor=[
            {"name": "m", "bus": 1, "pn_mech_mw": 0.09, "efficiency_percent": 90.0, "cos_phi": 0.8},
            {"name": "half", "bus": 1, "pn_mech_mw": 0.1, "loading_percent": 50.0},
        ],
        storage=[{"name": "s", "bus": 2, "p_mw": -0.25}],
        asymmetric_load=[{"name": "y", "bus": 2, "p_a_mw": 0.01, "p_b_mw": 0.02, "p_c_mw": 0.04, "q_b_mvar": 0.005}],
    )
    assert power(found, "load") == pytest.approx([250 + 50j, 150 + 75j, -180 + 5j])
    assert "shares of constant impedance and current are taken as constant power in 1 loads: p 250 kW" in found.notes
    assert "taken as loads: motors of table motor: m 100 kW, half 50 kW" in found.notes
    assert "taken as loads: storage of table storage: s -250 kW" in found.notes
    assert "taken as loads: three-phase sums of table asymmetric_load: y 70 kW" in found.notes


def test_generators_of_every_table(tmp_path: Path) -> None:
    found = net(
        tmp_path,
        sgen=[{"name": "pv", "bus": 0, "p_mw": 0.2, "q_mvar": 0.1, "scaling": 0.5}],
        asymmetric_sgen=[{"name": "y", "bus": 1, "p_a_mw": 0.01, "p_c_mw": 0.02}],
        gen=[{"name": "g", "bus": 2, "p_mw": 0.3}],
    )
    assert power(found, "generation") == pytest.approx([100 + 50j, 30, 300])
    assert "generators that hold a voltage do not hold it here (0 kvar): g 300 kW" in found.notes


def test_shunts_and_wards(tmp_path: Path) -> None:
    """A shunt of two steps that is stated at 5 kV takes four times as much at 10 kV."""
    found = net(
        tmp_path,
        shunt=[{"name": "c", "bus": 1, "q_mvar": -0.01, "p_mw": 0.002, "step": 2, "vn_kv": 5.0}],
        ward=[{"name": "w", "bus": 2, "ps_mw": 0.1, "qs_mvar": 0.2, "pz_mw": 0.3, "qz_mvar": 0.4}],
    )
    assert power(found, "shunt") == pytest.approx([0, 16 - 80j, 300 + 400j])
    assert power(found, "load") == pytest.approx([0, 0, 100 + 200j])


def test_bands_names_and_tables_that_are_not_read(tmp_path: Path) -> None:
    rows = [BUSES[0] | {"min_vm_pu": 0.0, "max_vm_pu": 2.0}, BUSES[1] | {"min_vm_pu": 0.9, "max_vm_pu": 1.1}]
    found = net(tmp_path, bus=[*rows, BUSES[0]], poly_cost=[{"a": 1}], measurement=[{"a": 1}, {"a": 2}])
    assert [bus.label for bus in found.buses] == ["0", "b", "2"]
    assert [(bus.voltage_min_pu, bus.voltage_max_pu) for bus in found.buses[1:2]] == [(0.9, 1.1)]
    assert all(math.isnan(value) for value in (found.buses[0].voltage_min_pu, found.buses[0].voltage_max_pu))
    unread = "tables that are not read, as no flow depends on them: poly_cost (1 row), measurement (2 rows)"
    assert unread in found.notes
    clash = net(tmp_path, bus=[BUSES[0] | {"name": "1"}, BUSES[1], BUSES[1]])
    assert [bus.label for bus in clash.buses] == ["1", "bus 1", "bus 2"]
    out = net(tmp_path, load=[{"name": "x", "bus": 1, "p_mw": 1.0, "in_service": False}])
    assert "out of service, left out: 1 of table load: x" in out.notes


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"bus": [BUSES[0] | {"vn_kv": 0.0}]}, "bus 0, vn_kv: got 0.0, expected a number >= 1e-09"),
        *(({"f_hz": value}, f"f_hz: got {value!r}, expected the frequency in Hz")
          for value in (0.9, 1000.1, True, "50")),
        *(({"line": [CABLE | {key: -0.1}]}, f"line 0, {key}: got -0.1, expected a number >= 0")
          for key in ("length_km", "r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "max_i_ka", "df",
                      "max_loading_percent")),
        ({"line": [CABLE | {"parallel": 0}]}, "line 0, parallel: got 0, expected a number >= 1"),
        ({"line": [CABLE | {"to_bus": 9}]}, "line 0, to_bus: got '9', expected the index of a bus"),
        ({"switch": [{"et": "x", "bus": 0, "element": 0}]},
         "switch 0, et: got 'x', expected b (two buses), l (line), t or t3 (transformers)"),
        ({"switch": [{"et": "b", "bus": 0, "element": 1, "z_ohm": -1.0}]},
         "switch 0, z_ohm: got -1.0, expected a number >= 0"),
        ({"ext_grid": [GRID | {"vm_pu": 0.09}]}, "ext_grid 0, vm_pu: got 0.09, expected a number >= 0.1"),
        ({"shunt": [{"bus": 0, "vn_kv": 0.0}]}, "shunt 0, vn_kv: got 0.0, expected a number >= 1e-09"),
        ({"shunt": [{"bus": 0, "step": -1}]}, "shunt 0, step: got -1, expected a number >= 0"),
        *(({"motor": [{"bus": 0, key: 0.0}]}, f"motor 0, {key}: got 0.0, expected a number >= 1e-09")
          for key in ("efficiency_percent", "cos_phi")),
    ],
)  # fmt: skip
def test_what_is_no_net(tables: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        net(tmp_path, **tables)
    assert str(error.value) == f"{tmp_path / 'x.json'}: {said}"


@pytest.mark.parametrize("frequency", [1, 1000.0])
def test_frequencies_at_the_edge(frequency: float, tmp_path: Path) -> None:
    assert net(tmp_path, frequency, line=[CABLE | {"max_i_ka": 0.0}]).branches[0].rating_kva == math.inf


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "file: got "),
        ("[]", "file: got 'no table bus', expected a grid as pandapower.to_json writes it"),
        ('{"bus": {"columns": ["a"], "index": [0, 1], "data": [[1]]}}',
         "table bus: got 'unequal columns, index and data', expected a table as pandapower writes it"),
        ('{"bus": {"columns": ["a"], "index": [0], "data": [[1, 2]]}}', "bus 0: got [1, 2], expected 1 cells"),
        ('{"bus": {"columns": ["a"], "index": [0], "data": [1]}}', "bus 0: got 1, expected 1 cells"),
        ('{"_object": "{"}', "_object: got "),
    ],
)  # fmt: skip
def test_what_is_no_file(given: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(given)
    with pytest.raises(InputError) as error:
        read_pandapower(tmp_path / "x.json")
    found = str(error.value).removeprefix(f"{tmp_path / 'x.json'}: ")
    assert found == said or (said.endswith("got ") and found.startswith(said) and found.endswith("expected valid JSON"))


def test_the_rating_of_a_transformer_is_derated(tmp_path: Path) -> None:
    """Of 0.4 MVA at 90 % and 80 %."""
    row = {"name": "t", "hv_bus": 0, "lv_bus": 1, "sn_mva": 0.4, "vn_hv_kv": 10.0, "vn_lv_kv": 10.0, "vk_percent": 4.0}
    row |= {"vkr_percent": 0.0, "df": 0.9, "max_loading_percent": 80.0, "i0_percent": 1.0, "parallel": 2}
    found = net(tmp_path, trafo=[row])
    (branch,) = found.branches
    assert (branch.label, branch.rating_kva) == ("t", pytest.approx(2 * 400.0 * 0.72))
    assert power(found, "shunt") == pytest.approx([4j, 4j, 0])
