"""What is mutated: folders with small files of every kind, and the command that reads them.

A new kind of input is one more :class:`Target`: the files of a sound folder, and the arguments of the command.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scenarios.files import CASES
from tests.fuzz.guard import attempt
from tests.scenarios.nets.made import PYPSA, pandapower_json, pandapower_net

DAYS = [f"2024-06-{day:02d}" for day in range(10, 17)]

FEEDER = {
    "feeder/feeder.yaml": "base_kv: 12.66\nroot: 1\nsubstation_rating_kva: 5000\ntitle: Small\n",
    "feeder/buses.csv": "bus,load_kw,load_kvar,voltage_min_pu\n1,0,0,\n2,100,30,0.9\n010,60,20,\n",
    "feeder/branches.csv": "from_bus,to_bus,r_ohm,x_ohm,closed,rating_kva\n1,2,0.5,0.3,1,4000\n2,010,0.8,0.5,1,\n"
    "1,010,1,1,0,\n",
}
TABLES = {
    **FEEDER,
    "prices.csv": "date,hour,price_eur_per_mwh\n"
    + "".join(f"{day},{hour},{40 + hour}\n" for day in DAYS for hour in range(1, 25)),
    "profiles.csv": "hour,flat_pu,pv_pu,wind_pu\n" + "".join(f"{h},1,{0.1 * (6 < h < 19)},0.4\n" for h in range(1, 25)),
    "loads.csv": "bus,load_kw,load_kvar,profile\n2,90,30,flat\n010,60,20,flat\n",
    "sessions.csv": "arrival_local,departure_local,energy_kwh,battery_kwh,vehicle_kw,site\n"
    + "".join(
        f"{day}T08:00,{day}T17:30,{10 + k},{60 if k else ''},{11 if k else ''},A\n" for k, day in enumerate(DAYS)
    ),
    "vehicles.csv": "model,registrations,battery_kwh,ac_kw,dc_kw\nsmall,100,40,7.4,50\nlarge,50,80,11,150\n",
}
MARKET = """title: A small town
feeder: {name: feeder, rating_kva: 3000, voltage_min_pu: 0.92, voltage_max_pu: 1.08}
market: {kind: lots-lead, export_price_factor: 0.7, polygon_edges: 8}
prices: {file: prices.csv, start: 2024-06-10, after_end: repeat}
loads: {file: loads.csv, profiles: profiles.csv, profile: flat, scale: 1.0, day_sigma: 0.1}
renewables:
  - {name: sun, bus: '010', rated_kw: 50, kind: pv}
microturbines:
  - {name: turbine, bus: 2, rating_kva: 80, fuel_cost_eur_per_mwh: 55}
lots:
  - {name: station, bus: '010', places: 12, charger_kw: 22, charging_price_eur_per_kwh: 0.4, sites: [A]}
  - {name: market, bus: 2, places: 8, charger_kw: 11, charging_price_eur_per_kwh: 0.35, walking_distance_m: 150}
drivers:
  source: replay
  files: [sessions.csv]
  vehicles: {file: vehicles.csv, charging: ac}
  patience: {lots_min: 1, lots_max: 2}
"""
COUNTS = """title: Counted vehicles
feeder: {name: feeder}
market: {kind: lots-lead}
prices: {file: prices.csv}
loads: {profiles: profiles.csv, profile: flat}
lots:
  - {name: station, bus: 2, places: 4, charger_kw: 22, charging_price_eur_per_kwh: 0.4}
drivers:
  source: counts
  file: counts.csv
  battery_kwh: 40
  energy_min_kwh: 4
  arrival_energy_kwh: 10
  departure_energy_kwh: 20
"""
_PLUGGED = {hour: int(9 <= hour < 17) for hour in range(0, 25)}
COUNT_TABLE = "lot,hour,plugged,arrivals,departures\n" + "".join(
    f"station,{hour},{_PLUGGED[hour]},{int(hour == 9)},{int(hour == 17)}\n" for hour in range(1, 25)
)
PROGRAMS = """title: Own programs
source: made up
currency: USD
periods: {night: 1-8, day: 9-24}
base_tariff_usd_per_mwh: 200
participation_share: 0.5
elasticity:
  day: {day: -0.02, night: 0.01}
  night: {night: -0.03}
programs:
  flat: {}
  cheap: {tariff_usd_per_mwh: {night: 199}}
"""
COMPANY = """extends: disco-15
title: A small company
scenarios: {draws: 4, kept: 1}
market: {segments: 4, charge_periods: [night], discharge_periods: [day]}
emissions: {periods: [day]}
lots:
  - {name: lot, bus: 6, drivers: 2}
"""
GAME = """{"name": "two", "players": [
{"name": "seller", "level": "leader", "sense": "max", "variables": {"p": [0, 10]}, "objective": {"p*q": 1}},
{"name": "buyer", "level": "follower", "sense": "max", "variables": {"q": [0, null]}, "objective": {"q": 5, "p*q": -1},
 "constraints": [{"name": "need", "terms": {"q": 1}, "sense": "<=", "rhs": 8, "dual": "worth"}]}]}
"""
SPOT = "MTU (CET/CEST),Day-ahead Price (EUR/MWh)\n" + "".join(
    f"10.06.2024 {h:02d}:00 - {10 + h // 23}.06.2024 {(h + 1) % 24:02d}:00,{30 + h}.5\n" for h in range(24)
)
"""Prices as ENTSO-E has them."""

ACN = json.dumps(
    {
        "_items": [
            {
                **{"sessionID": f"s{day}", "siteID": "A", "timezone": "Europe/Berlin", "kWhDelivered": 8.5},
                "connectionTime": f"{day} Jun 2024 08:00:00 GMT",
                "disconnectTime": f"{day} Jun 2024 12:00:00 GMT",
                "userInputs": [{"requestedDeparture": f"{day} Jun 2024 11:00:00 GMT", "kWhRequested": 10}],
            }
            for day in range(10, 17)
        ]
    }
)
OCPI = json.dumps(
    {
        "data": [
            {
                **{"id": f"c{day}", "start_date_time": f"{day}T08:30:00Z", "end_date_time": f"{day}T12:30:00Z"},
                "total_energy": 9.25,
                "cdr_location": {"id": "A", "evse_uid": "e", "connector_id": "1"},
            }
            for day in DAYS
        ]
    }
)
FOREIGN = """title: Files of other programs
market: {kind: lots-lead}
time: {zone: Europe/Berlin}
prices: {file: spot.csv, start: 2024-06-10, after_end: repeat}
loads: {profiles: profiles.csv, profile: flat}
lots:
  - {name: station, places: 12, charger_kw: 22, charging_price_eur_per_kwh: 0.4, sites: [A], bus: @}
drivers: {source: replay, files: [sessions.json]}
"""
TIES = {
    "town_buses.csv": "bus,p_kw,q_kvar,base_kv,source\na,0,0,11,1\nb,1000,0,11,0\nc,1000,0,11,0\n",
    "town_branches.csv": "from_bus,to_bus,r_ohm,x_ohm,tie_open_in_base\na,b,1,0.5,0\nb,c,4,2,0\na,c,1,0.5,1\n",
}


@dataclass(frozen=True)
class Target:
    """A folder and the command that reads it.

    Attributes
    ----------
    name
        For reports.
    files
        Content of every file, by its path in the folder.
    arguments
        What the command is called with, in that folder.
    mutated
        The files of which mutants are made.
    prepare
        Does what has to be done in the folder before: a run whose files are then damaged.
    """

    name: str
    files: Mapping[str, str]
    arguments: tuple[str, ...]
    mutated: tuple[str, ...]
    prepare: Callable[[Path], None] | None = None


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write the files of a target."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _a_run(folder: Path) -> None:
    """Leave a finished run of one day."""
    assert attempt(["run", "case.yaml", "--days", "1", "--out", "run", "--no-figures"], folder).code == 0


def _read(name: str, files: Mapping[str, str]) -> Target:
    """Return a target whose files are read and not run."""
    return Target(name, files, ("inspect", "case.yaml", "--no-figures"), tuple(files))


def _bundled(name: str) -> Target:
    """Return a bundled scenario as a target: all its keys stand in the file."""
    return _read(name, {"case.yaml": (CASES / f"{name}.yaml").read_text(encoding="utf-8")})


def _foreign(name: str, bus: str, feeder: str, files: Mapping[str, str]) -> Target:
    """Return a target whose feeder, prices and sessions are files of other programs."""
    text = f"{FOREIGN.replace('@', bus)}feeder: {feeder}\n"
    plain = {"case.yaml": text, "profiles.csv": TABLES["profiles.csv"], "spot.csv": SPOT}
    return _read(name, {**plain, **files})


RUN = ("run", "case.yaml", "--days", "1", "--out", "out", "--no-figures")
TOWN = {**TABLES, "case.yaml": MARKET}
TARGETS = (
    Target("town", TOWN, RUN, ("case.yaml",)),
    Target("tables", TOWN, RUN, tuple(TABLES)),
    Target("counts", {**TABLES, "case.yaml": COUNTS, "counts.csv": COUNT_TABLE}, RUN, ("case.yaml", "counts.csv")),
    Target("nodal", {**TABLES, "case.yaml": MARKET.replace("lots-lead", "nodal")}, RUN, ("case.yaml",)),
    Target(
        "programs",
        {"case.yaml": COMPANY + "retailer: {programs: {set: own.yaml, offered: []}}\n", "own.yaml": PROGRAMS},
        RUN,
        ("own.yaml", "case.yaml"),
    ),
    Target("game", {"game.json": GAME}, ("solve", "game.json", "--node-limit", "50"), ("game.json",)),
    *(_bundled(name) for name in ("two-settlement", "aggregator-37", "aggregators-37")),
    _foreign(
        "pandapower",
        "low",
        "{file: net.json, rating_kva: 900}",
        {"net.json": pandapower_json(pandapower_net(), encoded=False), "sessions.json": ACN},
    ),
    _foreign(
        "pypsa",
        "farm",
        "{file: net}",
        {**{f"net/{name}": text for name, text in PYPSA.items()}, "sessions.json": OCPI},
    ),
    Target("ties", TIES, ("reconfigure", "town", "--no-figures", "--out", "out"), tuple(TIES)),
    Target("run folder", TOWN, ("check", "run"), ("run/columns.json", "run/manifest.json"), _a_run),
)
