"""The AC power flow: against closed forms, the literature's figures, and the linear flow of the market."""

from __future__ import annotations

import csv
import importlib
import math
from dataclasses import replace

import numpy as np
import pytest

from equilibrium.errors import InputError, SolverError
from equilibrium.grid.feeder import Feeder
from scenarios.files import DATA
from scenarios.readers.feeders import load_feeder
from sim import acflow
from sim.acflow import AcFlow, base_case, carried_kva, net_load, require_pandapower

pytest.importorskip("pandapower")

with (DATA / "feeders" / "validation.csv").open(encoding="utf-8") as file:
    VALIDATION = list(csv.DictReader(file))


def feeder(parent, r_ohm, x_ohm, load_kw, load_kvar):
    size = len(parent)
    return Feeder(
        name="line",
        base_kv=10.0,
        buses=tuple(str(k) for k in range(size)),
        parent=np.array(parent),
        r_ohm=np.array(r_ohm, float),
        x_ohm=np.array(x_ohm, float),
        rating_kva=np.full(size, np.inf),
        load_kw=np.array(load_kw, float),
        load_kvar=np.array(load_kvar, float),
        voltage_min_pu=np.full(size, 0.9),
        voltage_max_pu=np.full(size, 1.1),
    )


@pytest.mark.parametrize("row", VALIDATION, ids=lambda row: row["feeder"])
def test_bundled_feeders_reproduce_the_base_case_of_the_literature(row):
    bundled = load_feeder(row["feeder"])
    loss_kw, lowest, bus = base_case(bundled)
    assert loss_kw == pytest.approx(float(row["loss_kw"]), rel=1e-3)
    assert lowest == pytest.approx(float(row["vmin_pu"]), abs=1e-4)
    named = bundled.index(row["vmin_bus"])
    joined = {named, int(bundled.parent[named])} if row["feeder"] == "khodr141" else {named}  # 86 and 87 are a busbar
    assert bus in joined


def test_two_buses_have_a_closed_form():
    r, x, p, q = 0.8, 0.6, 1000.0, 400.0
    loss_kw, lowest, bus = base_case(feeder([-1, 0], [0, r], [0, x], [0, p], [0, q]))
    half = (10.0**2) / 2 - (r * p + x * q) / 1000
    square = half + math.sqrt(half**2 - (r**2 + x**2) * (p**2 + q**2) / 1e6)
    assert bus == 1
    assert lowest == pytest.approx(math.sqrt(square) / 10.0, abs=1e-8)
    assert loss_kw == pytest.approx(r * (p**2 + q**2) / 1e6 / square * 1000, rel=1e-6)


def test_a_branch_without_impedance_joins_its_buses():
    split = feeder([-1, 0, 1], [0, 0.8, 0], [0, 0.6, 0], [0, 400, 600], [0, 100, 300])
    joined = feeder([-1, 0], [0, 0.8], [0, 0.6], [0, 1000], [0, 400])
    assert base_case(split)[:2] == pytest.approx(base_case(joined)[:2], rel=1e-9)
    voltage, _ = AcFlow(split).solve(split.load_kw, split.load_kvar)
    assert voltage[1] == pytest.approx(voltage[2], abs=1e-12)


def test_net_load_undoes_the_lossless_flow():
    tree = load_feeder("ieee33")
    rng = np.random.default_rng(3)
    load = rng.normal(size=(4, tree.size))
    np.testing.assert_allclose(net_load(tree, tree.subtree_sum(load)), load, atol=1e-12)


def test_the_check_measures_the_linear_flow(cleared):
    check = AcFlow(cleared.network.feeder).check(cleared.clearing, cleared.market.load_kw)
    assert check.converged.all()
    assert (check.loss_kw > 0).all()
    assert 0 < check.voltage_error_pu.max() < 0.02
    assert (check.voltage_min_pu < cleared.clearing.voltage_pu.min(axis=1) + 1e-9).all()
    hour = int(check.voltage_error_pu.argmax())
    drawn = cleared.market.load_kw[hour].sum() + cleared.clearing.lot_kw[hour].sum()
    assert check.loss_share[hour] == pytest.approx(check.loss_kw[hour] / drawn)


def test_a_light_load_makes_the_linear_flow_exact():
    """Losses fall with the square of the load, so the voltage error must fall faster than the load."""
    tree = load_feeder("ieee33")

    def error(scale):
        flow_kw, flow_kvar = tree.subtree_sum(scale * tree.load_kw), tree.subtree_sum(scale * tree.load_kvar)
        drop = tree.path_sum(tree.r_ohm * flow_kw + tree.x_ohm * flow_kvar) / (1000 * tree.base_kv**2)
        voltage, _ = AcFlow(tree).solve(scale * tree.load_kw, scale * tree.load_kvar)
        return np.abs(1 - drop - voltage).max()

    assert error(0.1) < error(1.0) / 50
    assert error(0.01) < 1e-6


def test_a_load_beyond_the_feeder_is_reported_hour_by_hour(cleared):
    flow_kw = cleared.clearing.flow_kw.copy()
    flow_kw[5] *= 100
    check = AcFlow(cleared.network.feeder).check(replace(cleared.clearing, flow_kw=flow_kw), cleared.market.load_kw)
    assert check.converged.tolist() == [hour != 5 for hour in range(24)]
    assert np.isnan(check.loss_kw[5])
    tree = cleared.network.feeder
    with pytest.raises(SolverError, match="does not converge"):
        AcFlow(tree).solve(100 * tree.load_kw, 100 * tree.load_kvar)


def test_limits_that_the_ac_flow_breaks_are_measured(cleared):
    """Losses lower the voltage and load the branches: what the linear flow just keeps the AC flow breaks."""
    network, clearing = cleared.network, cleared.clearing
    tree = network.feeder
    free = AcFlow(tree).check(clearing, cleared.market.load_kw)
    drawn = [net_load(tree, flow) for flow in (clearing.flow_kw, clearing.flow_kvar)]
    hour, bus = 19, tree.size - 1
    voltage, _ = AcFlow(tree).solve(drawn[0][hour], drawn[1][hour])
    low, high = np.full(tree.size, 0.5), np.full(tree.size, 1.5)
    low[bus], high[1] = voltage[bus] + 0.003, voltage[1] - 0.002
    rating = np.full(tree.size, np.inf)
    sent_kva = math.hypot(drawn[0][hour].sum() + free.loss_kw[hour], drawn[1][hour].sum())
    rating[0] = sent_kva - 25.0
    tight = replace(tree, voltage_min_pu=low, voltage_max_pu=high, rating_kva=rating)
    check = AcFlow(tight).check(clearing, cleared.market.load_kw)
    assert check.undervoltage_pu[hour] == pytest.approx(0.003, abs=1e-12)
    assert check.overvoltage_pu[hour] == pytest.approx(0.002, abs=1e-12)
    assert [check.undervoltage_bus[hour], check.overvoltage_bus[hour], check.overload_bus[hour]] == [bus, 1, 0]
    assert check.overload_kva[hour] > 25.0  # reactive losses come on top
    wide = replace(tight, voltage_min_pu=np.full(tree.size, 0.5), rating_kva=np.full(tree.size, np.inf))
    kept = AcFlow(wide).check(clearing, cleared.market.load_kw)
    for size, place in ((kept.undervoltage_pu, kept.undervoltage_bus), (kept.overload_kva, kept.overload_bus)):
        assert (size.tolist(), place.tolist()) == ([0.0] * 24, [-1] * 24)


def test_what_a_branch_carries_counts_its_own_loss():
    """Two branches: 100 kW beyond the second, 10 kW and 3 kW lost; a branch is measured where it carries more."""
    chain = feeder([-1, 0, 1], [0, 0.8, 0.8], [0, 0.6, 0.6], [0, 0, 100], [0, 0, 0])
    nothing = np.zeros((1, 3))
    carried = carried_kva(chain, (np.array([[0.0, 0.0, 100.0]]), nothing), (np.array([[0.0, 10.0, 3.0]]), nothing))
    assert carried.tolist() == [[113.0, 113.0, 103.0]]
    fed = carried_kva(chain, (np.array([[0.0, 0.0, -100.0]]), nothing), (np.array([[0.0, 10.0, 3.0]]), nothing))
    assert fed.tolist() == [[87.0, 97.0, 100.0]]  # backwards the receiving end carries more


def test_of_buses_that_differ_by_rounding_the_first_is_named():
    """Bus 1 and bus 2 are one busbar, bus 3 hangs alike on another branch: their lowest voltages are one."""
    tree = feeder([-1, 0, 1, 0], [0, 0.8, 0, 0.8], [0, 0.6, 0, 0.6], [0, 0, 500, 500 + 1e-9], [0, 0, 0, 0])
    assert base_case(tree)[2] == 1


def test_without_pandapower_the_extra_is_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(acflow.importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"equilot\[ac\]"):
        require_pandapower()
    monkeypatch.undo()
    assert importlib.import_module("pandapower")
