"""What the report of the aggregator's study says and draws, number by number against made-up results."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equilibrium.markets.aggregator.market import AggregatorMarket
from scenarios.published.reserve_lot import reserve_lot_day
from sim.reproduce.aggregator import figures
from sim.reproduce.aggregator import published as data
from sim.reproduce.aggregator.compute import Solved, _with_voltage
from sim.reproduce.aggregator.constants import constants
from sim.reproduce.aggregator.statements import statements
from sim.reproduce.aggregator.study import make_report
from sim.reproduce.constants import Origin
from tests.equilibrium.aggregator_days import on_line, random_day
from tests.sim.drawn import assert_shown, assert_tidy, drawn, legend_of
from tests.sim.shown import Shown, words
from tests.sim.test_reserve_study import made, one, two

HOURS = np.arange(1.0, 25.0)

REASONS = {
    "T1": ["by 0.0e+00 at most"],
    "T2": ["87767.55 and 39782.96 cents"],
    "T3": ["distance at most 0.0e+00 cents"],
    "T4": ["18 of 18 days to 1e-6; above 0.1 %: none"],
    "T5": ["days checked: 1"],
    "T6": ["ieee37: 0.9729 per unit, 79000.0 of at most 79000.0 (0.00 %), without the limit 80000.0"],
    "R1": ["case I, cap 10: 87767.55, case II, cap 10: 39782.96, case II, cap 13.5: 53049.87"],
    "R2": ["12: 86693.4, 11.2: 86693.4, 11: 86478.2, 10.5: 85821.3"],
    "I1": ["below it in hours none"],
    "I2": ["active in hours 1, 8-24, cheapest hours 2-7"],
    "I3": ["DG1 alone in hours 1, 8-24"],
    "I4": ["gives 0.0 kWh in hours none"],
    "I5": ["worth at least 10.5 cents, interrupted 0.0 kWh"],
    "I6": ["above it in hours 15 (paper: 15)"],
    "I7": ["80 % of its energy; no vehicle of S1 comes before hour 6"],
    "I8": ["100 % of it; not all in hours none"],
    "I9": ["1008 kWh, the least is 960: 5.0 % more"],
    "II1": ["generators in hours 1-24, discharge in 19-22, interrupted in 19-23"],
    "II2": ["DG1: 1-24; DG2: 7-24; DG3: 10-24"],
    "II3": ["in hours 19-23"],
    "II4": ["in hours 19-22"],
    "II5": ["in hours 19-23"],
    "II6": ["lowest 7.5 cents"],
    "II7": ["lower in hours none"],
    "II8": ["means in cents: 1-9 7.50, 10 9.00, 11-15 10.80, 16-17 9.50, 19-24 12.50; eta G2V2 10.8"],
    "II9": ["240.0 kWh more then, 18.0 in other hours"],
    "V1": [
        "12: 86693.4, 11.2: 86693.4, 11: 86478.2, 10.5: 85821.3, 10: 84996.0, 9: 84995.0",
        "12: 40000.0, 11.2: 40000.0, 11: 40000.0, 10.5: 39900.0, 10: 39900.0, 9: 39900.0",
    ],
    "V2": ["12: 101.0, 11.2: 99.0, 11: 101.0, 10.5: 99.0, 10: 101.0, 9: 99.0"] * 2,
    "V3": ["40000.0 at 12, 40000.0 at 11.2, 39900.0 at 9"],
    "C1": [
        "aggregator -47985, lot +100, generators +20, load retailer +0 cents from case I to II: for the leader a "
        "special case of its own choices is never better"
    ],
    "C2": [
        "case II at the cap all day: aggregator 39000.0, lot 150.0 cents; at the best prices 39783.0 and 200.0",
    ],
}
MUST_HOLD = {"T1", "T2", "T3", "T5", "T6", "R1", "R2", "I5"}


def told(results: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for statement in statements(results):
        found.setdefault(statement.key, []).append(statement.reason)
    return found


def test_the_numbers_behind_every_statement() -> None:
    results: Any = made()
    assert told(results) == REASONS
    assert {each.key for each in statements(results) if each.must_hold} == MUST_HOLD


def test_the_numbers_behind_statements_that_fail() -> None:
    results: Any = made()
    one(results).price_in[12] = 9.0
    one(results).discharge[[3, 22]] = 10.0, 5.5
    one(results).interrupted[20] = 10.25
    one(results).all_in_reserve[20] = 1.0
    one(results).output[1, 2] = 300.0
    one(results).clearing.prices["lot reserve"][3] = 10.25
    results.feeders["ieee37", "I"].clearing.prices["generators"][0] = 7.75
    results.drawn["I"].clearing.gap = 2.5e-3
    results.feeders["ieee37", "I"].clearing.gap = 1e-3
    results.broken |= {"II, cap 10": ("pools", "money"), "I, drawn": ("caps",)}
    vars(results.tight["ieee37"]).update(lowest_voltage=0.97, profit=81_000.0)
    vars(results.tight["ieee37"].clearing).update(bound=82_000.0, gap=5e-3)
    one(results).reserve[10:12] = 32.0
    one(results).flexible[0, 3] = 165.0
    two(results).discharge[10] = 5.0
    two(results).price_reserve[2] = 0.1
    two(results).clearing.prices["energy"][4] = 7.4
    two(results).clearing.prices["energy"][15:18] = 11.0, 12.0, 13.0
    two(results).flexible[1, [15, 16, 21, 22]] = 900.0, 70.0, 80.0, 90.0
    results.at_cap.profit = 39_900.0
    results.at_cap.accounts.lots[0] = 250.0
    found = told(results)
    wanted = {
        "T1": "by 2.5e-01 at most",
        "T3": "distance at most 2.5e-01 cents",
        "T4": "15 of 18 days to 1e-6; above 0.1 %: I, drawn 0.25 %, I, ieee37, tight voltage 0.50 %",
        "T5": "II, cap 10: pools, money; I, drawn: caps",
        "T6": "ieee37: 0.9700 per unit, 81000.0 of at most 82000.0 (0.50 %), without the limit 80000.0",
        "I1": "below it in hours 13",
        "I2": "active in hours 1, 3-4, 8-24, cheapest hours 2-7",
        "I4": "gives 15.5 kWh in hours 4, 23",
        "I5": "worth at least 10.5 cents, interrupted 10.2 kWh",
        "I6": "above it in hours 15, 21 (paper: 15)",
        "I8": "97 % of it; not all in hours 11-12",
        "I9": "1152 kWh, the least is 960: 20.0 % more",
        "II1": "generators in hours 1-24, discharge in 11, 19-22, interrupted in 19-23",
        "II4": "in hours 11, 19-22",
        "II6": "lowest 7.4 cents",
        "II7": "lower in hours 3-4",
        "II8": "means in cents: 1-9 7.49, 10 9.00, 11-15 10.80, 16-17 11.50, 19-24 12.50; eta G2V2 10.8",
        "II9": "270.0 kWh more then, 966.0 in other hours",
        "C2": "case II at the cap all day: aggregator 39900.0, lot 250.0 cents; at the best prices 39783.0 and 200.0",
    }
    assert {key: found[key] for key in wanted} == {key: [text] for key, text in wanted.items()}
    (gaps,) = (each for each in statements(results) if each.key == "T4")
    assert gaps.first is not None
    assert (gaps.first.holds, gaps.first.reason) == (False, "I, drawn 0.25 %, I, ieee37, tight voltage 0.50 %")
    one(results).output[0, 20] = 0.0
    assert told(results)["I3"] == ["DG1 alone in hours 1, 8-20, 22-24"]


def test_every_row_of_every_table() -> None:
    results: Any = made()
    draw = np.random.default_rng(3)
    names = ("charge", "discharge", "reserve", "stored", "interrupted", "all_in_reserve", "price_in")
    pairs = ("pools", "capacity", "flexible", "flexible_least")
    groups = (results.expected, results.sweep, results.feeders, results.drawn, results.tight)
    for each in (each for group in groups for each in group.values()):
        vars(each).update({name: draw.uniform(1.0, 9.0, 24) for name in names})
        vars(each).update({name: draw.uniform(1.0, 9.0, (2, 24)) for name in pairs})
        vars(each).update({name: float(draw.uniform(1.0, 99.0)) for name in vars(each) if name.endswith("profit")})
        each.output = draw.uniform(1.0, 9.0, (3, 24))
        each.clearing.certificate.worst_regret = float(draw.uniform())
    tables = {table.name: table for table in make_report(results).tables}
    days = {
        **{f"case {case}, cap {cap:g}": each for (case, cap), each in results.expected.items()},
        "case I, 3 drawn days": results.drawn["I"],
        "case I, ieee37": results.feeders["ieee37", "I"],
        "case I, ieee37, at least 0.9729 per unit": results.tight["ieee37"],
    }
    wanted = {}
    for name, each in days.items():
        wanted |= {
            (name, "aggregator (cents)"): each.profit,
            (name, "could gain at most (cents)"): each.clearing.certificate.worst_regret,
            (name, "lot (cents)"): each.lot_profit,
            (name, "generators (cents)"): each.generator_profit,
            (name, "load retailer (cents)"): each.retail_profit,
            (name, "charged (kWh)"): sum(each.charge),
            (name, "discharged (kWh)"): sum(each.discharge),
            (name, "reserve (kWh)"): sum(each.reserve),
        }
    rows_of = lambda name: {(row.row, row.quantity): row.computed for row in tables[name].rows}  # noqa: E731
    assert rows_of("profits") == pytest.approx(wanted)
    assert rows_of("sweep") == {
        (f"case {case}, G2V2 = {value:g}", quantity): amount
        for (case, value), each in results.sweep.items()
        for quantity, amount in (("aggregator (cents)", each.profit), ("lot (cents)", each.lot_profit))
    }
    for case, cap in (("I", 10.0), ("II", 13.5)):
        each = results.expected[case, cap]
        found = rows_of(f"case-{case}")
        for h in range(24):
            assert {name: value for (row, name), value in found.items() if row == f"hour {h + 1}"} == {
                "upstream energy price (cents/kWh)": each.day.energy_price[h],
                "lot's energy price (cents/kWh)": each.price_in[h],
                "generators' price (cents/kWh)": each.price("generators")[h],
                "retailer's price (cents/kWh)": each.price("retailer")[h],
                "upstream reserve price (cents/kWh)": each.day.reserve_price[h],
                "reserve price, all in (cents/kWh)": each.all_in_reserve[h],
                "charging (kW)": each.charge[h],
                "discharging (kW)": each.discharge[h],
                "reserve (kW)": each.reserve[h],
                "energy of the vehicles (kWh)": each.stored[h],
                "energy of vehicles that only charge (kWh)": each.pools[0, h],
                "energy of vehicles that also discharge (kWh)": each.pools[1, h],
                "batteries of vehicles that only charge (kWh)": each.capacity[0, h],
                "batteries of vehicles that also discharge (kWh)": each.capacity[1, h],
                "energy that flex1 leaves with (kWh)": each.flexible[0, h],
                "energy that flex2 leaves with (kWh)": each.flexible[1, h],
                "least energy that flex1 leaves with (kWh)": each.flexible_least[0, h],
                "least energy that flex2 leaves with (kWh)": each.flexible_least[1, h],
                **{f"DG{k + 1} (kW)": each.output[k, h] for k in range(3)},
                "interrupted load (kW)": each.interrupted[h],
            }
    digits = {name: {row.digits for row in table.rows} for name, table in tables.items()}
    assert digits == {"profits": {2}, "case-I": {3}, "case-II": {3}, "sweep": {1}}
    assert all(row.published is None for table in tables.values() for row in table.rows)
    assert {name: table.in_terminal for name, table in tables.items()} == {
        "profits": False, "case-I": False, "case-II": False, "sweep": True,
    }  # fmt: skip


# Figures


def line(values: Any) -> np.ndarray:
    return np.column_stack([HOURS, np.asarray(values, float)])


def bars(height: Any, base: Any = 0.0) -> np.ndarray:
    height = np.asarray(height, float)
    return np.column_stack([HOURS, np.full(24, 0.8), np.broadcast_to(base, 24), height])


def drawn_case(case: str, cap: float) -> Any:
    each, draw = made().expected[case, cap], np.random.default_rng(5)
    names = ("charge", "discharge", "reserve", "stored", "interrupted", "all_in_reserve")
    vars(each).update({name: draw.uniform(1.0, 9.0, 24) for name in names})
    each.output = draw.uniform(1.0, 9.0, (3, 24))
    for name in each.clearing.prices:
        each.clearing.prices[name] = draw.uniform(1.0, 9.0, 24)
    return each


@pytest.mark.parametrize(("case", "cap"), [("I", 10.0), ("II", 13.5)])
def test_prices_are_drawn_as_they_are(case: str, cap: float) -> None:
    each = drawn_case(case, cap)
    posted = {"lot in": "Lot buys", "lot out": "Lot sells", "generators": "Generators", "retailer": "Retailer"}
    shown: Shown = {
        (0, "lines", "Upstream"): line(each.day.energy_price),
        (1, "lines", "Upstream"): line(each.day.reserve_price),
        (1, "lines", "Lot, all in"): line(each.all_in_reserve),
        **words(0, title="Energy", y="cents/kWh"),
        **words(1, title="Reserve", y="cents/kWh", x="Hour"),
    }
    for name, label in posted.items() if case == "I" else [("energy", "One price")]:
        shown[0, "lines", label] = line(each.clearing.prices[name])
    figure = figures.prices(each)
    assert_shown(drawn(figure), shown)
    assert_tidy(figure)
    assert [axis.get_ylim()[0] for axis in figure.axes] == [0.0, 0.0]
    assert figure.axes[1].get_xticks().tolist() == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24]
    for drawn_line in (each for axis in figure.axes for each in axis.get_lines()):
        assert drawn_line.get_linewidth() == (2.0 if drawn_line.get_label() == "Upstream" else 1.3)


def test_powers_are_stacked_on_both_sides_in_megawatts() -> None:
    each = drawn_case("I", 10.0)
    served = each.day.retailer.load_kw - each.interrupted
    bought = [served[h] + each.charge[h] - sum(each.output[:, h]) - each.discharge[h] for h in range(24)]
    shown: Shown = {(0, "lines", "#0"): np.array([[0.0, 0.0], [1.0, 0.0]])}
    below, above = np.zeros(24), np.zeros(24)
    for label, kw in (
        ("Upstream", bought),
        *((f"DG{k + 1}", each.output[k]) for k in range(3)),
        ("Lot gives", each.discharge),
    ):
        height = -np.asarray(kw) / 1000.0
        shown[0, "bars", label] = bars(height, below.copy())
        below += height
    for label, kw in (("Load", served), ("Lot draws", each.charge)):
        shown[0, "bars", label] = bars(kw / 1000.0, above.copy())
        above += kw / 1000.0
    figure = figures.energy(each)
    assert_shown(drawn(figure), shown | words(0, y="MW (sources below zero)", x="Hour"))
    assert legend_of(figure) == {
        **{"Upstream": "#0072b2", "DG1": "#009e73", "DG2": "#d55e00", "DG3": "#cc79a7", "Lot gives": "#56b4e9"},
        **{"Load": "#7f7f7f", "Lot draws": "#e69f00"},
    }


def test_the_lot_is_drawn_with_its_energy() -> None:
    each = drawn_case("I", 10.0)
    shown: Shown = {
        (0, "bars", "Draws"): bars(each.charge),
        (0, "bars", "Gives"): bars(-each.discharge),
        (0, "lines", "Reserve"): line(each.reserve),
        (0, "lines", "#1"): np.array([[0.0, 0.0], [1.0, 0.0]]),
        (1, "bars", "Energy of the vehicles"): bars(each.stored / 1000.0),
        **words(0, y="kW"),
        **words(1, y="MWh", x="Hour"),
    }
    assert_shown(drawn(figures.lot(each)), shown)
    figure = figures.lot(each)
    assert_tidy(figure)
    assert sorted(legend_of(figure)) == ["Draws", "Energy of the vehicles", "Gives", "Reserve"]


def test_the_sweep_is_drawn_in_dollars() -> None:
    results: Any = made()
    shown: Shown = {}
    for axis, (title, name) in enumerate((("Aggregator (Fig. 20)", "profit"), ("Lot (Fig. 21)", "lot_profit"))):
        for case in ("I", "II"):
            points = [(value, getattr(results.sweep[case, value], name) / 100.0) for value in data.SWEEP_G2V2]
            shown[axis, "lines", f"Case {case}"] = np.array(points)
        shown |= words(axis, title=title, x="G2V2 (cents/kWh)", y="Profit (dollars a day)")
    assert_shown(drawn(figures.sweep(results)), shown)


# What is computed


@pytest.mark.parametrize("pricing", ["pay-as-bid", "uniform"])
def test_what_a_solved_day_says_of_itself(pricing: str) -> None:
    day = random_day(5, scenarios=2, pricing=pricing)
    named = day.lots[0].__class__(**{**vars(day.lots[0]), "name": "lot"})
    day = day.__class__(**{**{k: v for k, v in vars(day).items() if k in day.__dataclass_fields__}, "lots": (named,)})
    each = Solved(day, AggregatorMarket().clear(day))
    did, (a, b) = each.clearing.lots[0], day.probability
    for name, power in (
        ("charge", did.charge_g2v_kw + did.charge_v2g_kw),
        ("discharge", did.discharge_kw),
        ("reserve", did.reserve_kw),
        ("stored", did.g2v_kwh + did.v2g_kwh),
    ):
        np.testing.assert_allclose(getattr(each, name), a * power[0] + b * power[1], err_msg=name)
    prices = each.clearing.prices
    uniform = pricing == "uniform"
    assert each.price_in is prices["energy" if uniform else "lot in"]
    assert each.price("retailer") is prices["energy" if uniform else "retailer"]
    assert each.price_reserve is prices["reserve" if uniform else "lot reserve"]
    np.testing.assert_allclose(each.output, each.clearing.generators_kw.T)
    np.testing.assert_allclose(each.interrupted, day.retailer.load_kw - each.clearing.served_kw)
    accounts = each.clearing.accounts
    assert each.profit == accounts.aggregator
    assert (each.lot_profit, each.retail_profit) == (accounts.lots[0], accounts.retailer)
    assert each.generator_profit == pytest.approx(accounts.generators[0] + accounts.generators[1])
    np.testing.assert_allclose(each.all_in_reserve, each.clearing.all_in_reserve[:, 0])


@pytest.mark.parametrize("printed", [True, False])
def test_what_a_solved_day_says_of_its_vehicles(printed: bool) -> None:
    day = random_day(2, scenarios=2)
    day = replace(day, reading=replace(day.reading, output_stock="printed" if printed else "start"))
    cleared = AggregatorMarket().clear(day)
    gives = np.random.default_rng(2).uniform(1.0, 3.0, (2, day.periods))
    did, lot, weight = replace(cleared.lots[0], discharge_kw=gives), day.lots[0], day.probability
    each = Solved(day, replace(cleared, lots=(did,)))
    share, soc = lot.contracts.share, lot.contracts.departure_soc
    for at, (stock, leaves, fix, flex) in enumerate(
        ((did.g2v_kwh, did.flex1_kwh, 0, 1), (did.v2g_kwh, did.flex2_kwh, 2, 3))
    ):
        for t in range(day.periods):
            sums = np.zeros(5)
            for s in range(2):
                parked, gone = lot.vehicles.parked[s, t], lot.vehicles.departing[s, t]
                batteries = sum(lot.battery_kwh * (share[fix, c] + share[flex, c]) * parked[c] for c in range(3))
                least = sum(lot.battery_kwh * soc[flex, c] * share[flex, c] * gone[c] for c in range(3))
                if flex == 1 and day.reading.flex1_floor == "physical":
                    least = max(least, lot.vehicles.brought_kwh[s, t, flex])
                charger = lot.charger_kw * batteries / lot.battery_kwh
                given, kept = did.discharge_kw[s, t], did.v2g_kwh[s, t] - lot.soc_min * batteries
                behind = kept * lot.discharge_efficiency / day.length_h[t] - (given if printed else 0.0)
                room = max(0.0, min(charger - given, behind))
                sums += weight[s] * np.array([stock[s, t], batteries, leaves[s, t], least, room])
            found = (each.pools[at, t], each.capacity[at, t], each.flexible[at, t], each.flexible_least[at, t])
            assert found == pytest.approx(sums[:4])
            if flex == 3:
                assert each.reserve_room[t] == pytest.approx(sums[4])
    assert each.lowest_voltage == np.inf


def test_a_limit_of_the_voltage_is_that_of_every_bus_but_the_root() -> None:
    free, tight = (reserve_lot_day("I", feeder="ieee37"), _with_voltage("ieee37", 0.9729))
    assert free.grid is not None
    assert tight.grid is not None
    given, found = free.grid.feeder, tight.grid.feeder
    (root,) = np.flatnonzero(given.parent < 0)
    assert found.voltage_min_pu[root] == given.voltage_min_pu[root]
    assert set(np.delete(found.voltage_min_pu, root)) == {0.9729}
    assert (given.voltage_min_pu < 0.9729).all()


def test_the_lowest_voltage_is_that_of_all_buses_and_hours() -> None:
    day = on_line(random_day(3))
    each = Solved(day, AggregatorMarket().clear(day))
    assert each.clearing.grid is not None
    assert each.lowest_voltage == min(each.clearing.grid.voltage_pu.ravel().tolist())


@pytest.mark.parametrize(
    ("feeder", "lot", "units", "segments"),
    [
        ("ieee37", "3", ("25", "19", "35"), 5),
        ("ieee33", "18", ("8", "25", "30"), 20),
        ("das85", "8", ("34", "48", "64"), 20),
    ],
)
def test_the_days_on_feeders(feeder: str, lot: str, units: tuple[str, ...], segments: int) -> None:
    day = reserve_lot_day("I", feeder=feeder)
    grid = day.grid
    assert grid is not None
    assert grid.feeder.buses[day.lots[0].bus] == lot
    assert tuple(grid.feeder.buses[unit.bus] for unit in day.generators) == units
    assert (grid.segments, grid.transformer_efficiency) == (segments, 0.98)
    np.testing.assert_allclose(grid.loss_price, day.energy_price)
    limit = 400.0 if feeder == "ieee37" else 200.0
    rating = np.sqrt(3.0) * grid.feeder.base_kv * limit
    assert grid.feeder.rating_kva[1:].max() == pytest.approx(rating)


def test_drawn_days_have_equal_chances_and_their_own_draws() -> None:
    day = reserve_lot_day("II", scenarios=3, seed=4)
    assert day.probability.tolist() == [1.0 / 3.0] * 3
    arrived = day.lots[0].vehicles.arriving.sum(axis=(1, 2))
    assert len(set(arrived.tolist())) == 3
    assert (reserve_lot_day("II", scenarios=3, seed=5).lots[0].vehicles.arriving.sum(axis=(1, 2)) != arrived).all()
    assert (day.cap, day.uniform_cap, day.reserve_cap) == (10.0, 10.0, 10.0)
    high = reserve_lot_day("II", cap=13.5, tariffs={"g2v2": 11.0})
    assert (high.uniform_cap, high.reserve_cap) == (13.5, 10.0)
    assert (high.lots[0].tariffs.g2v2, high.lots[0].tariffs.g2v1) == (11.0, 13.0)


def test_every_number_is_counted_once_as_published_or_chosen() -> None:
    rows = {each.name: each for each in constants()}
    published = {name for name, each in rows.items() if each.origin is Origin.PUBLISHED}
    assert all(rows[name].numbers == 0 for name in published)
    counts = {name: each.numbers for name, each in rows.items() if name not in published}
    assert counts["spot prices (cents)"] == counts["reserve prices (cents)"] == 24
    assert counts["load profile and its peak (kW)"] == 25
    assert counts["generators: cost (cents), capacity (kW)"] == 9
    assert counts["days drawn"] == 1
    assert rows["days drawn"].value == "3"
    assert rows["stations"].value == "250"
    assert rows["spot prices (cents)"].value == "5, 4.2, 3.8, 3.6, 3.5, 3.6, ... (24 in all)"
    assert rows["probabilities of call and failure"].value == "0.05, 0.02"
