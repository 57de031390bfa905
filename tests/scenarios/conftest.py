"""Small input of each kind that a test can break in one place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

FEEDER = {
    "feeder.yaml": "base_kv: 10\nroot: a\n",
    "buses.csv": "bus,load_kw,load_kvar\na,0,0\nb,100,20\nc,50,10\n",
    "branches.csv": "from_bus,to_bus,r_ohm,x_ohm,closed,rating_kva\na,b,0.5,0.3,1,\nc,b,0.2,0.1,1,400\na,c,1,1,0,\n",
}
SESSIONS = "arrival_local,departure_local,energy_kwh,battery_kwh\n" + "".join(
    f"2024-01-{day:02d}T08:30,2024-01-{day:02d}T17:00,{10 + day},\n" for day in range(1, 15)
)


def scenario_data() -> dict:
    """A scenario file as data: three buses, one lot, its own feeder, prices and sessions."""
    return {
        "title": "small",
        "feeder": {"name": "net", "rating_kva": 1000},
        "prices": {"file": "prices.csv"},
        "microturbines": [{"name": "mt", "bus": "c", "rating_kva": 100, "fuel_cost_eur_per_mwh": 50}],
        "renewables": [{"name": "sun", "bus": "b", "rated_kw": 80, "kind": "pv", "day_sigma": 0.3}],
        "lots": [
            {"name": "lot", "bus": "c", "places": 4, "charger_kw": 22, "charging_price_eur_per_kwh": 0.4},
        ],
        "drivers": {"source": "replay", "files": ["sessions.csv"]},
    }


def prices_csv(days: int = 8) -> str:
    rows = [f"2024-01-{day:02d},{hour},{day * 10 + hour}" for day in range(1, days + 1) for hour in range(1, 25)]
    return "date,hour,price_eur_per_mwh\n" + "\n".join(rows) + "\n"


@pytest.fixture
def feeder_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "net"
    folder.mkdir()
    for name, text in FEEDER.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def case(tmp_path: Path, feeder_folder: Path) -> Path:
    """The path of a scenario file beside its own feeder, prices and sessions."""
    assert feeder_folder.is_dir()
    (tmp_path / "prices.csv").write_text(prices_csv())
    (tmp_path / "sessions.csv").write_text(SESSIONS)
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump(scenario_data(), sort_keys=False))
    return path


BATTERY = {
    **{"name": "cell", "bus": "b", "energy_kwh": 100, "charge_max_kw": 50, "discharge_max_kw": 50},
    "initial_kwh": 50,
}
