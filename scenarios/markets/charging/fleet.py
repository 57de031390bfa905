"""Vehicles that are drawn from distributions: the keys of a file, and what a day makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import model_validator

from equilibrium.fleet.day import VehicleBatch
from equilibrium.fleet.envelope import period_at
from scenarios.draws.vehicles import FleetSettings, TruncatedNormal
from scenarios.schema import ChargerKw, NonNegative, Number, Positive, Section, Share, VehicleKwh, refused
from scenarios.time_axis import TimeAxis


class TruncatedNormalSection(Section):
    """A normal variable that lies between two bounds; mean and sd are those before the cut."""

    mean: Number
    sd: Positive
    min: Number
    max: Number

    @model_validator(mode="after")
    def _order(self) -> TruncatedNormalSection:
        if not self.min < self.max:
            raise refused("min", self.min, f"less than max ({self.max:g})")
        return self


class FleetSection(Section):
    """The vehicles: hour h ends at clock hour h, and a vehicle is plugged in from its first to its last hour."""

    battery_kwh: VehicleKwh
    energy_min_share: Share = 0.15
    energy_max_share: Share = 0.9
    wish_share: Share = 0.9
    charge_max_kw: ChargerKw
    discharge_max_kw: NonNegative
    arrival_h: TruncatedNormalSection
    departure_h: TruncatedNormalSection
    arrival_share: TruncatedNormalSection
    draws: Literal["independent", "fleet"] = "independent"

    @model_validator(mode="after")
    def _order(self) -> FleetSection:
        if not self.energy_min_share < self.energy_max_share:
            expected = f"less than energy_max_share ({self.energy_max_share:g})"
            raise refused("energy_min_share", self.energy_min_share, expected)
        band = f"inside the band {self.energy_min_share:g} .. {self.energy_max_share:g}"
        if not self.energy_min_share <= self.wish_share <= self.energy_max_share:
            raise refused("wish_share", self.wish_share, band)
        for key, bound in (("min", self.arrival_share.min), ("max", self.arrival_share.max)):
            if not self.energy_min_share <= bound <= self.energy_max_share:
                raise refused(f"arrival_share.{key}", bound, band)
        if round(self.arrival_h.min) < 1:
            raise refused("arrival_h.min", self.arrival_h.min, "hour 1 or later")
        if round(self.departure_h.max) > 24:
            raise refused("departure_h.max", self.departure_h.max, "hour 24 at the latest: nobody stays past midnight")
        if self.arrival_h.max > self.departure_h.min:
            raise refused("arrival_h.max", self.arrival_h.max, f"at most departure_h.min ({self.departure_h.min:g})")
        return self


def build_fleet(section: FleetSection) -> FleetSettings:
    """Return the distributions of the vehicles."""

    def bounded(part: TruncatedNormalSection) -> TruncatedNormal:
        return TruncatedNormal(part.mean, part.sd, part.min, part.max)

    return FleetSettings(
        battery_kwh=section.battery_kwh,
        energy_min_share=section.energy_min_share,
        energy_max_share=section.energy_max_share,
        wish_share=section.wish_share,
        charge_max_kw=section.charge_max_kw,
        discharge_max_kw=section.discharge_max_kw,
        arrival_h=bounded(section.arrival_h),
        departure_h=bounded(section.departure_h),
        arrival_share=bounded(section.arrival_share),
        draws=section.draws,
    )


def on_axis(batch: VehicleBatch, axis: TimeAxis) -> VehicleBatch:
    """Bring vehicles that come and go at full hours of the clock to a day's periods; each stays for one at least."""
    arrival, departure = (
        period_at(axis.elapsed_h(hour.astype(np.float64)), axis.length_h) for hour in (batch.arrival, batch.departure)
    )
    arrival = np.minimum(arrival, axis.size - 1)
    return replace(batch, arrival=arrival, departure=np.maximum(departure, arrival + 1))
