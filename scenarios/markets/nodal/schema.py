"""The keys of a scenario file of the nodal market; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from scenarios.markets.charging.schema import ChargingFile, ChargingMarketSection, LotSection
from scenarios.schema import Count, Positive, refused


class NodalMarketSection(ChargingMarketSection):
    """Rules of the market."""

    kind: Literal["nodal"]
    iteration: Literal["gauss-seidel", "jacobi"] = "gauss-seidel"
    node_limit: Count = 20_000
    time_limit_s: Positive = 600.0


class NodalLotSection(LotSection):
    """One parking lot, which pays the price at its bus."""

    behaviour: Literal["strategic", "price-taking", "central"] = "strategic"


class NodalFile(ChargingFile):
    """The whole file."""

    market: NodalMarketSection
    lots: Annotated[tuple[NodalLotSection, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _hours_apart(self) -> NodalFile:
        ramps = any(unit.ramp_kw_per_h is not None for unit in self.microturbines)
        if self.network_charge.rule == "subscribed-capacity" and (self.storage or ramps):
            expected = "another rule where there is storage or a ramp limit, which join the hours of a day"
            raise refused("network_charge.rule", self.network_charge.rule, expected)
        return self
