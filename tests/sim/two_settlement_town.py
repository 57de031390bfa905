"""A small town with two substations for the tests of two settlements: six buses, a tie, and one of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from scenarios.loading import load_scenario
from scenarios.markets.two_settlement.case import TwoSettlementCase

BUSES = "bus,load_kw,load_kvar\n1,0,0\n2,100,50\n3,200,80\n4,150,60\n5,100,40\n6,0,0\n"
BRANCHES = (
    "from_bus,to_bus,r_ohm,x_ohm,closed\n1,2,0.1,0.1,1\n2,3,0.2,0.1,1\n6,5,0.1,0.1,1\n5,4,0.2,0.1,1\n3,4,0.1,0.1,0\n"
    "1,6,0,0,1\n"
)
ABOUT = "title: Town\nbase_kv: 11\nroot: '1'\nroots: ['1', '6']\nsource: made for a test\nlicence: MIT\n"

DEMAND = [20.0] * 24

TOWN: dict[str, Any] = {
    "title": "Town",
    "market": {"kind": "two-settlement", "aim": "profit"},
    "prices": {"file": "active-70"},
    "lost_load_eur_per_mwh": [1000, 2000],
    "loads": {"profiles": "active-70", "profile": "mixed", "day_sigma": 0.05},
    "generators": [
        {
            "name": "big",
            "bus": 3,
            "min_kw": 50,
            "max_kw": 200,
            "rating_kva": 250,
            "cost_eur_per_mwh": 100,
            "start_cost": 5,
            "before_kw": 60,
        },
    ],
    "renewables": [{"name": "sun", "bus": 4, "rated_kw": 80, "kind": "pv", "day_sigma": 0.2}],
    "storage": [
        {
            "name": "store",
            "bus": 2,
            "energy_kwh": 100,
            "charge_max_kw": 40,
            "discharge_max_kw": 40,
            "initial_kwh": 50,
        },
    ],
    "demand_aggregators": [
        {"name": "flats", "bus": 5, "demand_kw": DEMAND, "generator_kw": [10.0] * 24, "cut_cost_eur_per_mwh": 20},
    ],
    "lots": [{"name": "lot", "bus": 2, "vehicles": 4}],
    "fleet": {
        "battery_kwh": 40,
        "wish_share": 0.8,
        "charge_max_kw": 7,
        "discharge_max_kw": 7,
        "arrival_h": {"mean": 9, "sd": 1.5, "min": 6, "max": 12},
        "departure_h": {"mean": 18, "sd": 1.5, "min": 15, "max": 22},
        "arrival_share": {"mean": 0.5, "sd": 0.15, "min": 0.3, "max": 0.85},
    },
    "outages": {"failures_per_year": 200.0, "repair_h": 2},
    "scenarios": {"draws": 20, "kept": 4, "joint": 2},
}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping with changes put into it, section by section."""
    made = dict(base)
    for key, value in changes.items():
        old = made.get(key)
        made[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return made


def town_file(folder: Path, **changes: Any) -> Path:
    """Write grid and scenario of the town into a folder, with changes of its keys, and return the scenario's path."""
    grid = folder / "town"
    grid.mkdir(parents=True, exist_ok=True)
    for name, text in (("buses.csv", BUSES), ("branches.csv", BRANCHES), ("feeder.yaml", ABOUT)):
        (grid / name).write_text(text)
    path = folder / "town.yaml"
    path.write_text(yaml.safe_dump(merged({**TOWN, "feeder": {"name": str(grid)}}, changes)))
    return path


def town(folder: Path, **changes: Any) -> TwoSettlementCase:
    """Return the loaded scenario of the town."""
    return load_scenario(str(town_file(folder, **changes)), None, TwoSettlementCase)
