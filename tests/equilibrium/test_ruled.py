"""A market under a rule of one's own: the certificate is that of the rule's game, or it is withdrawn."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from equilibrium.certificate import Verdict
from equilibrium.errors import InputError
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from equilibrium.markets.nodal.clearing import NodalClearing
from equilibrium.markets.nodal.market import NodalMarket
from equilibrium.markets.ruled import MarketRule, RuledMarket
from tests.equilibrium.conftest import lot_data, small_day, small_network

# One lot needs 30 kWh within three hours of at most 20 kW and is paid 0.5 per kWh; energy costs 0.1, 0.3 and 0.2.
DAY = small_day([0.1, 0.3, 0.2], (lot_data(30.0, [20.0] * 3),))


class Fee(MarketRule[MarketDay, NodalClearing]):
    """A network fee per kWh in some hours, which lots pay out of what drivers pay them."""

    name = "a network fee in the first hour"

    def __init__(self, fee: list[float]) -> None:
        self.fee = np.asarray(fee)

    def before(self, day: MarketDay) -> MarketDay:
        lots = tuple(replace(lot, charging_price=lot.charging_price - self.fee) for lot in day.lots)
        return replace(day, lots=lots)


class SettlementCap(MarketRule[MarketDay, NodalClearing]):
    """Lots pay at most a cap, which is put on the prices after the clearing."""

    name = "lots pay at most 0.15 per kWh"

    def after(self, day: MarketDay, cleared: NodalClearing) -> NodalClearing:
        assert day.hours == DAY.hours
        return replace(cleared, lot_price=np.minimum(cleared.lot_price, 0.15))


def test_a_rule_that_changes_nothing_leaves_the_day_as_it_is():
    plain = NodalMarket(small_network()).clear(DAY)
    ruled = RuledMarket(NodalMarket(small_network()), MarketRule())
    ruled.prepare(DAY)
    cleared = ruled.clear(DAY)
    ruled.close()
    np.testing.assert_array_equal(cleared.lot_kw, plain.lot_kw)
    assert cleared.certificate.verdict is plain.certificate.verdict is Verdict.EXACT


def test_a_fee_moves_charging_and_is_part_of_the_proved_game():
    plain = NodalMarket(small_network()).clear(DAY)
    np.testing.assert_allclose(plain.lot_kw[:, 0], [20.0, 0.0, 10.0], atol=1e-9)
    ruled = RuledMarket(NodalMarket(small_network()), Fee([0.15, 0.0, 0.0])).clear(DAY)
    # With the fee an hour costs 0.25, 0.3, 0.2: the third first, the rest in the first.
    np.testing.assert_allclose(ruled.lot_kw[:, 0], [10.0, 0.0, 20.0], atol=1e-9)
    assert ruled.certificate.verdict is Verdict.EXACT
    assert "the game includes the rule: a network fee in the first hour" in ruled.certificate.notes
    # The plain schedule would not be an equilibrium of this game: it costs 0.05 more on 10 kWh.
    assert pytest.approx(0.5) == 0.25 * 20 + 0.2 * 10 - (0.25 * 10 + 0.2 * 20)


def test_prices_changed_after_the_clearing_are_published_without_proof():
    ruled = RuledMarket(NodalMarket(small_network()), SettlementCap())
    cleared = ruled.clear(DAY)
    assert cleared.lot_price.max() == pytest.approx(0.15)
    proof = cleared.certificate
    assert proof.verdict is Verdict.UNPROVED
    assert not proof.certified
    assert proof.regret == (math.inf,)
    assert math.isinf(proof.epsilon)
    assert math.isnan(proof.gap)
    assert any("withdrawn" in note and "at most 0.15" in note for note in proof.notes)


def test_rules_nest_and_serve_every_market():
    market = RuledMarket(RuledMarket(LotsLeadMarket(small_network()), Fee([0.1, 0, 0])), Fee([0.05, 0, 0]))
    notes = market.clear(DAY).certificate.notes
    assert sum("a network fee" in note for note in notes) == 2


@dataclass
class Bare:
    """A market of one's own whose outcome is no dataclass."""

    def prepare(self, day):
        del day

    def clear(self, day):
        return type("Outcome", (), {"certificate": NodalMarket(small_network()).clear(day).certificate})()

    def close(self):
        pass


def test_an_outcome_that_cannot_carry_the_certificate_is_refused():
    with pytest.raises(InputError, match="a dataclass"):
        RuledMarket(Bare(), Fee([0.0, 0.0, 0.0])).clear(DAY)
