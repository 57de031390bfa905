"""Sections of scenario files at the edge of what fits together: what is taken, which key is blamed, in which words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from scenarios.markets.aggregator.rivals.schema import RivalsMarketSection
from scenarios.markets.aggregator.schema import (
    AggregatorMarketSection,
    ArrivalsSection,
    ContractLotSection,
    ContractsSection,
    GeneratorSection,
    LotTariffsSection,
    ScenariosSection,
)
from scenarios.markets.charging.driver_schema import CountDrivers, PatienceSection, SessionDrivers, VehiclesSection
from scenarios.markets.charging.fleet import FleetSection, TruncatedNormalSection
from scenarios.markets.charging.schema import (
    ChargeWindow,
    LearningSection,
    LotSection,
    NetworkChargeSection,
    RenewableSection,
)
from scenarios.markets.disco.schema import (
    DayFactorSection,
    DiscoMarketSection,
    TermsLearningSection,
    UncertaintySection,
    WeatherSection,
)
from scenarios.markets.two_settlement.schema import CommittedUnitSection, JointScenariosSection

Edge = tuple[type[BaseModel], dict[str, Any], str | None]

LAW = {"shape": 2.0, "scale": 8.0}
FLEET = {
    **{"battery_kwh": 50.0, "energy_min_share": 0.1, "energy_max_share": 0.9, "wish_share": 0.8, "charge_max_kw": 10.0},
    "discharge_max_kw": 0.0,
    "arrival_h": {"mean": 8.0, "sd": 1.0, "min": 1.0, "max": 12.0},
    "departure_h": {"mean": 18.0, "sd": 1.0, "min": 12.0, "max": 24.0},
    "arrival_share": {"mean": 0.4, "sd": 0.1, "min": 0.1, "max": 0.9},
}
CAPS = {"cap_eur_per_mwh": 90.0, "reserve_cap_eur_per_mwh": 40.0}
ONE: dict[str, Any] = {"kind": "aggregator"}
RIVALS: dict[str, Any] = {"kind": "aggregators", "wheeling_eur_per_mwh": 1.0}
SHARES = {"fix1": [0.25, 0.4], "flex1": [0.25, 0.1], "fix2": [0.25, 0.3], "flex2": [0.25, 0.2]}
LEAVES = {key: [0.5, 0.9] for key in SHARES}
CONTRACTS = {"classes_h": [2, 4], "share": SHARES, "departure_share": LEAVES}
ARRIVALS = {"mean": [1.0] * 24, "stay_shares": [0.25] * 4}
TARIFFS = {"g2v1_eur_per_mwh": 30.0, "g2v2_eur_per_mwh": 20.0, "g2v3_eur_per_mwh": 10.0, "v2g_eur_per_mwh": 10.0}
LOT = {
    **{"name": "a", "bus": "b", "stations": 5, "charger_kw": 10.0, "battery_kwh": 50.0, "energy_max_share": 0.9},
    **{"contracts": CONTRACTS, "tariffs": TARIFFS, "arrivals": ARRIVALS},
}
GENERATOR = {"name": "g", "bus": "b", "cost_eur_per_mwh": 5.0, "max_kw": 10.0}
UNIT = {"name": "g", "bus": "b", "min_kw": 5.0, "max_kw": 10.0, "rating_kva": 10.0, "cost_eur_per_mwh": 5.0}
OWN = {"arrival": "x", "departure": "y", "energy": "z"}
REPLAY = {"source": "replay", "files": ["f"]}
COUNTS = {
    **{"source": "counts", "file": "f", "battery_kwh": 50.0, "energy_min_kwh": 50.0, "arrival_energy_kwh": 50.0},
    "departure_energy_kwh": 50.0,
}
DYNAMIC = {"rule": "dynamic", "ceiling_eur_per_kwh": 0.1}
USE = {"rule": "time-of-use", "windows": [{"from_h": 2, "to_h": 4, "charge_eur_per_kwh": 0.1}]}
PARKING = {"name": "a", "bus": "b", "places": 3, "charger_kw": 10.0, "charging_price_eur_per_kwh": 0.4}
HOMES = {"residents": {"vehicles": 3}}
GREEDY = {"rule": "greedy", "settings": {"x": 1.0}, "margin_grid_eur_per_kwh": [0.1]}

FLEETS: list[Edge] = [
    (TruncatedNormalSection, {"mean": 1, "sd": 1, "min": 2, "max": 2}, "min: less than max (2)"),
    (TruncatedNormalSection, {"mean": 1, "sd": 1, "min": 2, "max": 2.001}, None),
    (FleetSection, FLEET, None),
    (FleetSection, FLEET | {"energy_min_share": 0.9}, "energy_min_share: less than energy_max_share (0.9)"),
    (FleetSection, FLEET | {"wish_share": 0.1}, None),
    (FleetSection, FLEET | {"wish_share": 0.9}, None),
    (FleetSection, FLEET | {"wish_share": 0.09}, "wish_share: inside the band 0.1 .. 0.9"),
    (FleetSection, FLEET | {"wish_share": 0.91}, "wish_share: inside the band 0.1 .. 0.9"),
    (FleetSection, FLEET | {"arrival_share": {"mean": 0.4, "sd": 0.1, "min": 0.05, "max": 0.6}},
     "arrival_share.min: inside the band 0.1 .. 0.9"),
    (FleetSection, FLEET | {"arrival_share": {"mean": 0.4, "sd": 0.1, "min": 0.2, "max": 0.95}},
     "arrival_share.max: inside the band 0.1 .. 0.9"),
    (FleetSection, FLEET | {"arrival_h": {"mean": 8, "sd": 1, "min": 0.51, "max": 12}}, None),
    (FleetSection, FLEET | {"arrival_h": {"mean": 8, "sd": 1, "min": 0.4, "max": 12}},
     "arrival_h.min: hour 1 or later"),
    (FleetSection, FLEET | {"arrival_h": {"mean": 8, "sd": 1, "min": 1, "max": 12.5}},
     "arrival_h.max: at most departure_h.min (12)"),
    (FleetSection, FLEET | {"departure_h": {"mean": 18, "sd": 1, "min": 12, "max": 24.4}}, None),
    (FleetSection, FLEET | {"departure_h": {"mean": 18, "sd": 1, "min": 12, "max": 24.6}},
     "departure_h.max: hour 24 at the latest: nobody stays past midnight"),
]  # fmt: skip

AGGREGATORS: list[Edge] = [
    *(
        edge
        for section, kind in ((AggregatorMarketSection, ONE), (RivalsMarketSection, RIVALS))
        for edge in (
            (section, CAPS | kind, None),
            (section, kind | {"reserve_cap_eur_per_mwh": 40.0, "pricing": "uniform", "cap_eur_per_mwh": 90.0},
             "uniform_cap_eur_per_mwh: a cap: without one the uniform price has no largest value"),
            (section, kind | {"reserve_cap_eur_per_mwh": 40.0, "uniform_cap_eur_per_mwh": 90.0},
             "cap_eur_per_mwh: the largest price that may be offered under pay-as-bid"),
            (section, kind | {"cap_eur_per_mwh": 40.0},
             "reserve_cap_eur_per_mwh: a cap: reserve prices need a largest value too"),
            (section, CAPS | kind | {"pricing": "uniform", "uniform_cap_eur_per_mwh": 9.0}, None),
            (section, CAPS | kind | {"reading": {"generator_price": "unit"}}, None),
            (section, CAPS | kind | {"pricing": "uniform", "uniform_cap_eur_per_mwh": 9.0,
                              "reading": {"generator_price": "unit"}},
             "reading.generator_price: common: a uniform price is the same for everybody"),
        )
    ),
    (AggregatorMarketSection, CAPS | ONE | {"network": True}, None),
    (RivalsMarketSection, CAPS | RIVALS | {"network": True},
     "network: false: no proof is known for competing aggregators on one feeder"),
    (ContractsSection, CONTRACTS, None),
    (ContractsSection, CONTRACTS | {"classes_h": [2, 2]}, "classes_h: the longest stay of each class, h, rising"),
    (ContractsSection, CONTRACTS | {"classes_h": [4, 2]}, "classes_h: the longest stay of each class, h, rising"),
    (ContractsSection, CONTRACTS | {"share": SHARES | {"flex1": [0.25]}},
     "share.flex1: one number for each of the 2 classes of stay"),
    (ContractsSection, CONTRACTS | {"departure_share": LEAVES | {"fix2": [0.5] * 3}},
     "departure_share.fix2: one number for each of the 2 classes of stay"),
    (ContractsSection, CONTRACTS | {"share": SHARES | {"fix1": [0.25, 0.41]}},
     "share: shares that add up to 1 for stays up to 4 h"),
    (ContractsSection, CONTRACTS | {"share": SHARES | {"fix1": [0.24, 0.4]}},
     "share: shares that add up to 1 for stays up to 2 h"),
    (ArrivalsSection, ARRIVALS, None),
    (ArrivalsSection, ARRIVALS | {"stay_shares": [0.5, 0.51]}, "stay_shares: shares that add up to 1"),
    (ArrivalsSection, ARRIVALS | {"stay_shares": [0.5, 0.49]}, "stay_shares: shares that add up to 1"),
    (ArrivalsSection, ARRIVALS | {"mean": [1e5] * 24}, None),
    (ArrivalsSection, ARRIVALS | {"mean": [1.0] * 23 + [100_001]}, "mean: at most 100000 vehicles an hour"),
    (LotTariffsSection, TARIFFS, None),
    *((LotTariffsSection, TARIFFS | {f"{key}_eur_per_mwh": 20.0},
       "g2v1_eur_per_mwh: g2v1 > g2v2 > g2v3: the less flexible a driver, the dearer") for key in ("g2v1", "g2v3")),
    (LotTariffsSection, TARIFFS | {"v2g_eur_per_mwh": 9.9},
     "v2g_eur_per_mwh: at least g2v3 and degradation together (10): else energy is bought back at a gain"),
    (LotTariffsSection, TARIFFS | {"degradation_eur_per_mwh": 2.0, "v2g_eur_per_mwh": 11.9},
     "v2g_eur_per_mwh: at least g2v3 and degradation together (12): else energy is bought back at a gain"),
    (LotTariffsSection, TARIFFS | {"degradation_eur_per_mwh": 2.0, "v2g_eur_per_mwh": 12.0}, None),
    (ContractLotSection, LOT, None),
    (ContractLotSection, LOT | {"energy_min_share": 0.9}, "energy_min_share: less than energy_max_share (0.9)"),
    (ContractLotSection, LOT | {"energy_max_share": 0.89},
     "contracts.departure_share.fix1: at most energy_max_share (0.89)"),
    (ContractLotSection, LOT | {"arrivals": ARRIVALS | {"stay_shares": [0.2] * 5}},
     "arrivals.stay_shares: stays up to the longest class (4 h)"),
    (ContractLotSection, LOT | {"learning": {"rule": "roth-erev", "step_grid_eur_per_mwh": [1.0, 1.0]}},
     "learning: step_grid_eur_per_mwh: two different values or more for roth-erev"),
    (ContractLotSection, LOT | {"learning": {"step_grid_eur_per_mwh": [1.0]}}, None),
    (GeneratorSection, GENERATOR | {"learning": {"rule": "roth-erev", "markup_grid": [0.1]}},
     "learning: markup_grid: two different values or more for roth-erev"),
    (GeneratorSection, GENERATOR | {"learning": {"rule": "roth-erev", "markup_grid": [0.1, 0.2, 0.3],
                                                 "recency": 0.1, "experimentation": 0.2}},
     "learning: experimentation: less than recency * (number of choices - 1) = 0.2"),
    (GeneratorSection, GENERATOR | {"learning": {"rule": "roth-erev", "markup_grid": [0.1, 0.2, 0.3],
                                                 "recency": 0.1, "experimentation": 0.19}}, None),
    *((section, {"draws": 5, "kept": 5} | more, None) for section, more in (
        (ScenariosSection, {}), (UncertaintySection, {}), (JointScenariosSection, {"joint": 5}))),
    *((section, {"draws": 5, "kept": 6}, "kept: at most draws (5)")
      for section in (ScenariosSection, UncertaintySection, JointScenariosSection)),
    (JointScenariosSection, {"draws": 5, "kept": 5, "joint": 6}, "joint: at most draws (5)"),
]  # fmt: skip

CHARGING: list[Edge] = [
    *((RenewableSection, {"name": "r", "bus": "b", "rated_kw": 5.0, "kind": kind, key: LAW}, None)
      for kind, key in (("wind", "wind_speed_m_per_s"), ("pv", "irradiance_w_per_m2"))),
    (RenewableSection, {"name": "r", "bus": "b", "rated_kw": 5.0, "kind": "pv", "wind_speed_m_per_s": LAW},
     "wind_speed_m_per_s: kind: wind beside it (the kind is pv)"),
    (RenewableSection, {"name": "r", "bus": "b", "rated_kw": 5.0, "kind": "wind", "irradiance_w_per_m2": LAW},
     "irradiance_w_per_m2: kind: pv beside it (the kind is wind)"),
    (RenewableSection, {"name": "r", "bus": "b", "rated_kw": 5.0, "kind": "wind", "wind_speed_m_per_s": LAW,
                        "day_sigma": 0.1}, "day_sigma: 0 beside wind_speed_m_per_s, whose draws are of each hour"),
    (LearningSection, {"price_grid_eur_per_kwh": [0.3]},
     "price_grid_eur_per_kwh: two different values or more for roth-erev"),
    (LearningSection, {"rule": "none", "price_grid_eur_per_kwh": [0.3]}, None),
    (LearningSection, {"rule": "greedy", "settings": {"x": 1.0}}, None),
    (LearningSection, {"rule": "greedy", "recency": 0.2},
     "recency: a key of roth-erev only; those of greedy are in settings"),
    *((LearningSection, {**({"rule": rule} if rule else {}), "settings": {"x": 1.0}},
       "settings: nothing: they are for rules other than roth-erev") for rule in ("", "none", "roth-erev")),
    (LotSection, PARKING | HOMES, None),
    (LotSection, PARKING | HOMES | {"places": 2}, "residents.vehicles: at most places (2)"),
    (LotSection, PARKING | HOMES | {"learning": {"rule": "none"}}, None),
    (LotSection, PARKING | HOMES | {"learning": {"rule": "roth-erev"}},
     "learning.rule: none: residents do not choose by the price"),
    (LotSection, PARKING | HOMES | {"sites": ["s"]}, "sites: none where residents come home"),
    (ChargeWindow, {"from_h": 23, "to_h": 24, "charge_eur_per_kwh": 0.0}, None),
    (ChargeWindow, {"from_h": 2, "to_h": 2, "charge_eur_per_kwh": 0.1}, "to_h: more than from_h (2)"),
    (NetworkChargeSection, DYNAMIC, None),
    (NetworkChargeSection, USE, None),
    (NetworkChargeSection, {"rule": "dynamic"}, "ceiling_eur_per_kwh: the highest charge of rule dynamic"),
    (NetworkChargeSection, {"rule": "time-of-use"},
     "windows: one or more hours with a charge for rule time-of-use"),
    (NetworkChargeSection, DYNAMIC | {"excess_eur_per_kwh": 0.1},
     "excess_eur_per_kwh: rule: subscribed-capacity (the rule here is dynamic)"),
    (NetworkChargeSection, USE | {"memory": 0.5}, "memory: rule: dynamic (the rule here is time-of-use)"),
    (NetworkChargeSection, {"windows": USE["windows"]}, "windows: rule: time-of-use (the rule here is none)"),
    (NetworkChargeSection, {"rule": "subscribed-capacity", "excess_eur_per_kwh": 0.1},
     "capacity_kw: the subscribed capacity of one lot or more, by name"),
    (NetworkChargeSection, {"rule": "subscribed-capacity", "capacity_kw": {"a": 1.0}},
     "excess_eur_per_kwh: what a kWh above the subscribed capacity costs"),
    (NetworkChargeSection, {**USE, "windows": [*USE["windows"], {"from_h": 4, "to_h": 5, "charge_eur_per_kwh": 0.2}]},  # type: ignore[misc]
     None),
    (NetworkChargeSection, {**USE, "windows": [*USE["windows"], {"from_h": 3, "to_h": 5, "charge_eur_per_kwh": 0.2}]},  # type: ignore[misc]
     "windows: each hour in one window at most"),
    (PatienceSection, {"lots_min": 3, "lots_max": 3}, None),
    (PatienceSection, {"lots_min": 3, "lots_max": 2}, "lots_max: at least lots_min (3)"),
    (VehiclesSection, {"arrival_share_min": 0.5, "arrival_share_max": 0.5}, None),
    (VehiclesSection, {"arrival_share_min": 0.5, "arrival_share_max": 0.4},
     "arrival_share_max: at least arrival_share_min (0.5)"),
    (SessionDrivers, REPLAY, None),
    (SessionDrivers, REPLAY | {"sessions_per_day": 5.0},
     "sessions_per_day: source: resample or fitted (a replay has its own number)"),
    (SessionDrivers, REPLAY | {"source": "resample", "sessions_per_day": 5.0}, None),
    (SessionDrivers, REPLAY | {"copula": "vine"}, "copula: source: fitted beside it (the source is replay)"),
    (SessionDrivers, REPLAY | {"source": "fitted", "copula": "vine"}, None),
    *((SessionDrivers, REPLAY | more, f"{next(iter(more))}: this key only beside columns, for a CSV file of your own")
      for more in ({"time_format": "%H"}, {"energy_unit": "Wh"})),
    (CountDrivers, COUNTS, None),
    *((CountDrivers, COUNTS | {key: 50.1}, f"{key}: at most battery_kwh (50)")
      for key in ("energy_min_kwh", "arrival_energy_kwh", "departure_energy_kwh")),
]  # fmt: skip

OTHERS: list[Edge] = [
    (DiscoMarketSection, {"kind": "disco", "mode": "strict"}, None),
    (DiscoMarketSection, {"kind": "disco", "charge_periods": ["a"], "discharge_periods": ["b"]}, None),
    *((DiscoMarketSection, {"kind": "disco", "mode": "windows", "charge_periods": ["a"], "discharge_periods": ["b"],
                            key: []}, f"{key}: at least one period of the programs for mode windows")
      for key in ("charge_periods", "discharge_periods")),
    *((DiscoMarketSection, {"kind": "disco", "mode": "strict", key: ["a"]},
       f"{key}: [] for mode strict, which has no windows") for key in ("charge_periods", "discharge_periods")),
    (DayFactorSection, {"min": 1.0, "max": 1.0}, None),
    (DayFactorSection, {"min": 1.0, "max": 0.9}, "max: at least min (1)"),
    (WeatherSection, {"wind_speed_m_per_s": LAW, "irradiance_w_per_m2": LAW}, None),
    *((WeatherSection, {key: LAW}, "wind_speed_m_per_s: wind_speed_m_per_s and irradiance_w_per_m2, both or none")
      for key in ("wind_speed_m_per_s", "irradiance_w_per_m2")),
    (TermsLearningSection, GREEDY, None),
    (TermsLearningSection, GREEDY | {"margin_grid_eur_per_kwh": []},
     "margin_grid_eur_per_kwh: a value or more for greedy"),
    (TermsLearningSection, GREEDY | {"of": "driver_share"}, "driver_share_grid: a value or more for greedy"),
    (TermsLearningSection, GREEDY | {"recency": 0.2},
     "recency: a key of roth-erev only; those of greedy are in settings"),
    (TermsLearningSection, {"margin_grid_eur_per_kwh": [0.1]},
     "margin_grid_eur_per_kwh: two different values or more for roth-erev"),
    (TermsLearningSection, {"rule": "none", "margin_grid_eur_per_kwh": [0.1]}, None),
    *((TermsLearningSection, {**({"rule": rule} if rule else {}), "margin_grid_eur_per_kwh": [0.1, 0.2, 0.3, 0.4],
                              "settings": {"x": 1.0}}, "settings: nothing: they are for other rules")
      for rule in ("", "none", "roth-erev")),
    (CommittedUnitSection, UNIT | {"before_kw": 5.0, "min_up_h": 24.0, "min_down_h": 24.0}, None),
    (CommittedUnitSection, UNIT | {"before_kw": 10.0, "min_kw": 10.0}, None),
    (CommittedUnitSection, UNIT | {"min_kw": 10.1}, "min_kw: at most max_kw (10)"),
    (CommittedUnitSection, UNIT | {"max_kw": 10.1}, "max_kw: at most rating_kva (10)"),
    *((CommittedUnitSection, UNIT | {"before_kw": power}, "before_kw: from min_kw to max_kw (5 to 10)")
      for power in (4.9, 10.1)),
    *((CommittedUnitSection, UNIT | {key: 24.1}, f"{key}: at most the day, 24 h")
      for key in ("min_up_h", "min_down_h")),
]  # fmt: skip


@pytest.mark.parametrize(("section", "data", "said"), [*FLEETS, *AGGREGATORS, *CHARGING, *OTHERS])
def test_what_fits_together(section: type[BaseModel], data: dict[str, Any], said: str | None) -> None:
    if said is None:
        section.model_validate(data)
        return
    with pytest.raises(ValidationError) as error:
        section.model_validate(data)
    (found,) = error.value.errors()
    assert ": ".join([*map(str, found["loc"]), found["ctx"]["key"], found["msg"]]) == said


def test_what_a_rule_of_the_terms_takes() -> None:
    keys = {"recency": 0.1, "experimentation": 0.2, "initial_propensity": 1.0}
    assert TermsLearningSection().rule_settings() == keys
    grid = [0.1, 0.2, 0.3, 0.4]
    own = TermsLearningSection.model_validate({"margin_grid_eur_per_kwh": grid, "recency": 0.3})
    assert (own.rule_settings(), own.grid) == (keys | {"recency": 0.3}, tuple(grid))
    greedy = TermsLearningSection.model_validate(GREEDY)
    assert greedy.rule_settings() == {"x": 1.0}
    share = TermsLearningSection.model_validate({"of": "driver_share", "driver_share_grid": grid})
    assert share.grid == tuple(grid)
    assert LearningSection().rule_settings() == keys
    assert LearningSection.model_validate({"rule": "greedy", "settings": {"x": 1.0}}).rule_settings() == {"x": 1.0}


def test_the_highest_charge_of_a_rule() -> None:
    windows = [{"from_h": 2, "to_h": 4, "charge_eur_per_kwh": 0.1}, {"from_h": 5, "to_h": 6, "charge_eur_per_kwh": 0.3}]
    assert NetworkChargeSection().highest_per_kwh == 0.0
    assert NetworkChargeSection.model_validate(DYNAMIC).highest_per_kwh == 0.1
    assert NetworkChargeSection.model_validate(USE | {"windows": windows}).highest_per_kwh == 0.3
    assert LotSection.model_validate(PARKING).learned_prices() == (0.28, 0.32, 0.36, 0.4, 0.44, 0.48, 0.52)
