"""What the two DISCO reproductions rest on: every number of a study, of its data and of the market's settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from equilibrium.markets.disco.market import DiscoMarket
from scenarios.files import DATA
from scenarios.published.company import DiscoStudy
from scenarios.readers.prices import read_prices
from scenarios.readers.profiles import read_profiles
from scenarios.readers.programs import read_programs
from sim.reproduce.constants import Constant, Inputs, Origin, flat
from sim.reproduce.disco.totals import MODE

_WORDS = ("title", "source", "licence", "currency", "notes")
_EXACT = ("self", "network", "method", "pessimistic", "node_limit", "flow_range", "solver", "workers", "beta")
"""What of the market's settings cannot change an exact result: ways of computing it; beta is swept."""

PERIODS = ("on-peak", "mid-peak", "off-peak")


@cache
def inputs(study: DiscoStudy) -> Inputs:
    """Return every number that a study rests on, by path; hours are counted from 1."""
    document = yaml.safe_load((DATA / "programs" / f"{study.programs}.yaml").read_text(encoding="utf-8"))
    found = dict(flat("study", study))
    found |= flat("programs", {key: value for key, value in document.items() if key not in _WORDS})
    series = {"price": 1000.0 * read_prices(DATA / "prices" / f"{study.data}.csv").price[0]}
    series |= {f"profile.{name}": values for name, values in read_profiles(_profiles(study)).items()}
    for name, values in series.items():
        found |= {f"{name}.{hour}": float(value) for hour, value in enumerate(values, start=1)}
    network = study.network()
    kw, kvar = (power.sum(axis=0) for power in study.load(network.feeder))
    for label, p, q in zip(network.feeder.buses, kw / kw.sum(), kvar / kw.sum(), strict=True):
        found |= {f"load_share.{label}": float(p), f"reactive_share.{label}": float(q)}
    (lot,) = network.lots
    found |= {"lot.efficiency": lot.efficiency, "lot.discharge_efficiency": lot.discharge_efficiency}
    settings = inspect.signature(DiscoMarket.__init__).parameters.values()
    given = {item.name: item.default for item in settings if item.name not in _EXACT}
    return found | dict(flat("market", {**given, "mode": MODE}))


def _profiles(study: DiscoStudy) -> Path:
    return DATA / "profiles" / f"{study.data}.csv"


def hours_of(study: DiscoStudy, period: str) -> tuple[int, ...]:
    """Return the hours of a period, counted from 1."""
    return tuple((np.flatnonzero(read_programs(study.programs).hours(period)) + 1).tolist())


def level(
    study: DiscoStudy, series: str, hours: Iterable[int], name: str, basis: str, *, total: bool = False
) -> Constant:
    """Return the fitted level of a series in some hours: its mean, or its total."""
    given = inputs(study)
    paths = tuple(f"{series}.{hour}" for hour in hours)
    values = [float(given[path] or 0.0) for path in paths]
    value = sum(values) if total else sum(values) / len(values)
    return Constant(name, f"{value:.5g}", Origin.FITTED, basis, paths)


def shape(study: DiscoStudy, series: str, name: str, basis: str, fixed: int) -> Constant:
    """Return the shape of a series of 24 hours, of which ``fixed`` levels are fitted or published."""
    values = [float(value or 0.0) for path, value in inputs(study).items() if path.startswith(f"{series}.")]
    free = sum(value != 0.0 for value in values) - fixed
    return Constant(name, f"{min(values):g} to {max(values):g}", Origin.CHOSEN, basis, (f"{series}.*",), free)


def one(study: DiscoStudy, name: str, path: str, origin: Origin, basis: str, *more: str) -> Constant:
    """Return one number or word of the study; ``more`` are paths that have the same value or a value of no effect."""
    value = inputs(study)[path]
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return Constant(name, shown, origin, basis, (path, *more))


def printed(name: str, basis: str, *patterns: str) -> Constant:
    """Return numbers that the paper prints."""
    return Constant(name, "as printed", Origin.PUBLISHED, basis, patterns, 0)


def both_papers() -> tuple[Constant, ...]:
    """Return what both papers print alike, and what takes no part."""
    fleet = "Tables 2 and 3 of disco-cvar, 2 and 4 of disco-dr"
    return (
        printed(
            "vehicles: battery, limits, rates, times, energy at arrival",
            fleet,
            *("study.fleet.battery_kwh", "study.fleet.energy_m*_share", "study.fleet.wish_share"),
            *("study.fleet.*charge_max_kw", "study.fleet.arrival_h.*", "study.fleet.departure_h.*"),
            "study.fleet.arrival_share.*",
        ),
        printed(
            "number of vehicles, ratings of wind and sun", "section 4", "study.vehicles", "study.pv_kw", "study.wind_kw"
        ),
        printed("efficiencies of charging", fleet, "lot.efficiency", "lot.discharge_efficiency"),
        printed("share of drivers in vehicle-to-grid", "section 4", "study.driver_share"),
        printed("wear of batteries", "Table 3 of disco-cvar", "study.degradation_usd_per_mwh"),
        printed("tariffs, incentives, penalties, elasticities, periods", "tables of programs", *_PROGRAMS),
        printed("power factor", "section 4", "reactive_share.*"),
        printed("confidence of CVaR", "section 4", "market.alpha"),
        printed("purchases by recourse", "Table 9 of disco-cvar has that structure", "market.purchases"),
        printed(
            "network: names, losses", "bundled feeder", "study.data", "study.programs", "study.feeder", "market.flow"
        ),
        printed("CO2: factor, price, share, baseline", "Table 8 of disco-dr", "study.emission_*", "study.baseline_kwh"),
        printed(
            "the base of a sweep",
            "case, factor on prices, participation, forecast",
            *(
                "study.case",
                "study.price_factor",
                "study.participation",
                "study.forecast",
                "study.windows",
                "study.peak",
            ),
        ),
        printed("what happens to wishes that cannot be met", "never on these days", "market.infeasible_wish"),
    )


_PROGRAMS = (
    *("programs.periods.*", "programs.base_tariff_usd_per_mwh", "programs.participation_share"),
    *("programs.elasticity.*", "programs.programs.*.title", "programs.programs.*_usd_per_mwh*"),
)


def both_chosen(study: DiscoStudy) -> tuple[Constant, ...]:
    """Return what is chosen in both studies for the same reason."""
    chosen = Origin.CHOSEN
    return (
        one(study, "mode of behaviour", "market.mode", chosen, "nine readings were compared with Tables 5 to 7"),
        one(study, "draws of vehicles", "study.draws", chosen, "not printed", "study.fleet.draws"),
        one(study, "scenarios kept", "study.scenarios", chosen, "not printed"),
        one(study, "samples drawn", "study.samples", chosen, "not printed"),
        one(study, "seed", "study.seed", chosen, "the first"),
        one(study, "weather", "study.weather", chosen, "factors of a day on profiles, not hourly draws"),
        one(study, "mean of the day's factor", "study.factor.mean", chosen, "unbiased"),
        one(study, "least factor of a day", "study.factor.low", chosen, "not printed"),
        one(study, "greatest factor of a day", "study.factor.high", chosen, "not printed"),
        one(study, "what drivers pay above the tariff", "study.driver_margin_usd_per_mwh", chosen, "not printed"),
        one(study, "critical hours hold for the lot", "study.critical_lot_tariff", chosen, "not printed"),
        one(study, "segments of a flow's square", "market.segments", chosen, "not printed"),
        one(study, "efficiency of the transformer", "market.transformer_efficiency", chosen, "not printed"),
        one(study, "lower voltage limit (p.u.)", "study.voltage_min_pu", chosen, "not printed"),
        one(study, "upper voltage limit (p.u.)", "study.voltage_max_pu", chosen, "not printed"),
        one(study, "limit of branches (A)", "study.current_max_a", chosen, "not printed"),
    )
