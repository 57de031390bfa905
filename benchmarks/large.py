"""Large and long: how a day's processor time grows with buses, lots, vehicles and days, each over three sizes.

The ratio of a line is the exponent of a power law fitted to the three times; 1 is linear.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.harness import Result
from scenarios.case import Case
from scenarios.loading import load_scenario
from sim.options import RunOptions
from sim.simulate import kind_of, opened

FEEDERS = {33: "ieee33", 141: "khodr141", 1197: "moses1197"}
LARGEST = 1197
DAYS = 3
"""Days after the first one, whose median counts; the first compiles the programs."""


def large(buses: int = 33, lots: int = 3, vehicles: int = 300) -> Case[Any]:
    """Return a scenario of a size where lots lead: a bundled feeder, lots spread over it, so many drivers a day."""
    feeder = {"name": FEEDERS[buses], "rating_kva": 100_000, "voltage_min_pu": 0.5, "voltage_max_pu": 1.5}
    keys = {"feeder": feeder, **_NO_UNITS, **_spread(buses, lots, vehicles)}
    return load_scenario("week-33", keys)


def strategic(lots: int) -> Case[Any]:
    """Return a scenario of the nodal market with so many strategic lots on 33 buses and 100 drivers a day."""
    return load_scenario("nodal-33", _spread(33, lots, 100))


def _spread(buses: int, lots: int, vehicles: int) -> dict[str, Any]:
    """Return lots at buses with even distances, the labels being numbers from 1, and drivers for them."""
    places = max(10, 2 * vehicles // lots)
    stands = [
        {
            "name": f"lot-{number}",
            "bus": str(1 + round(bus)),
            "places": places,
            "charger_kw": 22,
            "charging_price_eur_per_kwh": 0.45,
            "learning": {"rule": "none"},
        }
        for number, bus in enumerate(np.linspace(1, buses - 1, lots).tolist())
    ]
    drivers = {"source": "resample", "files": ["dundee-2018"], "sessions_per_day": vehicles}
    return {"lots": stands, "drivers": drivers}


_NO_UNITS: dict[str, Any] = {"microturbines": [], "compensators": [], "renewables": []}


def times(case: Case[Any]) -> tuple[float, float]:
    """Return the processor seconds of the first day with the opening of the model, and of a later day."""
    begin = time.process_time()
    model = opened(kind_of(case), case, RunOptions(days=DAYS + 1, seed=0))
    each = []
    for _ in range(DAYS + 1):
        model.step()
        each.append(time.process_time() - begin)
        begin = time.process_time()
    model.close()
    return each[0], float(np.median(each[1:]))


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the slope of the least-squares line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def growth(name: str, sizes: Sequence[int], case_of: Callable[[int], Case[Any]]) -> Result:
    """Measure days of three sizes; the note has the first day too."""
    pairs = [times(case_of(size)) for size in sizes]
    first, later = ([pair[k] for pair in pairs] for k in (0, 1))
    told = "; ".join(f"{size}: {b:.3f} s, first day {a:.2f} s" for size, (a, b) in zip(sizes, pairs, strict=True))
    note = f"processor time of a day by {name} ({told}); the first day has exponent {exponent(sizes, first):.2f}"
    return Result(f"growth_{name}", later[-1], later[0], exponent(sizes, later), note)


def year() -> Result:
    """Days of a year, in which nothing may grow: the median of a day in each of three spans."""
    model = opened(kind_of(load_scenario("week-33")), load_scenario("week-33"), RunOptions(days=365, seed=0))
    ends, seconds, begin = (30, 120, 365), [], time.process_time()
    for day in range(ends[-1]):
        model.step()
        if day + 1 in ends:
            seconds.append(time.process_time() - begin)
    model.close()
    told = ", ".join(f"{days} days {total:.1f} s" for days, total in zip(ends, seconds, strict=True))
    note = f"processor time of a run of week-33 by its days ({told}); 1 is linear"
    return Result("growth_days", seconds[-1], seconds[0], exponent(ends, seconds), note)


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "growth_buses": lambda: growth("buses", tuple(FEEDERS), partial(large, lots=3)),
    "growth_lots": lambda: growth("lots", (20, 60, 200), lambda lots: large(LARGEST, lots, 400)),
    "growth_lots_nodal": lambda: growth("lots_nodal", (10, 20, 40), strategic),
    "growth_vehicles": lambda: growth("vehicles", (100, 1000, 10_000), lambda vehicles: large(33, 3, vehicles)),
    "growth_days": year,
}
