"""What the reproduction of the EPEC of parking lots rests on: every number of its cases and of data set S0."""

from __future__ import annotations

import csv
from fnmatch import fnmatchcase
from functools import cache
from statistics import fmean

from scenarios.files import DATA
from scenarios.loading import read_case
from sim.reproduce.constants import Constant, Inputs, Origin, flat
from sim.reproduce.epec_lots import published as data

_WORDS = ("title", "currency")
_FIT = "the identities that Tables 5 and 7 imply: energies bought, energy charged, costs"
_SERIES = (
    *(f"s0.profiles.{name}.*" for name in ("residential_pu", "industrial_pu", "pv_pu", "wind_pu")),
    "s0.price_eur_per_mwh.*",
)


@cache
def inputs() -> Inputs:
    """Return every number of the two case files, what they leave out included, and of their tables, by path."""
    found: dict[str, float | str | bool | None] = {}
    for feeder in data.FEEDERS:
        document = read_case(f"epec-lots-{feeder}-case1")[0].model_dump()
        found |= {path: value for path, value in flat(feeder, document) if path.partition(".")[2] not in _WORDS}
        for row in _rows("loads", f"epec-lots-{feeder}"):
            found |= {f"{feeder}.load.{row['bus']}.{key}": row[key] for key in ("load_kw", "load_kvar", "profile")}
    for row in _rows("prices", "s0"):
        found[f"s0.price_eur_per_mwh.{row['hour']}"] = float(row["price_eur_per_mwh"])
    for row in _rows("profiles", "s0"):
        hour = row.pop("hour")
        found |= {f"s0.profiles.{name}.{hour}": float(value) for name, value in row.items()}
    for row in _rows("lots", "s0"):
        where = f"s0.vehicles.{row['lot']}.{row['hour']}"
        found |= {f"{where}.{name}": float(row[name]) for name in ("plugged", "arrivals", "departures")}
    return found | {f"bands.{name}.{end}": limits[end] for name, limits in data.BANDS.items() for end in (0, 1)}


def _rows(kind: str, name: str) -> list[dict[str, str]]:
    with (DATA / kind / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def constants() -> tuple[Constant, ...]:
    """Return every constant of the cases, its value read from them."""
    departure = "energy at departure (kWh)", "*.drivers.departure_energy_kwh"
    return (
        _one(*departure, Origin.FITTED, "Tables 5, 7: 7.07 MWh charged"),
        *(constant for pattern in _SERIES for constant in _series(pattern)),
        *_chosen(),
        *_published(),
    )


def _one(name: str, path: str, origin: Origin, basis: str) -> Constant:
    """Return one number or word that all inputs of a path share."""
    (value,) = {value for at, value in inputs().items() if fnmatchcase(at, path)}
    return Constant(name, f"{value:g}" if isinstance(value, float) else str(value), origin, basis, (path,))


def _series(pattern: str) -> tuple[Constant, Constant]:
    """Return the fitted mean of a series and its shape."""
    values = [float(value or 0) for path, value in inputs().items() if path.startswith(pattern.removesuffix("*"))]
    name = pattern.removesuffix(".*").rpartition(".")[2]
    span, free = f"{min(values):g} to {max(values):g}", len(values) - 1
    return (
        Constant(f"{name}: mean of the day", f"{fmean(values):.4g}", Origin.FITTED, _FIT, (pattern,)),
        Constant(f"{name}: shape over the hours", span, Origin.CHOSEN, "a figure only; by eye", (pattern,), free),
    )


def _chosen() -> tuple[Constant, ...]:
    """Return what is chosen, but for the shapes of series."""
    given, chosen = inputs(), Origin.CHOSEN
    arrivals = sum(float(value or 0) for path, value in given.items() if path.endswith(".arrivals"))
    bands, kinds = ("bands.*", "*.feeder.voltage_m*"), ("*.renewables.*.kind", "*.renewables.*.name")
    industrial = ("*.load.*.profile", "*.load.*.load_kvar")
    return (
        Constant(
            "vehicles in three lots by hour: plugged, arrivals, departures",
            f"{arrivals:g} arrivals",
            chosen,
            "a figure only; by eye",
            ("s0.vehicles.*",),
            144,  # arrivals and departures of three lots; who is plugged in follows
        ),
        _one("energy at arrival (kWh)", "*.drivers.arrival_energy_kwh", chosen, "not printed"),
        _one("least energy (kWh)", "*.drivers.energy_min_kwh", chosen, "not printed"),
        _one("battery (kWh)", "*.drivers.battery_kwh", chosen, "not printed"),
        _one("rating of branches (kVA)", "*.feeder.rating_kva", chosen, "not printed; it does not bind"),
        Constant("voltage bands (p.u.)", ", ".join(data.BANDS), chosen, "not printed; two usual ones", bands, 2),
        _one("polygon edges", "*.market.polygon_edges", chosen, "not printed"),
        Constant("buses of wind, the others sun", _wind(given), chosen, "printed for bus 29 of 33 only", kinds, 7),
        Constant(
            "industrial loads (kW)",
            _industrial(given),
            chosen,
            "a figure only; profile and reactive power follow",
            industrial,
            2,
        ),
        _one("bus of the second microturbine, 85 buses", "85.microturbines.mt-32.bus", chosen, "not printed"),
        _one("voltage at the root (p.u.)", "*.feeder.root_voltage_pu", chosen, "not printed"),
        _one("order of the agents", "*.agent_order", chosen, "as the paper lists them; others by --robustness"),
        _one("first hour of a lot", "*.lots.*.first_hour", chosen, "as printed, no battery gets what it sells"),
    )


def _wind(given: Inputs) -> str:
    """Return the buses of the wind turbines by feeder."""
    wind = [path.removesuffix(".kind") for path, value in given.items() if path.endswith(".kind") and value == "wind"]
    return _by_feeder(
        {feeder: [f"{given[f'{unit}.bus']}" for unit in wind if unit.startswith(feeder)] for feeder in data.FEEDERS}
    )


def _industrial(given: Inputs) -> str:
    """Return the sizes of the loads with the industrial profile by feeder."""
    loads = [path.removesuffix(".profile") for path, value in given.items() if value == "industrial"]
    sizes = {
        feeder: sorted({float(given[f"{load}.load_kw"] or 0) for load in loads if load.startswith(f"{feeder}.load.")})
        for feeder in data.FEEDERS
    }
    return _by_feeder({feeder: [f"{size:g}" for size in values] for feeder, values in sizes.items()})


def _by_feeder(told: dict[str, list[str]]) -> str:
    return "; ".join(f"{feeder} buses: {', '.join(values)}" for feeder, values in told.items())


def _published() -> tuple[Constant, ...]:
    """Return what the paper prints, by table, and what has no part in a typical day."""
    listed = {
        "feeders": ("Baran and Wu 1989; Das 1994", ("*.feeder.name",)),
        "active loads": ("Table 2; feeder das85", ("*.load.*.load_kw", "*.loads.file", "*.loads.profiles")),
        "renewable units: bus, rating": ("Tables 3, 6", ("*.renewables.*.bus", "*.renewables.*.rated_kw")),
        "microturbines, compensators": (
            "Table 4; text",
            (
                "*.compensators.*",
                "33.microturbines.*.bus",
                "85.microturbines.mt-72.bus",
                *(f"*.microturbines.*.{name}" for name in ("name", "rating_kva", "fuel_cost_per_mwh")),
            ),
        ),
        "lots": (
            "Table 4, section 5; (3d)",
            tuple(
                f"*.lots.*.{name}"
                for name in ("name", "bus", "places", "charger_kw", "efficiency", "charging_price_*", "terminal")
            ),
        ),
        "export price over price": ("section 5", ("*.market.export_price_factor",)),
        "market and names of data files": ("bundled", ("*.market.kind", "*.*.file", "*.drivers.source")),
        "without effect on one typical day": ("rules of several days, and factors of one", _WITHOUT_EFFECT),
    }
    return tuple(
        Constant(name, "as printed", Origin.PUBLISHED, basis, patterns, 0) for name, (basis, patterns) in listed.items()
    )


_WITHOUT_EFFECT = (
    *("*.time.*", "*.prices.price_column", "*.prices.step_minutes", "*.prices.start", "*.prices.after_end"),
    *(f"*.prices.{key}" for key in ("unit", "area", "time_column", "time_format", "time_zone")),
    *("*.prices.draw", "*.prices.sarima.*"),
    *("*.feeder.generation_scale", "*.feeder.generation_profile"),
    *("*.market.on_infeasible", "*.market.value_of_lost_load_per_kwh"),
    *("*.loads.profile", "*.loads.scale", "*.loads.*_sigma"),
    *(
        "*.renewables.*.profile",
        "*.renewables.*.day_sigma",
        "*.renewables.*.wind_speed*",
        "*.microturbines.*.ramp_kw_per_h",
    ),
    *("*.renewables.*.irradiance_*", "*.failures_per_year", "*.repair_h"),
    *("*.lots.*.walking_distance_m", "*.lots.*.learning.*", "*.lots.*.residents", "*.network_charge.*"),
)
