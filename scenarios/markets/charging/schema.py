"""The keys that the files of the markets of charging lots share; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

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
    Share,
    VehicleKwh,
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


class MicroturbineSection(Section):
    """One dispatchable generator."""

    name: Label
    bus: Label
    rating_kva: Positive
    fuel_cost_per_mwh: NonNegative
    ramp_kw_per_h: NonNegative | None = None


class CompensatorSection(Section):
    """One reactive source."""

    name: Label
    bus: Label
    rating_kvar: Positive


class RenewableSection(Section):
    """One curtailable renewable generator."""

    name: Label
    bus: Label
    rated_kw: Positive
    kind: Literal["pv", "wind"]
    profile: Label | None = None
    day_sigma: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=1)] = 0.0


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


class LearningSection(RothErevKeys):
    """How a lot adapts its price."""

    rule: Label = "none"
    price_grid_per_kwh: tuple[Positive, ...] = ()
    settings: dict[Label, Number] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _parts(self) -> LearningSection:
        if self.rule == "roth-erev":
            self.check_grid(schema_key("price_grid_per_kwh"), self.price_grid_per_kwh)
        elif self.rule != "none":
            if not self.price_grid_per_kwh:
                raise refused(schema_key("price_grid_per_kwh"), [], f"a price or more for {self.rule}")
            for key, field in RothErevKeys.model_fields.items():
                if getattr(self, key) != field.default:
                    expected = f"a key of roth-erev only; those of {self.rule} are in settings"
                    raise refused(key, getattr(self, key), expected)
        if self.settings and self.rule in ("none", "roth-erev"):
            raise refused("settings", self.settings, "nothing: they are for rules of other distributions")
        return self

    def rule_settings(self) -> dict[str, float]:
        """Return what the rule takes beside the grid of prices."""
        if self.rule == "roth-erev":
            return {key: float(getattr(self, key)) for key in RothErevKeys.model_fields}
        return dict(self.settings)


class LotSection(Section):
    """One parking lot."""

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


class ChoiceSection(Section):
    """Utility of a lot for a driver (a logit over the lots)."""

    price_utility_per_kwh: Number = Field(default=-10.0, alias="price_utility_per_eur_per_kwh")
    walking_utility_per_m: Number = -0.004
    experience_utility: Number = 1.0
    experience_memory: Share = 0.7


class PatienceSection(Section):
    """How many lots a driver tries."""

    lots_min: Count = 1
    lots_max: Count = 3

    @model_validator(mode="after")
    def _order(self) -> PatienceSection:
        if self.lots_max < self.lots_min:
            raise refused("lots_max", self.lots_max, f"at least lots_min ({self.lots_min})")
        return self


class VehiclesSection(Section):
    """What is drawn for each session that the log does not say."""

    file: Label = "netherlands"
    charging: Literal["dc", "ac"] = "dc"
    arrival_share_min: Annotated[float, BeforeValidator(a_number), Field(ge=0, lt=1)] = 0.1
    arrival_share_max: Share = 0.8

    @model_validator(mode="after")
    def _order(self) -> VehiclesSection:
        if self.arrival_share_max < self.arrival_share_min:
            raise refused(
                "arrival_share_max", self.arrival_share_max, f"at least arrival_share_min ({self.arrival_share_min:g})"
            )
        return self


class SessionDrivers(Section):
    """Drivers whose sessions come from recorded ones."""

    source: Literal["replay", "resample"]
    files: Annotated[tuple[Label, ...], Field(min_length=1)]
    sessions_per_day: Annotated[Positive, Field(le=MOST_DRAWN)] | None = None
    energy: Literal["delivered", "requested"] = "delivered"
    departure: Literal["recorded", "estimated"] = "recorded"
    energy_scale: Positive = 1.0
    stay_max_h: Annotated[float, BeforeValidator(a_number), Field(gt=0, le=168)] = 24.0
    vehicles: VehiclesSection = VehiclesSection()
    patience: PatienceSection = PatienceSection()
    choice: ChoiceSection = ChoiceSection()

    @model_validator(mode="after")
    def _target(self) -> SessionDrivers:
        if self.source == "replay" and self.sessions_per_day is not None:
            raise refused("sessions_per_day", self.sessions_per_day, "source: resample (a replay has its own number)")
        return self


class CountDrivers(Section):
    """Vehicles known only as counts per hour, as papers give them: fixed lot envelopes."""

    source: Literal["counts"]
    file: Label
    battery_kwh: VehicleKwh
    energy_min_kwh: NonNegative
    arrival_energy_kwh: NonNegative
    departure_energy_kwh: NonNegative

    @model_validator(mode="after")
    def _order(self) -> CountDrivers:
        for key in ("energy_min_kwh", "arrival_energy_kwh", "departure_energy_kwh"):
            if getattr(self, key) > self.battery_kwh:
                raise refused(key, getattr(self, key), f"at most battery_kwh ({self.battery_kwh:g})")
        return self


Drivers = Annotated[SessionDrivers | CountDrivers, Field(discriminator="source")]


class ChargingFile(GridFile):
    """The keys of the whole file that the markets of charging lots share."""

    market: ChargingMarketSection
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
            if isinstance(self.drivers, CountDrivers) and lot.learning.rule != "none":
                raise refused("drivers", "counts", f"replay or resample, because lot {lot.name} learns its price")
        return self
