"""A network on one bus: nothing is lost of what stands on it but its place and the limits of its lines."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from equilibrium.grid.assets import LotSite, Microturbine, RenewableUnit, StaticVarCompensator, StorageUnit
from equilibrium.grid.network import Network, copper_plate
from tests.equilibrium.conftest import small_feeder


def test_a_copper_plate_has_everything_on_one_bus() -> None:
    feeder = small_feeder(
        load_kvar=np.array([0.0, 30.0, 40.0]),
        voltage_min_pu=np.array([0.91, 0.92, 0.93]),
        voltage_max_pu=np.array([1.11, 1.12, 1.13]),
        root_voltage_pu=1.02,
    )
    network = Network(
        feeder,
        (Microturbine("turbine", 1, 40.0, 0.05, 20.0),),
        (StaticVarCompensator("svc", 2, 50.0),),
        (RenewableUnit("sun", 1, 30.0, "pv"), RenewableUnit("wind", 2, 20.0, "wind")),
        (LotSite("lot", 2, 0.9),),
        export_price_factor=0.6,
        polygon_edges=8,
        name="told",
        storage=(StorageUnit("battery", 2, 40.0, 55.0, 25.0, 10.0),),
    )
    plate = copper_plate(network)
    for name in ("microturbines", "compensators", "renewables", "lots", "storage"):
        assert getattr(plate, name) == tuple(replace(unit, bus=0) for unit in getattr(network, name)), name
    assert (plate.export_price_factor, plate.polygon_edges, plate.name) == (0.6, 8, "told")
    told = {
        "name": "small as a copper plate",
        "base_kv": 10.0,
        "buses": ("0",),
        "parent": [-1],
        "r_ohm": [0.0],
        "x_ohm": [0.0],
        "rating_kva": [np.inf],
        "load_kw": [200.0],
        "load_kvar": [70.0],
        "voltage_min_pu": [0.91],
        "voltage_max_pu": [1.11],
        "root_voltage_pu": 1.02,
    }
    for each in fields(plate.feeder):
        if each.name in told:
            value = getattr(plate.feeder, each.name)
            assert (value.tolist() if isinstance(value, np.ndarray) else value) == told[each.name], each.name
