"""The keys of a scenario file of the auction, its days, and its kind for the list of scenarios."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from scenarios.case import Case, ScenarioKind
from scenarios.files import Document
from scenarios.readers.prices import PriceSeries
from scenarios.schema import CASE_FILE_KEYS, CaseFile, Label, MarketSection, Positive, Section
from scenarios.streams import Streams, day_factor
from scenarios.time_axis import TimeAxis
from single_price_auction.auction import SinglePriceAuction


class AuctionSection(MarketSection):
    """Rules of the auction."""

    kind: Literal["single-price"]
    capacity_kw: Positive


class BidderSection(Section):
    """One lot: the most power that it draws, what it needs a day, and what a kWh is worth to it."""

    name: Label
    power_kw: Positive
    energy_kwh: Positive
    bid_per_kwh: Positive


class AuctionFile(CaseFile):
    """The whole file."""

    market: AuctionSection
    bidders: Annotated[tuple[BidderSection, ...], Field(min_length=1)]


@dataclass(frozen=True, eq=False)
class AuctionInputs:
    """What one day brings: its periods, the wholesale price, currency/kWh, and the need as a share of the mean one."""

    index: int
    date: dt.date | None
    axis: TimeAxis
    wholesale_price: NDArray[np.float64]
    need: float


@dataclass(frozen=True, eq=False)
class AuctionCase(Case[AuctionInputs]):
    """A loaded scenario of the auction."""

    file: AuctionFile

    def day(self, index: int, streams: Streams) -> AuctionInputs:
        """Return one day."""
        self.check_day(index)
        axis = self.axis(index)
        price = self.prices.on(self.prices.row(index), axis)
        return AuctionInputs(index, self.date(index), axis, price, day_factor(streams, "need", index, 0.2))

    def market(
        self, *, solver: str = "auto", certify: str = "standard", on_infeasible: str | None = None
    ) -> SinglePriceAuction:
        """Open the auction."""
        if solver not in ("auto", "highs", "gurobi"):
            raise self.refuse("solver", solver, "auto, highs or gurobi; the auction needs none of them")
        if certify != "standard":
            raise self.refuse("certify", certify, "standard (the auction has no second method)")
        if on_infeasible not in (None, "stop"):
            raise self.refuse("on_infeasible", on_infeasible, "stop (an auction always has an outcome)")
        return SinglePriceAuction(len(self.file.bidders))


def build(
    name: str, file: AuctionFile, document: Document, prices: PriceSeries, paths: tuple[Path, ...]
) -> AuctionCase:
    """Make the case of a checked file."""
    names = [bidder.name for bidder in file.bidders]
    for k, each in enumerate(names):
        if each in names[:k]:
            raise document.error(("bidders", k, "name"), each, "a name of its own")
    return AuctionCase(name, file, prices, (), paths)


KIND = ScenarioKind("single-price", AuctionFile, AuctionCase, build, CASE_FILE_KEYS)
