"""The keys that the files of the markets of charging lots share; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from scenarios.markets.charging.driver_schema import CountDrivers, Drivers, SessionDrivers
from scenarios.schema import (
    GRID_FILE_KEYS,
    MOST_DRAWN,
    ChargerKw,
    Count,
    FileKeys,
    GridFile,
    Label,
    MarketSection,
    NonNegative,
    Number,
    Positive,
    RothErevKeys,
    Section,
    VehicleKwh,
    WeibullSection,
    a_number,
    refused,
    schema_key,
)
from scenarios.units import HARD_CURRENCIES, PER_KWH

FILE_KEYS: FileKeys = {
    **GRID_FILE_KEYS,
    ("drivers", "file"): ("lots", ".csv"),
    ("drivers", "files"): ("sessions", ".csv"),
    ("drivers", "vehicles", "file"): ("vehicles", ".csv"),
}


class ChargingMarketSection(MarketSection):
    """Rules that the markets of charging lots share."""

    export_price_factor: Annotated[float, BeforeValidator(a_number), Field(ge=0, lt=1)] = 0.7
    polygon_edges: Annotated[int, BeforeValidator(a_number), Field(ge=4, le=360)] = 12


class FailingSection(Section):
    """A unit that may be out of service for a time."""

    name: Label
    failures_per_year: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=MOST_DRAWN)] = 0.0
    repair_h: Positive = 24.0


class MicroturbineSection(FailingSection):
    """One dispatchable generator."""

    bus: Label
    rating_kva: Positive
    fuel_cost_per_mwh: NonNegative
    ramp_kw_per_h: NonNegative | None = None


class CompensatorSection(Section):
    """One reactive source."""

    name: Label
    bus: Label
    rating_kvar: Positive


class RenewableSection(FailingSection):
    """One curtailable renewable generator."""

    bus: Label
    rated_kw: Positive
    kind: Literal["pv", "wind"]
    profile: Label | None = None
    day_sigma: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=1)] = 0.0
    wind_speed_m_per_s: WeibullSection | None = None
    irradiance_w_per_m2: WeibullSection | None = None

    @model_validator(mode="after")
    def _one_law(self) -> RenewableSection:
        for key, kind in (("wind_speed_m_per_s", "wind"), ("irradiance_w_per_m2", "pv")):
            if getattr(self, key) is not None and self.kind != kind:
                raise refused(key, "stated", f"kind: {kind} beside it (the kind is {self.kind})")
            if getattr(self, key) is not None and self.day_sigma > 0.0:
                raise refused("day_sigma", self.day_sigma, f"0 beside {key}, whose draws are of each hour")
        return self


class StorageSection(Section):
    """One battery of the operator; :class:`equilibrium.grid.assets.StorageUnit` checks its numbers."""

    name: Label
    bus: Label
    energy_kwh: Number
    charge_max_kw: Number
    discharge_max_kw: Number
    initial_kwh: Number
    charge_efficiency: Number = 0.95
    discharge_efficiency: Number = 0.95
    energy_min_kwh: Number = 0.0


DEFAULT_RULE = "roth-erev"
"""How a lot adapts its price where drivers choose among lots and nothing else is said."""

DEFAULT_GRID = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)
"""The prices that it then chooses from, as shares of its ``charging_price``."""


class LearningSection(RothErevKeys):
    """How a lot adapts its price; ``rule`` is ``None`` where the file says nothing."""

    rule: Label | None = None
    price_grid_per_kwh: tuple[Positive, ...] = ()
    settings: dict[Label, Number] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _parts(self) -> LearningSection:
        if self.rule in (None, DEFAULT_RULE):
            if self.price_grid_per_kwh:
                self.check_grid(schema_key("price_grid_per_kwh"), self.price_grid_per_kwh)
        elif self.rule != "none":
            for key, field in RothErevKeys.model_fields.items():
                if getattr(self, key) != field.default:
                    expected = f"a key of roth-erev only; those of {self.rule} are in settings"
                    raise refused(key, getattr(self, key), expected)
        if self.settings and self.rule in (None, "none", DEFAULT_RULE):
            raise refused("settings", self.settings, f"nothing: they are for rules other than {DEFAULT_RULE}")
        return self

    def rule_settings(self) -> dict[str, float]:
        """Return what the rule takes beside the grid of prices."""
        if self.rule in (None, DEFAULT_RULE):
            return {key: float(getattr(self, key)) for key in RothErevKeys.model_fields}
        return dict(self.settings)


class ResidentsSection(Section):
    """Homes behind one connection: vehicles that come home every day, whatever lots charge.

    The defaults are those of the National Household Travel Survey of 2001 as fitted by Tian, Shi and Jia, "A
    statistical model for charging power demand of plug-in electric vehicles", Proceedings of the CSEE 30(13), 2010: the
    last return is normal with 17.6 h and 3.4 h, the day's distance lognormal with 3.20 and 0.88 (miles); at
    0.19 kWh/km, a common consumption, its energy has the median 7.5 kWh.
    """

    vehicles: Count
    return_mean_h: Annotated[float, BeforeValidator(a_number), Field(ge=12, lt=24)] = 17.6
    return_sigma_h: NonNegative = 3.4
    leave_mean_h: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=12)] = 7.5
    leave_sigma_h: NonNegative = 1.0
    energy_median_kwh: VehicleKwh = 7.5
    energy_sigma: NonNegative = 0.88
    battery_kwh: VehicleKwh = 60.0


class LotSection(Section):
    """One parking lot, or with ``residents`` the homes behind one connection."""

    name: Label
    bus: Label
    places: Count
    charger_kw: ChargerKw
    efficiency: Annotated[float, BeforeValidator(a_number), Field(gt=0, le=1)] = 0.95
    charging_price_per_kwh: Positive
    walking_distance_m: NonNegative = 0.0
    terminal: Literal["eq", "ge"] = "eq"
    first_hour: Literal["corrected", "as_printed"] = "corrected"
    sites: tuple[Label, ...] = ()
    learning: LearningSection = LearningSection()
    residents: ResidentsSection | None = None

    @model_validator(mode="after")
    def _homes(self) -> LotSection:
        if self.residents is not None:
            if self.residents.vehicles > self.places:
                raise refused("residents.vehicles", self.residents.vehicles, f"at most places ({self.places})")
            if self.learning.rule not in (None, "none"):
                raise refused("learning.rule", self.learning.rule, "none: residents do not choose by the price")
            if self.sites:
                raise refused("sites", list(self.sites), "none where residents come home")
        return self

    def learned_prices(self) -> tuple[float, ...]:
        """Return the prices that the lot may post where it learns, currency/kWh."""
        own = self.learning.price_grid_per_kwh
        return own or tuple(round(share * self.charging_price_per_kwh, 9) for share in DEFAULT_GRID)


class ChargeWindow(Section):
    """Hours of the clock with one charge."""

    from_h: Annotated[int, BeforeValidator(a_number), Field(ge=0, le=23)]
    to_h: Annotated[int, BeforeValidator(a_number), Field(ge=1, le=24)]
    charge_per_kwh: NonNegative

    @model_validator(mode="after")
    def _order(self) -> ChargeWindow:
        if self.to_h <= self.from_h:
            raise refused("to_h", self.to_h, f"more than from_h ({self.from_h})")
        return self


class NetworkChargeSection(Section):
    """What lots pay the operator for the network, on top of the price of energy."""

    begins_anew_with: ClassVar[str] = "rule"
    """In a file that extends another: the keys of another rule are not those of this one."""

    rule: Literal["none", "time-of-use", "dynamic", "subscribed-capacity"] = "none"
    windows: tuple[ChargeWindow, ...] = ()
    zones: dict[Label, tuple[Label, ...]] = Field(default_factory=dict)
    factor: Positive = 1.0
    ceiling_per_kwh: Positive | None = None
    memory: Annotated[float, BeforeValidator(a_number), Field(ge=0, lt=1)] = 0.7
    capacity_kw: dict[Label, Positive] = Field(default_factory=dict)
    excess_per_kwh: Positive | None = None

    @model_validator(mode="after")
    def _parts(self) -> NetworkChargeSection:
        keys = {
            "time-of-use": ("windows",),
            "dynamic": ("zones", "factor", "ceiling_per_kwh", "memory"),
            "subscribed-capacity": ("capacity_kw", "excess_per_kwh"),
        }
        mine = keys.get(self.rule, ())
        for key in (key for own in keys.values() for key in own):
            stated = getattr(self, key) != NetworkChargeSection.model_fields[key].get_default(call_default_factory=True)
            if key not in mine and stated:
                owner = next(rule for rule, own in keys.items() if key in own)
                raise refused(schema_key(key), getattr(self, key), f"rule: {owner} (the rule here is {self.rule})")
        if self.rule == "time-of-use" and not self.windows:
            raise refused("windows", [], "one or more hours with a charge for rule time-of-use")
        if self.rule == "dynamic" and self.ceiling_per_kwh is None:
            raise refused(schema_key("ceiling_per_kwh"), None, "the highest charge of rule dynamic")
        if self.rule == "subscribed-capacity":
            if not self.capacity_kw:
                raise refused("capacity_kw", {}, "the subscribed capacity of one lot or more, by name")
            if self.excess_per_kwh is None:
                raise refused(schema_key("excess_per_kwh"), None, "what a kWh above the subscribed capacity costs")
        taken = [hour for window in self.windows for hour in range(window.from_h, window.to_h)]
        if len(taken) != len(set(taken)):
            raise refused("windows", "hours in two windows", "each hour in one window at most")
        return self

    @property
    def highest_per_kwh(self) -> float:
        """The highest charge that the rule can come to, currency/kWh."""
        return max([self.ceiling_per_kwh or 0.0, *(window.charge_per_kwh for window in self.windows)])


class ChargingFile(GridFile):
    """The keys of the whole file that the markets of charging lots share."""

    market: ChargingMarketSection
    network_charge: NetworkChargeSection = NetworkChargeSection()
    microturbines: tuple[MicroturbineSection, ...] = ()
    compensators: tuple[CompensatorSection, ...] = ()
    renewables: tuple[RenewableSection, ...] = ()
    storage: tuple[StorageSection, ...] = ()
    out_of_service: tuple[Label, ...] = ()
    lots: Annotated[tuple[LotSection, ...], Field(min_length=1)]
    drivers: Drivers

    @model_validator(mode="after")
    def _price_units(self) -> ChargingFile:
        for k, lot in enumerate(self.lots):
            fault = PER_KWH.fault(lot.charging_price_per_kwh) if self.currency in HARD_CURRENCIES else None
            if fault is not None:
                raise refused(f"lots.{k}.{schema_key('charging_price_per_kwh')}", lot.charging_price_per_kwh, fault)
        return self

    @model_validator(mode="after")
    def _fixed_prices(self) -> ChargingFile:
        for lot in self.lots:
            if isinstance(self.drivers, CountDrivers):
                if lot.learning.rule not in (None, "none"):
                    raise refused("drivers", "counts", f"replay or resample, because lot {lot.name} learns its price")
                if lot.residents is not None:
                    raise refused("drivers", "counts", f"replay or resample, because lot {lot.name} has residents")
        if all(lot.residents is not None for lot in self.lots):
            raise refused("lots", [lot.name for lot in self.lots], "at least one lot without residents")
        return self

    @model_validator(mode="after")
    def _subscribers(self) -> ChargingFile:
        names = [lot.name for lot in self.lots]
        for name in self.network_charge.capacity_kw:
            if name not in names:
                raise refused("network_charge.capacity_kw", name, f"one of the lots {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _charge_below_prices(self) -> ChargingFile:
        highest = self.network_charge.highest_per_kwh
        for lot in self.lots:
            lowest = min(self.posted_prices(lot))
            if highest >= lowest:
                key = "ceiling_per_kwh" if self.network_charge.rule == "dynamic" else "windows"
                expected = f"less than the {lowest:g} that lot {lot.name} may earn with a kWh: it leaves no market"
                raise refused(f"network_charge.{schema_key(key)}", highest, expected)
        return self

    def learning_rule(self, lot: LotSection) -> str:
        """Return the name of a lot's learning rule: its own, or where drivers choose by the price the default."""
        if lot.learning.rule is not None:
            return lot.learning.rule
        chosen = isinstance(self.drivers, SessionDrivers) and lot.residents is None
        return DEFAULT_RULE if chosen else "none"

    def posted_prices(self, lot: LotSection) -> tuple[float, ...]:
        """Return the prices that a lot may post, currency/kWh."""
        return (lot.charging_price_per_kwh,) if self.learning_rule(lot) == "none" else lot.learned_prices()
