"""The keys of a charging market's drivers: where their sessions come from, and how they choose a lot."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from equilibrium.plain import closest
from scenarios.readers.sessions import NEEDED_COLUMNS, SESSION_COLUMNS
from scenarios.schema import (
    MOST_DRAWN,
    Count,
    Label,
    NonNegative,
    Number,
    Positive,
    Section,
    Share,
    VehicleKwh,
    a_number,
    check_zone,
    refused,
)


class OutsideSection(Section):
    """What drivers can do instead of using a lot: charge at home, or drive on to another one."""

    price_per_kwh: Positive
    constant: Number = 0.0


class ChoiceSection(Section):
    """Utility of a lot for a driver (a logit over the lots, and an outside option)."""

    price_utility_per_kwh: Annotated[Number, Field(le=0)] = Field(default=-10.0, alias="price_utility_per_eur_per_kwh")
    walking_utility_per_m: Annotated[Number, Field(le=0)] = -0.004
    experience_utility: NonNegative = 1.0
    experience_memory: Share = 0.7
    outside: OutsideSection | None = None


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

    source: Literal["replay", "resample", "fitted"]
    files: Annotated[tuple[Label, ...], Field(min_length=1)]
    columns: dict[Label, Label] = Field(default_factory=dict)
    time_format: Label | None = None
    time_zone: Label | None = None
    energy_unit: Literal["kWh", "Wh"] = "kWh"
    overlaps: Literal["stop", "keep"] = "stop"
    sessions_per_day: Annotated[Positive, Field(le=MOST_DRAWN)] | None = None
    energy: Literal["delivered", "requested"] = "delivered"
    departure: Literal["recorded", "estimated"] = "recorded"
    energy_scale: Positive = 1.0
    copula: Literal["gaussian", "vine"] = "gaussian"
    stay_max_h: Annotated[float, BeforeValidator(a_number), Field(gt=0, le=168)] = 24.0
    vehicles: VehiclesSection = VehiclesSection()
    patience: PatienceSection = PatienceSection()
    choice: ChoiceSection = ChoiceSection()

    @model_validator(mode="after")
    def _layout(self) -> SessionDrivers:
        for key in self.columns:
            if key not in SESSION_COLUMNS:
                expected = f"one of {', '.join(SESSION_COLUMNS)}{closest(key, SESSION_COLUMNS)}"
                raise refused(f"columns.{key}", self.columns[key], expected)
        missing = [key for key in NEEDED_COLUMNS if self.columns and key not in self.columns]
        if missing:
            raise refused("columns", self.columns, f"the file's names of {', '.join(missing)} too")
        for key in ("time_format", "energy_unit"):
            if not self.columns and getattr(self, key) != type(self).model_fields[key].default:
                raise refused(key, getattr(self, key), "this key only beside columns, for a CSV file of your own")
        if self.time_zone is not None:
            check_zone("time_zone", self.time_zone)
        return self

    @model_validator(mode="after")
    def _joined(self) -> SessionDrivers:
        if self.copula != "gaussian" and self.source != "fitted":
            raise refused("copula", self.copula, f"source: fitted beside it (the source is {self.source})")
        return self

    @model_validator(mode="after")
    def _target(self) -> SessionDrivers:
        if self.source == "replay" and self.sessions_per_day is not None:
            raise refused(
                "sessions_per_day", self.sessions_per_day, "source: resample or fitted (a replay has its own number)"
            )
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
