"""A day of a scenario computed once more by hand: reactive like active power, in whatever order the files are."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.assembly import read_bus_loads
from scenarios.draws.vehicles import draw_stays, forecast_stays
from scenarios.loading import load_scenario
from scenarios.markets.charging.arrivals import Arrivals
from scenarios.markets.charging.driver_schema import SessionDrivers
from scenarios.markets.disco.case import DiscoCase
from scenarios.readers.feeders import limited_by_currents, load_feeder
from scenarios.readers.sessions import read_sessions
from scenarios.readers.vehicles import read_vehicles
from scenarios.streams import Streams
from scenarios.time_axis import day_axis
from tests.scenarios.conftest import scenario_data

HOURS = range(24)
HOME, SHOP, SUN = ([a + b * h for h in HOURS] for a, b in ((0.1, 0.01), (1.0, -0.02), (0.5, 0.02)))
PROFILES = "hour,home_pu,shop_pu,pv_pu\n" + "".join(f"{h + 1},{HOME[h]},{SHOP[h]},{SUN[h]}\n" for h in HOURS)
LOADS = "bus,load_kw,load_kvar,profile\nc,30,7,shop\nb,100,20,home\n"


def changed(case: Path, **keys: object) -> object:
    """Load the small case with other keys, beside loads and profiles of its own."""
    (case.parent / "profiles.csv").write_text(PROFILES)
    (case.parent / "loads.csv").write_text(LOADS)
    case.write_text(yaml.safe_dump(scenario_data() | keys))
    return load_scenario(str(case))


# Feeders


def test_every_column_of_the_buses_follows_the_root(feeder_folder: Path) -> None:
    (feeder_folder / "feeder.yaml").write_text("base_kv: 10\nroot: c\nsubstation_rating_kva: 700\n")
    (feeder_folder / "buses.csv").write_text(
        "bus,load_kw,load_kvar,voltage_min_pu,voltage_max_pu\na,1,10,0.91,1.01\nb,2,20,0.92,1.02\nc,3,30,0.93,1.03\n"
    )
    (feeder_folder / "branches.csv").write_text(
        "from_bus,to_bus,r_ohm,x_ohm,closed,rating_kva\na,b,0.5,0.3,1,300\nc,b,0.2,0.1,1,400\na,c,1,1,0,\n"
    )
    feeder = load_feeder(str(feeder_folder), rating_kva=900.0)
    assert feeder.buses == ("c", "a", "b")
    assert feeder.parent.tolist() == [-1, 2, 0]
    assert feeder.load_kw.tolist() == [3.0, 1.0, 2.0]
    assert feeder.load_kvar.tolist() == [30.0, 10.0, 20.0]
    assert feeder.voltage_min_pu.tolist() == [0.93, 0.91, 0.92]
    assert feeder.voltage_max_pu.tolist() == [1.03, 1.01, 1.02]
    assert feeder.r_ohm.tolist() == [0.0, 0.5, 0.2]
    assert feeder.x_ohm.tolist() == [0.0, 0.3, 0.1]
    assert feeder.rating_kva.tolist() == [700.0, 300.0, 400.0]


def test_limits_of_current_leave_the_substation_its_rating(feeder_folder: Path) -> None:
    (feeder_folder / "feeder.yaml").write_text("base_kv: 10\nroot: a\nsubstation_rating_kva: 700\n")
    feeder = load_feeder(str(feeder_folder))
    per_ampere = math.sqrt(3.0) * 10.0
    one = limited_by_currents(feeder, 20.0, impedance_factor=0.5)
    assert one.rating_kva.tolist() == pytest.approx([700.0, 20.0 * per_ampere, 20.0 * per_ampere])
    assert one.r_ohm.tolist() == [0.0, 0.25, 0.1]
    assert one.x_ohm.tolist() == [0.0, 0.15, 0.05]
    trunk = limited_by_currents(feeder, None, trunk=("b",), trunk_current_max_a=30.0)
    assert trunk.rating_kva.tolist() == pytest.approx([700.0, 30.0 * per_ampere, 400.0])
    assert trunk.r_ohm.tolist() == feeder.r_ohm.tolist()
    both = limited_by_currents(feeder, 20.0, trunk=("c",), trunk_current_max_a=30.0)
    assert both.rating_kva.tolist() == pytest.approx([700.0, 20.0 * per_ampere, 30.0 * per_ampere])


# Loads, sun and units


def test_each_bus_has_its_own_row_and_profile_in_both_powers(tmp_path: Path, feeder_folder: Path) -> None:
    (tmp_path / "loads.csv").write_text(LOADS)
    feeder = load_feeder(str(feeder_folder))
    profiles = {"home": np.array(HOME), "shop": np.array(SHOP)}
    load_kw, load_kvar = read_bus_loads(tmp_path / "loads.csv", profiles, "profiles", feeder)
    for h in HOURS:
        assert load_kw[h].tolist() == pytest.approx([0.0, 100 * HOME[h], 30 * SHOP[h]])
        assert load_kvar[h].tolist() == pytest.approx([0.0, 20 * HOME[h], 7 * SHOP[h]])
    (tmp_path / "loads.csv").write_text(LOADS + "c,40,11,home\n")
    with pytest.raises(InputError, match=r"line 4, column bus: got 'c', expected each bus once"):
        read_bus_loads(tmp_path / "loads.csv", profiles, "profiles", feeder)


@pytest.mark.parametrize("by_bus", [True, False])
def test_the_load_of_a_day_is_scaled_in_both_powers(case: Path, by_bus: bool) -> None:
    own = {"file": "loads.csv"} if by_bus else {"profile": "shop"}
    loads = {"profiles": "profiles.csv", "scale": 1.7, "day_sigma": 0.4, **own}
    scenario = changed(case, loads=loads)
    day, factors = scenario.day(2, Streams(5)), set()
    for h in HOURS:
        if by_bus:
            kw = [0.0, 100 * HOME[h], 30 * SHOP[h]]
            kvar = [0.0, 20 * HOME[h], 7 * SHOP[h]]
        else:
            kw, kvar = ([a * SHOP[h] for a in peaks] for peaks in ((0.0, 100.0, 50.0), (0.0, 20.0, 10.0)))
        typical = scenario.nominal_day()
        assert typical.load_kw[h].tolist() == pytest.approx([1.7 * v for v in kw])
        assert typical.load_kvar[h].tolist() == pytest.approx([1.7 * v for v in kvar])
        for bus in (1, 2):
            ratios = day.load_kw[h, bus] / kw[bus], day.load_kvar[h, bus] / kvar[bus]
            factors |= {round(ratio / 1.7, 9) for ratio in ratios}
    (factor,) = factors  # one for all buses, hours and both powers
    assert abs(factor - 1.0) > 0.01


def test_units_out_of_service_give_nothing_and_the_others_what_they_can(case: Path) -> None:
    units = [
        {"name": "old", "bus": "b", "rated_kw": 80, "kind": "pv"},
        {"name": "new", "bus": "c", "rated_kw": 60, "kind": "pv"},
    ]
    turbines = [{"name": name, "bus": "c", "rating_kva": 100, "fuel_cost_eur_per_mwh": 50} for name in ("mt-1", "mt-2")]
    keys = {"renewables": units, "microturbines": turbines, "loads": {"profiles": "profiles.csv", "profile": "home"}}
    scenario = changed(case, **keys, out_of_service=["old", "mt-2"])
    for day in (scenario.day(0, Streams(0)), scenario.nominal_day()):
        assert day.renewable_kw[:, 0].tolist() == [0.0] * 24
        assert day.renewable_kw[:, 1].tolist() == pytest.approx([60.0 * value for value in SUN])
        assert day.microturbine_available.tolist() == [True, False]
    whole = changed(case, **keys).day(0, Streams(0))
    assert whole.renewable_kw[:, 0].tolist() == pytest.approx([80.0 * value for value in SUN])


def test_a_good_day_gives_no_more_than_the_rating(case: Path) -> None:
    unit = {"name": "sun", "bus": "b", "rated_kw": 80, "kind": "pv", "day_sigma": 0.5}
    scenario = changed(case, renewables=[unit], loads={"profiles": "profiles.csv", "profile": "home"})
    seen = []
    for index in range(8):
        potential = scenario.day(index, Streams(1)).renewable_kw[:, 0]
        factor = potential[0] / (80.0 * SUN[0])
        seen.append(factor)
        assert potential.tolist() == pytest.approx([min(80.0, 80.0 * value * factor) for value in SUN])
    assert min(seen) < 0.9 < 1.1 < max(seen)


def test_prices_fuel_and_limits_of_the_small_case(case: Path) -> None:
    turbine = {"name": "mt", "bus": "b", "rating_kva": 100, "fuel_cost_eur_per_mwh": 70, "ramp_kw_per_h": 9}
    scenario = changed(case, microturbines=[turbine])
    day = scenario.day(1, Streams(0))
    assert day.wholesale_price.tolist() == pytest.approx([(20 + h + 1) / 1000.0 for h in HOURS])
    unit = scenario.network.microturbines[0]
    assert (unit.fuel_cost_per_kwh, unit.ramp_kw_per_h, unit.rating_kva, unit.bus) == (0.07, 9.0, 100.0, 1)
    assert (day.index, day.start_h) == (1, 24.0)


# Sessions


LOG = """arrival_local,departure_local,energy_kwh,battery_kwh,vehicle_kw,site
{0}T18:00,{0}T20:00,5,40,7,south
{0}T06:00,{0}T09:30,9,50,22,north
{0}T12:00,{0}T12:30,2,60,11,
""".replace("{0}", "2024-01-01")
LOG += "".join(f"2024-01-{d:02d}T07:00,2024-01-{d:02d}T08:00,1,70,9,north\n" for d in range(2, 8))


def small_log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    return path


def test_every_column_of_a_log_is_sorted_with_its_sessions(tmp_path: Path) -> None:
    log = read_sessions(small_log(tmp_path))
    first = np.flatnonzero(log.day == 0).tolist()
    assert first == [0, 1, 2]
    assert log.arrival_h[:3].tolist() == [6.0, 12.0, 18.0]
    assert log.stay_h[:3].tolist() == [3.5, 0.5, 2.0]
    assert log.energy_kwh[:3].tolist() == [9.0, 2.0, 5.0]
    assert log.battery_kwh[:3].tolist() == [50.0, 60.0, 40.0]
    assert log.vehicle_kw[:3].tolist() == [22.0, 11.0, 7.0]
    assert log.site[:3] == ("north", "", "south")


def arrivals(tmp_path: Path, **keys: object) -> Arrivals:
    table = tmp_path / "vehicles.csv"
    table.write_text("model,registrations,battery_kwh,ac_kw,dc_kw\nx,1,80,11,50\n")
    drivers = SessionDrivers.model_validate({"source": "replay", "files": ["-"], **keys})
    homes = {"north": 1, "south": 0}
    return Arrivals.prepare((read_sessions(small_log(tmp_path)),), drivers, read_vehicles(table), homes)


def test_a_session_goes_to_the_lot_of_its_own_site(tmp_path: Path) -> None:
    sessions = arrivals(tmp_path).day(7, 0, 0, Streams(0))
    assert [(s.name, s.arrival_h, s.departure_h, s.home_lot) for s in sessions] == [
        ("7-0", 6.0, 9.5, 1),
        ("7-1", 12.0, 12.5, -1),
        ("7-2", 18.0, 20.0, 0),
    ]
    assert [(s.energy_kwh, s.battery_kwh, s.power_kw) for s in sessions] == [(9, 50, 22), (2, 60, 11), (5, 40, 7)]


@pytest.mark.parametrize(("least", "most"), [(1, 3), (2, 4), (3, 3)])
def test_drivers_try_every_number_of_lots_up_to_the_most(tmp_path: Path, least: int, most: int) -> None:
    source = arrivals(tmp_path, patience={"lots_min": least, "lots_max": most})
    tries = Counter(s.patience for day in range(200) for s in source.day(day, 0, 0, Streams(2)))
    assert set(tries) == set(range(least, most + 1))
    mean = 600 / (most - least + 1)
    assert all(abs(count - mean) < 5 * math.sqrt(mean) for count in tries.values())


def test_scaled_wishes_and_capped_stays_are_counted(tmp_path: Path) -> None:
    source = arrivals(tmp_path, energy_scale=10.0, stay_max_h=3.0)
    (log,) = source.logs
    assert log.energy_kwh[:3].tolist() == [50.0, 20.0, 40.0]  # at most the battery: 90 and 50 were asked for
    assert log.stay_h[:3].tolist() == [3.0, 0.5, 2.0]
    stays, wishes = source.notes
    assert "1 of 9 sessions stay longer than stay_max_h and leave after 3 h" in stays
    assert "2 of 9 sessions want more than fits into the battery (at most 50 kWh)" in wishes


# Vehicles of the fleet


class Fixed:
    """A distribution of one value."""

    def __init__(self, value: float) -> None:
        self.expected = value

    def quantile(self, share: np.ndarray) -> np.ndarray:
        return np.full(np.shape(share), self.expected)


@pytest.mark.parametrize(
    ("arrival", "departure", "first", "gone"),
    [(8.4, 17.6, 7, 18), (8.6, 17.4, 8, 17), (8.5, 17.5, 8, 18), (9.0, 17.0, 8, 17), (1.0, 24.4, 0, 24)],
)
@pytest.mark.parametrize("draws", ["fleet", "independent"])
@pytest.mark.parametrize("parts", [1, 4])
def test_times_are_rounded_to_the_nearest_hour(
    arrival: float, departure: float, first: int, gone: int, draws: str, parts: int
) -> None:
    """Hour 8 of the study is the eighth of the day, from 7 to 8 o'clock; who departs in hour 18 is gone after it."""
    settings = SimpleNamespace(
        arrival_h=Fixed(arrival), departure_h=Fixed(departure), arrival_share=Fixed(0.25), battery_kwh=40.0, draws=draws
    )
    drawn = draw_stays(settings, 3, 24 * parts, np.random.default_rng(0), period_h=1.0 / parts)
    expected = forecast_stays(settings, 3, 24 * parts, period_h=1.0 / parts)
    for stays in (drawn, expected):
        assert set(stays.arrival.tolist()) == {parts * first}
        assert set(stays.departure.tolist()) == {parts * gone}
        assert set(stays.energy_kwh.tolist()) == {10.0}
        assert stays.count.tolist() == ([3.0] if draws == "fleet" else [1.0, 1.0, 1.0])


# The company's day


@pytest.fixture(scope="module")
def company() -> DiscoCase:
    return load_scenario("disco-15", None, DiscoCase)


def test_the_days_factor_moves_both_powers_and_no_forecast(company: DiscoCase) -> None:
    rules = company.file.model_copy(update={"loads": company.file.loads.model_copy(update={"day_sigma": 0.3})})
    case = type(company)(**{**vars_of(company), "file": rules})
    day, axis = case.day(1, Streams(3)), day_axis()
    assert axis.size == day.axis.size
    ratio = day.base_kw[day.forecast_kw > 0.0] / day.forecast_kw[day.forecast_kw > 0.0]
    reactive = day.base_kvar[day.forecast_kvar != 0.0] / day.forecast_kvar[day.forecast_kvar != 0.0]
    assert ratio.tolist() == pytest.approx([ratio[0]] * ratio.size)
    assert reactive.tolist() == pytest.approx([ratio[0]] * reactive.size)
    assert abs(ratio[0] - 1.0) > 0.01


def vars_of(case: DiscoCase) -> dict[str, object]:
    return {field.name: getattr(case, field.name) for field in fields(case)}
