"""Days of the DISCO market that cannot be served: the limit is named, and no solver's trouble takes its place."""

from __future__ import annotations

import pytest

from equilibrium.errors import InfeasibleError
from scenarios.loading import load_scenario
from scenarios.markets.disco.case import DiscoCase
from sim.markets.disco.model import DiscoModel


@pytest.mark.parametrize(
    "seed", [1, 2, pytest.param(3, marks=pytest.mark.long), pytest.param(5, marks=pytest.mark.long)]
)
def test_sun_and_wind_without_load_flow_back(seed: int) -> None:
    """At the edge of what can be served no dispatch of least currents may be left; nobody needs one there."""
    case = load_scenario("disco-15", {"loads": {"scale": 0}, "scenarios": {"draws": 1, "kept": 1}}, DiscoCase)
    words = r"in period 9 \d+\.\d kW flow back at bus 1, and the market has no exports"
    with pytest.raises(InfeasibleError, match=words):
        DiscoModel(case, seed=seed).step()
