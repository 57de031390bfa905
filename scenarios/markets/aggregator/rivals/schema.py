"""The keys of a scenario file of several aggregators; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from equilibrium.markets.aggregator.market import GAP_TARGET
from scenarios.markets.aggregator.schema import (
    AggregatorBeliefSection,
    ContractDriversSection,
    ContractLotSection,
    GeneratorSection,
    LoadRetailerSection,
    ReadingSection,
    ScenariosSection,
    UpstreamSection,
    check_caps,
)
from scenarios.schema import (
    Count,
    GridFile,
    Label,
    MarketSection,
    NonNegative,
    Number,
    Positive,
    RatedFeederSection,
    Section,
    Share,
    a_number,
    refused,
)

MOST_STARTS = 50
"""Starts of a day at most."""


class RivalsMarketSection(MarketSection):
    """Rules of the market."""

    kind: Literal["aggregators"]
    wheeling_per_mwh: NonNegative
    trade: Literal["everywhere", "own"] = "everywhere"
    pricing: Literal["pay-as-bid", "uniform"] = "pay-as-bid"
    cap_per_mwh: Positive | None = None
    uniform_cap_per_mwh: Positive | None = None
    reserve_cap_per_mwh: Positive | None = None
    call_probability: Share = 0.05
    failure_rate: Share = 0.02
    network: bool = False
    starts: Annotated[Count, Field(le=MOST_STARTS)] = 1
    gap: Annotated[float, BeforeValidator(a_number), Field(ge=0, lt=1)] = GAP_TARGET
    node_limit: Count | None = None
    reading: ReadingSection = ReadingSection()

    @model_validator(mode="after")
    def _cap(self) -> RivalsMarketSection:
        if self.pricing == "pay-as-bid" and self.cap_per_mwh is None:
            raise refused("cap_eur_per_mwh", None, "the largest price that may be offered under pay-as-bid")
        if self.pricing == "uniform" and self.uniform_cap_per_mwh is None:
            raise refused("uniform_cap_eur_per_mwh", None, "a cap: without one the uniform price has no largest value")
        if self.reserve_cap_per_mwh is None:
            raise refused("reserve_cap_eur_per_mwh", None, "a cap: reserve prices need a largest value too")
        if self.network:
            raise refused("network", self.network, "false: no proof is known for competing aggregators on one feeder")
        if self.pricing == "uniform" and self.reading.generator_price == "unit":
            raise refused("reading.generator_price", "unit", "common: a uniform price is the same for everybody")
        return self


class RivalSection(Section):
    """One aggregator and the followers that are its own."""

    name: Label
    load_share: Share
    adder_per_mwh: Number = 0.0
    belief: AggregatorBeliefSection = AggregatorBeliefSection()
    lots: tuple[ContractLotSection, ...] = ()
    generators: tuple[GeneratorSection, ...] = ()
    retailer: LoadRetailerSection


class RivalsFile(GridFile):
    """The whole file."""

    feeder: RatedFeederSection
    market: RivalsMarketSection
    upstream: UpstreamSection
    aggregators: Annotated[tuple[RivalSection, ...], Field(min_length=2)]
    drivers: ContractDriversSection = ContractDriversSection()
    scenarios: ScenariosSection = ScenariosSection(kept=1)

    agent_lists = ("aggregators",)

    @model_validator(mode="after")
    def _caps(self) -> RivalsFile:
        check_caps(self.market, self.currency)
        return self

    @model_validator(mode="after")
    def _shares(self) -> RivalsFile:
        total = sum(each.load_share for each in self.aggregators)
        if abs(total - 1.0) > 1e-9:
            raise refused("aggregators.load_share", round(total, 12), "shares of the load that add up to 1")
        return self
