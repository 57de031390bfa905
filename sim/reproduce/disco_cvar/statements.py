"""Every identity and claim of the risk-based paper, evaluated on the results (docs/disco.md, paper A).

Identities and theorems must hold. Claims that need the paper's unpublished data are evaluated on stand-in data.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from equilibrium.certificate import RESIDUAL_TOLERANCE
from sim.columns import energy_kwh
from sim.reproduce.disco.totals import accounts_miss
from sim.reproduce.disco_cvar import published as data
from sim.reproduce.verdicts import Statement, arithmetic, by_construction, on_stand_in, put_to_test

if TYPE_CHECKING:
    from sim.reproduce.disco_cvar.compute import Results

MONEY = 1e-6
"""Relative difference of two amounts of money that are equal."""


def statements(results: Results) -> tuple[Statement, ...]:
    """Evaluate the checklist."""
    return (
        *_paper_arithmetic(),
        _accounts(results),
        _residuals(results),
        _stored(results),
        _generation(results),
        _affine(results),
        _averse(results),
        _ahead(results),
        _price(results),
        _order(results),
        *_schedule(results),
    )


def _paper_arithmetic() -> tuple[Statement, ...]:
    errors, loads = [], []
    for a in data.TABLE_7.values():
        profit = a.lot_charging_income + a.load_income - a.upstream_cost - a.v2g_payment - a.response_cost
        errors.append(abs(profit - a.profit))
        supply = a.import_mwh + data.PV_MWH + data.WIND_MWH + a.discharge_mwh
        loads.append(supply - a.charge_mwh - a.loss_mwh)
    ends = data.TABLE_9[0.0].profit, data.TABLE_9[1.0].profit
    gaps = {
        beta: abs((1.0 - beta) * ends[0] + beta * ends[1] - row.profit)
        for beta, row in data.TABLE_9.items()
        if beta != 0.5
    }
    return (
        arithmetic("N1", "The columns of Table 7 add up", max(errors) < 0.002, f"to within {max(errors):.4f} USD"),
        arithmetic(
            "N2",
            "The energy balances of both columns give the same load",
            float(np.ptp(loads)) < 0.002,
            f"{loads[0]:.3f} and {loads[1]:.3f} MWh",
        ),
        arithmetic(
            "N3",
            "The paper's expected profits of Table 9 lie on the line of the weighted objective, except at beta = 0.5",
            max(gaps.values()) < 0.7,
            f"largest distance {max(gaps.values()):.3f} USD: expected value and CVaR do not depend on beta",
        ),
    )


def _accounts(results: Results) -> Statement:
    worst = accounts_miss(run.clearing for run in results.programs.values())
    return by_construction(
        "N4", "Our accounts add up to the company's profit in every scenario", worst < MONEY, f"{worst:.0e}"
    )


def _residuals(results: Results) -> Statement:
    proofs = [run.clearing.certificate for run in (*results.programs.values(), *results.prices.values())]
    worst = max(max(p.primal, p.dual, p.complementarity, p.gap) for p in proofs)
    return by_construction(
        "N5",
        "Every cleared day is optimal for the company, by residuals recomputed from arrays",
        worst <= RESIDUAL_TOLERANCE,
        f"largest residual {worst:.1e} over {len(proofs)} days",
    )


def _stored(results: Results) -> Statement:
    run = results.programs["tou"]
    vehicles = sum(batch.count.sum() for batch in run.day.scenarios[0].vehicles)
    stored = [
        1000.0 * (0.9 * t.charge_mwh - t.discharge_mwh / 0.95) / vehicles
        for t in (run.totals("neutral"), run.totals("averse"))
    ]
    low, high = data.STORED_KWH
    told = f"{stored[0]:.2f} and {stored[1]:.2f} kWh; the paper's columns give 21.18"
    return put_to_test(
        "N6",
        f"Each vehicle keeps {low:g} to {high:g} kWh, what Table 2 allows",
        all(low <= value <= high for value in stored),
        told,
        must_hold=True,
    ).weakened_from(
        f"Each vehicle keeps {low:g} to {data.STORED_AT_FIRST_KWH:g} kWh",
        all(low <= value <= data.STORED_AT_FIRST_KWH for value in stored),
        "the upper end left no room for the spread of 500 vehicles",
    )


def _generation(results: Results) -> Statement:
    run = results.programs["tou"]
    wind, sun = (
        sum(s.probability * energy_kwh(run.day.length_h, s.renewable_kw[:, k]) for s in run.day.scenarios) / 1000.0
        for k in (0, 1)
    )
    return on_stand_in(
        "D1",
        "Wind and sun generate 7.386 and 2.840 MWh a day",
        abs(wind / data.WIND_MWH - 1.0) < 0.05 and abs(sun / data.PV_MWH - 1.0) < 0.05,
        f"{wind:.3f} and {sun:.3f} MWh, mean over the reduced scenarios",
    )


def _affine(results: Results) -> Statement:
    run = results.programs["tou"]
    expected, tail = run.objective(0.0), run.objective(1.0)
    worst = max(
        abs((1.0 - beta) * expected + beta * tail - run.objective(beta)) / (1.0 + abs(expected))
        for beta in data.TABLE_9
    )
    fall = tail / expected - 1.0
    return by_construction(
        "N7",
        "With purchases by recourse, expected profit and CVaR do not depend on beta",
        worst < MONEY,
        f"E = {expected:.2f}, CVaR = {tail:.2f} USD ({100 * fall:+.2f} %; published -5.32 %)",
    )


def _averse(results: Results) -> Statement:
    pairs = {program: (run.objective(0.0), run.objective(1.0)) for program, run in results.programs.items()}
    return by_construction(
        "O2",
        "The profit at beta = 1 is below that at beta = 0",
        all(tail <= mean + MONEY for mean, tail in pairs.values()),
        "; ".join(f"{data.PROGRAMS[p]} {100 * (tail / mean - 1):+.1f} %" for p, (mean, tail) in pairs.items()),
    )


def _ahead(results: Results) -> Statement:
    runs = {beta: run.clearing for beta, run in results.ahead.items() if beta is not None}
    recourse = results.ahead[None]
    slack = MONEY * (1.0 + abs(recourse.clearing.expected_profit))
    holds = all(
        b.expected_profit <= a.expected_profit + slack and b.cvar >= a.cvar - slack
        for a, b in pairwise(runs[beta] for beta in sorted(runs))
    )
    holds &= all(run.objective <= recourse.objective(beta) + slack for beta, run in runs.items())
    return by_construction(
        "N8",
        "Purchases made before the outcome is known: E falls and CVaR rises with beta, and recourse is no worse",
        holds,
        f"E from {runs[0.0].expected_profit:.2f} to {runs[1.0].expected_profit:.2f}, CVaR from {runs[0.0].cvar:.2f} to "
        f"{runs[1.0].cvar:.2f} USD; recourse {recourse.clearing.expected_profit:.2f}, {recourse.clearing.cvar:.2f}",
    )


def _price(results: Results) -> Statement:
    factors = sorted(results.prices)
    value = [results.prices[factor].objective(0.0) for factor in factors]
    slack = MONEY * (1.0 + max(abs(v) for v in value))
    slopes = [(b - a) / (g - f) for (f, g), (a, b) in zip(pairwise(factors), pairwise(value), strict=True)]
    falling = all(slope <= slack for slope in slopes)
    convex = all(b >= a - slack / 0.05 for a, b in pairwise(slopes))
    cost = -results.prices[1.0].totals("neutral").accounts["upstream_cost"]
    at = factors.index(1.0)
    between = slopes[at - 1] - slack / 0.05 <= cost <= slopes[at] + slack / 0.05
    tail = results.prices[0.85].objective(1.0) / results.prices[1.0].objective(1.0) - 1.0
    return by_construction(
        "O3",
        "The profit falls with the market price, is convex in it, and its slope is minus the cost of the purchase",
        falling and convex and between,
        f"slopes {slopes[at - 1]:.0f} and {slopes[at]:.0f} USD around the base, cost {-cost:.0f} USD; "
        f"-15 % price gives {100 * tail:+.0f} % at beta = 1 (published about +51 %)",
    )


def _order(results: Results) -> Statement:
    order = {beta: sorted(data.PROGRAMS, key=lambda p: -results.programs[p].objective(beta)) for beta in (0.0, 1.0)}
    wanted = ["tou", "flat", "tou+cap", "cap"]
    return on_stand_in(
        "O1",
        "TOU is the best program, then flat, TOU+CAP and CAP, at both weights",
        all(names == wanted for names in order.values()),
        "; ".join(f"beta = {beta:g}: {', '.join(data.PROGRAMS[p] for p in names)}" for beta, names in order.items()),
    )


def _schedule(results: Results) -> tuple[Statement, ...]:
    neutral, averse = (results.programs["tou"].totals(data.ATTITUDES[beta]) for beta in (0, 1))
    peak = np.array([hour in data.PEAK_HOURS for hour in range(1, 25)])
    idle = [h for h in data.WITHOUT_V2G_HOURS if neutral.discharge_kw[h - 1] > 1.0]
    worst = np.argsort(-neutral.loss_kw)[:4] + 1
    inside = [float(t.charge_kw[peak].max()) for t in (neutral, averse)]
    outside = [float(t.discharge_kw[~peak].max()) for t in (neutral, averse)]
    return (
        by_construction(
            "C1",
            "Vehicles charge outside the peak and discharge inside it only",
            max(*inside, *outside) < MONEY,
            f"at most {max(inside):.3g} and {max(outside):.3g} kW against it: stated in mode windows, not implied by "
            "the printed model (E3)",
        ),
        on_stand_in(
            "C2",
            "Nothing is discharged at 14, 15, 19 and 20 h, where the market is cheaper than the vehicles",
            not idle,
            f"discharging at {idle or 'none of them'}",
        ),
        on_stand_in(
            "C3",
            "The averse column has less discharging and higher losses",
            averse.discharge_mwh < neutral.discharge_mwh and averse.loss_mwh > neutral.loss_mwh,
            f"discharging {neutral.discharge_mwh:.2f} and {averse.discharge_mwh:.2f} MWh, losses "
            f"{neutral.loss_mwh:.2f} and {averse.loss_mwh:.2f} MWh",
        ),
        on_stand_in(
            "C4",
            "Losses are highest after the arrivals (9, 10 h) and after the peak (21, 22 h)",
            set(worst.tolist()) == {9, 10, 21, 22},
            f"highest at {', '.join(str(h) for h in sorted(worst.tolist()))} h, up to {neutral.loss_kw.max():.0f} kW",
        ),
    )
