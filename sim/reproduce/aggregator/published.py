"""What the paper of the aggregator and its lot says about its results (docs/aggregator.md), and recorded values.

Source: Neyestani et al., sections VI to VIII. No table of results is published: all claims are about figures. Prices,
arrivals, loads and generators are in figures or missing, so data set S1 stands in for them
(:mod:`scenarios.published.reserve_lot`).
"""

from __future__ import annotations

CASES = {"I": "a price for every resource (pay-as-bid)", "II": "one energy price (uniform)"}

CAP = 10.0
"""Largest trade price, cents/kWh (section VI-A)."""

THRESHOLD = 11.0
"""Tariff G2V2 below which the profit is said to drop, cents/kWh (section VII)."""

SWEEP_G2V2 = (12.0, 11.2, 11.0, 10.5, 10.0, 9.0)
SWEEP_G2V3 = 8.0
"""Tariffs of Figs. 20 and 21, cents/kWh: the paper varies both; here one is kept below all values of the other."""

HIGH_CAP = 13.5
"""A cap of case II above what interrupted load is worth (max of time-of-use and incentive), cents/kWh."""

DRAWN = 3
"""Days of arrivals that are drawn for the stochastic cases."""

TIGHT_VOLTAGE = {"ieee37": 0.9729, "ieee33": 0.9333, "das85": 0.9443}
"""Lower voltage limits, per unit, a thousandth above the lowest voltage of case I without them: there they bind."""

NODE_LIMIT = 20_000
"""Nodes of the searches of one day; where they do not close the gap, the report says how far it is open."""

RECORDED = {("I", CAP): 87_767.55, ("II", CAP): 39_782.96, ("II", HIGH_CAP): 53_049.87}
"""Profit of the aggregator on the expected day of S1 without a network, cents, by two independent models."""

RECORDED_SWEEP = {12.0: 86_693.4, 11.2: 86_693.4, 11.0: 86_478.2, 10.5: 85_821.3}
"""The same in case I for values of G2V2 with G2V3 = 8."""

ALMOST = 0.1
"""Part by which the energy of departing vehicles may exceed the least to be almost that (case I, Fig. 13)."""

PARTS_OF_DAY = {"1-9": (1, 9), "10": (10, 10), "11-15": (11, 15), "16-17": (16, 17), "19-24": (19, 24)}
"""Hours, first and last, between which the paper describes how the uniform price moves (Fig. 14)."""

INTRODUCTION = (
    "A mixed-resource aggregator posts prices to a parking lot with four driver contracts, to three generators and to "
    "a load retailer, buys energy and sells reserve upstream. It leads, the others follow: a Stackelberg game, solved "
    "exactly and proved. The lot's failures, probabilities and corrections are those of docs/aggregator.md.",
    "The paper prints no table of results; every claim is about a figure, and the figures' data are not published. All "
    "numbers below are those of the stand-in data S1, so what is seen on them neither confirms nor refutes the paper.",
)
