"""The keys of a scenario file, checked by pydantic: unknown keys are errors, units stand in the names.

Keys with money in them carry the currency of the file (``currency: EUR`` makes ``fuel_cost_eur_per_mwh``,
``currency: USD`` makes ``fuel_cost_usd_per_mwh``). Their attributes leave it out: ``fuel_cost_per_mwh``.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from equilibrium.errors import InputError
from scenarios.time_axis import time_zone

MONEY = "eur"
"""How the schema itself writes the currency; :mod:`scenarios.markets.charging.case` translates other currencies."""


def schema_key(name: str) -> str:
    """Return the key of an attribute: the currency goes before ``_per_kwh``, ``_per_mwh`` or ``_per_kg``."""
    for unit in ("_per_kwh", "_per_mwh", "_per_kg"):
        if name.endswith(unit):
            return name.removesuffix(unit) + f"_{MONEY}{unit}"
    return name


def no_bool(value: object) -> object:
    """Refuse true and false where a number is asked for: to Python they are 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number, not yes or no")  # noqa: TRY004 - pydantic turns only ValueError into its own
    return value


def _label(value: object) -> object:
    """Let ``bus: 8`` mean the label ``"8"``."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def refused(key: str, value: object, expected: str) -> PydanticCustomError:
    """Return the complaint about one key that a check of the whole section has found."""
    return PydanticCustomError("section", "{expected}", {"key": key, "value": value, "expected": expected})


Number = Annotated[float, BeforeValidator(no_bool)]
Positive = Annotated[float, BeforeValidator(no_bool), Field(gt=0)]
NonNegative = Annotated[float, BeforeValidator(no_bool), Field(ge=0)]
Share = Annotated[float, BeforeValidator(no_bool), Field(ge=0, le=1)]
Count = Annotated[int, BeforeValidator(no_bool), Field(ge=1)]
Label = Annotated[str, BeforeValidator(_label), Field(min_length=1)]
Step = Annotated[Literal[5, 10, 15, 20, 30, 60], BeforeValidator(no_bool)]
"""One of :data:`scenarios.time_axis.STEPS_MIN`, minutes."""


class Section(BaseModel):
    """A mapping of the file."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        alias_generator=schema_key,
        validate_default=True,
    )


class FeederSection(Section):
    """Feeder and limits."""

    name: Label
    rating_kva: Positive | None = None
    voltage_min_pu: Positive = 0.90
    voltage_max_pu: Positive = 1.10
    root_voltage_pu: Positive = 1.0

    @model_validator(mode="after")
    def _band(self) -> FeederSection:
        if not self.voltage_min_pu < self.voltage_max_pu:
            raise refused("voltage_min_pu", self.voltage_min_pu, f"less than voltage_max_pu ({self.voltage_max_pu:g})")
        return self


class MarketSection(Section):
    """Rules of the market."""

    kind: Literal["lots-lead", "nodal"] = "lots-lead"
    iteration: Literal["gauss-seidel", "jacobi"] = "gauss-seidel"
    export_price_factor: Annotated[float, BeforeValidator(no_bool), Field(ge=0, lt=1)] = 0.7
    polygon_edges: Annotated[int, BeforeValidator(no_bool), Field(ge=4, le=360)] = 12
    on_infeasible: Literal["stop", "shed"] = "stop"
    value_of_lost_load_per_kwh: Positive = 3.0
    time_limit_s: Positive = 600.0


class TimeSection(Section):
    """The periods of a day."""

    zone: Label | None = None
    step_minutes: Step = 60

    @model_validator(mode="after")
    def _known(self) -> TimeSection:
        if self.zone is not None:
            try:
                time_zone(self.zone)
            except InputError as error:
                raise refused("zone", self.zone, error.expected) from None
        return self


class PricesSection(Section):
    """Wholesale prices."""

    file: Label
    price_column: str | None = None
    step_minutes: Step = 60
    start: dt.date | None = None
    after_end: Literal["repeat", "stop"] = "repeat"


class LoadsSection(Section):
    """Inflexible load."""

    file: Label | None = None
    profiles: Label = "s0"
    profile: Label = "residential"
    scale: NonNegative = 1.0
    day_sigma: Annotated[float, BeforeValidator(no_bool), Field(ge=0, le=1)] = 0.0


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
    day_sigma: Annotated[float, BeforeValidator(no_bool), Field(ge=0, le=1)] = 0.0


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


class RothErevKeys(Section):
    """The keys of the modified Roth-Erev rule, whatever it chooses."""

    experimentation: Annotated[float, BeforeValidator(no_bool), Field(ge=0, lt=1)] = 0.2
    recency: Annotated[float, BeforeValidator(no_bool), Field(gt=0, le=1)] = 0.1
    initial_propensity: Positive = 1.0

    def check_grid(self, key: str, values: tuple[float, ...] | tuple[str, ...]) -> None:
        """Refuse a choice of fewer than two values, and experimentation that would grow without being played."""
        alternatives = len(set(values))
        if alternatives < 2:
            raise refused(key, list(values), "two different values or more for roth-erev")
        limit = self.recency * (alternatives - 1)
        if self.experimentation >= limit:
            expected = f"less than recency * (number of choices - 1) = {limit:g}"
            raise refused("experimentation", self.experimentation, expected)


class LearningSection(RothErevKeys):
    """How a lot adapts its price."""

    rule: Literal["none", "roth-erev"] = "none"
    price_grid_per_kwh: tuple[Positive, ...] = ()

    @model_validator(mode="after")
    def _grid(self) -> LearningSection:
        if self.rule != "none":
            self.check_grid(schema_key("price_grid_per_kwh"), self.price_grid_per_kwh)
        return self


class LotSection(Section):
    """One parking lot."""

    name: Label
    bus: Label
    places: Count
    charger_kw: Positive
    efficiency: Annotated[float, BeforeValidator(no_bool), Field(gt=0, le=1)] = 0.95
    charging_price_per_kwh: Positive
    walking_distance_m: NonNegative = 0.0
    behaviour: Literal["strategic", "price-taking", "central"] = "strategic"
    terminal: Literal["eq", "ge"] = "eq"
    first_hour: Literal["corrected", "as_printed"] = "corrected"
    sites: tuple[str, ...] = ()
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
    arrival_share_min: Annotated[float, BeforeValidator(no_bool), Field(ge=0, lt=1)] = 0.1
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
    sessions_per_day: Positive | None = None
    energy: Literal["delivered", "requested"] = "delivered"
    departure: Literal["recorded", "estimated"] = "recorded"
    energy_scale: Positive = 1.0
    stay_max_h: Annotated[float, BeforeValidator(no_bool), Field(gt=0, le=168)] = 24.0
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
    battery_kwh: Positive
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


class CaseFile(Section):
    """The keys that the files of all markets have."""

    title: Annotated[str, Field(min_length=1, pattern=r"^[^\n]+$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    time: TimeSection = TimeSection()
    feeder: FeederSection
    prices: PricesSection
    loads: LoadsSection = LoadsSection()


class ScenarioFile(CaseFile):
    """The whole file of the lots-lead and the nodal market."""

    market: MarketSection = MarketSection()
    microturbines: tuple[MicroturbineSection, ...] = ()
    compensators: tuple[CompensatorSection, ...] = ()
    renewables: tuple[RenewableSection, ...] = ()
    storage: tuple[StorageSection, ...] = ()
    out_of_service: tuple[Label, ...] = ()
    lots: Annotated[tuple[LotSection, ...], Field(min_length=1)]
    drivers: Drivers

    @model_validator(mode="after")
    def _fixed_prices(self) -> ScenarioFile:
        for lot in self.lots:
            if isinstance(self.drivers, CountDrivers) and lot.learning.rule != "none":
                raise refused("drivers", "counts", f"replay or resample, because lot {lot.name} learns its price")
        return self
