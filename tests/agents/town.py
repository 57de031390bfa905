"""A small town without a network: lots, drivers and a market that gives every vehicle what it needs."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from mesa import Model

from agents.charging.lot import ParkingLot
from equilibrium.certificate import Certificate, Verdict
from equilibrium.fleet.day import LotDay
from equilibrium.grid.assets import LotSite
from equilibrium.markets.charging.clearing import Clearing
from equilibrium.markets.nodal.clearing import NodalClearing
from scenarios.markets.charging.day import ScenarioDay
from scenarios.session import Session
from scenarios.streams import Streams
from scenarios.time_axis import day_axis

HOURS = 24
PROOF = Certificate(Verdict.EXACT, 0.0, 0.0, 0.0, 0.0, (), (), 0.0, 0.0, "none", "none")


def session(name="0-0", arrival_h=8.0, stay_h=4.0, energy_kwh=10.0, **changes):
    """A wish that fits into its battery."""
    values = {
        "battery_kwh": 60.0,
        "arrival_energy_kwh": 20.0,
        "power_kw": 11.0,
        "patience": 1,
        **changes,
    }
    return Session(name, arrival_h, arrival_h + stay_h, energy_kwh, **values)


def day_of(sessions=(), index=0, lots=None):
    zeros = np.zeros((HOURS, 1))
    return ScenarioDay(
        index=index,
        date=None,
        axis=day_axis(),
        start_h=24.0 * index,
        wholesale_price=np.full(HOURS, 0.05),
        load_kw=zeros,
        load_kvar=zeros,
        renewable_kw=np.zeros((HOURS, 0)),
        microturbine_available=np.zeros(0, dtype=bool),
        sessions=tuple(sessions),
        lots=lots,
    )


def parking(model=None, *, places=10, charger_kw=22.0, price=0.5, name="lot", index=0, seed=0, **changes):
    return ParkingLot(
        model or Model(rng=0),
        site=LotSite(name, 0, efficiency=0.9),
        index=index,
        places=places,
        charger_kw=charger_kw,
        price=price,
        streams=Streams(seed),
        **changes,
    )


def cleared(offers: list[LotDay], served=1.0, **changes) -> Clearing:
    """A clearing that charges each vehicle evenly over its stay with the share ``served`` of its need."""
    split = []
    for offer in offers:
        if offer.fleet is None:
            split.append(None)
            continue
        fleet = offer.fleet
        room = np.maximum(fleet.power_kw.sum(axis=1), 1e-300)
        split.append(fleet.power_kw * (served * fleet.need_kwh / 0.9 / room)[:, None])
    power = [np.zeros(HOURS) if part is None else part.sum(axis=0) for part in split]
    lots = np.stack(power, axis=1) if power else np.zeros((HOURS, 0))
    units = ("microturbine_kw", "microturbine_kvar", "renewable_kw", "compensator_kvar")
    storage = ("storage_charge_kw", "storage_discharge_kw", "storage_kwh")
    none, bus = np.zeros((HOURS, 0)), np.zeros((HOURS, 1))
    values = {
        **dict.fromkeys(("import_kw", "export_kw"), np.zeros(HOURS)),
        **dict.fromkeys((*units, *storage), none),
        **dict.fromkeys(("flow_kw", "flow_kvar", "voltage_pu", "shed_kw", "dlmp"), bus),
        **dict.fromkeys(("dlmp_energy", "dlmp_congestion", "dlmp_voltage"), bus),
        "lot_kw": lots,
        "lot_soe_kwh": np.zeros_like(lots),
        "unserved_kwh": np.zeros_like(lots),
        "lot_price": np.zeros_like(lots),
        "limits": (),
        "vehicle_kw": tuple(split),
        **dict.fromkeys(("network_cost", "fuel_cost", "shortage_cost", "seconds", "solver_seconds"), 0.0),
        "lot_maximum": np.zeros(len(offers)),
        "certificate": PROOF,
        **changes,
    }
    income = [offer.charging_price @ power for offer, power in zip(offers, values["lot_kw"].T, strict=True)]
    return Clearing(**{"lot_profit": np.array(income), **values})


def nodal(offers: list[LotDay], price: float) -> NodalClearing:
    """The same charging as :func:`cleared`, paid by the lots at one price."""
    plain = cleared(offers)
    lots, none = np.zeros(len(offers)), np.zeros_like(plain.lot_kw)
    paid = np.full_like(plain.lot_kw, price)
    return NodalClearing(
        **{**vars(plain), "lot_price": paid, "lot_profit": plain.lot_profit - price * plain.lot_kw.sum(axis=0)},
        behaviours=("strategic",) * len(offers),
        lot_payment=price * plain.lot_kw.sum(axis=0),
        **dict.fromkeys(("lot_price_low", "lot_price_high"), paid),
        **dict.fromkeys(("value_optimistic", "value_pessimistic", "competitive_profit", "markdown"), lots),
        **dict.fromkeys(("shifted_kwh", "withheld_kwh"), lots),
        competitive_kw=none,
        competitive_dlmp=none,
        **dict.fromkeys(("competitive_cost", "load_payment", "network_surplus", "certificate_seconds"), 0.0),
        price_of_anarchy=1.0,
        price_rule="one price",
        rounds=1,
        order=(0,),
        iteration="gauss-seidel",
        cycle=0,
    )


def run_day(lot: ParkingLot, sessions=(), index=0, served=1.0):
    """One day of a lot alone; return its offer and the names of the admitted sessions."""
    lot.observe(day_of(sessions, index))
    admitted = [item.name for item in sessions if lot.admit(item, 1)]
    offer = lot.offer()
    lot.settle(cleared([offer], served))
    return offer, admitted


@st.composite
def sessions(draw: st.DrawFn, most=12, longest_h=60.0):
    """Sessions of one day in order of arrival; minutes matter, many wishes are out of reach."""
    minutes = sorted(draw(st.lists(st.integers(0, 24 * 60 - 1), max_size=most)))
    drawn = []
    for number, minute in enumerate(minutes):
        battery = draw(st.integers(20, 100))
        arrival = draw(st.integers(0, battery))
        drawn.append(
            session(
                name=f"{number}",
                arrival_h=minute / 60.0,
                stay_h=draw(st.integers(1, int(longest_h * 60))) / 60.0,
                energy_kwh=float(draw(st.integers(0, battery - arrival))),
                battery_kwh=float(battery),
                arrival_energy_kwh=float(arrival),
                power_kw=draw(st.sampled_from([3.7, 7.4, 11.0, 50.0])),
                patience=draw(st.integers(1, 3)),
            )
        )
    return drawn
