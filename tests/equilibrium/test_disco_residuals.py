"""The certificate of a DISCO day counts the residuals of the network's own conditions, beside those of the lots."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from equilibrium.markets.disco import scenario
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.programs.duality import Residuals
from tests.equilibrium.disco_days import random_day, small_network


@pytest.mark.parametrize("which", range(4))
def test_a_network_that_misses_its_conditions_proves_nothing(which: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, day = random_day(7, small_network(1), count=2)
    market = DiscoMarket(network, beta=0.0)
    assert market.clear(day).certificate.verdict is Verdict.EXACT
    bad = Residuals(*(1e-3 if k == which else 0.0 for k in range(4)))
    monkeypatch.setattr(scenario, "kkt_residuals", lambda *_: bad)
    proof = market.clear(day).certificate
    assert proof.verdict is Verdict.UNPROVED
    assert (proof.primal, proof.dual, proof.complementarity, proof.gap)[which] == 1e-3


def test_vehicle_hours_of_charging_and_discharging_at_once_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two places of each scenario do both, a third one by no more than the least that counts: each with its weight."""
    network, day = random_day(7, small_network(1), count=2)
    market = DiscoMarket(network, beta=0.0)
    assert not any("at once" in note for note in market.clear(day).certificate.notes)
    whole, hours = scenario.prove, []

    def both(supply: Any, day: Any, number: int, prepared: Any, dispatch: Any) -> Any:
        x, vehicles = dispatch.x.copy(), prepared.vehicles
        x[0::3], x[1::3] = 7.0, 0.0
        x[[1, 4, 7]] = 1.0, 2.0, scenario.BOTH_WAYS_KW
        length = np.asarray(day.length_h)[vehicles.period[:2]]
        hours.append(day.scenarios[number].probability * float((length * vehicles.weight[:2]).sum()))
        return whole(supply, day, number, prepared, replace(dispatch, x=x))

    monkeypatch.setattr(scenario, "prove", both)
    (said,) = [note for note in market.clear(day).certificate.notes if "at once" in note]
    assert said == f"money pump: {sum(hours):.6g} expected vehicle-hours of charging and discharging at once"
