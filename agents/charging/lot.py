"""The parking lot: places, chargers, a posted price, and the vehicles that are there."""

from __future__ import annotations

import heapq
from dataclasses import replace

import numpy as np
from mesa import Model

from agents.base import MarketAgent
from agents.charging.records import LotRecord
from agents.learning import LearningRule, ObservingRule, PostedDay
from agents.records import SessionRecord
from agents.vehicle import Vehicle, fleet_of
from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.fleet.day import LotDay
from equilibrium.fleet.envelope import lot_day
from equilibrium.grid.assets import LotSite
from equilibrium.markets.charging.clearing import Clearing
from scenarios.markets.charging.day import ScenarioDay
from scenarios.session import Session
from scenarios.streams import Streams

_WEEK = 7

_ROUNDING = 1e-9
"""Money, relative to a lot's income, that comes from the order of additions."""


class ParkingLot(MarketAgent[ScenarioDay, Clearing]):
    """A parking lot with one charger at every place.

    A place is taken from arrival to departure, to the minute: two vehicles may use it one after the other within an
    hour. Vehicles that stay past midnight are kept with the energy that they have.

    Parameters
    ----------
    model
        The Mesa model.
    site
        The lot's connection: name, bus, efficiency.
    index
        Number of the lot in the network.
    places
        Places, each with a charger.
    charger_kw
        Highest power of a charger, kW (grid side).
    price
        Charging price that is posted, currency/kWh drawn; with a learner, the learner's price takes its place.
    walking_m
        Walk from the lot to where its drivers want to be, m.
    learner
        The rule by which the price is adapted, or ``None`` for a price that stays.
    homes
        Whether it is a group of homes, which no driver from elsewhere uses.
    streams
        The run's random streams; the lot draws its price from ``price-<name>``.
    """

    def __init__(
        self,
        model: Model,
        *,
        site: LotSite,
        index: int,
        places: int,
        charger_kw: float,
        price: float,
        walking_m: float = 0.0,
        learner: LearningRule | None = None,
        homes: bool = False,
        streams: Streams,
    ) -> None:
        super().__init__(model)
        self.site = site
        self.index = index
        self.places = places
        self.charger_kw = charger_kw
        self.price = price
        self.walking_m = walking_m
        self.learner = learner
        self.homes = homes
        self.vehicles: list[Vehicle] = []
        self.finished: tuple[SessionRecord, ...] = ()
        self._streams = streams
        self._departures: list[float] = []
        self._start_h = 0.0
        self._length_h: FloatArray = np.zeros(0)
        self._day = 0
        self._weekday = 0
        self._charge: FloatArray | None = None
        self._rivals: FloatArray = np.zeros(0)
        self._fixed: LotDay | None = None
        self._arrivals = self._refused = self._peak = 0
        self._energy_kwh = self._revenue = self._unserved_kwh = self._unreachable_kwh = 0.0
        self._payment = self._network_charge = 0.0

    @property
    def name(self) -> str:
        """Name of the lot."""
        return self.site.name

    def observe(self, day: ScenarioDay) -> None:
        """Begin the day: post the price and count who is still there.

        Raises
        ------
        InputError
            When the lot learns its price and the scenario fixes the lot's day, price included.
        """
        self._day, self._length_h, self._start_h = day.index, day.axis.length_h, day.start_h
        self._weekday = day.date.weekday() if day.date is not None else day.index % _WEEK
        self._fixed = day.lots[self.index] if day.lots is not None else None
        if self._fixed is not None:
            if self.learner is not None:
                raise InputError(f"lot {self.name}", "learning", "on", "no learning where the lot's day is fixed")
            self.price = float(np.average(self._fixed.charging_price, weights=self._length_h))
        elif self.learner is not None:
            self.price = self.learner.choose(self._streams.generator(f"price-{self.name}", day.index))
        self._arrivals = self._refused = 0
        self._unreachable_kwh = 0.0
        self._free_until(self._start_h)
        self._peak = len(self._departures)

    def hear(self, charge: FloatArray | None, rivals: FloatArray) -> None:
        """Hear what the morning has made known, after all have observed the day.

        Parameters
        ----------
        charge
            The operator's network charge at this lot, currency/kWh, shape ``(periods,)``; ``None`` for none.
        rivals
            The prices that the other lots have posted, currency/kWh, shape ``(rivals,)``.
        """
        self._charge, self._rivals = charge, rivals

    def admit(self, session: Session, tries: int) -> bool:
        """Let a driver in if there is a place; drivers come in order of arrival.

        Parameters
        ----------
        session
            The driver's wish.
        tries
            Lots that the driver has tried, this one included.

        Returns
        -------
        bool
            False when every place is taken at the moment of arrival.
        """
        arrival_h = self._start_h + session.arrival_h
        self._free_until(arrival_h)
        if len(self._departures) >= self.places:
            self._refused += 1
            return False
        vehicle = Vehicle(
            session=session,
            lot=self.name,
            arrival_day=self._day,
            arrival_h=arrival_h,
            departure_h=self._start_h + session.departure_h,
            power_kw=min(self.charger_kw, session.power_kw),
            efficiency=self.site.efficiency,
            tries=tries,
        )
        self.vehicles.append(vehicle)
        heapq.heappush(self._departures, vehicle.departure_h)
        self._arrivals += 1
        self._peak = max(self._peak, len(self._departures))
        self._unreachable_kwh += vehicle.unreachable_kwh
        return True

    def _free_until(self, now_h: float) -> None:
        """Free the places of those who have left by now."""
        while self._departures and self._departures[0] <= now_h:
            heapq.heappop(self._departures)

    def offer(self) -> LotDay:
        """Return the lot's day for the market: the scenario's envelope, or the one of the vehicles that are here."""
        if self._fixed is not None:
            return self._fixed if self._charge is None else replace(self._fixed, network_charge=self._charge)
        fleet = fleet_of(self.vehicles, self._start_h, self._length_h, self.site.efficiency)
        offered = lot_day(fleet, np.full(self._length_h.size, self.price), self.site.efficiency)
        return replace(offered, network_charge=self._charge)

    def settle(self, clearing: Clearing) -> None:
        """Move the vehicles' energies, book revenue and payment, say goodbye to those who left, and learn.

        Raises
        ------
        ValueError
            When the market returned no split of the power among the vehicles.
        """
        self._unserved_kwh = float(clearing.unserved_kwh[:, self.index].sum())
        drawn_kwh = self._length_h * clearing.lot_kw[:, self.index]
        self._network_charge = float(self._charge @ drawn_kwh) if self._charge is not None else 0.0
        if self.site.subscription is not None:
            self._network_charge += self.site.subscription.payment(clearing.lot_kw[:, self.index], self._length_h)
        self._payment = self._paid(clearing)
        if self._fixed is not None:
            energy = self._length_h * clearing.lot_kw[:, self.index]
            self._energy_kwh, self._revenue = float(energy.sum()), float(self._fixed.charging_price @ energy)
            return
        split = clearing.vehicle_kw[self.index]
        if split is None:
            raise ValueError(f"lot {self.name}: the clearing does not split the power among the vehicles")
        drawn = split * self._length_h
        for vehicle, drawn_kwh in zip(self.vehicles, drawn.sum(axis=1).tolist(), strict=True):
            vehicle.charge(drawn_kwh, self.price)
        self._energy_kwh = float(drawn.sum())
        self._revenue = self.price * self._energy_kwh
        end_h = self._start_h + float(self._length_h.sum())
        gone = sorted((v for v in self.vehicles if v.departure_h <= end_h), key=lambda v: v.departure_h)
        self.vehicles = [v for v in self.vehicles if v.departure_h > end_h]
        self.finished = tuple(vehicle.record() for vehicle in gone)
        if self.learner is not None:
            self._learn(self.learner)

    def _learn(self, learner: LearningRule) -> None:
        """Tell the rule what came of the posted price."""
        paid = self._payment + self._network_charge
        if isinstance(learner, ObservingRule):
            visitors = self._arrivals + self._refused
            learner.observe(
                PostedDay(self.price, self._rivals, visitors, self._arrivals, self._weekday, self._energy_kwh, paid)
            )
        learner.update(self._revenue - paid)

    def _paid(self, clearing: Clearing) -> float:
        """Return what the lot pays: for its energy, and what a rule of the market takes (less than 0: gives) on top.

        The network charge is apart.
        """
        drawn = self._length_h * clearing.lot_kw[:, self.index]
        posted = self._fixed.charging_price if self._fixed is not None else np.full(drawn.size, self.price)
        energy, income = float(clearing.lot_price[:, self.index] @ drawn), float(posted @ drawn)
        extra = income - energy - self._network_charge - float(clearing.lot_profit[self.index])
        return energy if abs(extra) <= _ROUNDING * max(1.0, income) else energy + extra

    def record(self) -> LotRecord:
        """Return the record of the settled day."""
        return LotRecord(
            name=self.name,
            price=self.price,
            arrivals=self._arrivals,
            refused=self._refused,
            departures=len(self.finished),
            parked=len(self.vehicles),
            peak_occupancy=self._peak,
            energy_kwh=self._energy_kwh,
            revenue=self._revenue,
            payment=self._payment,
            network_charge=self._network_charge,
            unreachable_kwh=self._unreachable_kwh,
            unserved_kwh=self._unserved_kwh,
        )
