"""Every key of a scenario file: its default, its bounds, and what the comments of the bundled files say of it.

A key without a line here fails the test. Bounds have ``[ ]`` where the end is allowed, ``( )`` where it is not.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from typing import Any

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from scenarios.files import CASES
from scenarios.kinds import scenario_kinds


def sections(kind: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """A schema and all sections that it is made of."""
    if kind in seen:
        return
    seen.add(kind)
    yield kind
    for field in kind.model_fields.values():
        for inner in parts(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from sections(inner, seen)


def parts(annotation: Any) -> Iterator[Any]:
    inner = typing.get_args(annotation)
    if not inner:
        yield annotation
    for each in inner:
        yield from parts(each)


def bounds(field: FieldInfo) -> str:
    """The interval of a key's numbers; of a list, how many it has, in braces."""
    low, high, least, most = "", "", "", ""
    for each in every_metadata(field):
        if isinstance(each, annotated_types.Ge):
            low = f"[{each.ge:g}"
        elif isinstance(each, annotated_types.Gt):
            low = f"({each.gt:g}"
        elif isinstance(each, annotated_types.Le):
            high = f"{each.le:g}]"
        elif isinstance(each, annotated_types.Lt):
            high = f"{each.lt:g})"
        elif isinstance(each, annotated_types.MinLen):
            least = str(each.min_length)
        elif isinstance(each, annotated_types.MaxLen):
            most = str(each.max_length)
    interval = f"{low or '('}, {high or ')'}" if low or high else ""
    return " ".join(part for part in (interval, f"{{{least},{most}}}" if least or most else "") if part)


def every_metadata(field: FieldInfo) -> Iterator[Any]:
    for each in field.metadata:
        yield from unpacked(each)
    for inner in typing.get_args(field.annotation):
        for each in getattr(inner, "__metadata__", ()):
            yield from unpacked(each)


def unpacked(each: Any) -> Iterator[Any]:
    if isinstance(each, FieldInfo):
        yield from (part for inner in each.metadata for part in unpacked(inner))
    else:
        yield each


def told(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "needed"
    if isinstance(default, BaseModel):
        return "section"
    return repr(default)


def found_keys() -> dict[str, str]:
    seen: set[type[BaseModel]] = set()
    found = {}
    for kind in scenario_kinds().values():
        for section in sections(kind.schema, seen):
            for name, field in section.model_fields.items():
                where = next(part for part in section.__mro__ if name in inspect.get_annotations(part))
                found[f"{where.__name__}.{name}"] = f"{told(field)} {bounds(field)}".strip()
    return found


KEYS = {
    "CaseFile.title": "needed {1,}",
    "CaseFile.currency": "'EUR'",
    "CaseFile.time": "section",
    "LotsLeadFile.market": "section",
    "CaseFile.prices": "needed",
    "GridFile.feeder": "needed",
    "GridFile.loads": "section",
    "ChargingFile.network_charge": "section",
    "ChargingFile.microturbines": "()",
    "ChargingFile.compensators": "()",
    "ChargingFile.renewables": "()",
    "ChargingFile.storage": "()",
    "ChargingFile.out_of_service": "() {1,}",
    "ChargingFile.lots": "needed {1,}",
    "ChargingFile.drivers": "needed",
    "TimeSection.zone": "None {1,}",
    "TimeSection.step_minutes": "60",
    "LotsLeadMarketSection.kind": "'lots-lead'",
    "ChargingMarketSection.export_price_factor": "0.7 [0, 1)",
    "ChargingMarketSection.polygon_edges": "12 [4, 360]",
    "LotsLeadMarketSection.on_infeasible": "'stop'",
    "LotsLeadMarketSection.value_of_lost_load_per_kwh": "3.0 (0, )",
    "PricesSection.file": "needed {1,}",
    "PricesSection.price_column": "None {1,}",
    "PricesSection.unit": "None {1,}",
    "PricesSection.area": "None {1,}",
    "PricesSection.time_column": "None {1,}",
    "PricesSection.time_format": "None {1,}",
    "PricesSection.time_zone": "None {1,}",
    "PricesSection.step_minutes": "60",
    "PricesSection.start": "None",
    "PricesSection.after_end": "'repeat'",
    "PricesSection.draw": "'none'",
    "PricesSection.sarima": "section",
    "SarimaSection.values": "'log'",
    "SarimaSection.likelihood": "'conditional'",
    "SarimaSection.ar": "None [-0.99, 0.99]",
    "SarimaSection.ma": "None [-0.99, 0.99]",
    "SarimaSection.seasonal_ar": "None [-0.99, 0.99]",
    "SarimaSection.sigma": "None [0, )",
    "FeederSection.name": "None {1,}",
    "FeederSection.file": "None {1,}",
    "FeederSection.open": "() {1,}",
    "FeederSection.roots": "() {1,}",
    "FeederSection.generation_scale": "1.0 [0, )",
    "FeederSection.generation_profile": "None {1,}",
    "FeederSection.rating_kva": "None (0, )",
    "FeederSection.voltage_min_pu": "0.9 (0, )",
    "FeederSection.voltage_max_pu": "1.1 (0, )",
    "FeederSection.root_voltage_pu": "None (0, )",
    "LoadsSection.file": "None {1,}",
    "LoadsSection.profiles": "'s0' {1,}",
    "LoadsSection.profile": "'residential' {1,}",
    "LoadsSection.scale": "1.0 [0, )",
    "LoadsSection.day_sigma": "0.0 [0, 1]",
    "LoadsSection.hour_sigma": "0.0 [0, 1]",
    "NetworkChargeSection.rule": "'none'",
    "NetworkChargeSection.windows": "()",
    "NetworkChargeSection.zones": "{} {1,}",
    "NetworkChargeSection.factor": "1.0 (0, )",
    "NetworkChargeSection.ceiling_per_kwh": "None (0, )",
    "NetworkChargeSection.memory": "0.7 [0, 1)",
    "NetworkChargeSection.capacity_kw": "{} (0, ) {1,}",
    "NetworkChargeSection.excess_per_kwh": "None (0, )",
    "ChargeWindow.from_h": "needed [0, 23]",
    "ChargeWindow.to_h": "needed [1, 24]",
    "ChargeWindow.charge_per_kwh": "needed [0, )",
    "MicroturbineSection.bus": "needed {1,}",
    "MicroturbineSection.rating_kva": "needed (0, )",
    "MicroturbineSection.fuel_cost_per_mwh": "needed [0, )",
    "MicroturbineSection.ramp_kw_per_h": "None [0, )",
    "CompensatorSection.name": "needed {1,}",
    "CompensatorSection.bus": "needed {1,}",
    "CompensatorSection.rating_kvar": "needed (0, )",
    "RenewableSection.bus": "needed {1,}",
    "RenewableSection.rated_kw": "needed (0, )",
    "RenewableSection.kind": "needed",
    "RenewableSection.profile": "None {1,}",
    "RenewableSection.day_sigma": "0.0 [0, 1]",
    "RenewableSection.wind_speed_m_per_s": "None",
    "RenewableSection.irradiance_w_per_m2": "None",
    "FailingSection.name": "needed {1,}",
    "FailingSection.failures_per_year": "0.0 [0, 100000]",
    "FailingSection.repair_h": "24.0 (0, )",
    "StorageSection.name": "needed {1,}",
    "StorageSection.bus": "needed {1,}",
    "StorageSection.energy_kwh": "needed",
    "StorageSection.charge_max_kw": "needed",
    "StorageSection.discharge_max_kw": "needed",
    "StorageSection.initial_kwh": "needed",
    "StorageSection.charge_efficiency": "0.95",
    "StorageSection.discharge_efficiency": "0.95",
    "StorageSection.energy_min_kwh": "0.0",
    "LotSection.name": "needed {1,}",
    "LotSection.bus": "needed {1,}",
    "LotSection.places": "needed [1, )",
    "LotSection.charger_kw": "needed (0, )",
    "LotSection.efficiency": "0.95 (0, 1]",
    "LotSection.charging_price_per_kwh": "needed (0, )",
    "LotSection.walking_distance_m": "0.0 [0, )",
    "LotSection.terminal": "'eq'",
    "LotSection.first_hour": "'corrected'",
    "LotSection.sites": "() {1,}",
    "LotSection.learning": "section",
    "LotSection.residents": "None",
    "RothErevKeys.experimentation": "0.2 [0, 1)",
    "RothErevKeys.recency": "0.1 (0, 1]",
    "RothErevKeys.initial_propensity": "1.0 (0, )",
    "LearningSection.rule": "None {1,}",
    "LearningSection.price_grid_per_kwh": "() (0, )",
    "LearningSection.settings": "{} {1,}",
    "ResidentsSection.vehicles": "needed [1, )",
    "ResidentsSection.return_mean_h": "17.6 [12, 24)",
    "ResidentsSection.return_sigma_h": "3.4 [0, )",
    "ResidentsSection.leave_mean_h": "7.5 [0, 12]",
    "ResidentsSection.leave_sigma_h": "1.0 [0, )",
    "ResidentsSection.energy_median_kwh": "7.5 (0, )",
    "ResidentsSection.energy_sigma": "0.88 [0, )",
    "ResidentsSection.battery_kwh": "60.0 (0, )",
    "SessionDrivers.source": "needed",
    "SessionDrivers.files": "needed {1,}",
    "SessionDrivers.columns": "{} {1,}",
    "SessionDrivers.time_format": "None {1,}",
    "SessionDrivers.time_zone": "None {1,}",
    "SessionDrivers.energy_unit": "'kWh'",
    "SessionDrivers.overlaps": "'stop'",
    "SessionDrivers.sessions_per_day": "None (0, 100000]",
    "SessionDrivers.energy": "'delivered'",
    "SessionDrivers.departure": "'recorded'",
    "SessionDrivers.energy_scale": "1.0 (0, )",
    "SessionDrivers.copula": "'gaussian'",
    "SessionDrivers.stay_max_h": "24.0 (0, 168]",
    "SessionDrivers.vehicles": "section",
    "SessionDrivers.patience": "section",
    "SessionDrivers.choice": "section",
    "VehiclesSection.file": "'netherlands' {1,}",
    "VehiclesSection.charging": "'dc'",
    "VehiclesSection.arrival_share_min": "0.1 [0, 1)",
    "VehiclesSection.arrival_share_max": "0.8 [0, 1]",
    "PatienceSection.lots_min": "1 [1, )",
    "PatienceSection.lots_max": "3 [1, )",
    "ChoiceSection.price_utility_per_kwh": "-10.0 (, 0]",
    "ChoiceSection.walking_utility_per_m": "-0.004 (, 0]",
    "ChoiceSection.experience_utility": "1.0 [0, )",
    "ChoiceSection.experience_memory": "0.7 [0, 1]",
    "ChoiceSection.outside": "None",
    "OutsideSection.price_per_kwh": "needed (0, )",
    "OutsideSection.constant": "0.0",
    "CountDrivers.source": "needed",
    "CountDrivers.file": "needed {1,}",
    "CountDrivers.battery_kwh": "needed (0, )",
    "CountDrivers.energy_min_kwh": "needed [0, )",
    "CountDrivers.arrival_energy_kwh": "needed [0, )",
    "CountDrivers.departure_energy_kwh": "needed [0, )",
    "NodalFile.market": "needed",
    "NodalFile.lots": "needed {1,}",
    "NodalMarketSection.kind": "needed",
    "NodalMarketSection.iteration": "'gauss-seidel'",
    "NodalMarketSection.node_limit": "20000 [1, )",
    "NodalMarketSection.time_limit_s": "600.0 (0, )",
    "NodalLotSection.behaviour": "'strategic'",
    "DiscoFile.market": "needed",
    "DiscoFile.feeder": "needed",
    "DiscoFile.renewables": "()",
    "DiscoFile.weather": "section",
    "DiscoFile.lots": "needed {1,}",
    "DiscoFile.fleet": "needed",
    "DiscoFile.lot_owner": "section",
    "DiscoFile.drivers": "section",
    "DiscoFile.company": "section",
    "DiscoFile.retailer": "needed",
    "DiscoFile.customers": "section",
    "DiscoFile.scenarios": "section",
    "DiscoFile.emissions": "None",
    "DiscoMarketSection.kind": "needed",
    "DiscoMarketSection.mode": "'windows-strict'",
    "DiscoMarketSection.purchases": "'recourse'",
    "DiscoMarketSection.alpha": "0.95 (0, 1)",
    "DiscoMarketSection.beta": "0.0 [0, 1]",
    "DiscoMarketSection.segments": "20 [1, 1000]",
    "DiscoMarketSection.transformer_efficiency": "1.0 (0, 1]",
    "DiscoMarketSection.infeasible_wish": "'error'",
    "DiscoMarketSection.node_limit": "300 [1, )",
    "DiscoMarketSection.charge_periods": "() {1,}",
    "DiscoMarketSection.discharge_periods": "() {1,}",
    "RatedFeederSection.impedance_factor": "1.0 (0, )",
    "RatedFeederSection.current_max_a": "None (0, )",
    "RatedFeederSection.trunk": "() {1,}",
    "RatedFeederSection.trunk_current_max_a": "None (0, )",
    "UnitSection.name": "needed {1,}",
    "UnitSection.bus": "needed {1,}",
    "UnitSection.rated_kw": "needed (0, )",
    "UnitSection.kind": "needed",
    "WeatherSection.scale": "1.0 (0, )",
    "WeatherSection.factor": "section",
    "WeatherSection.wind_speed_m_per_s": "None",
    "WeatherSection.irradiance_w_per_m2": "None",
    "DayFactorSection.mean": "1.0",
    "DayFactorSection.sd": "0.25 [0, )",
    "DayFactorSection.min": "0.3 [0, )",
    "DayFactorSection.max": "1.6 (0, )",
    "WeibullSection.shape": "needed (0, )",
    "WeibullSection.scale": "needed (0, )",
    "V2GLotSection.name": "needed {1,}",
    "V2GLotSection.bus": "needed {1,}",
    "V2GLotSection.drivers": "needed [1, 100000]",
    "V2GLotSection.efficiency": "0.9 (0, 1]",
    "V2GLotSection.discharge_efficiency": "0.95 (0, 1]",
    "FleetSection.battery_kwh": "needed (0, )",
    "FleetSection.energy_min_share": "0.15 [0, 1]",
    "FleetSection.energy_max_share": "0.9 [0, 1]",
    "FleetSection.wish_share": "0.9 [0, 1]",
    "FleetSection.charge_max_kw": "needed (0, )",
    "FleetSection.discharge_max_kw": "needed [0, )",
    "FleetSection.arrival_h": "needed",
    "FleetSection.departure_h": "needed",
    "FleetSection.arrival_share": "needed",
    "FleetSection.draws": "'independent'",
    "TruncatedNormalSection.mean": "needed",
    "TruncatedNormalSection.sd": "needed (0, )",
    "TruncatedNormalSection.min": "needed",
    "TruncatedNormalSection.max": "needed",
    "LotOwnerSection.margin_per_kwh": "0.0",
    "LotOwnerSection.driver_share": "0.5 [0, 1]",
    "LotOwnerSection.degradation_per_mwh": "30.0 [0, )",
    "LotOwnerSection.learning": "section",
    "TermsLearningSection.rule": "None {1,}",
    "TermsLearningSection.settings": "{} {1,}",
    "TermsLearningSection.of": "'margin'",
    "TermsLearningSection.margin_grid_per_kwh": "()",
    "TermsLearningSection.driver_share_grid": "() [0, 1]",
    "DiscoDriversSection.choice": "None",
    "ParticipationSection.constant": "2.0",
    "ParticipationSection.price_utility_per_kwh": "-10.0",
    "ParticipationSection.share_utility": "1.0",
    "ParticipationSection.experience_utility": "1.0",
    "ParticipationSection.experience_memory": "0.7 [0, 1]",
    "CompanySection.lot_tariff": "'program'",
    "CompanySection.cost_memory": "0.7 [0, 1]",
    "RetailerSection.programs": "needed",
    "RetailerSection.penalty": "'income'",
    "RetailerSection.cost_memory": "0.7 [0, 1]",
    "RetailerSection.learning": "section",
    "RetailerSection.belief": "section",
    "OfferedSection.set": "needed {1,}",
    "OfferedSection.offered": "() {1,}",
    "ProgramLearningSection.rule": "'epsilon-greedy'",
    "ProgramLearningSection.epsilon": "0.2 [0, 1]",
    "ProgramLearningSection.draws": "100 [1, 100000]",
    "BeliefSection.self_elasticity": "-0.05 (, 0]",
    "BeliefSection.cross_elasticity": "0.005 [0, )",
    "BeliefSection.prior_deviation": "0.05 (0, )",
    "BeliefSection.noise": "0.1 (0, )",
    "BeliefSection.symmetric": "True",
    "CustomersSection.noise": "0.02 [0, )",
    "CustomersSection.participation": "None (0, 1]",
    "CustomersSection.elasticity": "None",
    "UncertaintySection.draws": "100 [1, 100000]",
    "UncertaintySection.kept": "5 [1, )",
    "UncertaintySection.price_sigma": "0.0 [0, 1]",
    "EmissionsSection.factor": "needed [0, )",
    "EmissionsSection.periods": "needed {1,}",
    "EmissionsSection.price_per_kg": "needed [0, )",
    "EmissionsSection.share": "0.5 [0, 1]",
    "AggregatorFile.market": "needed",
    "AggregatorFile.feeder": "needed",
    "AggregatorFile.upstream": "needed",
    "AggregatorFile.aggregator": "section",
    "AggregatorFile.lots": "needed {1,}",
    "AggregatorFile.generators": "()",
    "AggregatorFile.retailer": "needed",
    "AggregatorFile.drivers": "section",
    "AggregatorFile.scenarios": "section",
    "AggregatorMarketSection.kind": "needed",
    "AggregatorMarketSection.pricing": "'pay-as-bid'",
    "AggregatorMarketSection.cap_per_mwh": "None (0, )",
    "AggregatorMarketSection.uniform_cap_per_mwh": "None (0, )",
    "AggregatorMarketSection.reserve_cap_per_mwh": "None (0, )",
    "AggregatorMarketSection.call_probability": "0.05 [0, 1]",
    "AggregatorMarketSection.failure_rate": "0.02 [0, 1]",
    "AggregatorMarketSection.network": "True",
    "AggregatorMarketSection.gap": "0.001 [0, 1)",
    "AggregatorMarketSection.node_limit": "None [1, )",
    "AggregatorMarketSection.segments": "5 [1, 1000]",
    "AggregatorMarketSection.transformer_efficiency": "1.0 (0, 1]",
    "AggregatorMarketSection.lots": "'pools'",
    "AggregatorMarketSection.reading": "section",
    "ReadingSection.weights": "'expected'",
    "ReadingSection.pool_floor": "'zero'",
    "ReadingSection.flex1_floor": "'printed'",
    "ReadingSection.output_stock": "'printed'",
    "ReadingSection.extra_flex2": "'flex2'",
    "ReadingSection.generator_price": "'common'",
    "UpstreamSection.adder_per_mwh": "0.0",
    "UpstreamSection.reserve_per_mwh": "needed [0, ) {24,24}",
    "UpstreamSection.reserve_day_sigma": "0.0 [0, 1]",
    "AggregatorBeliefSection.price_memory": "0.7 [0, 1]",
    "AggregatorBeliefSection.attendance_memory": "0.7 [0, 1]",
    "AggregatorBeliefSection.load_memory": "0.7 [0, 1]",
    "ContractLotSection.name": "needed {1,}",
    "ContractLotSection.bus": "needed {1,}",
    "ContractLotSection.stations": "needed [1, 100000]",
    "ContractLotSection.charger_kw": "needed (0, )",
    "ContractLotSection.battery_kwh": "needed (0, )",
    "ContractLotSection.efficiency": "0.9 (0, 1]",
    "ContractLotSection.discharge_efficiency": "0.95 (0, 1]",
    "ContractLotSection.energy_min_share": "0.2 [0, 1]",
    "ContractLotSection.energy_max_share": "0.95 [0, 1]",
    "ContractLotSection.failure_rate": "0.02 [0, 1]",
    "ContractLotSection.contracts": "needed",
    "ContractLotSection.tariffs": "needed",
    "ContractLotSection.arrivals": "needed",
    "ContractLotSection.learning": "section",
    "ContractsSection.classes_h": "needed [1, ) {1,}",
    "ContractsSection.share": "needed",
    "ContractsSection.departure_share": "needed",
    "ByContractSection.fix1": "needed [0, 1] {1,}",
    "ByContractSection.flex1": "needed [0, 1] {1,}",
    "ByContractSection.fix2": "needed [0, 1] {1,}",
    "ByContractSection.flex2": "needed [0, 1] {1,}",
    "LotTariffsSection.g2v1_per_mwh": "needed",
    "LotTariffsSection.g2v2_per_mwh": "needed",
    "LotTariffsSection.g2v3_per_mwh": "needed",
    "LotTariffsSection.v2g_per_mwh": "needed",
    "LotTariffsSection.extra_per_mwh": "0.0 [0, )",
    "LotTariffsSection.parking_per_hour": "0.0 [0, )",
    "LotTariffsSection.degradation_per_mwh": "0.0 [0, )",
    "ArrivalsSection.mean": "needed [0, ) {24,24}",
    "ArrivalsSection.variation": "0.25 [0, )",
    "ArrivalsSection.stay_shares": "needed [0, 1] {1,24}",
    "ArrivalsSection.split": "'expected'",
    "ArrivalsSection.sweep": "'forward'",
    "ArrivalsSection.energy_share": "0.3 [0, 1]",
    "TariffLearningSection.rule": "'none' {1,}",
    "TariffLearningSection.step_grid_per_mwh": "()",
    "GeneratorSection.name": "needed {1,}",
    "GeneratorSection.bus": "needed {1,}",
    "GeneratorSection.cost_per_mwh": "needed [0, )",
    "GeneratorSection.max_kw": "needed (0, )",
    "GeneratorSection.learning": "section",
    "GeneratorLearningSection.rule": "'none' {1,}",
    "GeneratorLearningSection.markup_grid": "() [0, )",
    "LoadRetailerSection.price_per_mwh": "needed {24,24}",
    "LoadRetailerSection.incentive_per_mwh": "needed [0, )",
    "LoadRetailerSection.interruptible_share": "0.1 [0, 1]",
    "LoadRetailerSection.fatigue": "0.5 [0, 1]",
    "LoadRetailerSection.recovery": "0.3 [0, 1]",
    "ContractDriversSection.choice": "None",
    "ContractChoiceSection.price_utility_per_kwh": "-10.0 (, 0]",
    "ContractChoiceSection.experience_utility": "1.0 [0, )",
    "ContractChoiceSection.experience_memory": "0.7 [0, 1]",
    "ContractChoiceSection.staying_away": "0.1 [0, 1)",
    "ScenariosSection.draws": "30 [1, 100000]",
    "ScenariosSection.kept": "3 [1, )",
    "RivalsFile.market": "needed",
    "RivalsFile.feeder": "needed",
    "RivalsFile.upstream": "needed",
    "RivalsFile.aggregators": "needed {2,}",
    "RivalsFile.drivers": "section",
    "RivalsFile.scenarios": "section",
    "RivalsMarketSection.kind": "needed",
    "RivalsMarketSection.wheeling_per_mwh": "needed [0, )",
    "RivalsMarketSection.trade": "'everywhere'",
    "RivalsMarketSection.pricing": "'pay-as-bid'",
    "RivalsMarketSection.cap_per_mwh": "None (0, )",
    "RivalsMarketSection.uniform_cap_per_mwh": "None (0, )",
    "RivalsMarketSection.reserve_cap_per_mwh": "None (0, )",
    "RivalsMarketSection.call_probability": "0.05 [0, 1]",
    "RivalsMarketSection.failure_rate": "0.02 [0, 1]",
    "RivalsMarketSection.starts": "1 [1, 50]",
    "RivalsMarketSection.gap": "0.001 [0, 1)",
    "RivalsMarketSection.node_limit": "None [1, )",
    "RivalsMarketSection.reading": "section",
    "RivalSection.name": "needed {1,}",
    "RivalSection.load_share": "needed [0, 1]",
    "RivalSection.adder_per_mwh": "0.0",
    "RivalSection.belief": "section",
    "RivalSection.lots": "()",
    "RivalSection.generators": "()",
    "RivalSection.retailer": "needed",
}


def test_every_key_has_the_default_and_the_bounds_that_stand_here() -> None:
    found = found_keys()
    assert {name: text for name, text in found.items() if KEYS.get(name) != text} == {}
    assert set(found) == set(KEYS)


# What the bundled files say

DOCUMENTED = re.compile(
    r"^\s*-?\s*(?:# )?\s*(?P<key>[a-z0-9_]+):(?P<value>[^#]*)#.*?; default:? (?P<said>[^;,.(]+(?:\.\d+)?)"
)
WORDS = {
    **dict.fromkeys(
        ("none", "no limit", "the feeder's ratings", "the file's one external grid", "the file's first", "as recorded"),
        ("None", "'none'", "()", "{}"),
    ),
    **dict.fromkeys(("empty", "all"), ("()",)),
    **dict.fromkeys(
        (
            "that of the kind",
            "all drivers come",
            "shares and arrivals as given",
            "the feeder's base case with one profile",
            "that of feeder",
            "ISO 8601",
            "time",
            "the same power at every hour",
        ),
        ("None",),
    ),
}
"""What a comment may say instead of a value, and the defaults that it means."""


def said_defaults() -> Iterator[tuple[str, str, str]]:
    """File, key and stated default of every comment ``key: value  # ...; default X`` of the bundled files."""
    for name in ("week-33", "nodal-33", "disco-15", "aggregator-37"):
        for line in (CASES / f"{name}.yaml").read_text(encoding="utf-8").splitlines():
            match = DOCUMENTED.match(line)
            if match:
                yield name, re.sub(r"(_per)?_(eur|usd)_per_", "_per_", match["key"]), match["said"].strip()


def same(said: str, default: str) -> bool:
    if default == "section":  # `learning: none` and the like: the section's own rule says it
        return said == "none"
    try:
        return float(said) == float(default)
    except ValueError:
        return default in WORDS.get(said, ()) or default == repr(said) or default == said.capitalize()


def test_the_bundled_files_name_the_defaults_that_hold() -> None:
    by_key: dict[str, set[str]] = {}
    for name, text in KEYS.items():
        by_key.setdefault(name.split(".")[1], set()).add(re.sub(r" [\[({].*", "", text))
    wrong, checked = [], 0
    for file, key, said in said_defaults():
        defaults = by_key.get(key)
        if defaults is None:
            continue  # a list or a section, which has no default of its own
        checked += 1
        if not any(same(said, default) for default in defaults):
            wrong.append((file, key, said, defaults))
    assert wrong == []
    assert checked >= 90
