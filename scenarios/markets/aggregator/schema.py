"""The keys of a scenario file of the aggregator market; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from equilibrium.markets.aggregator.day import CATEGORIES
from equilibrium.markets.aggregator.market import GAP_TARGET
from scenarios.schema import (
    GRID_FILE_KEYS,
    MOST_DRAWN,
    MOST_SEGMENTS,
    ChargerKw,
    Count,
    Efficiency,
    FileKeys,
    GridFile,
    Label,
    MarketSection,
    NonNegative,
    Number,
    Positive,
    RatedFeederSection,
    RothErevKeys,
    Section,
    Share,
    VehicleKwh,
    a_number,
    refused,
    schema_key,
)
from scenarios.time_axis import DAY_H
from scenarios.units import HARD_CURRENCIES, cap_fault

FILE_KEYS: FileKeys = GRID_FILE_KEYS

ByHour = Annotated[tuple[NonNegative, ...], Field(min_length=DAY_H, max_length=DAY_H)]
"""A number for each hour of the clock."""

Prices = Annotated[tuple[Number, ...], Field(min_length=DAY_H, max_length=DAY_H)]
"""A price for each hour of the clock."""


class ReadingSection(Section):
    """How the published model's unclear places are read (docs/aggregator.md)."""

    weights: Literal["expected", "printed"] = "expected"
    pool_floor: Literal["zero", "arrival", "printed"] = "zero"
    flex1_floor: Literal["printed", "physical"] = "printed"
    output_stock: Literal["printed", "start"] = "printed"
    extra_flex2: Literal["flex2", "printed"] = "flex2"
    generator_price: Literal["common", "unit"] = "common"


CAPS = ("cap_per_mwh", "uniform_cap_per_mwh")
"""Keys of a market's section that cap the price of energy."""


def check_caps(market: MarketSection, currency: str) -> None:
    """Refuse a cap of energy prices that was written in another unit."""
    for name in CAPS if currency in HARD_CURRENCIES else ():
        if (fault := cap_fault(getattr(market, name))) is not None:
            raise refused(f"market.{schema_key(name)}", getattr(market, name), fault)


class AggregatorMarketSection(MarketSection):
    """Rules of the market."""

    kind: Literal["aggregator"]
    pricing: Literal["pay-as-bid", "uniform"] = "pay-as-bid"
    cap_per_mwh: Positive | None = None
    uniform_cap_per_mwh: Positive | None = None
    reserve_cap_per_mwh: Positive | None = None
    call_probability: Share = 0.05
    failure_rate: Share = 0.02
    network: bool = True
    gap: Annotated[float, BeforeValidator(a_number), Field(ge=0, lt=1)] = GAP_TARGET
    node_limit: Count | None = None
    segments: Annotated[Count, Field(le=MOST_SEGMENTS)] = 5
    transformer_efficiency: Efficiency = 1.0
    lots: Literal["pools", "vehicles"] = "pools"
    reading: ReadingSection = ReadingSection()

    @model_validator(mode="after")
    def _cap(self) -> AggregatorMarketSection:
        if self.pricing == "pay-as-bid" and self.cap_per_mwh is None:
            raise refused("cap_eur_per_mwh", None, "the largest price that may be offered under pay-as-bid")
        if self.pricing == "uniform" and self.uniform_cap_per_mwh is None:
            raise refused("uniform_cap_eur_per_mwh", None, "a cap: without one the uniform price has no largest value")
        if self.reserve_cap_per_mwh is None:
            raise refused("reserve_cap_eur_per_mwh", None, "a cap: reserve prices need a largest value too")
        if self.pricing == "uniform" and self.reading.generator_price == "unit":
            raise refused("reading.generator_price", "unit", "common: a uniform price is the same for everybody")
        return self


class UpstreamSection(Section):
    """What the upstream market pays beside the prices of the series."""

    adder_per_mwh: Number = 0.0
    reserve_per_mwh: ByHour
    reserve_day_sigma: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=1)] = 0.0


class ByContractSection(Section):
    """A number for every contract and class of stay."""

    fix1: Annotated[tuple[Share, ...], Field(min_length=1)]
    flex1: Annotated[tuple[Share, ...], Field(min_length=1)]
    fix2: Annotated[tuple[Share, ...], Field(min_length=1)]
    flex2: Annotated[tuple[Share, ...], Field(min_length=1)]

    @property
    def rows(self) -> tuple[tuple[float, ...], ...]:
        """The numbers in the order of :data:`equilibrium.markets.aggregator.day.CATEGORIES`."""
        return tuple(getattr(self, name) for name in CATEGORIES)


class ContractsSection(Section):
    """What drivers may agree on, by class of stay."""

    classes_h: Annotated[tuple[Count, ...], Field(min_length=1)]
    share: ByContractSection
    departure_share: ByContractSection

    @model_validator(mode="after")
    def _fit(self) -> ContractsSection:
        classes = len(self.classes_h)
        if list(self.classes_h) != sorted(set(self.classes_h)):
            raise refused("classes_h", list(self.classes_h), "the longest stay of each class, h, rising")
        for key in ("share", "departure_share"):
            for name, row in zip(CATEGORIES, getattr(self, key).rows, strict=True):
                if len(row) != classes:
                    raise refused(f"{key}.{name}", list(row), f"one number for each of the {classes} classes of stay")
        for k, longest in enumerate(self.classes_h):
            total = sum(row[k] for row in self.share.rows)
            if abs(total - 1.0) > 1e-9:
                raise refused("share", round(total, 12), f"shares that add up to 1 for stays up to {longest} h")
        return self


class ArrivalsSection(Section):
    """Who comes: lognormal about an expected number, turned away where no station is free."""

    mean: ByHour
    variation: NonNegative = 0.25
    stay_shares: Annotated[tuple[Share, ...], Field(min_length=1, max_length=DAY_H)]
    split: Literal["expected", "largest-remainder", "multinomial"] = "expected"
    sweep: Literal["forward", "all-hours"] = "forward"
    energy_share: Share = 0.3

    @model_validator(mode="after")
    def _shares(self) -> ArrivalsSection:
        if abs(sum(self.stay_shares) - 1.0) > 1e-9:
            raise refused("stay_shares", round(sum(self.stay_shares), 12), "shares that add up to 1")
        if max(self.mean) > MOST_DRAWN:
            raise refused("mean", max(self.mean), f"at most {MOST_DRAWN} vehicles an hour")
        return self


class LotTariffsSection(Section):
    """What passes between a lot and its drivers."""

    g2v1_per_mwh: Number
    g2v2_per_mwh: Number
    g2v3_per_mwh: Number
    v2g_per_mwh: Number
    extra_per_mwh: NonNegative = 0.0
    parking_per_hour: NonNegative = 0.0
    degradation_per_mwh: NonNegative = 0.0

    @model_validator(mode="after")
    def _order(self) -> LotTariffsSection:
        if not self.g2v3_per_mwh < self.g2v2_per_mwh < self.g2v1_per_mwh:
            tariffs = [self.g2v1_per_mwh, self.g2v2_per_mwh, self.g2v3_per_mwh]
            raise refused("g2v1_eur_per_mwh", tariffs, "g2v1 > g2v2 > g2v3: the less flexible a driver, the dearer")
        least = self.g2v3_per_mwh + self.degradation_per_mwh
        if self.v2g_per_mwh < least:
            expected = f"at least g2v3 and degradation together ({least:g}): else energy is bought back at a gain"
            raise refused("v2g_eur_per_mwh", self.v2g_per_mwh, expected)
        return self


class TariffLearningSection(RothErevKeys):
    """How a lot adapts its tariffs: all three move by a step that it chooses."""

    rule: Label = "none"
    step_grid_per_mwh: tuple[Number, ...] = ()

    @model_validator(mode="after")
    def _grid(self) -> TariffLearningSection:
        if self.rule != "none":
            self.check_grid("step_grid_eur_per_mwh", self.step_grid_per_mwh)
        return self


class ContractLotSection(Section):
    """One parking lot with its contracts, tariffs and arrivals."""

    name: Label
    bus: Label
    stations: Annotated[Count, Field(le=MOST_DRAWN)]
    charger_kw: ChargerKw
    battery_kwh: VehicleKwh
    efficiency: Efficiency = 0.9
    discharge_efficiency: Efficiency = 0.95
    energy_min_share: Share = 0.2
    energy_max_share: Share = 0.95
    failure_rate: Share = 0.02
    contracts: ContractsSection
    tariffs: LotTariffsSection
    arrivals: ArrivalsSection
    learning: TariffLearningSection = TariffLearningSection()

    @model_validator(mode="after")
    def _fit(self) -> ContractLotSection:
        if not self.energy_min_share < self.energy_max_share:
            expected = f"less than energy_max_share ({self.energy_max_share:g})"
            raise refused("energy_min_share", self.energy_min_share, expected)
        for name, row in zip(CATEGORIES, self.contracts.departure_share.rows, strict=True):
            if max(row) > self.energy_max_share:
                expected = f"at most energy_max_share ({self.energy_max_share:g})"
                raise refused(f"contracts.departure_share.{name}", max(row), expected)
        if len(self.arrivals.stay_shares) > self.contracts.classes_h[-1]:
            expected = f"stays up to the longest class ({self.contracts.classes_h[-1]} h)"
            raise refused("arrivals.stay_shares", len(self.arrivals.stay_shares), expected)
        return self


class GeneratorLearningSection(RothErevKeys):
    """How a generator's owner adapts the cost that it states."""

    rule: Label = "none"
    markup_grid: tuple[NonNegative, ...] = ()

    @model_validator(mode="after")
    def _grid(self) -> GeneratorLearningSection:
        if self.rule != "none":
            self.check_grid("markup_grid", self.markup_grid)
        return self


class GeneratorSection(Section):
    """One distributed generator."""

    name: Label
    bus: Label
    cost_per_mwh: NonNegative
    max_kw: Positive
    learning: GeneratorLearningSection = GeneratorLearningSection()


class LoadRetailerSection(Section):
    """The retailer of the interruptible load."""

    price_per_mwh: Prices
    incentive_per_mwh: NonNegative
    interruptible_share: Share = 0.1
    fatigue: Share = 0.5
    recovery: Share = 0.3


class ContractChoiceSection(Section):
    """Utility of a contract against the others and against driving on (a logit)."""

    price_utility_per_kwh: Annotated[float, BeforeValidator(a_number), Field(le=0)] = Field(
        default=-10.0, alias="price_utility_per_eur_per_kwh"
    )
    experience_utility: NonNegative = 1.0
    experience_memory: Share = 0.7
    staying_away: Annotated[float, BeforeValidator(a_number), Field(ge=0, lt=1)] = 0.1


class ContractDriversSection(Section):
    """The drivers' behaviour."""

    choice: ContractChoiceSection | None = None


class AggregatorBeliefSection(Section):
    """How the aggregator forecasts and how long it remembers."""

    price_memory: Share = 0.7
    attendance_memory: Share = 0.7
    load_memory: Share = 0.7


class ScenariosSection(Section):
    """Scenarios of the arrivals."""

    draws: Annotated[Count, Field(le=MOST_DRAWN)] = 30
    kept: Count = 3

    @model_validator(mode="after")
    def _order(self) -> ScenariosSection:
        if self.kept > self.draws:
            raise refused("kept", self.kept, f"at most draws ({self.draws})")
        return self


class AggregatorFile(GridFile):
    """The whole file."""

    feeder: RatedFeederSection
    market: AggregatorMarketSection
    upstream: UpstreamSection
    aggregator: AggregatorBeliefSection = AggregatorBeliefSection()
    lots: Annotated[tuple[ContractLotSection, ...], Field(min_length=1)]
    generators: tuple[GeneratorSection, ...] = ()
    retailer: LoadRetailerSection
    drivers: ContractDriversSection = ContractDriversSection()
    scenarios: ScenariosSection = ScenariosSection()

    agent_lists = ("lots", "generators")

    @model_validator(mode="after")
    def _caps(self) -> AggregatorFile:
        check_caps(self.market, self.currency)
        return self
