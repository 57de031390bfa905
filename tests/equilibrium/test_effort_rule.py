"""The rule of least effort on a bus that is stated by hand: what is held, what follows, and who shares with whom."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from equilibrium.grid.assets import Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.least_effort import Face, LeastEffort, unit_ratings, unit_scale
from equilibrium.grid.network import Network
from tests.equilibrium.conftest import small_feeder

INF = float("inf")

TURBINES, SUN, BUY, SELL, LOT = [0, 1], [2], [3], [4], [5]
"""Columns: two turbines of 4 and 1 kVA, sun of 2 kW, trade, and a lot whose power is given."""

BALANCE = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0]
LIMIT = [1.0, -1.0, 0.0, 0.0, 0.0, 0.0]


def rule(*, sparse: bool = False) -> LeastEffort:
    """A bus with its balance, and a row that bounds how much more the first turbine gives than the second."""
    matrix = np.vstack([np.eye(6), BALANCE, LIMIT])
    columns = {
        "microturbine_kw": np.array([TURBINES]),
        "renewable_kw": np.array([SUN]),
        "import_kw": np.array(BUY),
        "export_kw": np.array(SELL),
        "lot_kw": np.array([LOT]),
    }
    rating = {"microturbine_kw": np.array([4.0, 1.0]), "renewable_kw": np.array([2.0]), "compensator_kvar": np.ones(3)}
    tolerance = np.full(8, 1e-9)
    equations = {"active_root": np.array([6])}
    return LeastEffort(rating, sp.csr_array(matrix) if sparse else matrix, tolerance, columns, equations)


def face(load: float, *, held: dict[int, float] | None = None, **limits: tuple[float, float]) -> Face:
    """A face of one period: what the turbines and trade may do, and multipliers of columns and rows."""
    lower = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, load, -INF])
    upper = np.array([9.0, 9.0, 1.5, 50.0, 50.0, 0.0, load, INF])
    places = {"buy": 3, "sell": 4, "sun": 2, "row": 7, "first": 0}
    for name, (low, high) in limits.items():
        lower[places[name]], upper[places[name]] = low, high
    multipliers = np.zeros(8)
    for place, value in (held or {}).items():
        multipliers[place] = value
    return Face(lower[None], upper[None], multipliers[None], 0.0, np.zeros((1, 6)))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("load", "held", "limits", "wanted"),
    [
        (5.0, {}, {}, [0.0, 0.0, 1.5, 3.5, 0.0]),  # nobody is needed: sun gives all it can, the rest is bought
        (1.0, {}, {}, [0.0, 0.0, 1.5, 0.0, 0.5]),  # and what is too much is sold
        (6.5, {3: 1.0}, {}, [4.0, 1.0, 1.5, 0.0, 0.0]),  # nothing is bought: in proportion to the ratings
        (6.5, {3: 1.0}, {"row": (-INF, 1.0)}, [3.0, 2.0, 1.5, 0.0, 0.0]),
        (6.5, {3: 1.0}, {"first": (0.0, 2.5)}, [2.5, 2.5, 1.5, 0.0, 0.0]),
        (1.0, {4: 1.0}, {}, [0.0, 0.0, 1.0, 0.0, 0.0]),  # nothing is sold: sun is curtailed
        (1.0, {3: -1.0, 4: 1.0}, {"buy": (0.0, 0.25)}, [0.0, 0.0, 0.75, 0.25, 0.0]),
        (9.0, {3: 1.0, 2: 1.0}, {}, [7.2, 1.8, 0.0, 0.0, 0.0]),  # the sun is held at nothing
        (5.0, {4: 1.0}, {"sell": (2.0, 9.0)}, [0.0, 0.0, 1.5, 5.5, 2.0]),  # so much has to be sold
        (5.0, {}, {"buy": (4.0, 9.0)}, [0.0, 0.0, 1.5, 4.0, 0.5]),
    ],
)
def test_who_gives_what(
    load: float,
    held: dict[int, float],
    limits: dict[str, tuple[float, float]],
    wanted: list[float],
    sparse: bool,
) -> None:
    """Of the turbines the first gives four times the second's; a kW of sun that is not taken weighs half."""
    found = rule(sparse=sparse).dispatch(face(load, held=held, **limits))
    assert found[0] == pytest.approx([*wanted, 0.0], abs=1e-9)


def test_several_periods_are_apart() -> None:
    parts = [face(5.0), face(6.5, held={3: 1.0}), face(1.0, held={4: 1.0})]
    lower, upper, multipliers = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("lower", "upper", "multipliers")
    )
    whole = Face(lower, upper, multipliers, 0.0, np.zeros((3, 6)))
    found = rule().dispatch(whole)
    for at, part in enumerate(parts):
        assert found[at] == pytest.approx(rule().dispatch(part)[0], abs=1e-12)


def test_a_side_with_a_multiplier_is_held_and_no_side_that_is_not_there() -> None:
    lower, upper = np.array([0.0, 1.0, -INF, 3.0, 4.0]), np.array([5.0, 6.0, 7.0, INF, 9.0])
    held = Face(lower, upper, np.array([1.0, -1.0, 1.0, -1.0, 2e-9]), 1.0, np.zeros(5))
    low, high = held.limits()
    assert low.tolist() == [0.0, 6.0, -INF, 3.0, 4.0]
    assert high.tolist() == [0.0, 6.0, 7.0, INF, 9.0]
    for size, cost, kept in ((1.9e-9, 1.0, True), (2.1e-9, 1.0, False), (2.1e-9, 9.0, True), (-2.1e-9, 1.0, False)):
        low, high = Face(lower[:1], upper[:1], np.array([size]), cost, np.zeros(1)).limits()
        assert ((low[0], high[0]) == (0.0, 5.0)) is kept


def test_the_scale_of_a_unit_is_the_root_of_its_rating() -> None:
    assert unit_scale(np.array([0.0, 0.25, 9.0])).tolist() == [1.0, 0.5, 3.0]


def test_ratings_by_block() -> None:
    network = Network(
        small_feeder(),
        (Microturbine("a", 1, 40.0, 0.05), Microturbine("b", 2, 60.0, 0.06)),
        renewables=(RenewableUnit("sun", 1, 30.0, "pv"),),
        compensators=(StaticVarCompensator("svc", 2, 50.0),),
        storage=(StorageUnit("battery", 2, 40.0, 55.0, 25.0, 10.0, 0.9, 0.8, 5.0),),
    )
    (store,) = network.storage
    assert {name: values.tolist() for name, values in unit_ratings(network).items()} == {
        "microturbine_kw": [40.0, 60.0],
        "microturbine_kvar": [40.0, 60.0],
        "renewable_kw": [30.0],
        "compensator_kvar": [50.0],
        "storage_charge_kw": [store.charge_max_kw],
        "storage_discharge_kw": [store.discharge_max_kw],
    }
    assert store.charge_max_kw != store.discharge_max_kw
