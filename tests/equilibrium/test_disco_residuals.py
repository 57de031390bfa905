"""The certificate of a DISCO day counts the residuals of the network's own conditions, beside those of the lots."""

from __future__ import annotations

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
