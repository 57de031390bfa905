"""The keys of a scenario file of the DISCO market; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from equilibrium.markets.disco.rules import NODE_LIMIT
from scenarios.markets.charging.fleet import FleetSection
from scenarios.schema import (
    GRID_FILE_KEYS,
    MOST_DRAWN,
    MOST_SEGMENTS,
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
    WeibullSection,
    a_number,
    refused,
    schema_key,
)

FILE_KEYS: FileKeys = {**GRID_FILE_KEYS, ("retailer", "programs", "set"): ("programs", ".yaml")}

MOST_DRIVERS = 10_000
"""Drivers of one lot; the programs of more take over a gigabyte."""


class DiscoMarketSection(MarketSection):
    """Rules of the market."""

    kind: Literal["disco"]
    mode: Literal["strict", "strict-exclusive", "windows", "windows-strict"] = "windows-strict"
    purchases: Literal["recourse", "here-and-now"] = "recourse"
    alpha: Annotated[float, BeforeValidator(a_number), Field(gt=0, lt=1)] = 0.95
    beta: Share = 0.0
    segments: Annotated[Count, Field(le=MOST_SEGMENTS)] = 20
    transformer_efficiency: Efficiency = 1.0
    infeasible_wish: Literal["error", "best-effort"] = "error"
    node_limit: Count = NODE_LIMIT
    charge_periods: tuple[Label, ...] = ()
    discharge_periods: tuple[Label, ...] = ()

    @model_validator(mode="after")
    def _windows(self) -> DiscoMarketSection:
        for key in ("charge_periods", "discharge_periods"):
            periods = getattr(self, key)
            if self.mode.startswith("windows") and not periods:
                raise refused(key, list(periods), f"at least one period of the programs for mode {self.mode}")
            if not self.mode.startswith("windows") and periods:
                raise refused(key, list(periods), f"[] for mode {self.mode}, which has no windows")
        return self


class UnitSection(Section):
    """One wind or sun unit of the company; units of a kind have the same weather."""

    name: Label
    bus: Label
    rated_kw: Positive
    kind: Literal["pv", "wind"]


class DayFactorSection(Section):
    """A normal factor on a day's profile; values outside the bounds are put on them."""

    mean: Number = 1.0
    sd: NonNegative = 0.25
    min: NonNegative = 0.3
    max: Positive = 1.6

    @model_validator(mode="after")
    def _order(self) -> DayFactorSection:
        if self.max < self.min:
            raise refused("max", self.max, f"at least min ({self.min:g})")
        return self


class WeatherSection(Section):
    """Sun and wind: the profiles ``pv`` and ``wind`` times a factor of the day, or hourly Weibull draws."""

    scale: Positive = 1.0
    factor: DayFactorSection = DayFactorSection()
    wind_speed_m_per_s: WeibullSection | None = None
    irradiance_w_per_m2: WeibullSection | None = None

    @model_validator(mode="after")
    def _both(self) -> WeatherSection:
        if (self.wind_speed_m_per_s is None) != (self.irradiance_w_per_m2 is None):
            raise refused("wind_speed_m_per_s", None, "wind_speed_m_per_s and irradiance_w_per_m2, both or none")
        return self


class V2GLotSection(Section):
    """One parking lot with vehicle-to-grid."""

    name: Label
    bus: Label
    drivers: Annotated[Count, Field(le=MOST_DRIVERS)]
    efficiency: Efficiency = 0.9
    discharge_efficiency: Efficiency = 0.95


class TermsLearningSection(RothErevKeys):
    """How the owner adapts its terms; without a rule by roth-erev where there is a grid and drivers have a choice."""

    rule: Label | None = None
    settings: dict[Label, Number] = Field(default_factory=dict)
    of: Literal["margin", "driver_share"] = "margin"
    margin_grid_per_kwh: tuple[Number, ...] = ()
    driver_share_grid: tuple[Share, ...] = ()

    @model_validator(mode="after")
    def _grid(self) -> TermsLearningSection:
        key = schema_key("margin_grid_per_kwh" if self.of == "margin" else "driver_share_grid")
        if self.rule == "roth-erev" or (self.rule is None and self.grid):
            self.check_grid(key, self.grid)
        elif self.rule not in (None, "none"):
            if not self.grid:
                raise refused(key, [], f"a value or more for {self.rule}")
            for name, field in RothErevKeys.model_fields.items():
                if getattr(self, name) != field.default:
                    expected = f"a key of roth-erev only; those of {self.rule} are in settings"
                    raise refused(name, getattr(self, name), expected)
        if self.settings and self.rule in (None, "none", "roth-erev"):
            raise refused("settings", self.settings, "nothing: they are for other rules")
        return self

    def rule_settings(self) -> dict[str, float]:
        """Return what the rule takes beside the grid."""
        if self.settings or self.rule not in (None, "roth-erev"):
            return dict(self.settings)
        return {key: float(getattr(self, key)) for key in RothErevKeys.model_fields}

    @property
    def grid(self) -> tuple[float, ...]:
        """The values to choose from."""
        return self.margin_grid_per_kwh if self.of == "margin" else self.driver_share_grid


class LotOwnerSection(Section):
    """The terms of the owner of the lots."""

    margin_per_kwh: Number = 0.0
    driver_share: Share = 0.5
    degradation_per_mwh: NonNegative = 30.0
    learning: TermsLearningSection = TermsLearningSection()


class ParticipationSection(Section):
    """Utility of parking at the lot against staying away (a binary logit)."""

    constant: Number = 2.0
    price_utility_per_kwh: Number = Field(default=-10.0, alias="price_utility_per_eur_per_kwh")
    share_utility: Number = 1.0
    experience_utility: Number = 1.0
    experience_memory: Share = 0.7


class DiscoDriversSection(Section):
    """The drivers' behaviour."""

    choice: ParticipationSection | None = None


class OfferedSection(Section):
    """Which programs the retailer may offer."""

    set: Label
    offered: tuple[Label, ...] = ()


class ProgramLearningSection(RothErevKeys):
    """How the retailer chooses among its programs."""

    rule: Literal["none", "epsilon-greedy", "thompson", "roth-erev"] = "epsilon-greedy"
    epsilon: Share = 0.2
    draws: Annotated[Count, Field(le=MOST_DRAWN)] = 100


class BeliefSection(Section):
    """What the retailer believes about the elasticity before the first day."""

    self_elasticity: Annotated[float, BeforeValidator(a_number), Field(le=0)] = -0.05
    cross_elasticity: NonNegative = 0.005
    prior_deviation: Positive = 0.05
    noise: Positive = 0.1
    symmetric: bool = True


class RetailerSection(Section):
    """The demand-response retailer."""

    programs: OfferedSection
    penalty: Literal["income", "cost"] = "income"
    cost_memory: Share = 0.7
    learning: ProgramLearningSection = ProgramLearningSection()
    belief: BeliefSection = BeliefSection()


class CompanySection(Section):
    """What the company asks of the lots, and pays them."""

    lot_tariff: Literal["program", "marginal-cost"] = "program"
    cost_memory: Share = 0.7


class CustomersSection(Section):
    """The customers' true behaviour; what is not given is that of the set of programs."""

    noise: NonNegative = 0.02
    participation: Annotated[float, BeforeValidator(a_number), Field(gt=0, le=1)] | None = None
    elasticity: dict[Label, dict[Label, Number]] | None = None


class UncertaintySection(Section):
    """Scenarios of the forecast."""

    draws: Annotated[Count, Field(le=MOST_DRAWN)] = 100
    kept: Count = 5
    price_sigma: Annotated[float, BeforeValidator(a_number), Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _order(self) -> UncertaintySection:
        if self.kept > self.draws:
            raise refused("kept", self.kept, f"at most draws ({self.draws})")
        return self


class EmissionsSection(Section):
    """The company's reward for buying less dirty energy than without renewables, programs and vehicle-to-grid."""

    factor: NonNegative = Field(alias="factor_kg_per_kwh")
    periods: Annotated[tuple[Label, ...], Field(min_length=1)]
    price_per_kg: NonNegative
    share: Share = 0.5


class DiscoFile(GridFile):
    """The whole file."""

    feeder: RatedFeederSection
    market: DiscoMarketSection
    renewables: tuple[UnitSection, ...] = ()
    weather: WeatherSection = WeatherSection()
    lots: Annotated[tuple[V2GLotSection, ...], Field(min_length=1)]
    fleet: FleetSection
    lot_owner: LotOwnerSection = LotOwnerSection()
    drivers: DiscoDriversSection = DiscoDriversSection()
    company: CompanySection = CompanySection()
    retailer: RetailerSection
    customers: CustomersSection = CustomersSection()
    scenarios: UncertaintySection = UncertaintySection()
    emissions: EmissionsSection | None = None

    @property
    def terms_rule(self) -> str:
        """Name of the rule by which the owner of the lots learns its terms, ``"none"`` where it does not."""
        learning = self.lot_owner.learning
        if learning.rule is not None:
            return learning.rule
        return "roth-erev" if learning.grid and self.drivers.choice is not None else "none"
