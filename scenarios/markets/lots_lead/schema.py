"""The keys of a scenario file of the lots-lead market; conventions as in :mod:`scenarios.schema`."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from scenarios.markets.charging.schema import ChargingFile, ChargingMarketSection
from scenarios.schema import Positive, refused, schema_key
from scenarios.units import HARD_CURRENCIES, lost_load_fault


class LotsLeadMarketSection(ChargingMarketSection):
    """Rules of the market."""

    kind: Literal["lots-lead"] = "lots-lead"
    on_infeasible: Literal["stop", "shed"] = "stop"
    value_of_lost_load_per_kwh: Positive = 3.0


class LotsLeadFile(ChargingFile):
    """The whole file."""

    market: LotsLeadMarketSection = LotsLeadMarketSection()

    @model_validator(mode="after")
    def _worth_of_load(self) -> LotsLeadFile:
        value = self.market.value_of_lost_load_per_kwh
        fault = lost_load_fault(value, per_mwh=False) if self.currency in HARD_CURRENCIES else None
        if fault is not None:
            raise refused(f"market.{schema_key('value_of_lost_load_per_kwh')}", value, fault)
        return self

    @model_validator(mode="after")
    def _no_subscription(self) -> LotsLeadFile:
        if self.network_charge.rule == "subscribed-capacity":
            expected = "none, time-of-use or dynamic (of these markets the nodal one knows a subscribed capacity)"
            raise refused("network_charge.rule", self.network_charge.rule, expected)
        return self
