"""The keys of a scenario file, checked by pydantic: unknown keys are errors, units stand in the names.

Keys with money in them carry the currency of the file (``currency: EUR`` makes ``fuel_cost_eur_per_mwh``,
``currency: USD`` makes ``fuel_cost_usd_per_mwh``). Their attributes leave it out: ``fuel_cost_per_mwh``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from equilibrium.errors import InputError
from equilibrium.plain import A_NAME, SMALLEST, decimal, is_name, number_fault, obeyed
from scenarios.draws.sarima import LARGEST
from scenarios.time_axis import time_zone
from scenarios.units import CHARGER_KW, VEHICLE_KWH, VOLTAGE_PU, Magnitude
from scenarios.yaml_tree import KeyPath

MONEY = "eur"
"""How the schema itself writes the currency; :mod:`scenarios.checking` translates other currencies."""


def schema_key(name: str) -> str:
    """Return the key of an attribute: the currency goes before ``_per_kwh``, ``_per_mwh`` or ``_per_kg``."""
    for unit in ("_per_kwh", "_per_mwh", "_per_kg"):
        if name.endswith(unit):
            return name.removesuffix(unit) + f"_{MONEY}{unit}"
    return name


def a_number(value: object) -> object:
    """Refuse what is no number in plain decimals, and a number that nobody can mean.

    To Python true and false are 1 and 0; pydantic would read ``"1_000"`` and digits of other scripts.
    """
    if isinstance(value, bool):
        raise ValueError("a number, not yes or no")  # noqa: TRY004 - pydantic turns only ValueError into its own
    if isinstance(value, str):
        found = decimal(value.strip())
        if found is None:
            raise ValueError("a valid number in plain decimals")
        value = int(found) if math.isfinite(found) and found == int(found) else found
    if isinstance(value, int | float):
        try:
            size = abs(float(value))
        except OverflowError:
            size = math.inf
        fault = number_fault(size) if not math.isnan(size) else "a finite number"
        if fault is not None:
            raise ValueError(fault)
        if 0.0 < size < SMALLEST:
            raise ValueError(f"0, or a number of size {SMALLEST:g} at least")
    return value


def of_magnitude(magnitude: Magnitude) -> AfterValidator:
    """Return the check that a number has a size that there is, with the other reading of one that has not."""

    def check(value: float) -> float:
        """Refuse a number that is of another magnitude."""
        fault = magnitude.fault(value)
        if fault is not None:
            raise ValueError(fault)
        return value

    return AfterValidator(check)


def a_name(value: object) -> object:
    """Refuse a text that cannot be a name."""
    if isinstance(value, str) and value and not is_name(value):
        raise ValueError(A_NAME)
    return value


def a_text(value: object) -> object:
    """Refuse a text with control characters, and one that is longer than a page."""
    if isinstance(value, str) and (len(value) > TEXT_LIMIT or any(map(obeyed, value))):
        raise ValueError(f"a text without control characters, of at most {TEXT_LIMIT} characters")
    return value


def _label(value: object) -> object:
    """Let ``bus: 8`` mean the label ``"8"``; what stands in a file is text already when it comes here."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def a_date(value: object) -> object:
    """Refuse numbers, which pydantic would take for seconds since 1970."""
    if isinstance(value, int | float):
        raise ValueError("a date such as 2024-06-03")  # noqa: TRY004 - pydantic turns only ValueError into its own
    return value


def refused(key: str, value: object, expected: str) -> PydanticCustomError:
    """Return the complaint about one key that a check of the whole section has found."""
    return PydanticCustomError("section", "{expected}", {"key": key, "value": value, "expected": expected})


TEXT_LIMIT = 4_000
"""Most characters of a text that says where data come from."""

MOST_DRAWN = 100_000
"""Most sessions, vehicles or scenarios that are drawn at once; a number beyond it is a mistake."""

MOST_SEGMENTS = 1_000
"""Most pieces of a piecewise linear loss."""

Number = Annotated[float, BeforeValidator(a_number)]
Positive = Annotated[float, BeforeValidator(a_number), Field(gt=0)]
NonNegative = Annotated[float, BeforeValidator(a_number), Field(ge=0)]
Share = Annotated[float, BeforeValidator(a_number), Field(ge=0, le=1)]
Efficiency = Annotated[float, BeforeValidator(a_number), Field(gt=0, le=1)]
Count = Annotated[int, BeforeValidator(a_number), Field(ge=1)]
Label = Annotated[str, BeforeValidator(a_name), BeforeValidator(_label), Field(min_length=1)]
Words = Annotated[str, BeforeValidator(a_text), BeforeValidator(_label), Field(min_length=1)]
VoltagePu = Annotated[Positive, of_magnitude(VOLTAGE_PU)]
VehicleKwh = Annotated[Positive, of_magnitude(VEHICLE_KWH)]
ChargerKw = Annotated[Positive, of_magnitude(CHARGER_KW)]
Date = Annotated[dt.date, BeforeValidator(a_date)]
Step = Annotated[Literal[5, 10, 15, 20, 30, 60], BeforeValidator(a_number)]
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

    name: Label | None = None
    file: Label | None = None
    open: tuple[Label, ...] = ()
    roots: tuple[Label, ...] = ()
    generation_scale: NonNegative = 1.0
    generation_profile: Label | None = None
    rating_kva: Positive | None = None
    voltage_min_pu: VoltagePu = 0.90
    voltage_max_pu: VoltagePu = 1.10
    root_voltage_pu: VoltagePu | None = None

    @model_validator(mode="before")
    @classmethod
    def _held(cls, given: object) -> object:
        """A feeder of ours holds 1 per unit at its root, one of another program what its file says."""
        if isinstance(given, dict) and given.get("file") is None and given.get("root_voltage_pu") is None:
            return {**given, "root_voltage_pu": 1.0}
        return given

    @model_validator(mode="after")
    def _one(self) -> FeederSection:
        if self.name is None and self.file is None:
            raise refused("name", None, "name, a bundled feeder or a folder, or file, a grid of another program")
        if self.name is not None and self.file is not None:
            raise refused("file", self.file, "one of name and file")
        for key in ("open", "roots", "generation_scale", "generation_profile"):
            if self.file is None and getattr(self, key) != type(self).model_fields[key].default:
                raise refused(key, getattr(self, key), "this key only beside feeder.file, a grid of another program")
        return self

    @model_validator(mode="after")
    def _band(self) -> FeederSection:
        if not self.voltage_min_pu < self.voltage_max_pu:
            raise refused("voltage_min_pu", self.voltage_min_pu, f"less than voltage_max_pu ({self.voltage_max_pu:g})")
        return self


class RatedFeederSection(FeederSection):
    """Feeder and limits, with the limits of branches as currents."""

    impedance_factor: Positive = 1.0
    current_max_a: Positive | None = None
    trunk: tuple[Label, ...] = ()
    trunk_current_max_a: Positive | None = None

    @model_validator(mode="after")
    def _limits(self) -> RatedFeederSection:
        if self.current_max_a is not None and self.rating_kva is not None:
            raise refused("current_max_a", self.current_max_a, "one limit, rating_kva or current_max_a")
        if bool(self.trunk) != (self.trunk_current_max_a is not None):
            raise refused("trunk", list(self.trunk), "trunk and trunk_current_max_a together")
        return self


class TimeSection(Section):
    """The periods of a day."""

    zone: Label | None = None
    step_minutes: Step = 60

    @model_validator(mode="after")
    def _known(self) -> TimeSection:
        if self.zone is not None:
            check_zone("zone", self.zone)
        return self


def check_zone(key: str, name: str) -> None:
    """Refuse a time zone that does not exist under a key."""
    try:
        time_zone(name)
    except InputError as error:
        raise refused(key, name, error.expected) from None


Coefficient = Annotated[float, BeforeValidator(a_number), Field(ge=-LARGEST, le=LARGEST)]


class SarimaSection(Section):
    """A model of prices: fitted to those of the file, or with the four numbers that are given."""

    values: Literal["log", "level"] = "log"
    likelihood: Literal["conditional", "exact"] = "conditional"
    ar: Coefficient | None = None
    ma: Coefficient | None = None
    seasonal_ar: Coefficient | None = None
    sigma: NonNegative | None = None

    @model_validator(mode="after")
    def _all_or_none(self) -> SarimaSection:
        numbers = {key: getattr(self, key) for key in ("ar", "ma", "seasonal_ar", "sigma")}
        missing = [key for key, value in numbers.items() if value is None]
        if missing and len(missing) < len(numbers):
            raise refused(missing[0], None, f"all of {', '.join(numbers)}, or none to fit them")
        if not missing and self.likelihood != "conditional":
            raise refused("likelihood", self.likelihood, f"this key only where {', '.join(numbers)} are fitted")
        return self


class PricesSection(Section):
    """Wholesale prices."""

    file: Label
    price_column: Label | None = None
    unit: Label | None = None
    area: Label | None = None
    time_column: Label | None = None
    time_format: Label | None = None
    time_zone: Label | None = None
    step_minutes: Step = 60
    start: Date | None = None
    after_end: Literal["repeat", "stop"] = "repeat"
    draw: Literal["none", "sarima"] = "none"
    sarima: SarimaSection = SarimaSection()

    @model_validator(mode="after")
    def _drawn(self) -> PricesSection:
        if self.draw == "none" and self.sarima != SarimaSection():
            raise refused("draw", self.draw, "sarima beside a section sarima")
        return self

    @model_validator(mode="after")
    def _own_layout(self) -> PricesSection:
        if self.time_column is None:
            for key in ("time_format", "time_zone"):
                if getattr(self, key) is not None:
                    raise refused(key, getattr(self, key), "this key only beside time_column, for a layout of your own")
        elif self.price_column is None:
            raise refused("price_column", None, "the name of the column of the prices, beside time_column")
        if self.time_zone is not None:
            check_zone("time_zone", self.time_zone)
        return self


class LoadsSection(Section):
    """Inflexible load."""

    file: Label | None = None
    profiles: Label = "s0"
    profile: Label = "residential"
    scale: NonNegative = 1.0
    day_sigma: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=1)] = 0.0
    hour_sigma: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=1)] = 0.0


class WeibullSection(Section):
    """A Weibull variable."""

    shape: Positive
    scale: Positive


class RothErevKeys(Section):
    """The keys of the modified Roth-Erev rule, whatever it chooses."""

    experimentation: Annotated[float, BeforeValidator(a_number), Field(ge=0, lt=1)] = 0.2
    recency: Annotated[float, BeforeValidator(a_number), Field(gt=0, le=1)] = 0.1
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


class MarketSection(Section):
    """Rules of the market; each market has a section of its own."""

    kind: str


class CaseFile(Section):
    """The keys that the files of all markets have."""

    title: Label
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    time: TimeSection = TimeSection()
    agent_order: Annotated[int, BeforeValidator(a_number), Field(ge=0)] = 0
    market: MarketSection
    prices: PricesSection

    agent_lists: ClassVar[tuple[str, ...]] = ("lots",)
    """Lists of agents that ``agent_order`` reorders."""


class GridFile(CaseFile):
    """The keys of the files of markets on a feeder."""

    feeder: FeederSection
    loads: LoadsSection = LoadsSection()


FileKeys = Mapping[KeyPath, tuple[str, str]]
"""Keys that name a bundled data file or the user's own, with the bundled folder and the suffix; no bundled folder where
only the user has files or folders of this kind."""

CASE_FILE_KEYS: FileKeys = {("prices", "file"): ("prices", ".csv")}

GRID_FILE_KEYS: FileKeys = {
    **CASE_FILE_KEYS,
    ("feeder", "name"): ("feeders", ""),
    ("feeder", "file"): ("", ""),
    ("loads", "file"): ("loads", ".csv"),
    ("loads", "profiles"): ("profiles", ".csv"),
}
