"""Days that no schedule can serve, and energy that could only be wasted: no answer, or exact squares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from equilibrium.errors import InfeasibleError
from equilibrium.markets.disco.day import DiscoDay
from tests.equilibrium.disco_days import random_day, small_network, with_scenarios
from tests.equilibrium.test_disco_market import WIDE, market


def test_loads_that_no_schedule_can_help_are_named() -> None:
    network = small_network(voltage_min_pu=np.array([0.9, 0.9, 0.9, 0.999]))
    _, day = random_day(0, network)
    day = with_scenarios(day, lambda s: replace(s, renewable_kw=0.0 * s.renewable_kw))
    for lots in (network.lots, ()):
        quiet = day if lots else with_scenarios(day, lambda s: replace(s, vehicles=()))
        with pytest.raises(InfeasibleError, match=r"scenario 0: voltage at bus 3, period \d, falls 0\.0\d+ p\.u\."):
            market(network=replace(network, lots=lots)).clear(quiet)


def surplus_day() -> DiscoDay:
    """More is discharged than the feeder can use: only losses could take it, and there are no exports."""
    _, day = random_day(4, count=8)
    price = np.full(6, 0.5)
    tariffs = replace(day.tariffs, lot_sells=price, lot_buys=0.2 * price, driver_pays=0.2 * price)
    return replace(day, load_kw=0.02 * day.load_kw, load_kvar=0.02 * day.load_kvar, tariffs=tariffs)


def test_energy_that_could_only_be_wasted_makes_a_day_infeasible() -> None:
    back = "kW flow back"
    for flow, wide, words in (
        ("lossy", WIDE, "scenario 0: in period 1 there is more energy"),
        ("lossy", None, back),  # within a day's own range next to nothing can be wasted
        ("copper-plate", None, back),
    ):
        with pytest.raises(InfeasibleError, match=words):
            market(mode="windows-strict", flow=flow, flow_range=wide).clear(surplus_day())


def test_waste_is_never_certified_where_exact_squares_are_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equilibrium.markets.disco.upper.whole.LARGEST_ROWS", 0)
    result = market(mode="windows-strict", flow_range=WIDE).clear(surplus_day())
    assert result.certificate.verdict is Verdict.UNPROVED
    assert any("losses exceed" in note for note in result.certificate.notes)


def test_waste_is_avoided_by_restrictions_or_exact_squares() -> None:
    """Bought ahead, energy is left over in some scenario; without waste the vehicles have to take it."""
    settled = 0
    for seed in range(6):
        _, day = random_day(seed, scenarios=2, count=3)
        day = with_scenarios(day, lambda s: replace(s, renewable_kw=0.02 * s.renewable_kw))
        try:
            result = market(mode="strict", purchases="here-and-now", segments=4).clear(day)
        except InfeasibleError:
            continue
        settled += any("settled exactly" in note for note in result.certificate.notes)
        assert result.certificate.verdict is Verdict.EXACT
        for each in result.scenarios:
            inward = each.import_kw + each.renewable_kw.sum(axis=1) + each.lot_discharge_kw.sum(axis=1)
            outward = day.load_kw.sum(axis=1) + each.loss_kw.sum(axis=1) + each.lot_charge_kw.sum(axis=1)
            np.testing.assert_allclose(inward, outward, rtol=1e-7)
    assert settled > 0
