"""The owner of the parking lots with vehicle-to-grid: posts terms for drivers, takes vehicles in, and learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from mesa import Model

from agents.base import MarketAgent
from agents.disco.company import DistributionCompany
from agents.disco.records import OwnerRecord
from agents.disco.retailer import DemandResponseRetailer
from agents.disco.settlement import DiscoSettlement
from agents.learning import LearningRule
from agents.records import SessionRecord
from agents.vehicle import Vehicle
from equilibrium.arrays import FloatArray
from equilibrium.fleet.day import VehicleBatch, VehicleSchedule
from equilibrium.grid.assets import LotSite
from equilibrium.markets.disco.day import Tariffs
from scenarios.markets.disco.day import CompanyDay
from scenarios.session import Session
from scenarios.streams import Streams


class ParkingLotOwner(MarketAgent[CompanyDay, DiscoSettlement]):
    """The owner of all parking lots of the DISCO market.

    It trades with the company at the tariff that the company sets for lots, in both directions: by default that of the
    day's program. Drivers pay that tariff plus a margin for what they draw, and get a share of the income from what
    they give and a compensation for the wear. Margin or share can be learned from the profit by a learning rule.

    Parameters
    ----------
    model
        The Mesa model.
    sites
        The lots, in the order of the network.
    retailer
        Whose program sets what customers pay.
    company
        Who sets the tariff of the lots; without one it is that of the program.
    margin
        Posted margin, currency/kWh; with a learner of margins, the learner's takes its place.
    driver_share
        Share of the income from vehicle-to-grid that goes to the drivers; likewise.
    degradation
        Compensation for the wear of batteries, currency/kWh given.
    learns
        What the learner chooses: ``"margin"`` or ``"driver_share"``.
    learner
        The rule, or ``None`` for terms that stay.
    streams
        The run's random streams; the owner draws from ``terms``.

    Attributes
    ----------
    vehicles
        Today's vehicles of each lot.
    finished
        Records of the sessions that ended today, in the order of the lots.
    """

    def __init__(
        self,
        model: Model,
        *,
        sites: Sequence[LotSite],
        retailer: DemandResponseRetailer,
        company: DistributionCompany | None = None,
        margin: float,
        driver_share: float,
        degradation: float,
        learns: Literal["margin", "driver_share"] = "margin",
        learner: LearningRule | None = None,
        streams: Streams,
    ) -> None:
        super().__init__(model)
        self.sites = tuple(sites)
        self.retailer = retailer
        self.company = company
        self.margin = margin
        self.driver_share = driver_share
        self.degradation = degradation
        self.learns = learns
        self.learner = learner
        self.vehicles: tuple[list[Vehicle], ...] = tuple([] for _ in self.sites)
        self.finished: tuple[SessionRecord, ...] = ()
        self._streams = streams
        self._profit = 0.0

    def observe(self, day: CompanyDay) -> None:
        """Post the terms of the day; retailer and company must have observed the day before."""
        if self.learner is not None:
            chosen = self.learner.choose(self._streams.generator("terms", day.index))
            if self.learns == "margin":
                self.margin = chosen
            else:
                self.driver_share = chosen

    def offer(self) -> Tariffs:
        """Return what the players pay each other today."""
        program = self.retailer.program.tariff
        return self.terms(program, program if self.company is None else self.company.lot_tariff(program))

    def terms(self, load: FloatArray, lots: FloatArray) -> Tariffs:
        """Return what the players pay each other where the company's tariffs are these, currency/kWh.

        Parameters
        ----------
        load
            What customers pay, shape ``(periods,)``.
        lots
            What company and lots pay each other, same shape.
        """
        return Tariffs(
            load=load,
            lot_buys=lots,
            lot_sells=lots,
            driver_pays=lots + self.margin,
            driver_share=self.driver_share,
            degradation=self.degradation,
        )

    def admit(self, day: CompanyDay, batches: Sequence[VehicleBatch]) -> None:
        """Let today's vehicles in; all of them leave before midnight.

        Parameters
        ----------
        day
            The day, as the scenario states it.
        batches
            The vehicles that came, one batch a lot.
        """
        self.vehicles = tuple(
            [self._vehicle(day, lot, batch, row) for row in range(batch.size)] for lot, batch in enumerate(batches)
        )

    def _vehicle(self, day: CompanyDay, lot: int, batch: VehicleBatch, row: int) -> Vehicle:
        """Return one vehicle with the energy that it brings."""
        energy = float(batch.energy_kwh[row])
        arrival, departure = (float(day.axis.edge_h[period[row]]) for period in (batch.arrival, batch.departure))
        session = Session(
            name=batch.names[row],
            arrival_h=arrival,
            departure_h=departure,
            energy_kwh=max(float(batch.wish_kwh[row]) - energy, 0.0),
            battery_kwh=float(batch.energy_max_kwh[row]),
            arrival_energy_kwh=energy,
            power_kw=float(batch.charge_max_kw[row]),
            patience=1,
            home_lot=lot,
        )
        return Vehicle(
            session=session,
            lot=self.sites[lot].name,
            arrival_day=day.index,
            arrival_h=day.start_h + arrival,
            departure_h=day.start_h + departure,
            power_kw=session.power_kw,
            efficiency=self.sites[lot].efficiency,
            discharge_efficiency=self.sites[lot].discharge_efficiency,
            alike=float(batch.count[row]),
        )

    def settle(self, clearing: DiscoSettlement) -> None:
        """Move the vehicles' energies and money, say goodbye to all, and learn from the profit."""
        tariffs, length_h = clearing.outcome.tariffs, clearing.outcome.length_h
        for parked, schedule in zip(self.vehicles, clearing.realised.vehicles, strict=True):
            _book(parked, schedule, tariffs, length_h)
        self.finished = tuple(vehicle.record() for parked in self.vehicles for vehicle in parked)
        self.vehicles = tuple([] for _ in self.sites)
        self._profit = float(clearing.realised.lot_profit.sum())
        if self.learner is not None:
            self.learner.update(self._profit)

    def record(self) -> OwnerRecord:
        """Return the record of the settled day."""
        return OwnerRecord(self.margin, self.driver_share, self._profit)


def _book(vehicles: list[Vehicle], schedule: VehicleSchedule, tariffs: Tariffs, length_h: FloatArray) -> None:
    """Enter the day of one lot into the ledgers of its vehicles."""
    charge_kwh, discharge_kwh = schedule.charge_kw * length_h, schedule.discharge_kw * length_h
    drawn, given = charge_kwh.sum(axis=1), discharge_kwh.sum(axis=1)
    paid = charge_kwh @ tariffs.driver_pays
    received = discharge_kwh @ (tariffs.driver_share * tariffs.lot_sells + tariffs.degradation)
    price = np.divide(paid, drawn, out=np.zeros_like(paid), where=drawn > 0.0)
    reward = np.divide(received, given, out=np.zeros_like(received), where=given > 0.0)
    rows = zip(vehicles, drawn.tolist(), price.tolist(), given.tolist(), reward.tolist(), strict=True)
    for vehicle, *entry in rows:
        vehicle.charge(*entry)
