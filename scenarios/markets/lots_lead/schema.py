"""The keys of a scenario file of the lots-lead market; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Literal

from scenarios.markets.charging.schema import ChargingFile, ChargingMarketSection
from scenarios.schema import Positive


class LotsLeadMarketSection(ChargingMarketSection):
    """Rules of the market."""

    kind: Literal["lots-lead"] = "lots-lead"
    on_infeasible: Literal["stop", "shed"] = "stop"
    value_of_lost_load_per_kwh: Positive = 3.0


class LotsLeadFile(ChargingFile):
    """The whole file."""

    market: LotsLeadMarketSection = LotsLeadMarketSection()
