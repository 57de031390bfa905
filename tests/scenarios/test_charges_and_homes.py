"""Keys of the operator's charges, of homes and of staying away; who comes home, drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from equilibrium.grid.assets import Subscription
from scenarios.loading import load_scenario
from scenarios.markets.charging.residents import resident_sessions, typical_residents
from scenarios.markets.charging.schema import DEFAULT_GRID, LotSection
from scenarios.streams import Streams
from tests.scenarios.conftest import scenario_data

LOT = {"name": "lot", "bus": "c", "places": 4, "charger_kw": 22, "charging_price_eur_per_kwh": 0.4}
HOMES = {**LOT, "name": "homes", "residents": {"vehicles": 4}}
DYNAMIC = {"rule": "dynamic", "ceiling_eur_per_kwh": 0.1}
SUBSCRIBED = {"rule": "subscribed-capacity", "capacity_kw": {"lot": 9}, "excess_eur_per_kwh": 0.05}


def window(begin: int, end: int) -> dict[str, object]:
    return {"from_h": begin, "to_h": end, "charge_eur_per_kwh": 0.05}


def message(case: Path, **keys: object) -> str:
    case.write_text(yaml.safe_dump(scenario_data() | keys))
    with pytest.raises(InputError) as caught:
        load_scenario(str(case))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("lots", "expected"),
    [
        ([LOT, {**HOMES, "residents": {"vehicles": 5}}], "residents.vehicles: got 5, expected at most places (4)"),
        ([LOT, {**HOMES, "learning": {"rule": "best-reply"}}], "got 'best-reply', expected none: residents do not"),
        ([HOMES], "expected at least one lot without residents"),
        ([{**LOT, "places": 0}], "lots[0].places: got 0"),
        ([LOT, {**HOMES, "residents": {"vehicles": 4, "return_mean_h": 8}}], "return_mean_h: got 8"),
    ],
)
def test_homes_that_cannot_be_are_refused(case: Path, lots: list[dict[str, object]], expected: str) -> None:
    assert expected in message(case, lots=lots)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"outside": {"constant": 1.0}}, "drivers.choice.outside.price_eur_per_kwh"),
        ({"outside": {"price_eur_per_kwh": 0.0}}, "drivers.choice.outside.price_eur_per_kwh: got 0"),
        ({"price_utility_per_eur_per_kwh": 2.0}, "price_utility_per_eur_per_kwh: got 2"),
        ({"walking_utility_per_m": 0.1}, "walking_utility_per_m: got 0.1"),
        ({"experience_utility": -1.0}, "experience_utility: got -1"),
    ],
)
def test_coefficients_of_the_wrong_sign_are_refused(case: Path, choice: dict[str, object], expected: str) -> None:
    assert expected in message(case, drivers={**scenario_data()["drivers"], "choice": choice})


@pytest.mark.parametrize(
    ("charge", "expected"),
    [
        ({"rule": "dynamik"}, "network_charge.rule: got 'dynamik'"),
        ({"rule": "dynamic"}, "the highest charge of rule dynamic"),
        ({"rule": "time-of-use"}, "one or more hours with a charge"),
        ({"factor": 0.5}, "network_charge.factor: got 0.5, expected rule: dynamic"),
        ({**DYNAMIC, "ceiling_eur_per_kwh": 0.28}, "got 0.28, expected less than the 0.28 that lot lot may earn"),
        ({"rule": "time-of-use", "windows": [window(17, 20), window(19, 22)]}, "each hour in one window at most"),
        ({"rule": "time-of-use", "windows": [window(20, 17)]}, "more than from_h (20)"),
        (SUBSCRIBED, "got 'subscribed-capacity', expected none, time-of-use or dynamic"),
        ({**SUBSCRIBED, "capacity_kw": {}}, "the subscribed capacity of one lot or more"),
        ({**SUBSCRIBED, "capacity_kw": {"lot": 0}}, "network_charge.capacity_kw.lot: got 0"),
        ({"rule": "subscribed-capacity", "capacity_kw": {"lot": 9}}, "what a kWh above the subscribed capacity costs"),
        (
            {**SUBSCRIBED, "capacity_kw": {"lott": 9}},
            "network_charge.capacity_kw: got 'lott', expected one of the lots lot",
        ),
        ({**SUBSCRIBED, "rule": "none"}, "network_charge.capacity_kw: got {'lot': 9"),
        ({**DYNAMIC, "zones": {"a": ["9"]}}, "network_charge.zones.a[0]: got '9'"),
        ({**DYNAMIC, "zones": {"a": ["b"], "d": ["b"]}}, "a bus of one zone only (zone a has it)"),
    ],
)
def test_charges_that_leave_no_market_or_no_sense_are_refused(
    case: Path, charge: dict[str, object], expected: str
) -> None:
    assert expected in message(case, network_charge=charge)


NODAL = {"market": {"kind": "nodal"}, "network_charge": SUBSCRIBED}


def test_a_subscription_is_in_the_contract_of_its_lot_alone(case: Path) -> None:
    case.write_text(yaml.safe_dump(scenario_data() | NODAL | {"lots": [LOT, {**LOT, "name": "other"}]}))
    assert [site.subscription for site in load_scenario(str(case)).network.lots] == [Subscription(9.0, 0.05), None]


@pytest.mark.parametrize(
    "keys",
    [
        {"microturbines": [{**scenario_data()["microturbines"][0], "ramp_kw_per_h": 10.0}]},
        {
            "storage": [
                {
                    "name": "cell",
                    "bus": "b",
                    "energy_kwh": 50,
                    "charge_max_kw": 9,
                    "discharge_max_kw": 9,
                    "initial_kwh": 20,
                }
            ]
        },
    ],
)
def test_a_subscription_needs_hours_that_are_apart(case: Path, keys: dict[str, object]) -> None:
    assert "network_charge.rule: got 'subscribed-capacity', expected another rule" in message(case, **NODAL, **keys)


def test_another_rule_in_a_file_that_extends_begins_the_section_anew(case: Path, tmp_path: Path) -> None:
    """The keys of the rule below it are not those of the new one; keys of the same rule are merged."""
    case.write_text(yaml.safe_dump(scenario_data() | {"network_charge": {**DYNAMIC, "factor": 0.5}}))
    over = tmp_path / "over.yaml"
    over.write_text(yaml.safe_dump({"extends": str(case), **NODAL}))
    assert load_scenario(str(over)).network.lots[0].subscription == Subscription(9.0, 0.05)
    over.write_text(yaml.safe_dump({"extends": str(case), "network_charge": {"memory": 0.1}}))
    charge = load_scenario(str(over)).file.network_charge
    assert (charge.rule, charge.factor, charge.memory) == ("dynamic", 0.5, 0.1)


def test_a_lot_learns_where_drivers_choose_and_nothing_else_is_said(case: Path) -> None:
    case.write_text(yaml.safe_dump(scenario_data() | {"lots": [LOT, HOMES]}))
    file = load_scenario(str(case)).file
    assert [file.learning_rule(lot) for lot in file.lots] == ["roth-erev", "none"]
    assert file.posted_prices(file.lots[0]) == pytest.approx([0.4 * share for share in DEFAULT_GRID])
    assert file.posted_prices(file.lots[1]) == (0.4,)


def homes(**keys: object) -> tuple[LotSection, ...]:
    lot = {"name": "homes", "bus": "c", "places": 4000, "charger_kw": 7.4, "charging_price_eur_per_kwh": 0.3}
    lot = {**lot, "residents": {"vehicles": 4000, "return_sigma_h": 2.0, **keys}}
    return LotSection.model_validate({**LOT, "name": "a"}), LotSection.model_validate(lot)


def test_who_comes_home_has_the_stated_moments() -> None:
    """4,000 draws: the mean return within 4 standard errors, the median and spread of the energy within 5 %."""
    nobody, sessions = resident_sessions(homes(), 3, Streams(6))
    assert nobody == ()
    assert len(sessions) == 4000
    arrival = np.array([session.arrival_h for session in sessions])
    assert np.all(np.diff(arrival) >= 0)
    assert arrival.mean() == pytest.approx(17.6, abs=4 * 2.0 / np.sqrt(4000))
    assert 12.0 <= arrival.min() < arrival.max() < 24.0
    leaving = np.array([session.departure_h for session in sessions])
    assert leaving.mean() == pytest.approx(31.5, abs=0.1)
    assert 24.0 <= leaving.min() < leaving.max() <= 36.0
    energy = np.array([session.energy_kwh for session in sessions])
    assert np.median(energy) == pytest.approx(7.5, rel=0.05)
    free = np.log(energy[energy < 60.0])
    assert free.std() == pytest.approx(0.88, rel=0.05)
    assert all(s.arrival_energy_kwh + s.energy_kwh == pytest.approx(60.0) for s in sessions)
    assert {session.power_kw for session in sessions} == {7.4}


def test_homes_have_a_stream_of_their_own() -> None:
    one = resident_sessions(homes(), 3, Streams(5))
    assert one == resident_sessions(homes(), 3, Streams(5))
    assert one != resident_sessions(homes(), 4, Streams(5))
    assert one != resident_sessions(homes(), 3, Streams(6))
    assert resident_sessions(homes()[:1], 3, Streams(5)) == ()


def test_typical_residents_behave_as_expected() -> None:
    """The mean of a lognormal with median 7.5 and sigma 0.88 is 7.5 exp(0.3872) = 11.05 kWh."""
    plain, many = homes()
    assert typical_residents(plain) == ()
    first = typical_residents(many)[0]
    assert (first.arrival_h, first.departure_h) == (17.6, 31.5)
    assert first.energy_kwh == pytest.approx(11.046, abs=1e-3)
