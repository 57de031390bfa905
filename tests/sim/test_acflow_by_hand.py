"""What is made of solved AC flows, from voltages and losses that are told: no flow is computed here."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from equilibrium.errors import SolverError
from equilibrium.grid.feeder import Feeder
from sim import acflow
from sim.acflow import SAME, AcFlow, net_load, rounding_mva


def feeder(**changes: Any) -> Feeder:
    """Bus b hangs on the root, c and d on b."""
    four = np.ones(4)
    given: dict[str, Any] = {
        **{"name": "by hand", "base_kv": 10.0, "buses": tuple("abcd"), "parent": np.array([-1, 0, 1, 1])},
        **{"r_ohm": np.array([0.0, 0.3, 0.6, 0.0]), "x_ohm": np.array([0.0, 0.4, 0.8, 0.0])},
        **{"rating_kva": np.array([400.0, 300.0, np.inf, 50.0]), "load_kw": 0 * four, "load_kvar": 0 * four},
        **{"voltage_min_pu": np.array([0.9, 0.95, 0.9, 0.96]), "voltage_max_pu": np.array([1.1, 1.02, 1.05, 1.1])},
    }
    return Feeder(**given | changes)


def test_what_each_bus_draws_is_what_comes_less_what_goes_on() -> None:
    flow = np.array([[100.0, 100.0, 30.0, 50.0], [7.0, 4.0, 5.0, -3.0]])
    assert net_load(feeder(), flow).tolist() == [[0.0, 20.0, 30.0, 50.0], [3.0, 2.0, 5.0, -3.0]]
    assert flow[0].tolist() == [100.0, 100.0, 30.0, 50.0]  # the flows themselves stay


def test_rounding_is_that_of_the_smallest_impedance_that_is_a_line() -> None:
    eps = np.finfo(float).eps
    assert rounding_mva(feeder()) == pytest.approx(32.0 * eps * 100.0 / 0.5)
    small = feeder(r_ohm=np.array([0.0, 1e-4, 0.6, 0.99e-4]), x_ohm=np.zeros(4))
    assert rounding_mva(small) == pytest.approx(32.0 * eps * 100.0 / 1e-4)
    assert rounding_mva(feeder(r_ohm=np.zeros(4), x_ohm=np.zeros(4))) == 0.0


def told(tree: Feeder, solved: dict[float, Any]) -> AcFlow:
    """An AC flow that solves nothing: what it answers is told by what bus d draws, and an error is raised."""

    def answer(load_kw: Any, _kvar: Any) -> Any:
        found = solved[float(load_kw[3])]
        if isinstance(found, Exception):
            raise found
        return tuple(np.array(each) for each in found)

    flow = object.__new__(AcFlow)
    vars(flow).update(_feeder=tree, _solved=answer)
    return flow


def clearing(d_kw: list[float], **changes: Any) -> Any:
    """A clearing in which 60 kW go to bus b, 20 to c, and something to d; 8 kvar to b and 6 to c."""
    own = np.array(d_kw)
    flow = np.column_stack([80.0 + own, 80.0 + own, np.full(own.size, 20.0), own])
    kvar = np.tile([14.0, 14.0, 6.0, 0.0], (own.size, 1))
    nothing = np.zeros((own.size, 1))
    given = {
        **{"flow_kw": flow, "flow_kvar": kvar, "voltage_pu": np.tile([1.0, 0.98, 0.97, 0.98], (own.size, 1))},
        **{"shed_kw": nothing, "lot_kw": nothing, "storage_charge_kw": nothing},
    }
    return SimpleNamespace(**given | changes)


GOOD = ([1.0, 0.975, 0.95, 0.975], [0.0, 3.0, 1.0, 0.0], [0.0, 4.0, 2.0, 0.0])
LOW = ([1.0, 0.94, 0.905, 0.94], [0.0, 9.0, 2.0, 0.0], [0.0, 1.0, 1.0, 0.0])
HIGH = ([1.0, 1.03, 1.08, 1.03], [0.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0])


def test_periods_beside_each_other() -> None:
    """A usual one, one that is low at b and d, one without a solution, and one that is high at b and c."""
    solved = {40.0: GOOD, 55.0: LOW, 70.0: SolverError("no"), -90.0: HIGH}
    load = np.tile([0.0, 50.0, 20.0, 0.0], (4, 1))
    did = clearing(
        list(solved),
        shed_kw=np.array([[0.0, 0.0], [3.0, 2.0], [0.0, 0.0], [0.0, 70.0]]),
        lot_kw=np.array([[30.0, -12.0], [5.0, 6.0], [0.0, 0.0], [-9.0, -1.0]]),
        storage_charge_kw=np.array([[2.0], [4.0], [0.0], [0.0]]),
    )
    found = told(feeder(), solved).check(did, load)
    assert found.converged.tolist() == [True, True, False, True]
    nan = math.nan
    assert found.voltage_error_pu == pytest.approx([0.02, 0.065, nan, 0.11], nan_ok=True)
    assert found.voltage_error_bus.tolist() == [2, 2, 0, 2]
    assert found.loss_kw == pytest.approx([4.0, 11.0, nan, 1.0], nan_ok=True)
    # 70 kW of loads, less what is shed, and what lots and storage draw; of the last nothing is left to draw
    assert found.loss_share == pytest.approx([4.0 / 102.0, 11.0 / 80.0, nan, 0.0], nan_ok=True)
    assert found.voltage_min_pu == pytest.approx([0.95, 0.905, nan, 1.0], nan_ok=True)
    assert found.voltage_min_bus.tolist() == [2, 2, 0, 0]
    assert found.undervoltage_pu == pytest.approx([0.0, 0.02, nan, 0.0], nan_ok=True)
    assert found.undervoltage_bus.tolist() == [-1, 3, -1, -1]
    assert found.overvoltage_pu == pytest.approx([0.0, 0.0, nan, 0.03], nan_ok=True)
    assert found.overvoltage_bus.tolist() == [-1, -1, -1, 2]
    # of d 55 of 50 kVA; of d backwards 90 of 50
    assert found.overload_kva == pytest.approx([0.0, 5.0, nan, 40.0], nan_ok=True)
    assert found.overload_bus.tolist() == [-1, 3, -1, 3]


def test_of_values_that_differ_by_rounding_the_first_counts() -> None:
    every = np.ones(1, dtype=bool)
    value, bus = acflow._largest(np.array([[1.0, 2.0, 2.0 + 0.9 * SAME]]), every)
    assert (value[0], bus[0]) == (2.0, 1)
    value, bus = acflow._largest(np.array([[1.0, 2.0, 2.0 + 1.1 * SAME]]), every)
    assert (value[0], bus[0]) == (2.0 + 1.1 * SAME, 2)
    for excess, size, place in ((0.9 * SAME, 0.0, -1), (1.1 * SAME, 1.1 * SAME, 1)):
        value, bus = acflow._beyond(np.array([[-1.0, excess, 0.0]]), every)
        assert (value[0], bus[0]) == (size, place)
    value, bus = acflow._beyond(np.array([[9.0, 9.0]]), ~every)
    assert (math.isnan(value[0]), bus[0]) == (True, -1)


def test_the_base_case_names_the_lowest_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    solver = SimpleNamespace(solve=lambda *_: (np.array([1.0, 0.97, 0.93, 0.94]), 12.5))
    monkeypatch.setattr(acflow, "AcFlow", lambda _: solver)
    assert acflow.base_case(feeder()) == (12.5, 0.93, 2)


class Program:
    """Stands for pandapower: notes what it is told."""

    LoadflowNotConverged = type("LoadflowNotConverged", (Exception,), {})

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.switches: list[Any] = []

    def create_empty_network(self, **named: Any) -> Any:
        self.said["network"] = named
        return SimpleNamespace(load={}, res_line={}, res_bus={})

    def create_buses(self, _net: Any, count: int, **named: Any) -> list[int]:
        self.said["buses"] = (count, named)
        return list(range(count))

    def create_ext_grid(self, _net: Any, bus: int, **named: Any) -> None:
        self.said["root"] = (bus, named)

    def create_switch(self, _net: Any, start: int, end: int, **named: Any) -> None:
        self.switches.append((start, end, named))

    def create_lines_from_parameters(self, _net: Any, **named: Any) -> None:
        self.said["lines"] = {key: np.asarray(value).tolist() for key, value in named.items()}

    def create_loads(self, _net: Any, buses: list[int], p_mw: Any) -> None:
        self.said["loads"] = (buses, p_mw.tolist())

    def runpp(self, net: Any, **named: Any) -> None:
        self.said["run"] = named
        if net.load["p_mw"][3] > 1.0:
            raise self.LoadflowNotConverged


def test_a_feeder_as_it_is_stated_to_pandapower(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program()
    monkeypatch.setattr(acflow, "_pandapower", lambda: program)
    flow = AcFlow(feeder(root_voltage_pu=1.03))
    assert program.said["network"] == {"name": "by hand", "sn_mva": 1.0}
    assert program.said["buses"] == (4, {"vn_kv": 10.0})
    assert program.said["root"] == (0, {"vm_pu": 1.03})
    assert program.switches == [(1, 3, {"et": "b"})]
    lines = program.said["lines"]
    assert (lines["from_buses"], lines["to_buses"]) == ([0, 1], [1, 2])
    assert (lines["r_ohm_per_km"], lines["x_ohm_per_km"]) == ([0.3, 0.6], [0.4, 0.8])
    assert (lines["length_km"], lines["c_nf_per_km"]) == (1.0, 0.0)
    assert program.said["loads"] == ([0, 1, 2, 3], [0.0] * 4)
    net: Any = flow._net
    table = np.array([[0.003, 0.001], [0.002, 0.0005]])
    net.res_line = type("Rows", (), {"__getitem__": lambda *_: SimpleNamespace(to_numpy=lambda **_: table)})()
    net.res_bus = {"vm_pu": SimpleNamespace(to_numpy=lambda **_: np.array([1.03, 1.0, 0.9, 1.0]))}
    voltage, loss = flow.solve(np.array([0.0, 100.0, 20.0, 40.0]), np.array([0.0, -5.0, 6.0, 7.0]))
    assert voltage.tolist() == [1.03, 1.0, 0.9, 1.0]
    assert loss == pytest.approx(5.0)
    assert flow._solved(np.zeros(4), np.zeros(4))[1] == pytest.approx([0.0, 3.0, 2.0, 0.0])
    assert flow._solved(np.zeros(4), np.zeros(4))[2] == pytest.approx([0.0, 1.0, 0.5, 0.0])
    run = program.said["run"]
    assert (run["init"], run["numba"], run["tolerance_mva"]) == ("flat", False, acflow.TOLERANCE_MVA)
    flow._solved(np.array([0.0, 100.0, 20.0, 40.0]), np.array([0.0, -5.0, 6.0, 7.0]))
    assert (net.load["p_mw"].tolist(), net.load["q_mvar"].tolist()) == ([0, 0.1, 0.02, 0.04], [0, -0.005, 0.006, 0.007])
    with pytest.raises(SolverError, match=r"^the AC power flow of feeder by hand does not converge$"):
        flow.solve(np.array([0.0, 0.0, 0.0, 2000.0]), np.zeros(4))
    strong = AcFlow(feeder(base_kv=110.0, r_ohm=np.array([0, 1e-4, 1, 1]), x_ohm=np.zeros(4)))
    assert strong._tolerance_mva == rounding_mva(strong._feeder) > acflow.TOLERANCE_MVA
    program.said.pop("lines")
    AcFlow(feeder(r_ohm=np.zeros(4), x_ohm=np.zeros(4)))
    assert "lines" not in program.said
