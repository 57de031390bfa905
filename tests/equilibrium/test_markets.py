"""Every market is compiled once, told a typical day, cleared day by day, and closed."""

import inspect
import re
from dataclasses import replace

import numpy as np
import pytest

from equilibrium.grid.assets import StorageUnit
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.market import NodalMarket
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.disco_days import random_day

LOTS_DAY = small_day([0.05, 0.03], (lot_data(60.0, [50.0, 50.0]),))
STORED = replace(small_network(), storage=(StorageUnit("b", 2, 40.0, 40.0, 40.0, 0.0),))
DISCO_NETWORK, DISCO_DAY = random_day(1, periods=6)


def markets(**options):
    return {
        "lots lead": (LotsLeadMarket(small_network(), **options), LOTS_DAY),
        "nodal, hours apart": (NodalMarket(small_network(), **options), LOTS_DAY),
        "nodal, hours joined": (NodalMarket(STORED, **options), LOTS_DAY),
        "disco": (DiscoMarket(DISCO_NETWORK, **options), DISCO_DAY),
    }


@pytest.mark.parametrize("name", markets())
def test_a_market_is_prepared_cleared_and_closed(name):
    market, day = markets()[name]
    fresh = market.clear(day)
    market.prepare(day)
    prepared = market.clear(day)
    market.close()
    again = market.clear(day)  # nothing that a day needs is lost with the processes
    market.close()
    for cleared in (fresh, prepared, again):
        assert cleared.certificate.certified
        assert cleared.seconds >= cleared.solver_seconds > 0.0
        assert cleared.certificate.regret == pytest.approx(fresh.certificate.regret, abs=1e-9)
    if name != "disco":
        np.testing.assert_allclose(again.lot_kw, fresh.lot_kw, atol=1e-9)


@pytest.mark.parametrize("market", [LotsLeadMarket, NodalMarket, DiscoMarket])
def test_a_market_is_told_its_options_by_name(market):
    network, *options = list(inspect.signature(market).parameters.values())
    assert network.name == "network"
    by_place = [option.name for option in options if option.kind is not option.KEYWORD_ONLY]
    assert by_place in ([], ["periods"])
    assert {option.name: option.default for option in options}["solver"] == "auto"


@pytest.mark.parametrize(("solver", "first"), [("auto", "HiGHS "), ("highs", "HiGHS "), ("gurobi", "Gurobi ")])
@pytest.mark.parametrize("name", markets())
def test_a_certificate_names_the_solvers_of_its_parts(name, solver, first):
    """By name and version."""
    market, day = markets(solver=solver)[name]
    told = market.clear(day).certificate.solver
    assert told.startswith(first), told
    assert all(re.fullmatch(r"(HiGHS|Gurobi) \d+\.\d+\.\d+( .*)?", each) for each in told.split(", ")), told
