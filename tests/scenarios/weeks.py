"""A week of a small town that ends on a date of interest."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import yaml

from scenarios.time_axis import day_axis
from tests.scenarios.conftest import FEEDER, scenario_data

MADRID = "Europe/Madrid"


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def own_case(
    folder: Path,
    date: dt.date,
    sessions: list[str],
    *,
    step: int = 60,
    zone: str | None = MADRID,
    prices: list[float] | None = None,
    **keys: Any,
) -> Path:
    """A scenario that begins on the Monday before a date, with sessions of that week.

    The hourly prices are 50, 51, ... every day; ``prices`` has those of the last day, one for each period, in the place
    of them. ``keys`` are of the scenario file.
    """
    (folder / "net").mkdir()
    for name, text in FEEDER.items():
        (folder / "net" / name).write_text(text)
    monday = date - dt.timedelta(days=6)
    unit, parts = ("hour", 1) if prices is None else ("period", 60 // step)
    rows = []
    for day in range(7):
        axis = day_axis(monday + dt.timedelta(days=day), zone, 60 // parts)
        values = [50 + period // parts for period in range(axis.size)] if prices is None or day < 6 else prices
        rows += [f"{axis.date},{period + 1},{value}" for period, value in enumerate(values)]
    write(folder / "prices.csv", f"date,{unit},price_eur_per_mwh", rows)
    others = [
        f"{monday + dt.timedelta(days=day)}T08:00,{monday + dt.timedelta(days=day)}T09:00,1,40" for day in range(6)
    ]
    write(folder / "sessions.csv", "arrival_local,departure_local,energy_kwh,battery_kwh", others + sessions)
    data = scenario_data()
    data["time"] = {"step_minutes": step} if zone is None else {"zone": zone, "step_minutes": step}
    data["prices"]["step_minutes"] = 60 // parts
    data["drivers"] = {"source": "replay", "files": ["sessions.csv"]}
    data |= keys
    path = folder / "case.yaml"
    path.write_text(yaml.safe_dump(data))
    return path
