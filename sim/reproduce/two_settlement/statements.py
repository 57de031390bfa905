"""Every identity, theorem and claim of the paper of two settlements, evaluated on the results."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from equilibrium.certificate import RESIDUAL_TOLERANCE
from sim.reproduce.two_settlement import published as data
from sim.reproduce.verdicts import Statement, arithmetic, by_construction, erratum, on_stand_in, put_to_test

if TYPE_CHECKING:
    from sim.reproduce.two_settlement.compute import Results

MONEY = 1e-7
"""Relative difference of two amounts of money that are equal."""

PERCENT = 0.011
"""Percentage points by which a printed change may differ from that of the printed numbers: its last digit."""


def statements(results: Results) -> tuple[Statement, ...]:
    """Evaluate the checklist."""
    return (
        *_arithmetic(),
        *_errata(),
        *_counts(results),
        *_inclusion(results),
        *_budget(results),
        _front(results),
        _bounds(results),
        _policies(results),
        _proved(results),
        _voltages(results),
        _losses(results),
        *_claims(results),
    )


def change(value: float, base: float) -> float:
    """Return a change in %; not a number from nothing."""
    return 100.0 * (value - base) / abs(base) if base else float("nan")


def _arithmetic() -> tuple[Statement, ...]:
    base = data.TABLE_3[0]
    against = [100.0 * (base[k] / data.TABLE_3[2][k] - 1.0) for k in (0, 2)]
    growth = [change(b, a) for a, b in (data.GENERATION_KWH, data.EXPORT_KWH)]
    share = 100.0 * data.DEMAND_ACCEPTED_KWH / data.DEMAND_BIDS_KWH
    ordered = [[data.TABLE_3[case][k] for case in (1, 2, 0, 3, 4)] for k in range(3)]
    rising = [all(a < b for a, b in pairwise(row)) for row in (ordered[0], ordered[1][::-1], ordered[2])]
    return (
        arithmetic(
            "N1",
            "52.09 % and 47.04 % are the proposed scheme against case 2",
            max(abs(against[0] - 52.09), abs(against[1] - 47.04)) < PERCENT,
            f"{against[0]:.2f} and {against[1]:.2f} %",
        ),
        arithmetic(
            "N2",
            "With all prices turned, generation rises by 2.14 % and export by 14.47 %",
            max(abs(growth[0] - 2.14), abs(growth[1] - 14.47)) < PERCENT,
            f"{growth[0]:.2f} and {growth[1]:.2f} %",
        ),
        arithmetic(
            "N3",
            "82.64 % of the energy that aggregators of demand bid is accepted",
            abs(share - data.DEMAND_SHARE) < PERCENT,
            f"{share:.2f} %",
        ),
        arithmetic(
            "N4",
            "Table 3: F1 and S_RT rise from case 1 over 2, the proposed scheme and 3 to 4, F2 falls",
            all(rising),
            "as printed",
        ),
    )


def _errata() -> tuple[Statement, ...]:
    found = []
    for name, (told, case, k) in data.TEXT_CHANGES.items():
        own = change(data.TABLE_3[case][k], data.TABLE_3[0][k])
        found.append(
            erratum(
                f"T-{name}", f"{name} changes by {told:g} %", abs(own - told) < PERCENT, f"Table 3 gives {own:.2f} %"
            )
        )
    for name, (told, key, k) in data.TEXT_SENSITIVITY.items():
        own = change(data.TABLE_6[key][k], data.TABLE_6["SA0"][k])
        found.append(
            erratum(
                f"T-{name}", f"{name} changes by {told:g} %", abs(own - told) < PERCENT, f"Table 6 gives {own:.3f} %"
            )
        )
    fell = {case: data.TABLE_8[case][1] < data.TABLE_3[case][1] for case in data.CASES}
    total, mean = data.OPERATIONS
    own_mean = total / (data.CASCADES * 24)
    level, error = data.POLYHEDRON
    own_error = 1.0 / np.cos(np.pi / 2 ** (level + 1)) - 1.0
    return (
        *found,
        erratum(
            "X1",
            "F2 falls with more scenarios (Tables 3 and 8)",
            all(fell.values()),
            f"not in: {', '.join(data.CASES[case] for case, less in fell.items() if not less) or 'none'}",
        ),
        erratum(
            "X2",
            f"{total} switching operations are {mean:g} in the mean",
            abs(own_mean - mean) < MONEY,
            f"over {data.CASCADES} outages and 24 hours they are {own_mean:.3f}",
        ),
        erratum(
            "X3",
            "The worst outage has an F2 above the mean",
            max(row[1] for row in data.TABLE_3.values()) <= data.WORST_F2,
            f"{data.WORST_F2:g} against means from {min(row[1] for row in data.TABLE_3.values()):g} on",
        ),
        erratum(
            "X4",
            f"A polyhedral cone of level {level} has the error {error:g}",
            abs(own_error / error - 1.0) < MONEY,
            f"it is {own_error:.4g}; the printed one is that of level {level - 1}",
        ),
    )


def _counts(results: Results) -> tuple[Statement, ...]:
    single = sum(", then " not in outage.name for outage in results.system.outages)
    moved = results.moved
    return (
        put_to_test("C1", "132 single outages are left", single == data.OUTAGES, f"{single} outages", must_hold=True),
        on_stand_in(
            "C2",
            "3 to 6 switches are moved after an outage, 4.991 in the mean",
            moved.min() >= 3 and moved.max() <= 6,
            f"{moved.min():g} to {moved.max():g}, {moved.mean():.2f} in the mean, with ties alone",
        ),
    )


def _inclusion(results: Results) -> tuple[Statement, ...]:
    f1 = {case: each.profit for case, each in results.profit.items()}
    upper = {case: each.bound for case, each in results.profit.items()}
    slack = MONEY * (1.0 + max(abs(value) for value in f1.values()))
    less = f1[2] <= upper[0] + slack and abs(f1[1] - f1[0]) <= max(upper[0] - f1[0], upper[1] - f1[1]) + slack
    more = f1[0] <= min(upper[3], upper[4]) + slack
    f2 = [results.least[k].interruption for k in (0, 1)]
    told = ", ".join(f"{data.CASES[case]} {value:.2f}" for case, value in f1.items())
    proposed = results.profit[0].interruption
    controlled = ", ".join(f"{data.CASES[case]} {value:.2f}" for case, value in results.controlled.items())
    return (
        by_construction(
            "I1", "Case 2 does not earn more than the proposed scheme; ties alone change no F1", less, told
        ),
        by_construction("I2", "The proposed scheme does not earn more than cases 3 and 4", more, told),
        by_construction(
            "I3",
            "Without switching no less is lost",
            f2[0] <= f2[1] * (1.0 + MONEY),
            f"least F2 {f2[0]:.2f} with ties, {f2[1]:.2f} without",
        ),
        by_construction(
            "I4",
            "In cases 3 and 4 the same schedule loses no more than in the proposed scheme",
            all(value <= proposed * (1.0 + MONEY) for value in results.controlled.values()),
            f"F2 {proposed:.2f}; {controlled}; demand offers as reserve nearly all that it can cut already",
        ),
    )


def _budget(results: Results) -> tuple[Statement, ...]:
    worst = {gamma: each.objective for gamma, each in results.budgets.items()}
    room = {gamma: each.bound - each.objective for gamma, each in results.budgets.items()}
    pairs = list(pairwise(worst))
    falls = all(worst[b] <= worst[a] + room[a] + MONEY * (1.0 + abs(worst[a])) for a, b in pairs)
    sorted_sums = []
    for gamma, each in results.budgets.items():
        paid = np.sort(results.day.price_deviation * np.abs(each.positions.trade_kw))[::-1]
        share = np.clip(gamma - np.arange(paid.size), 0.0, 1.0)
        sorted_sums.append(abs(float(share @ paid) - each.protection) / (1.0 + abs(each.protection)))
    export = [float(np.maximum(-each.positions.trade_kw, 0.0).sum()) for each in results.budgets.values()]
    made = [float(each.positions.generator_kw.sum()) for each in results.budgets.values()]
    return (
        by_construction(
            "G1",
            "The worst case within the budget does not earn more as the budget grows",
            falls,
            ", ".join(f"{gamma:g}: {value:.2f}" for gamma, value in worst.items()),
        ),
        by_construction(
            "G2",
            "What is protected is the sum of the largest deviations",
            max(sorted_sums) <= MONEY,
            f"to within {max(sorted_sums):.1e}",
        ),
        on_stand_in(
            "G3",
            "Generation and export grow from no budget to the whole one",
            made[-1] > made[0] and export[-1] > export[0],
            f"generation {change(made[-1], made[0]):+.2f} %, export {change(export[-1], export[0]):+.2f} %: "
            "here prices turn on what is traded, so less is",
        ),
    )


def _front(results: Results) -> Statement:
    front = results.compromise.front
    steps = np.diff(front, axis=0)
    return by_construction(
        "F1",
        "No point of the front dominates another, and the choice is one of them",
        bool((steps < 0.0).all()) and 0 <= results.compromise.chosen < len(front),
        f"{len(front)} points, F1 from {front[:, 0].min():.2f} to {front[:, 0].max():.2f}, "
        f"F2 from {front[:, 1].min():.2f} to {front[:, 1].max():.2f}",
    )


def _bounds(results: Results) -> Statement:
    found = [each.interruption for each in (*results.profit.values(), *results.least.values())]
    low, high = results.certain * (1.0 - MONEY), results.everything * (1.0 + MONEY)
    return by_construction(
        "B1",
        "F2 lies between what no switching restores and the value of all load",
        all(low <= value <= high for value in found),
        f"{results.certain:.2f} to {results.everything:.2f}",
    )


def _policies(results: Results) -> Statement:
    found = results.policies
    slack = MONEY * (1.0 + abs(found.value))
    ordered = found.wait_and_see >= found.bound - slack and bool((found.bound >= found.feedback - slack).all())
    return by_construction(
        "P1",
        "Wait and see earns no less than recourse, and recourse no less than the published loop",
        ordered and found.bound >= found.value - slack,
        f"{found.wait_and_see:.2f}, {found.value:.2f} (at most {found.bound:.2f}), "
        f"{float(found.feedback.max()):.2f} by the loop, {found.mean_value:.2f} by the mean scenario",
    )


def _proved(results: Results) -> Statement:
    every = (*results.profit.values(), *results.least.values(), *results.prices.values(), *results.budgets.values())
    worst = max(max(c.primal, c.dual, c.complementarity, c.gap) for c in (each.certificate for each in every))
    gap = max(each.gap for each in every)
    terms = max(abs(sum(e.accounts.values()) - e.profit) / (1 + abs(e.profit)) for e in every)
    return by_construction(
        "K1",
        "Every schedule is proved: its bound, the conditions of its priced program, and its accounts",
        worst <= RESIDUAL_TOLERANCE and terms <= MONEY,
        f"largest gap {100 * gap:.3f} %, largest residual {worst:.1e}",
    )


def _voltages(results: Results) -> Statement:
    apart = float(np.abs(results.voltages[0] - results.voltages[1]).max())
    return put_to_test(
        "V1",
        "Fig. 18: linear and AC voltages lie on each other",
        apart <= data.LARGEST_DROP_ERROR_PU,
        f"at most {apart:.4f} per unit apart on the base configuration without units",
        must_hold=True,
    )


def _losses(results: Results) -> Statement:
    printed = -change(data.TABLE_4[1][0], data.TABLE_4[0][0])
    found, profit = results.left_out, results.profit[0].profit
    part = 100.0 * found.paid / abs(profit)
    return on_stand_in(
        "V2",
        f"Table 4: what the linear model leaves out is {printed:.2f} % of F1",
        part <= printed,
        f"the AC losses of the schedule are {found.loss_kw.sum():.0f} kWh, {100.0 * found.share:.1f} % of the load; "
        f"they would cost {found.paid:.2f} MU, {part:.1f} % of F1; voltages are up to {found.voltage_pu:.4f} per unit "
        "apart",
    )


def _claims(results: Results) -> tuple[Statement, ...]:
    f1 = [results.profit[case].profit for case in (1, 2, 0, 3, 4)]
    real_time = [results.profit[case].accounts["deviations"] for case in (1, 2, 0, 3, 4)]
    prices = {name: each.profit for name, each in results.prices.items()}
    first, second = results.profit[0].profit, results.more.profit
    return (
        on_stand_in(
            "O1",
            "F1 rises from case 1 over 2, the proposed scheme and 3 to 4",
            all(a < b for a, b in pairwise(f1)),
            "cases 1, 2, proposed, 3, 4: " + ", ".join(f"{value:.2f}" for value in f1),
        ),
        on_stand_in(
            "O2",
            "The expected value of real time rises in the same order",
            all(a < b for a, b in pairwise(real_time)),
            "cases 1, 2, proposed, 3, 4: " + ", ".join(f"{value:.2f}" for value in real_time),
        ),
        on_stand_in(
            "O3",
            "F1 rises with the prices: SA2, SA0, SA1, SA3",
            prices["SA2"] < prices["SA0"] < prices["SA1"] < prices["SA3"],
            ", ".join(f"{name} {value:.2f}" for name, value in prices.items()),
        ),
        on_stand_in(
            "O4",
            "More scenarios raise F1",
            second > first,
            f"{first:.2f} and {second:.2f}",
        ),
    )
