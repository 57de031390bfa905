"""Every statement of the checklist of docs/epec_lots.md, evaluated on the results.

Theorems, identities and regression values must hold. What needs the paper's unpublished profiles is evaluated on the
stand-in data S0.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sim.columns import energy_kwh
from sim.reproduce.epec_lots import published as data
from sim.reproduce.verdicts import Statement, arithmetic, by_construction, erratum, on_stand_in, put_to_test

if TYPE_CHECKING:
    from sim.reproduce.epec_lots.compute import Results, SweepPoint

_RELATIVE = 1e-6
_NIGHT = range(1, 7)  # hours 1-6
_EVENING = range(18, 25)  # hours 18-24
_CHEAP, _DEAR = 0, 1  # the microturbines at @17 (40 EUR/MWh) and @32 (60 EUR/MWh); on 85 buses @72 and @32


def statements(results: Results) -> tuple[Statement, ...]:
    """Evaluate the checklist."""
    return (
        _n1(results),
        _n2(),
        _n3(),
        _n4(results),
        _o1(results),
        _o2(results),
        _o3(results),
        *_o4(results),
        *_o5(results),
        *_o6_o7(results),
        *_s1(results),
        *_s2_s3(results),
        *_t1(results),
        _regression(results),
        _sweep_regression(results),
    )


def _n1(results: Results) -> Statement:
    charged = [case.charged_mwh for case in results.cases.values()]
    spread = max(abs(value / data.CHARGED_MWH - 1.0) for value in charged)
    return by_construction(
        "N1",
        "The charged energy is 7.07 MWh in every case, on both feeders and in both voltage bands",
        spread < _RELATIVE,
        f"{min(charged):.6f} to {max(charged):.6f} MWh over {len(charged)} runs: an identity of the lots' data",
    )


def _n2() -> Statement:
    imports = {case: row.import_mwh for case, row in data.TABLES_5_AND_7["33"].items()}
    cuts = [1.0 - imports[1] / imports[case] for case in (2, 3)]
    return arithmetic(
        "N2",
        "Imports of case 1 are below case 2 by 23 % and below case 3 by 34 % (33-bus, arithmetic of Table 5)",
        round(100 * cuts[0]) == 23 and round(100 * cuts[1]) == 34,
        f"{100 * cuts[0]:.1f} % and {100 * cuts[1]:.1f} %",
    )


def _n3() -> Statement:
    imports = {case: row.import_mwh for case, row in data.TABLES_5_AND_7["85"].items()}
    rises = [imports[case] / imports[1] - 1.0 for case in (2, 3)]
    cuts = [1.0 - imports[1] / imports[case] for case in (2, 3)]
    return erratum(
        "N3",
        "Imports increase by 52 and 63 % in cases 2 and 3 (85-bus, arithmetic of Table 7)",
        round(100 * rises[0]) == 52 and round(100 * rises[1]) == 63,
        f"wrong wording of the paper (E6): {100 * cuts[0]:.1f} and {100 * cuts[1]:.1f} % are case 1's reductions; the "
        f"increases over case 1 are {100 * rises[0]:.0f} and {100 * rises[1]:.0f} %",
    )


def _n4(results: Results) -> Statement:
    revenue = data.CHARGED_MWH * 1000 * data.CHARGING_PRICE
    holds, turbines = True, []
    for (_, _, case), run in results.cases.items():
        fuel, energy = run.clearing.fuel_cost, energy_kwh(run.day.length_h, run.clearing.microturbine_kw) / 1000
        cheap, dear = data.FUEL_COSTS
        holds &= fuel / dear * (1 - _RELATIVE) <= energy <= fuel / cheap * (1 + _RELATIVE) + _RELATIVE
        holds &= abs(float(run.clearing.lot_profit.sum()) / revenue - 1) < _RELATIVE
        holds &= case != 2 or abs(fuel) < _RELATIVE
        turbines.append(energy)
    return by_construction(
        "N4",
        "No fuel in case 2; the lots earn 3535 EUR; microturbine energy lies between fuel/60 and fuel/40",
        holds,
        f"revenue {revenue:.0f} EUR in all {len(turbines)} runs, microturbine energy up to {max(turbines):.2f} MWh",
    )


def _o1(results: Results) -> Statement:
    holds, texts = True, []
    for feeder, label in data.FEEDERS.items():
        for band in data.BANDS:
            first, second, third = (results.cases[feeder, band, case].clearing.network_cost for case in data.CASES)
            holds &= first <= second * (1 + _RELATIVE) and first <= third * (1 + _RELATIVE)
            texts.append(f"{label} {band}: {first:.1f}, {second:.1f}, {third:.1f}")
    return by_construction(
        "O1", "The network cost of case 1 is no higher than that of cases 2 and 3", holds, "EUR, " + "; ".join(texts)
    )


def _costs(points: tuple[SweepPoint, ...]) -> str:
    return ", ".join(f"{point.network_cost:.0f}" for point in points)


def _rising(values: list[float], tolerance: float = 1e-6) -> bool:
    return all(later >= earlier - tolerance * max(1.0, abs(earlier)) for earlier, later in pairwise(values))


def _falling(values: list[float], tolerance: float = 1e-6) -> bool:
    return _rising([-value for value in values], tolerance)


def _o2(results: Results) -> Statement:
    sweeps = {feeder: results.sweeps[feeder, "renewable"] for feeder in data.FEEDERS}
    return by_construction(
        "O2",
        "The network cost does not rise with the renewable factor",
        all(_falling([point.network_cost for point in points]) for points in sweeps.values()),
        "EUR, " + "; ".join(f"{data.FEEDERS[feeder]}: {_costs(points)}" for feeder, points in sweeps.items()),
    )


def _o3(results: Results) -> Statement:
    sweeps = {feeder: results.sweeps[feeder, "demand"] for feeder in data.FEEDERS}
    highest = max(point.voltage_max_pu for points in sweeps.values() for point in points)
    reason = "EUR, " + "; ".join(f"{data.FEEDERS[feeder]}: {_costs(points)}" for feeder, points in sweeps.items())
    left_out = [f"{feeder}-bus x {factor:g}" for feeder, name, factor in results.infeasible if name == "demand"]
    if left_out:
        reason += f"; infeasible: {', '.join(left_out)}"
    holds = all(_rising([point.network_cost for point in points]) for points in sweeps.values())
    return on_stand_in(
        "O3",
        "The network cost does not fall with the demand factor (as long as the upper voltage limit does not bind)",
        holds,
        f"{reason}; highest voltage {highest:.3f} p.u., limit {data.BANDS[data.BASE_BAND][1]:.2f}",
    ).weakened_from(
        "The network cost does not fall with the demand factor, as a theorem",
        holds,
        "no theorem: less load raises voltages",
    )


def _o4(results: Results) -> list[Statement]:
    found = []
    for feeder, label in data.FEEDERS.items():
        runs = [results.base(feeder, case) for case in data.CASES]
        costs, fuel = [run.clearing.network_cost for run in runs], [run.clearing.fuel_cost for run in runs]
        imports = [run.import_mwh for run in runs]
        found += [
            on_stand_in(
                "O4", f"{label}: the network cost of case 2 is below case 3", costs[1] < costs[2],
                f"{costs[1]:.1f} and {costs[2]:.1f} EUR",
            ),
            on_stand_in(
                "O4", f"{label}: case 1 burns no more fuel than case 3", fuel[0] <= fuel[2] * (1 + _RELATIVE),
                f"{fuel[0]:.1f} and {fuel[2]:.1f} EUR",
            ),
            on_stand_in(
                "O4", f"{label}: imports rise from case 1 to 2 to 3", imports[0] < imports[1] < imports[2],
                ", ".join(f"{value:.2f}" for value in imports) + " MWh",
            ),
        ]  # fmt: skip
    return found


def _o5(results: Results) -> list[Statement]:
    exports = {
        (feeder, case): results.base(feeder, case).clearing.export_kw for feeder in data.FEEDERS for case in (1, 2)
    }
    base = max(1000 * results.base("33", case).export_mwh for case in data.CASES)
    at_two = [float(exports["85", case][1]) for case in (1, 2)]
    found = [
        on_stand_in("O5", "33-bus: no exports in the base cases", base < 1e-6, f"at most {base:.1f} kWh a day"),
        on_stand_in(
            "O5",
            "85-bus: exports at 2:00 in cases 1 and 2",
            min(at_two) > 0,
            f"{at_two[0]:.0f} and {at_two[1]:.0f} kW in hour 2",
        ),
    ]
    for feeder, label in data.FEEDERS.items():
        for name, way in (("renewable", -1), ("demand", 1)):
            points = results.sweeps[feeder, name]
            follow = _rising if way > 0 else _falling
            oppose = _falling if way > 0 else _rising
            word = "rise" if way > 0 else "fall"
            for key, quantity, unit, check, verb in (
                ("import_mwh", "imports", "MWh", follow, word),
                ("fuel_cost", "fuel costs", "EUR", follow, word),
                ("export_mwh", "exports", "MWh", oppose, "rise" if way < 0 else "fall to zero"),
            ):
                values = [float(getattr(point, key)) for point in points]
                holds = check(values) and (verb != "fall to zero" or values[-1] < 1e-6)
                listed = ", ".join(f"{value:.2f}" for value in values)
                found.append(
                    on_stand_in("O5", f"{label}: {quantity} {verb} with the {name} factor", holds, f"{listed} {unit}")
                )
    return found


def _o6_o7(results: Results) -> list[Statement]:
    found = []
    for feeder, label in data.FEEDERS.items():
        for case in (1, 3):
            run = results.base(feeder, case)
            power, price = run.clearing.microturbine_kw, run.day.wholesale_price * 1000
            energy = power.sum(axis=0) / 1000
            running = np.flatnonzero(power[:, _DEAR] > 1e-3)
            hours = ", ".join(str(hour + 1) for hour in running) or "none"
            in_time = all(hour + 1 in _EVENING and price[hour] > data.FUEL_COSTS[1] for hour in running)
            cheap_night = [hour for hour in range(24) if hour + 1 in _NIGHT and price[hour] < data.FUEL_COSTS[0]]
            night = float(power[cheap_night].sum()) / 1000
            found += [
                on_stand_in(
                    "O6",
                    f"{label}, case {case}: the 40 EUR/MWh microturbine runs far more than the 60 EUR/MWh one, and "
                    f"that one only in the evening when W > 60",
                    bool(energy[_CHEAP] > 5 * energy[_DEAR]) and in_time,
                    f"{energy[_CHEAP]:.2f} and {energy[_DEAR]:.2f} MWh; the second runs in hours {hours}",
                ),
                on_stand_in(
                    "O7",
                    f"{label}, case {case}: microturbines are off at night when W < 40",
                    night < 1e-6,
                    f"{night:.2f} MWh in hours {', '.join(str(hour + 1) for hour in cheap_night)}",
                ),
            ]
    return found


def _s1(results: Results) -> list[Statement]:
    found = []
    for feeder, label in data.FEEDERS.items():
        power = {case: results.base(feeder, case).clearing.lot_kw.sum(axis=1) for case in data.CASES}
        peaks = {case: int(values.argmax()) + 1 for case, values in power.items()}
        told = "peaks at " + ", ".join(f"{peaks[case]}:00 ({power[case].max() / 1000:.2f} MW)" for case in data.CASES)
        night = {case: sum(float(values[hour - 1]) for hour in _NIGHT) / 1000 for case, values in power.items()}
        evening = {case: sum(float(values[hour - 1]) for hour in _EVENING) / 1000 for case, values in power.items()}
        midday = {case: float(values[10:14].sum()) / 1000 for case, values in power.items()}
        found += [
            on_stand_in("S1", f"{label}: charging peaks at 14:00 in cases 1 and 2", peaks[1] == peaks[2] == 14, told),
            on_stand_in(
                "S1",
                f"{label}: case 3 moves charging toward midday's low prices (hours 11-14)",
                midday[3] > midday[1],
                f"{midday[1]:.2f} MWh in case 1, {midday[3]:.2f} MWh in case 3; {told}",
            ),
            on_stand_in(
                "S1",
                f"{label}: some charging at night and in the evening in all cases",
                min(night.values()) > 0 and min(evening.values()) > 0,
                f"at least {min(night.values()):.2f} MWh in hours 1-6 and {min(evening.values()):.2f} MWh in hours "
                f"18-24 (the schedule of least cost is not unique)",
            ),
        ]
    return found


def _s2_s3(results: Results) -> list[Statement]:
    lowest = {
        (feeder, case): results.base(feeder, case).clearing.voltage_pu.min(axis=0)
        for feeder in data.FEEDERS
        for case in data.CASES
    }

    def mean(feeder: str, case: int, first: int, last: int) -> float:
        return float(lowest[feeder, case][first - 1 : last].mean())

    def compare(key: str, feeder: str, text: str, low: int, high: int, buses: tuple[int, int]) -> Statement:
        values = mean(feeder, low, *buses), mean(feeder, high, *buses)
        reason = (
            f"mean of the buses' lowest voltages {values[0]:.4f} (case {low}) and {values[1]:.4f} (case {high}) p.u."
        )
        return on_stand_in(key, f"{data.FEEDERS[feeder]}: {text}", values[0] < values[1], reason)

    found = []
    for key, feeder in (("S2", "33"), ("S3", "85")):
        last = lowest[feeder, 1].size
        values = [mean(feeder, case, 1, last) for case in data.CASES]
        reason = "mean of the buses' lowest voltages " + ", ".join(f"{value:.4f}" for value in values) + " p.u."
        text = f"{data.FEEDERS[feeder]}: case 1 has the best voltage profile"
        found.append(on_stand_in(key, text, values[0] >= max(values), f"{reason} (voltages are not unique)"))
    return [
        found[0],
        compare("S2", "33", "lower voltages at buses 10-16 in case 2 than in case 3", 2, 3, (10, 16)),
        compare("S2", "33", "lower voltages at buses 22-33 in case 3 than in case 2", 3, 2, (22, 33)),
        found[1],
        compare(
            "S3", "85", "lower voltages at buses 56-75 in case 2 (printed: case 3, E7) than in case 3", 2, 3, (56, 75)
        ),
        compare("S3", "85", "lower voltages along buses 28-54 in case 3 than in case 2", 3, 2, (28, 54)),
    ]


def _t1(results: Results) -> tuple[Statement, Statement]:
    slowest = {feeder: max(results.base(feeder, case).seconds for case in data.CASES) for feeder in data.FEEDERS}
    told = ", ".join(f"{data.FEEDERS[feeder]} at most {seconds:.2f} s" for feeder, seconds in slowest.items())
    growth = slowest["85"] / slowest["33"]
    return (
        put_to_test(
            "T1",
            "Every case is solved in less than 20 s",
            max(slowest.values()) < 20.0,
            f"{told} with compilation and certificate",
            must_hold=True,
        ),
        put_to_test(
            "T1b",
            "The time grows mildly from 33 to 85 buses",
            growth < 85.0 / 33.0,
            f"{growth:.2f} times the time for {85.0 / 33.0:.2f} times the buses",
            must_hold=False,
        ),
    )


def _off(computed: float, wanted: float, rounding: float) -> float:
    """Return the deviation as a multiple of what is allowed."""
    return abs(computed - wanted) / max(data.S0_TOLERANCE * abs(wanted), rounding)


def _regression(results: Results) -> Statement:
    worst, where, count = 0.0, "", 0
    for (feeder, band), cases in data.S0.items():
        for case, reference in cases.items():
            run = results.cases[feeder, band, case]
            computed = (run.clearing.network_cost, run.clearing.fuel_cost, run.import_mwh, run.export_mwh)
            for (name, wanted), value in zip(reference._asdict().items(), computed, strict=True):
                count += 1
                if (ratio := _off(value, wanted, data.S0_ROUNDING[name])) > worst:
                    worst = ratio
                    where = f"{name} of {data.FEEDERS[feeder]} {band} case {case}: {value:.4g}, reference {wanted:g}"
    return by_construction(
        "S0",
        "The S0 reference results are met within 0.1 % (or the rounding of the reference)",
        worst <= 1.0,
        f"{count} values; the farthest uses {100 * worst:.0f} % of its tolerance ({where})",
    )


def _sweep_regression(results: Results) -> Statement:
    worst, count = 0.0, 0
    for name, wanted in (("renewable", data.RENEWABLE_FACTORS), ("demand", data.DEMAND_FACTORS)):
        points = {point.factor: point for point in results.sweeps["33", name]}
        for factor, cost in wanted.items():
            count += 1
            worst = max(worst, _off(points[factor].network_cost, cost, 0.5) if factor in points else np.inf)
    for (name, factor), exports in data.EXPORTS.items():
        points = {point.factor: point for point in results.sweeps["33", name]}
        count += 1
        rounding = data.S0_ROUNDING["export_mwh"]
        worst = max(worst, _off(points[factor].export_mwh, exports, rounding) if factor in points else np.inf)
    return by_construction(
        "S0s",
        "The S0 sensitivity values (33-bus, case 1) are met within 0.1 % (or the rounding of the reference)",
        worst <= 1.0,
        f"{count} values; the farthest uses {100 * worst:.0f} % of its tolerance",
    )
