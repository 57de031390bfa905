"""Every claim of the paper about its figures (docs/aggregator.md), and theorems of its model, on the results.

Hours are the paper's: hour h ends at clock hour h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sim.reproduce.aggregator import published as data
from sim.reproduce.aggregator.compute import named
from sim.reproduce.verdicts import Statement, by_construction, on_stand_in, put_to_test

if TYPE_CHECKING:
    from sim.reproduce.aggregator.compute import Results, Solved

_RELATIVE = 1e-6
_POWER = 1e-6
"""Power below which nothing happens, kW."""


def statements(results: Results) -> tuple[Statement, ...]:
    """Evaluate the checklist."""
    cases = (*_case_one(results), *_case_one_lot(results), *_case_two(results), *_case_two_shape(results))
    return (
        *_theorems(results),
        *_held(results),
        *_recorded(results),
        *cases,
        *_tariffs(results),
        _parties(results),
        _lower_price(results),
    )


def hours(mask: ArrayLike) -> str:
    """Return the hours in which something holds, as ranges, e.g. ``1, 8-24``."""
    found = (np.flatnonzero(mask) + 1).tolist()
    ranges: list[list[int]] = []
    for hour in found:
        if ranges and ranges[-1][1] == hour - 1:
            ranges[-1][1] = hour
        else:
            ranges.append([hour, hour])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ranges) or "none"


def _named(results: Results) -> dict[str, Solved]:
    """Return every cleared day by a name of its own."""
    return named(results.expected, results.sweep, results.feeders, results.drawn, results.tight)


def _every(results: Results) -> list[Solved]:
    return list(_named(results).values())


def _near(value: float, expected: float) -> bool:
    return abs(value - expected) <= _RELATIVE * max(1.0, abs(expected))


def _theorems(results: Results) -> tuple[Statement, ...]:
    one, two = results.case("I"), results.case("II")
    caps = max(
        float(price.max() - (one.day.reserve_cap if "reserve" in name else each.day.energy_cap))
        for each in _every(results)
        for name, price in each.clearing.prices.items()
    )
    costs = [0.0, *(unit.cost for unit in one.day.generators)]
    off = max(
        float(np.abs(each.price("generators")[:, None] - np.array(costs)).min(axis=1).max())
        for each in _every(results)
        if not each.day.uniform
    )
    gaps = {name: each.clearing.gap for name, each in _named(results).items()}
    wide = ", ".join(f"{name} {100 * gap:.2f} %" for name, gap in gaps.items() if gap > 1e-3)
    return (
        by_construction("T1", "No posted price exceeds its cap", caps <= _RELATIVE, f"by {max(caps, 0.0):.1e} at most"),
        by_construction(
            "T2",
            "A price for every resource earns the aggregator at least what one price does, at equal caps",
            one.profit >= two.profit * (1.0 - _RELATIVE),
            f"{one.profit:.2f} and {two.profit:.2f} cents",
        ),
        by_construction(
            "T3",
            "The generators' price is the cost of one of them, or nothing (case I)",
            off <= _RELATIVE,
            f"distance at most {off:.1e} cents",
        ),
        put_to_test(
            "T4",
            "Every day is proved: by other prices the leader could gain at most 0.1 % of its profit",
            all(gap <= 1e-3 for gap in gaps.values()),
            f"{sum(gap <= 1e-6 for gap in gaps.values())} of {len(gaps)} days to 1e-6; above 0.1 %: {wide or 'none'}",
            must_hold=False,
        ).weakened_from(
            "the same, as a statement that must hold",
            all(gap <= 1e-3 for gap in gaps.values()),
            wide or "none above 0.1 %",
        ),
    )


def _held(results: Results) -> tuple[Statement, ...]:
    return (
        by_construction(
            "T5",
            "At every day pools, contracts, powers, money and the flow balance, and no follower could earn more",
            not any(results.broken.values()),
            "; ".join(f"{name}: {', '.join(each)}" for name, each in results.broken.items() if each)
            or f"days checked: {len(results.broken)}",
        ),
        by_construction(
            "T6",
            "Where a voltage limit binds it is kept, and the profit is within the bound without it",
            all(
                each.lowest_voltage >= data.TIGHT_VOLTAGE[feeder] - _RELATIVE
                and each.profit <= results.feeders[feeder, "I"].clearing.bound * (1.0 + _RELATIVE)
                for feeder, each in results.tight.items()
            ),
            "; ".join(
                f"{feeder}: {each.lowest_voltage:.4f} per unit, {each.profit:.1f} of at most {each.clearing.bound:.1f} "
                f"({100 * each.clearing.gap:.2f} %), without the limit {results.feeders[feeder, 'I'].profit:.1f}"
                for feeder, each in results.tight.items()
            ),
        ),
    )


def _recorded(results: Results) -> tuple[Statement, ...]:
    recorded = {key: results.expected[key].profit for key in data.RECORDED}
    swept = {value: results.sweep["I", value].profit for value in data.RECORDED_SWEEP}
    return (
        by_construction(
            "R1",
            "The profits of the expected day are those that two independent models recorded",
            all(abs(recorded[key] - value) <= 0.01 for key, value in data.RECORDED.items()),
            ", ".join(f"case {case}, cap {cap:g}: {value:.2f}" for (case, cap), value in recorded.items()),
        ),
        by_construction(
            "R2",
            "So are those of the sweep of G2V2",
            all(abs(swept[key] - value) <= 0.1 for key, value in data.RECORDED_SWEEP.items()),
            ", ".join(f"{key:g}: {value:.1f}" for key, value in swept.items()),
        ),
    )


def _case_one(results: Results) -> tuple[Statement, ...]:
    one, day = results.case("I"), results.case("I").day
    buys = one.charge > _POWER
    low, active = buys & (one.price_in < data.CAP - _RELATIVE), (one.output.sum(axis=0) + one.discharge) > _POWER
    cheapest = np.argsort(day.energy_price)[:6]
    only_first = (one.output[0] > _POWER) & (one.output[1:].sum(axis=0) <= _POWER)
    worth = day.reserve.called_cost(day.lots[0].tariffs.degradation + day.lots[0].tariffs.v2g)
    spikes = (one.reserve > _POWER) & (one.all_in_reserve > worth * (1.0 + _RELATIVE))
    early = float(one.charge[:9].sum() / one.charge.sum())
    return (
        on_stand_in(
            "I1",
            "The lot's price is at the cap in all hours in which it buys",
            not low.any(),
            f"below it in hours {hours(low)}",
        ),
        on_stand_in(
            "I2",
            "In hours 2-7, when energy upstream is cheapest, no resource of the aggregator is active",
            not active[1:7].any() and set(cheapest) == set(range(1, 7)),
            f"active in hours {hours(active)}, cheapest hours {hours(np.isin(np.arange(24), cheapest))}",
        ),
        on_stand_in(
            "I3",
            "In all other hours only DG1 is committed",
            bool((only_first | ~active)[np.r_[0, 7:24]].all() and only_first[np.r_[0, 7:24]].all()),
            f"DG1 alone in hours {hours(only_first)}",
        ),
        on_stand_in(
            "I4",
            "The lot only buys energy",
            not (one.discharge > _POWER).any(),
            f"gives {one.discharge.sum():.1f} kWh in hours {hours(one.discharge > _POWER)}",
        ),
        by_construction(
            "I5",
            "No load is interrupted: the cap is below what the retailer would rather interrupt at",
            bool(day.retailer.worth.min() > data.CAP and one.interrupted.max() <= _POWER),
            f"worth at least {day.retailer.worth.min():g} cents, interrupted {one.interrupted.sum():.1f} kWh",
        ),
        on_stand_in(
            "I6",
            "The reserve price is the lot's marginal cost but for a spike in one hour",
            int(spikes.sum()) == 1,
            f"above it in hours {hours(spikes)} (paper: 15)",
        ),
        on_stand_in(
            "I7",
            "The lot charges in hours 1-9",
            early > 0.5,
            f"{100 * early:.0f} % of its energy; no vehicle of S1 comes before hour 6",
        ),
    )


def _case_one_lot(results: Results) -> tuple[Statement, ...]:
    one = results.case("I")
    spare = one.reserve < one.reserve_room * (1.0 - _RELATIVE) - _POWER
    least, left = one.flexible_least.sum(), one.flexible.sum()
    above = float(left / least - 1.0)
    part = 100.0 * one.reserve.sum() / max(one.reserve_room.sum(), _POWER)
    return (
        on_stand_in(
            "I8",
            "All stock and charging power that vehicles have to give is offered as reserve",
            not spare.any(),
            f"{part:.0f} % of it; not all in hours {hours(spare)}",
        ),
        on_stand_in(
            "I9",
            "Flexible vehicles leave with almost the least energy of their contracts (Fig. 13)",
            above <= data.ALMOST,
            f"{left:.0f} kWh, the least is {least:.0f}: {100 * above:.1f} % more",
        ),
    )


def _case_two(results: Results) -> tuple[Statement, ...]:
    one, two = results.case("I"), results.expected["II", data.HIGH_CAP]
    runs = two.output > _POWER
    price, upstream = two.price("energy"), two.day.reserve_price
    late = np.arange(24) >= 18
    given, cut = two.discharge > _POWER, two.interrupted > _POWER
    high = (two.price_reserve >= upstream - _RELATIVE) & (two.reserve > _POWER)
    return (
        on_stand_in(
            "II1",
            "Generators, vehicle-to-grid and interruptible load all take part",
            bool(runs.any() and given.any() and cut.any()),
            f"generators in hours {hours(runs.any(axis=0))}, discharge in {hours(given)}, interrupted in {hours(cut)}",
        ),
        on_stand_in(
            "II2",
            "In hours 2-6 only DG1 runs, DG2 from hour 7, later all of them",
            bool(not runs[1:, 1:6].any() and runs[0, 1:6].all() and runs[1, 6]),
            "; ".join(f"{unit.name}: {hours(run)}" for unit, run in zip(two.day.generators, runs, strict=True)),
        ),
        on_stand_in(
            "II3",
            "Load is interrupted in hours 19-23 only",
            hours(cut) == "19-23",
            f"in hours {hours(cut)}",
        ),
        on_stand_in(
            "II4",
            "Vehicles give energy from hour 19 on",
            bool(given.any() and not given[~late].any()),
            f"in hours {hours(given)}",
        ),
        on_stand_in(
            "II5",
            "The reserve price reaches the upstream one in hours 19-23",
            bool(high[18:23].any()),
            f"in hours {hours(high)}",
        ),
        put_to_test(
            "II6",
            "The uniform price goes down to a generator's marginal cost",
            any(abs(float(price.min()) - unit.cost) <= _RELATIVE for unit in two.day.generators),
            f"lowest {price.min():g} cents",
            must_hold=False,
        ),
        on_stand_in(
            "II7",
            "The reserve price is at least that of case I",
            bool((two.price_reserve >= one.price_reserve - _RELATIVE).all()),
            f"lower in hours {hours(two.price_reserve < one.price_reserve - _RELATIVE)}",
        ),
    )


def _case_two_shape(results: Results) -> tuple[Statement, ...]:
    two = results.expected["II", data.HIGH_CAP]
    price, worth = two.price("energy"), two.day.lots[0].charge_efficiency * float(two.day.lots[0].tariffs.g2v2)
    means = {name: float(price[a - 1 : b].mean()) for name, (a, b) in data.PARTS_OF_DAY.items()}
    told = ", ".join(f"{name} {value:.2f}" for name, value in means.items())
    more = two.flexible[1] - two.flexible_least[1]
    late = np.zeros(24, dtype=bool)
    late[16:22] = True
    return (
        on_stand_in(
            "II8",
            "The price is low in hours 1-9, up at 10, in 11-15 at what charging is worth, lower in 16-17, high from 19",
            bool(
                means["1-9"] < means["10"]
                and abs(means["11-15"] - worth) <= _RELATIVE * worth
                and means["16-17"] < means["11-15"] < means["19-24"]
            ),
            f"means in cents: {told}; eta G2V2 {worth:g}",
        ),
        on_stand_in(
            "II9",
            "Flexible V2G vehicles leave above their least energy mainly in hours 17-22 (Fig. 17)",
            bool(more[late].sum() > more[~late].sum()),
            f"{more[late].sum():.1f} kWh more then, {more[~late].sum():.1f} in other hours",
        ),
    )


def _tariffs(results: Results) -> tuple[Statement, ...]:
    found = []
    for case in data.CASES:
        leader = np.array([results.sweep[case, value].profit for value in data.SWEEP_G2V2])
        most = np.array([results.sweep[case, value].clearing.bound for value in data.SWEEP_G2V2])
        lot = np.array([results.sweep[case, value].lot_profit for value in data.SWEEP_G2V2])
        steps = np.diff(lot)
        found += [
            put_to_test(
                "V1",
                f"The aggregator's profit does not rise when G2V2 falls (case {case}, Fig. 20)",
                bool((leader[1:] <= most[:-1] + _RELATIVE * np.abs(leader[:-1])).all()),
                ", ".join(map(_told, data.SWEEP_G2V2, leader, most)),
                must_hold=False,
            ),
            on_stand_in(
                "V2",
                f"The lot's profit goes up and down along the sweep (case {case}, Fig. 21)",
                bool((steps > 0.0).any() and (steps < 0.0).any()),
                ", ".join(f"{value:g}: {profit:.1f}" for value, profit in zip(data.SWEEP_G2V2, lot, strict=True)),
            ),
        ]
    above, below = (results.sweep["II", value].profit for value in (data.SWEEP_G2V2[0], data.SWEEP_G2V2[-1]))
    edge = results.sweep["II", 11.2].profit
    found.append(
        on_stand_in(
            "V3",
            "Above G2V2 = 11 cents (the cap by the efficiency) the aggregator loses nothing, below it does (case II)",
            _near(edge, above) and below < edge * (1.0 - 1e-4),
            f"{above:.1f} at 12, {edge:.1f} at 11.2, {below:.1f} at 9",
        )
    )
    return tuple(found)


def _told(value: float, profit: float, most: float) -> str:
    """Return a profit of the sweep, with the proven most where that is another number."""
    return f"{value:g}: {profit:.1f}" + (f" (at most {most:.1f})" if most > profit * (1.0 + _RELATIVE) else "")


def _parties(results: Results) -> Statement:
    one, two = results.case("I"), results.case("II")
    gains = {
        "aggregator": two.profit - one.profit,
        "lot": two.lot_profit - one.lot_profit,
        "generators": two.generator_profit - one.generator_profit,
        "load retailer": two.retail_profit - one.retail_profit,
    }
    return put_to_test(
        "C1",
        "One price is better for all parties (section VIII)",
        all(gain >= 0.0 for gain in gains.values()),
        ", ".join(f"{name} {gain:+.0f}" for name, gain in gains.items())
        + " cents from case I to II: for the leader a special case of its own choices is never better",
        must_hold=False,
    )


def _lower_price(results: Results) -> Statement:
    two, flat = results.case("II"), results.at_cap
    lot = float(flat.accounts.lots[0])
    return put_to_test(
        "C2",
        "By a lower price the aggregator raises its own profit and the lot's (section VIII)",
        two.profit > flat.profit and two.lot_profit > lot,
        f"case II at the cap all day: aggregator {flat.profit:.1f}, lot {lot:.1f} cents; at the best prices "
        f"{two.profit:.1f} and {two.lot_profit:.1f}",
        must_hold=False,
    )
