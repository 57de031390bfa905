"""The two DISCO studies as network and day: totals of the data, what each option does, and what bad options get."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.market import DiscoMarket
from scenarios.draws.vehicles import ClippedNormal
from scenarios.files import DATA
from scenarios.published.company import DISCO_CVAR, DISCO_DR, disco_cvar_case, disco_dr_case
from scenarios.readers.profiles import read_profiles
from scenarios.readers.programs import read_programs

FEW = {"samples": 40, "scenarios": 5}


def check(network: Network, day: DiscoDay) -> None:
    """What every market may rely on."""
    hours, buses = 24, network.feeder.size
    assert day.load_kw.shape == day.load_kvar.shape == (hours, buses)
    assert sum(scenario.probability for scenario in day.scenarios) == pytest.approx(1.0, abs=1e-12)
    for tariff in (day.tariffs.load, day.tariffs.lot_buys, day.tariffs.lot_sells, day.tariffs.driver_pays):
        assert tariff.shape == (hours,)
    for scenario in day.scenarios:
        assert scenario.renewable_kw.shape == (hours, len(network.renewables))
        assert np.all(scenario.renewable_kw >= 0)
        assert scenario.upstream_price.shape == (hours,)
        assert len(scenario.vehicles) == len(network.lots) == 1
        batch = scenario.vehicles[0]
        stay = batch.departure - batch.arrival
        assert np.all(stay > 0)
        assert np.all(batch.energy_kwh + 0.9 * batch.charge_max_kw * stay >= batch.wish_kwh)
        for row in range(batch.size):  # the windows leave room enough too
            hours_open = day.charge_window[batch.arrival[row] : batch.departure[row]].sum()
            assert batch.energy_kwh[row] + 0.9 * batch.charge_max_kw[row] * hours_open >= batch.wish_kwh[row]


def before(study: object) -> FloatArray:
    return study.load(study.network().feeder)[0].sum(axis=1) / 1000.0


@pytest.mark.parametrize("case", [1, 2, 3, 4])
@pytest.mark.parametrize("draws", ["independent", "fleet"])
def test_days_are_complete(case: int, draws: str) -> None:
    for name in read_programs("disco-dr").names:
        check(*disco_dr_case(name, case, draws=draws, **FEW))
    for name in read_programs("disco-cvar").names:
        check(*disco_cvar_case(name, case=case, draws=draws, **FEW))


def test_the_studies_have_their_sizes() -> None:
    network, day = disco_cvar_case()
    assert (network.feeder.size, len(day.scenarios), day.scenarios[0].vehicles[0].size) == (33, 10, 500)
    labels = network.feeder.buses
    assert [labels[unit.bus] for unit in (*network.renewables, *network.lots)] == ["16", "14", "11"]
    ampere = network.feeder.rating_kva[1:] / (np.sqrt(3) * 12.66)
    assert ampere == pytest.approx([400.0] * 5 + [200.0] * 27)
    network, day = disco_dr_case()
    assert (network.feeder.size, len(day.scenarios), day.scenarios[0].vehicles[0].size) == (15, 20, 100)
    assert network.feeder.r_ohm[1] == pytest.approx(0.69 * 1.35309)
    assert (network.lots[0].efficiency, network.lots[0].discharge_efficiency) == (0.90, 0.95)


def test_totals_of_the_loads() -> None:
    load, programs = before(DISCO_DR), read_programs("disco-dr")
    totals = [load[programs.hours(period)].sum() for period in ("on-peak", "mid-peak", "off-peak")]
    assert totals == pytest.approx([12.133, 7.913, 12.123], rel=1e-9)
    assert load[18:21].sum() == pytest.approx(4.773, rel=1e-9)
    load, programs = before(DISCO_CVAR), read_programs("disco-cvar")
    totals = [load[programs.hours(period)].sum() for period in ("on-peak", "mid-peak", "off-peak")]
    assert totals == pytest.approx([18.0, 24.3, 17.2], rel=1e-9)
    for study in (DISCO_CVAR, DISCO_DR):
        kw, kvar = study.load(study.network().feeder)
        assert np.cos(np.arctan(kvar.sum() / kw.sum())) == pytest.approx(0.95, rel=1e-9)


def test_totals_of_sun_and_wind() -> None:
    cvar, dr = (read_profiles(DATA / "profiles" / f"{name}.csv") for name in ("disco-cvar", "disco-dr"))
    assert 0.5 * cvar["pv"].sum() == pytest.approx(2.840, rel=1e-9)
    assert 0.5 * cvar["wind"].sum() == pytest.approx(7.386, rel=1e-9)
    assert 1.25 * 0.2 * dr["wind"].sum() == pytest.approx(3.03, abs=0.04)  # Table 10 of the paper: 2.99 to 3.07


def test_prices_agree_with_what_the_papers_say() -> None:
    price = 1000.0 * DISCO_CVAR.upstream_price()
    assert np.all(price[[13, 14, 18, 19]] < 262.584)
    assert np.all(price[15:18] > 262.584)
    price, load, programs = 1000.0 * DISCO_DR.upstream_price(), before(DISCO_DR), read_programs("disco-dr")
    for period, mean in (("on-peak", 341.27), ("mid-peak", 151.70), ("off-peak", 35.55)):  # fitted
        hours = programs.hours(period)
        assert (price @ (load * hours)) / load[hours].sum() == pytest.approx(mean, abs=0.01)


def test_cost_of_the_programs() -> None:
    cost = {name: disco_dr_case(name, 1, **FEW)[1].response_cost for name in read_programs("disco-dr").names}
    assert [name for name, value in cost.items() if value == 0.0] == ["flat", "tou", "rtp", "cpp", "tou+cpp"]
    assert cost["edrp"] == pytest.approx(255.46, rel=2e-3)  # what Tables 5 to 9 of the paper imply
    assert cost["cap"] == pytest.approx(-44.17, rel=0.02)
    assert cost["tou+cap"] == pytest.approx(376.29, rel=0.01)
    # The contract of I/C is 20 % of the on-peak load, and 18.7 % are cut: 100 USD/MWh paid, 100 on what is missing.
    cut = 0.2 * 8 * 0.1 * 200 / 171.125
    assert cost["ic"] == pytest.approx(12.133 * (100 * cut - 100 * (0.2 - cut)), rel=1e-9)
    booked = disco_dr_case("cap", 1, penalty_sign=-1.0, **FEW)[1].response_cost
    paid = disco_dr_case("cap", 1, contracted_share=cut, **FEW)[1].response_cost
    assert booked - paid == pytest.approx(paid - cost["cap"], rel=1e-9)


def test_cases_differ_in_what_they_say_and_in_nothing_else() -> None:
    days = [disco_dr_case("tou", case, **FEW) for case in (1, 2, 3, 4)]
    for number, (network, day) in enumerate(days, start=1):
        assert len(network.renewables) == (2 if number in {2, 4} else 0)
        for mine, full in zip(day.scenarios, days[3][1].scenarios, strict=True):
            assert mine.probability == full.probability
            assert np.all(mine.vehicles[0].discharge_max_kw == (10.0 if number in {3, 4} else 0.0))
            assert np.array_equal(mine.vehicles[0].energy_kwh, full.vehicles[0].energy_kwh)
    assert np.array_equal(days[1][1].scenarios[0].renewable_kw, days[3][1].scenarios[0].renewable_kw)


def test_sizes_and_participation_do_not_change_the_draws() -> None:
    _, base = disco_dr_case("cpp", **FEW)
    _, more = disco_dr_case("cpp", pv_kw=500, wind_kw=500, participation=0.3, **FEW)
    for one, other in zip(base.scenarios, more.scenarios, strict=True):
        assert other.renewable_kw == pytest.approx(2.5 * one.renewable_kw)
        assert np.array_equal(one.vehicles[0].energy_kwh, other.vehicles[0].energy_kwh)
    flat = disco_dr_case("flat", **FEW)[1].load_kw
    assert more.load_kw - flat == pytest.approx(1.5 * (base.load_kw - flat), abs=1e-9)


@pytest.mark.parametrize("draws", ["independent", "fleet"])
def test_a_lot_may_be_empty(draws: str) -> None:
    network, day = disco_dr_case("tou", vehicles=0, draws=draws, **FEW)
    check(network, day)
    assert [scenario.vehicles[0].size for scenario in day.scenarios] == [0] * 5
    assert disco_dr_case(vehicles=0, draws=draws, forecast=True)[1].scenarios[0].vehicles[0].size == 0


def test_wind_stays_below_its_rating() -> None:
    wide = ClippedNormal(1.0, 0.25, 0.3, 1.6)
    _, day = disco_cvar_case(samples=300, scenarios=300, factor=wide)
    wind = np.array([scenario.renewable_kw[:, 0] for scenario in day.scenarios])
    assert wind.max() == 500.0
    _, day = disco_cvar_case(weather="weibull", samples=300, scenarios=300)
    energy = np.mean([scenario.renewable_kw.sum(axis=0) for scenario in day.scenarios], axis=0)
    assert energy == pytest.approx([2640.0, 2840.0], rel=0.06)  # three standard errors


def test_windows_tariffs_and_prices_are_options() -> None:
    _, day = disco_dr_case("tou+cpp", **FEW)
    peak = read_programs("disco-dr").hours("on-peak")
    assert np.array_equal(day.discharge_window, peak)
    assert np.array_equal(day.charge_window, ~peak)
    assert day.tariffs.lot_sells[19] == day.tariffs.load[19] == 0.4
    _, other = disco_dr_case(
        "tou+cpp",
        windows=False,
        critical_lot_tariff=False,
        driver_margin_usd_per_mwh=20.0,
        degradation_usd_per_mwh=10.0,
        price_factor=0.85,
        driver_share=0.4,
        **FEW,
    )
    assert other.charge_window.all()
    assert other.discharge_window.all()
    assert (other.tariffs.lot_sells[19], other.tariffs.load[19]) == (0.34225, 0.4)
    assert other.tariffs.driver_pays - other.tariffs.lot_buys == pytest.approx(0.02)
    assert (other.tariffs.degradation, other.tariffs.driver_share) == (0.01, 0.4)
    assert other.scenarios[0].upstream_price == pytest.approx(0.85 * day.scenarios[0].upstream_price)


def test_emissions_need_a_baseline() -> None:
    assert disco_dr_case(**FEW)[1].emissions is None
    emissions = disco_dr_case(baseline_kwh=np.full(24, 1000.0), **FEW)[1].emissions
    assert emissions is not None
    peak = read_programs("disco-dr").hours("on-peak")
    assert np.array_equal(emissions.factor_kg_per_kwh, np.where(peak, 0.985, 0.0))
    assert (emissions.price_per_kg, emissions.share) == (0.01, 0.5)


def test_forecast_is_one_scenario_with_the_profiles() -> None:
    network, day = disco_cvar_case(forecast=True)
    (scenario,) = day.scenarios
    check(network, day)
    assert scenario.probability == 1.0
    assert scenario.renewable_kw.sum(axis=0) == pytest.approx([7386.0, 2840.0], rel=1e-9)
    batch = scenario.vehicles[0]
    assert (batch.wish_kwh - batch.energy_kwh).mean() == pytest.approx(22.21, abs=0.1)


@pytest.mark.parametrize("build", [disco_cvar_case, disco_dr_case])
def test_the_market_clears_the_day(build: Callable[..., tuple[Network, DiscoDay]]) -> None:
    network, day = build("tou", vehicles=20, samples=20, scenarios=2)
    cleared = DiscoMarket(network, mode="windows").clear(day)
    for scenario, given in zip(cleared.scenarios, day.scenarios, strict=True):
        batch = given.vehicles[0]
        stored = 0.9 * scenario.lot_charge_kw.sum() - scenario.lot_discharge_kw.sum() / 0.95
        assert stored == pytest.approx((batch.wish_kwh - batch.energy_kwh).sum(), rel=1e-7)
        income = day.tariffs.load @ day.load_kw.sum(axis=1)
        assert scenario.accounts["load_income"] == pytest.approx(income, rel=1e-9)


def test_same_seed_same_day() -> None:
    one, same, other = (disco_dr_case(seed=seed, **FEW)[1].scenarios for seed in (3, 3, 4))
    assert all(np.array_equal(a.renewable_kw, b.renewable_kw) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0].renewable_kw, other[0].renewable_kw)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: disco_cvar_case("cpp"), "program: got 'cpp', expected one of flat, tou, cap, tou\\+cap"),
        (lambda: disco_cvar_case(vehicle=5), "disco-cvar: option: got 'vehicle', expected one of data, programs"),
        (lambda: disco_dr_case(case=5), "disco-dr: case: got 5"),
        (lambda: disco_dr_case(vehicles=-1), "vehicles: got -1"),
        (lambda: disco_dr_case(vehicles=2.5), "vehicles: got 2.5, expected a whole number"),
        (lambda: disco_dr_case(pv_kw=float("nan")), "pv_kw: got nan"),
        (lambda: disco_dr_case(participation=1.2), "participation: got 1.2"),
        (lambda: disco_dr_case(driver_share=-0.1), "driver_share: got -0.1"),
        (lambda: disco_dr_case(weather="sunny"), "weather: got 'sunny', expected profile or weibull"),
        (lambda: disco_dr_case(impedance_factor=0), "impedance_factor: got 0"),
        (lambda: disco_dr_case(draws="none"), "draws: got 'none'"),
        (lambda: disco_dr_case(scenarios=30, samples=20), "scenarios: got 30, expected 1 to 20"),
        (lambda: disco_dr_case(baseline_kwh=np.zeros(3), **FEW), r"baseline_kwh: got \(3,\)"),
        (lambda: disco_dr_case(penalty_sign=0.5, **FEW), "penalty_sign: got 0.5"),
        (lambda: disco_dr_case(peak="noon", **FEW), "period: got 'noon'"),
        (lambda: disco_dr_case(lot_bus="99"), "'99', expected a bus of feeder das15"),
    ],
)
def test_bad_options_are_named(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
