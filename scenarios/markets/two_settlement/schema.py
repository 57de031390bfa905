"""The keys of a scenario file of the market of two settlements; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from equilibrium.markets.two_settlement.real_time import LOOK_AHEAD
from scenarios.markets.charging.fleet import FleetSection
from scenarios.markets.charging.schema import RenewableSection, StorageSection
from scenarios.schema import (
    GRID_FILE_KEYS,
    MOST_DRAWN,
    Count,
    Efficiency,
    FileKeys,
    GridFile,
    Label,
    MarketSection,
    NonNegative,
    Number,
    Positive,
    Section,
    Share,
    Step,
    a_number,
    refused,
    schema_key,
)
from scenarios.time_axis import DAY_H
from scenarios.units import HARD_CURRENCIES, lost_load_fault

FILE_KEYS: FileKeys = GRID_FILE_KEYS

AIMS_OF_OUTAGES = ("interruption", "compromise")
"""Aims that say nothing where no outage is looked at."""

SHORTEST_H = DAY_H - 1
"""Hours of the shortest day that a zone has."""

ByHour = Annotated[tuple[NonNegative, ...], Field(min_length=DAY_H, max_length=DAY_H)]
"""A number for each hour of the clock."""

Sigma = Annotated[float, BeforeValidator(a_number), Field(ge=0, le=1)]
"""Standard deviation of a relative error."""


class TwoSettlementMarketSection(MarketSection):
    """Rules of the market."""

    kind: Literal["two-settlement"]
    aim: Literal["profit", "interruption", "total", "compromise"] = "total"
    points: Annotated[Count, Field(ge=2, le=1000)] = 11
    gamma: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=DAY_H)] = 0.0
    price_deviation_share: Share = 0.15
    load_gamma: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=DAY_H)] = 0.0
    load_deviation_share: Share = 0.1
    gap: Annotated[float, BeforeValidator(a_number), Field(ge=0, lt=1)] = 1e-3
    node_limit: Count | None = None


class WholesaleSection(Section):
    """What the wholesale market pays, as shares of its price of energy, and what may pass the roots."""

    sell_share: Share = 0.97
    reactive_share: Share = 0.25
    spinning_share: Share = 0.5
    spinning_adder_per_mwh: NonNegative = 60.0
    regulating_share: Share = 0.6
    regulating_adder_per_mwh: NonNegative = 40.0
    trade_max_kw: Positive | None = None
    reactive_per_kw: Number | None = None
    call_probability: Share = 0.02


class RealTimeSection(Section):
    """Real time: periods, window, and how the day differs from what was expected."""

    step_minutes: Step = 15
    look_ahead: Annotated[int, BeforeValidator(a_number), Field(ge=LOOK_AHEAD[0], le=LOOK_AHEAD[1])] = 8
    price_sigma: Sigma = 0.15
    load_sigma: Sigma = 0.05
    supply_sigma: Sigma = 0.1
    persistence: Annotated[float, BeforeValidator(a_number), Field(ge=0, lt=1)] = 0.9


class PenaltiesSection(Section):
    """What is not as it was scheduled costs beyond its price: shares of the day-ahead price, and per MWh."""

    energy_share: NonNegative = 1.5
    reactive_share: NonNegative = 1.5
    spinning_share: Annotated[float, BeforeValidator(a_number), Field(ge=1, le=1000)] = 1.5
    output_per_mwh: NonNegative = 20.0


class CommittedUnitSection(Section):
    """One generator of the operator that is on or off."""

    name: Label
    bus: Label
    min_kw: NonNegative
    max_kw: Positive
    rating_kva: Positive
    cost_per_mwh: NonNegative
    idle_cost_per_hour: NonNegative = 0.0
    start_cost: NonNegative = 0.0
    ramp_kw_per_h: Positive | None = None
    min_up_h: Positive = 1.0
    min_down_h: Positive = 1.0
    before_kw: Positive | None = None

    @model_validator(mode="after")
    def _order(self) -> CommittedUnitSection:
        if not self.min_kw <= self.max_kw:
            raise refused("min_kw", self.min_kw, f"at most max_kw ({self.max_kw:g})")
        if not self.max_kw <= self.rating_kva:
            raise refused("max_kw", self.max_kw, f"at most rating_kva ({self.rating_kva:g})")
        if self.before_kw is not None and not self.min_kw <= self.before_kw <= self.max_kw:
            raise refused("before_kw", self.before_kw, f"from min_kw to max_kw ({self.min_kw:g} to {self.max_kw:g})")
        for key in ("min_up_h", "min_down_h"):
            if getattr(self, key) > DAY_H:
                raise refused(key, getattr(self, key), f"at most the day, {DAY_H} h")
        return self


class OffersSection(Section):
    """What the operator offers aggregators, as shares of the prices that it expects."""

    sold_share: Share = 0.9
    bought_share: Annotated[float, BeforeValidator(a_number), Field(ge=1, le=10)] = 1.05
    reserve_share: Share = 0.9
    reactive_per_kw: NonNegative = 0.488


class DemandAggregatorSection(Section):
    """One aggregator of demand response."""

    name: Label
    bus: Label
    demand_kw: ByHour
    movable_share: Share = 0.4
    generator_kw: ByHour = (0.0,) * DAY_H
    generator_cost_per_mwh: NonNegative = 0.0
    cut_cost_per_mwh: NonNegative = 0.0
    ready_cost_per_mwh: NonNegative = 0.0
    day_sigma: Sigma = 0.05


class LotAggregatorSection(Section):
    """One aggregator of a parking lot."""

    name: Label
    bus: Label
    vehicles: Annotated[int, BeforeValidator(a_number), Field(ge=0, le=MOST_DRAWN)]
    attendance_sigma: Sigma = 0.1
    efficiency: Efficiency = 0.95
    discharge_efficiency: Efficiency = 0.95
    wear_per_mwh: NonNegative = 0.0
    spinning_max_kw: NonNegative | None = None
    regulating_max_kw: NonNegative | None = None


class OutagesSection(Section):
    """What fails: every branch that is closed and every bus that is no root, but those that are left out."""

    failures_per_year: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=MOST_DRAWN)] = 0.0
    repair_h: Positive = 4.0
    skip: tuple[Label, ...] = ()
    planned: bool = False


class BeliefsSection(Section):
    """What everybody remembers: shares of a memory that one day leaves unchanged, and the reserve for errors."""

    price_memory: Share = 0.7
    load_memory: Share = 0.7
    error_memory: Share = 0.7
    attendance_memory: Share = 0.7
    reserve_deviations: NonNegative = 1.0


class JointScenariosSection(Section):
    """Scenarios of the day-ahead market: drawn and reduced for each source, then joined."""

    draws: Annotated[Count, Field(le=MOST_DRAWN)] = 1000
    kept: Count = 10
    joint: Count = 3

    @model_validator(mode="after")
    def _order(self) -> JointScenariosSection:
        if self.kept > self.draws:
            raise refused("kept", self.kept, f"at most draws ({self.draws})")
        if self.joint > self.draws:
            raise refused("joint", self.joint, f"at most draws ({self.draws})")
        return self


class TwoSettlementFile(GridFile):
    """The whole file."""

    market: TwoSettlementMarketSection
    wholesale: WholesaleSection = WholesaleSection()
    real_time: RealTimeSection = RealTimeSection()
    penalties: PenaltiesSection = PenaltiesSection()
    lost_load_per_mwh: Annotated[tuple[NonNegative, ...], Field(min_length=1)]
    generators: tuple[CommittedUnitSection, ...] = ()
    renewables: tuple[RenewableSection, ...] = ()
    storage: tuple[StorageSection, ...] = ()
    offers: OffersSection = OffersSection()
    demand_aggregators: tuple[DemandAggregatorSection, ...] = ()
    lots: tuple[LotAggregatorSection, ...] = ()
    fleet: FleetSection | None = None
    outages: OutagesSection = OutagesSection()
    beliefs: BeliefsSection = BeliefsSection()
    scenarios: JointScenariosSection = JointScenariosSection()

    agent_lists = ("demand_aggregators", "lots")

    @model_validator(mode="after")
    def _worth_of_load(self) -> TwoSettlementFile:
        for k, value in enumerate(self.lost_load_per_mwh if self.currency in HARD_CURRENCIES else ()):
            if (fault := lost_load_fault(value, per_mwh=True)) is not None:
                raise refused(f"{schema_key('lost_load_per_mwh')}.{k}", value, fault)
        return self

    @model_validator(mode="after")
    def _fit(self) -> TwoSettlementFile:
        if self.lots and self.fleet is None:
            raise refused("fleet", None, "what vehicles of the lots are like")
        if self.time.step_minutes % self.real_time.step_minutes:
            expected = f"a part of time.step_minutes ({self.time.step_minutes})"
            raise refused("real_time.step_minutes", self.real_time.step_minutes, expected)
        if self.outages.planned and not self.outages.failures_per_year:
            raise refused("outages.failures_per_year", 0.0, "above 0, since outages are planned")
        if self.market.aim in AIMS_OF_OUTAGES and not self.outages.planned:
            expected = "profit or total, or outages.planned: true, without which no outage costs anything"
            raise refused("market.aim", self.market.aim, expected)
        self._fit_shortest_day()
        if self.feeder.file is not None:
            raise refused("feeder.file", self.feeder.file, "name: a feeder with roots and ties, bundled or a folder")
        window = self.real_time.look_ahead * self.real_time.step_minutes / 60.0
        if window > DAY_H:
            expected = f"a window within the day, at most {DAY_H * 60 // self.real_time.step_minutes} periods"
            raise refused("real_time.look_ahead", self.real_time.look_ahead, expected)
        return self

    def _fit_shortest_day(self) -> None:
        """Refuse what the day on which clocks go forward has not hours enough for."""
        if self.time.zone is None:
            return
        expected = f"at most {SHORTEST_H}, the hours of the day on which clocks go forward"
        for key in ("gamma", "load_gamma"):
            if getattr(self.market, key) > SHORTEST_H:
                raise refused(f"market.{key}", getattr(self.market, key), expected)
        for number, unit in enumerate(self.generators):
            for key in ("min_up_h", "min_down_h"):
                if getattr(unit, key) > SHORTEST_H:
                    raise refused(f"generators.{number}.{key}", getattr(unit, key), expected)
