"""The keys of a scenario file of the nodal market; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from scenarios.markets.charging.schema import ChargingFile, ChargingMarketSection, LotSection
from scenarios.schema import Count, Positive


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
