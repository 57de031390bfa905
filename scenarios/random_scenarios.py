"""Hypothesis strategies for whole scenarios, as the files that they are made of.

:func:`variations` changes the prices, loads, limits, places and sessions of a scenario, :func:`random_scenarios` draws
one from nothing. What is drawn is a :class:`Draft`: text that is loaded and run like any other scenario, so what a
search hands back needs no code to be seen again. Small numbers come first: an example that is shrunk has few lots,
nobody who comes, and one price for all hours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from equilibrium.errors import InputError
from scenarios.case import Case
from scenarios.loading import FILE_OF_A_FOLDER, load_scenario, scenario_names
from scenarios.time_axis import TimeAxis, day_axis

CHARGING = ("lots-lead", "nodal")
"""Markets whose scenarios are drawn from nothing; of the others those of a bundled scenario are varied."""

SESSIONS, PRICES = "sessions.csv", "prices.csv"

_WEEK = dt.timedelta(days=7)
_MONDAY = dt.date(2024, 6, 3)
_FACTORS = (1.0, 2.0, 0.5, 3.0, 0.0)
_LIMITS = (1.0, 0.5, 0.25, 2.0)
_SPIKES = (100, 0, -20, 300, 1000)
_MOST = 6
"""Most sessions that are drawn one by one."""


@dataclass(frozen=True)
class Draft:
    """A scenario that is not on disk yet.

    Attributes
    ----------
    files
        Text of each file by its path inside the folder.
    seed
        The seed of its run.
    """

    files: Mapping[str, str]
    seed: int

    def write(self, folder: Path) -> Path:
        """Write the files into a folder and return that of the scenario."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder / FILE_OF_A_FOLDER


def bundled_of(market: str) -> str:
    """Return the first bundled scenario of a market.

    Raises
    ------
    InputError
        When there is none: the market is of another distribution.
    """
    for name in scenario_names():
        if load_scenario(name).file.market.kind == market:
            return name
    raise InputError("equilot check", "market", market, "a market with a bundled scenario, or a scenario of this one")


@st.composite
def variations(draw: st.DrawFn, name_or_path: str, case: Case[Any]) -> Draft:
    """Draw a day of a scenario with other prices, loads, limits, places and sessions.

    Parameters
    ----------
    name_or_path
        What the draft extends.
    case
        The same, loaded.
    """
    file: Any = case.file
    own: dict[str, Any] = {"title": f"a variation of {case.name}"}
    files: dict[str, str] = {}
    series = case.prices
    row = draw(st.integers(0, series.days - 1))
    if series.model is None:
        axis = series.axes[row]
        if draw(st.booleans()):
            price = (1000.0 * series.price[row] * draw(st.sampled_from(_FACTORS))).tolist()
        else:
            price = draw(_prices(axis.size))
        files[PRICES] = _price_csv(axis, price, file.currency)
        layout = dict.fromkeys(("start", "price_column", "area", "unit", "time_column", "time_format", "time_zone"))
        own["prices"] = {"file": PRICES, **layout}
    if hasattr(file, "loads"):
        own["loads"] = {"scale": file.loads.scale * draw(st.sampled_from(_FACTORS))}
    if getattr(file, "feeder", None) is not None and file.feeder.rating_kva is not None:
        own["feeder"] = {"rating_kva": file.feeder.rating_kva * draw(st.sampled_from(_LIMITS))}
    if hasattr(file, "scenarios"):
        draws = draw(st.integers(1, 3))
        own["scenarios"] = {"draws": draws, "kept": draw(st.integers(1, draws))}
    own |= draw(_other_lots(case, series.dates[row] if series.dates else _MONDAY, files))
    base = name_or_path if name_or_path in scenario_names() else str(Path(name_or_path).resolve())
    files[FILE_OF_A_FOLDER] = _yaml({"extends": base, **own})
    return Draft(files, draw(st.integers(0, 3)))


@st.composite
def _other_lots(draw: st.DrawFn, case: Case[Any], date: dt.date, files: dict[str, str]) -> dict[str, Any]:
    """Draw other numbers of places, and sessions in the place of those of the files, where a scenario has them."""
    file: Any = case.file
    found: dict[str, Any] = {}
    drivers: Any = getattr(file, "drivers", None)
    if not getattr(drivers, "files", None):
        return found  # nobody comes by recorded sessions: numbers of vehicles are stated, or drawn
    lots = case.resolved()["lots"]
    if isinstance(lots, list) and not any(lot["residents"] for lot in lots):
        places = [draw(st.sampled_from((0, 1, 2, 5))) for _ in lots]
        if any(places):  # 0: as in the scenario
            found["lots"] = [lot | ({"places": own} if own else {}) for lot, own in zip(lots, places, strict=True)]
    if not drivers.columns and not any(lot.sites for lot in file.lots) and draw(st.booleans()):
        files[SESSIONS] = _session_csv(date, draw(st.lists(_sessions(), max_size=_MOST)))
        own = {"source": "replay", "files": [SESSIONS], "sessions_per_day": None, "copula": "gaussian"}
        found["drivers"] = {**own, "departure": "recorded", "energy": "delivered"}
    return found


@st.composite
def random_scenarios(draw: st.DrawFn, market: str) -> Draft:
    """Draw a scenario of a market of charging lots: feeder, units, lots, prices and sessions.

    Parameters
    ----------
    market
        One of :data:`CHARGING`.
    """
    buses = draw(st.integers(2, 7))
    names = [f"b{k}" for k in range(buses)]
    bus = st.sampled_from(names[1:])
    files = _feeder_files(draw, names)
    grid = {"name": "feeder", "voltage_min_pu": draw(st.sampled_from((0.9, 0.95, 0.98)))}
    data = {
        "title": f"a random {market} scenario",
        "market": {"kind": market, "export_price_factor": draw(st.sampled_from((0.7, 0.0, 0.9)))},
        "feeder": grid,
        "prices": {"file": PRICES},
        "loads": {"scale": draw(st.sampled_from((1.0, 0.0, 2.0))), "profile": "residential"},
        "microturbines": [
            {
                **{"name": f"mt-{k}", "bus": draw(bus), "rating_kva": draw(_tens(1, 30))},
                "fuel_cost_eur_per_mwh": draw(_tens(1, 15)),
            }
            for k in range(draw(st.integers(0, 2)))
        ],
        "renewables": [
            {
                **{"name": f"res-{k}", "bus": draw(bus), "rated_kw": draw(_tens(1, 30))},
                "kind": draw(st.sampled_from(("pv", "wind"))),
            }
            for k in range(draw(st.integers(0, 2)))
        ],
        "lots": [
            {
                **{"name": f"lot-{k}", "bus": draw(bus), "places": draw(st.integers(1, 4))},
                **{"charger_kw": draw(st.sampled_from((11, 22, 50))), "efficiency": draw(st.sampled_from((1.0, 0.9)))},
                **{"charging_price_eur_per_kwh": draw(st.integers(2, 6)) / 10.0, "learning": {"rule": "none"}},
            }
            for k in range(draw(st.integers(1, 3)))
        ],
        "drivers": {"source": "replay", "files": [SESSIONS]},
    }  # fmt: skip
    files[PRICES] = _price_csv(day_axis(_MONDAY), draw(_prices(24)), "EUR")
    files[SESSIONS] = _session_csv(_MONDAY, draw(st.lists(_sessions(), max_size=_MOST)))
    files[FILE_OF_A_FOLDER] = _yaml(data)
    return Draft(files, draw(st.integers(0, 3)))


def _tens(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high).map(lambda k: 10 * k)


@st.composite
def _prices(draw: st.DrawFn, periods: int) -> list[float]:
    """Draw prices per MWh: one for all periods but for a few."""
    level = draw(st.sampled_from((50, 20, 0, 90, -10)))
    prices = [float(level)] * periods
    for period, spike in draw(
        st.lists(st.tuples(st.integers(0, periods - 1), st.sampled_from(_SPIKES)), max_size=periods)
    ):
        prices[period] = float(spike)
    return prices


def _sessions() -> st.SearchStrategy[tuple[int, int, int]]:
    """Draw arrival and stay in quarters of an hour, and energy in kWh."""
    return st.tuples(st.integers(28, 80), st.integers(4, 48), st.integers(1, 40))


def _price_csv(axis: TimeAxis, price: Sequence[float], currency: str) -> str:
    """Return prices per MWh as a file of one day."""
    column, starts = ("start", axis.labels) if axis.date is None else ("start_local", axis.starts)
    rows = [f"{start},{value:.12g}" for start, value in zip(starts, price, strict=True)]
    return "\n".join([f"{column},price_{currency.lower()}_per_mwh", *rows, ""])


def _session_csv(date: dt.date, sessions: Sequence[tuple[int, int, int]]) -> str:
    """Return sessions of a day as a file of more than a week, whose last day has one session too."""
    midnight = dt.datetime.combine(date, dt.time())
    rows = [
        (midnight + _quarters(arrival), midnight + _quarters(arrival + stay), kwh) for arrival, stay, kwh in sessions
    ]
    for day in (1, 8):  # a log begins and ends with a session: none is on the weekday of the date
        late = midnight + dt.timedelta(days=day, hours=12)
        rows += [(late, late + _quarters(4), 1)] if day == 8 or not sessions else []
    lines = [f"{k},{a:%Y-%m-%dT%H:%M},{d:%Y-%m-%dT%H:%M},{kwh}" for k, (a, d, kwh) in enumerate(sorted(rows))]
    return "\n".join(["session_id,arrival_local,departure_local,energy_kwh", *lines, ""])


def _quarters(count: int) -> dt.timedelta:
    return dt.timedelta(minutes=15 * count)


def _feeder_files(draw: st.DrawFn, names: Sequence[str]) -> dict[str, str]:
    """Draw a radial feeder at 10 kV in the format of ours."""
    loads = ["bus,load_kw,load_kvar", f"{names[0]},0,0"]
    branches = ["from_bus,to_bus,r_ohm,x_ohm,closed,rating_kva"]
    for k, name in enumerate(names[1:], start=1):
        load = 10 * draw(st.integers(0, 30))
        loads.append(f"{name},{load},{load // 4}")
        above, ohm = names[draw(st.integers(0, k - 1))], draw(st.integers(1, 20)) / 10.0
        branches.append(f"{above},{name},{ohm},{ohm / 2.0},1,{draw(st.sampled_from((2000, 500, 200)))}")
    return {
        "feeder/feeder.yaml": f"base_kv: 10\nroot: {names[0]}\n",
        "feeder/buses.csv": "\n".join([*loads, ""]),
        "feeder/branches.csv": "\n".join([*branches, ""]),
    }


def _yaml(data: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)
    return text
