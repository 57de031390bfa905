"""``equilot explain``: the parts of every price sum to it, each limit's part is its own, and a check clears again."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.markets.charging.next_kw import cost_with_more_load
from equilibrium.markets.disco.checks import purchase_price
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.markets.disco.next_kw import purchase_with_more_load
from equilibrium.markets.lots_lead.market import LotsLeadMarket
from scenarios.loading import load_scenario
from sim.cli import main
from sim.explaining import check_price, place_of, told, told_check
from sim.explanation import Explanation, NextKw, Place
from sim.kinds import market_kinds
from sim.markets.charging.explanation import explain, voltage_part
from sim.markets.disco.explanation import explain as explain_disco
from sim.markets.lots_lead import kind as lots_lead
from sim.options import RunOptions
from sim.run import run_scenario
from sim.store import Run, RunWriter
from tests.equilibrium.conftest import lot_data, small_day, small_network
from tests.equilibrium.disco_days import random_day
from tests.equilibrium.test_binding import FULL, TURBINE
from tests.sim.made_days import made_day, stored_run

TIGHT = {"feeder": {"voltage_min_pu": 0.975}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A day on which the substation is full in some hours and voltages are at their limit in others."""
    case = load_scenario("nodal-33", TIGHT)
    return run_scenario(case, tmp_path_factory.mktemp("tight"), RunOptions(days=1)).run


def test_the_parts_sum_to_the_price_everywhere(run: Run) -> None:
    for row in run.prices.iloc[::53].itertuples():  # every bus and every period some time
        found = explain(run, Place(0, row.period, row.bus))
        assert found.price == row.dlmp_per_mwh
        assert abs(found.rest) < 1e-9


def test_the_voltage_part_is_the_sum_over_the_limits(run: Run) -> None:
    """Two ways to one number: along the path of the price, and limit by limit by shared resistance."""
    feeder = run.feeder.set_index("bus")
    parent = feeder["parent"].dropna().to_dict()

    def way(bus: str) -> list[str]:
        return [*(way(parent[bus]) if bus in parent else []), bus]

    total = 0.0
    for _, prices in run.prices.groupby("period"):
        here = prices.set_index("bus")
        limits = run.limits[
            (run.limits["period"] == prices["period"].iloc[0]) & run.limits["limit"].str.startswith("voltage")
        ]
        for bus in feeder.index:
            parts = [
                voltage_part(feeder, here, row, way(bus), way(str(row["bus"]))) for row in limits.to_dict("records")
            ]
            assert sum(parts) == pytest.approx(here["voltage_per_mwh"][bus], abs=1e-9)
            total += abs(sum(parts))
    assert total > 1.0  # EUR/MWh, so that something was compared


def test_words_and_numbers_of_a_voltage_and_of_a_full_substation(run: Run) -> None:
    dear = run.prices[run.prices["voltage_per_mwh"] > 1.0].iloc[0]
    lines = explain(run, Place(0, int(dear["period"]), str(dear["bus"]))).lines
    assert any(
        line.startswith("voltage: bus ") and "at its lowest voltage (0.9750 of 0.9750 p.u.)" in line for line in lines
    )
    full = run.limits[(run.limits["limit"] == "substation") & (run.limits["multiplier"] > 0.001)].iloc[0]
    lines = explain(run, Place(0, int(full["period"]), "18")).lines
    (congestion,) = [line for line in lines if line.startswith("congestion")]
    assert congestion.startswith("congestion: the substation (2400.0 of 2400.0 kVA, ")
    assert f"adds {run.prices.query('period == @full.period')['congestion_per_mwh'].iloc[0]:+.4f} per MWh" in congestion
    (marginal,) = [line for line in lines if line.startswith("marginal")]
    assert "wholesale" not in marginal  # the substation is full
    lots = explain(run, Place(0, int(full["period"]), "8")).lines
    assert any(line.startswith("lot-1 draws ") and line.endswith("no network charge") for line in lots)


def test_the_price_lies_between_the_last_and_the_next_kw(run: Run) -> None:
    """The whole way of --check, at the places with the largest voltage and congestion parts."""
    for column in ("voltage_per_mwh", "congestion_per_mwh"):
        row = run.prices.iloc[int(run.prices[column].argmax())]
        again, around = check_price(
            run, Place(0, int(row["period"]), str(row["bus"])), load_scenario("nodal-33", TIGHT)
        )
        assert again == pytest.approx(row["dlmp_per_mwh"], abs=1e-9)
        assert around.holds(again)
        assert around.last > -1e6


@pytest.mark.parametrize("solver", ["highs", "gurobi"])
def test_a_finite_difference_by_hand(solver: str) -> None:
    """Behind a full branch the next kW is the turbine's at 0.06; before it, upstream's at 0.03."""
    network = small_network(turbine=TURBINE, rating_kva=FULL)
    day = small_day([0.03], (lot_data(150.0, [300.0]),), load_kw=50.0, turbines=1)
    clearing = LotsLeadMarket(network, solver=solver).clear(day)
    costs = [cost_with_more_load(network, day, clearing, 0, 2, more) for more in (-1.0, 0.0, 1.0)]
    assert costs[1] == pytest.approx(clearing.network_cost)
    assert np.diff(costs) == pytest.approx([0.06, 0.06])
    assert cost_with_more_load(network, day, clearing, 0, 1, 1.0) - costs[1] == pytest.approx(0.03)


def test_what_is_not_said_is_that_of_the_highest_price(run: Run) -> None:
    highest = run.prices.iloc[int(run.prices["dlmp_per_mwh"].argmax())]
    assert place_of(run, None, None, None) == Place(0, int(highest["period"]), str(highest["bus"]))
    assert place_of(run, 0, 3, "18") == Place(0, 3, "18")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((9, None, None), "--day: got 9, expected a day from 0 to 0"),
        ((None, 24, None), "--hour: got 24, expected an hour of the day, 0 to 23"),
        ((None, None, "188"), "bus: got '188', expected a bus, 1 to 33; did you mean 18?"),
    ],
)
def test_a_place_that_is_not_there_is_refused(
    run: Run, given: tuple[int | None, int | None, str | None], said: str
) -> None:
    with pytest.raises(InputError) as error:
        place_of(run, *given)
    assert str(error.value).endswith(said)


def test_the_command(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(run.folder), "--bus", "18", "--hour", "12"]) == 0
    printed = capsys.readouterr().out
    assert printed == "".join(f"{line}\n" for line in told(run, Place(0, 12, "18"), explain(run, Place(0, 12, "18"))))
    assert main(["explain", str(run.folder), "--check"]) == 2  # the scenario of that name has other limits
    assert "expected the scenario of the run, unchanged" in capsys.readouterr().err


def test_a_market_without_buses_says_so_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind = market_kinds()["aggregator"]
    RunWriter(tmp_path, kind.name, kind.tables).close()
    assert main(["explain", str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"equilot: error: {tmp_path}: market: got 'aggregator', expected a market with a price at every bus"
    ]


def test_a_check_that_a_market_has_not_got_is_refused_before_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = replace(market_kinds()["disco"], next_kw=None)
    monkeypatch.setattr("sim.output.market_kinds", lambda: {kind.name: kind})
    RunWriter(tmp_path, kind.name, kind.tables).close()
    assert main(["explain", str(tmp_path), "--check"]) == 2
    said = capsys.readouterr()
    expected = "a market whose operator's program can be asked again"
    assert said.out == ""
    assert said.err == f"equilot: error: {tmp_path}: --check: got 'disco', expected {expected}\n"


def test_a_price_of_the_disco_market(tmp_path: Path) -> None:
    run = run_scenario(load_scenario("disco-15"), tmp_path, RunOptions(days=1)).run
    row = run.prices.iloc[200]
    found = explain_disco(run, Place(0, int(row["period"]), str(row["bus"])))
    same = run.prices[run.prices["period"] == row["period"]]
    assert [amount for _, amount in found.parts] == [
        same["price_per_mwh"].iloc[0],
        row["price_per_mwh"] - same["price_per_mwh"].iloc[0],
    ]
    flows = run.dispatch[run.dispatch["period"] == row["period"]]
    lost = flows.loc[flows["kind"] == "loss", "p_kw"].sum()
    said = "a kW is dearer where it adds to them, cheaper where it lowers them"
    assert found.lines[1] == f"losses: {lost:.1f} kW are lost; {said}"
    lot = run.lots[run.lots["period"] == row["period"]].iloc[0]
    lines = explain_disco(run, Place(0, int(row["period"]), str(lot["bus"]))).lines
    assert lines[-1].startswith(f"{lot['lot']} draws {lot['charge_kw']:.1f} kW")
    period, bus = int(row["period"]), str(lot["bus"])
    price = run.prices.query("period == @period and bus == @bus")["price_per_mwh"].iloc[0]
    again, around = check_price(run, Place(0, period, bus), load_scenario("disco-15"))
    assert again == pytest.approx(price, abs=1e-9)
    assert around.holds(again)
    assert 0.9 * price < around.last <= around.following < 1.1 * price


@pytest.mark.parametrize("seed", [1, 2])
def test_a_price_with_losses_lies_between_the_last_and_the_next_kw(seed: int) -> None:
    """At every bus and hour, and what a kW costs beyond the substation is the kW and the losses that it adds."""
    network, day = random_day(seed, count=2)
    market = DiscoMarket(network)
    cleared, supply = market.clear(day).scenarios[0], market.supply(day)
    paid = purchase_price(day, day.scenarios[0])
    for period in range(day.periods):
        if paid[period] <= 0.0:
            with pytest.raises(InputError, match="costs something"):
                purchase_with_more_load(supply, day, cleared, 0, period, 1, 1.0)
            continue
        for bus in range(network.feeder.size):
            costs = [purchase_with_more_load(supply, day, cleared, 0, period, bus, more) for more in (-1.0, 0.0, 1.0)]
            assert costs[1] == pytest.approx(paid[period] * day.length_h[period] * cleared.import_kw[period], abs=1e-6)
            last, following = np.diff(costs) / day.length_h[period]
            assert last - 1e-6 <= cleared.price[period, bus] <= following + 1e-6
    with pytest.raises(InfeasibleError, match="cannot be carried"):
        purchase_with_more_load(supply, day, cleared, 0, int(paid.argmax()), 3, 1e6)


def test_every_word_of_an_explanation(tmp_path: Path) -> None:
    run = stored_run(tmp_path, lots_lead.KIND, [made_day(0)])
    place = Place(0, 1, "7")
    lines = told(run, place, Explanation(40.0, (("energy", 30.0), ("congestion", 10.0)), ("why",)))
    assert lines == [
        "day 0 (2024-04-07), period 1 from 2024-04-07T01:00+11:00, bus 7",
        "  energy           30.0000",
        "  congestion       10.0000",
        "  price            40.0000  EUR/MWh",
        "why",
        "a kW there is worth 0.04 EUR in this period; where the cost has a kink the next one may cost more (--check)",
    ]
    missing = told(run, place, Explanation(40.0, (("energy", 30.0),), ()))
    assert missing[2].endswith("(the parts miss 10)")
    assert told_check(40.0, 40.0, NextKw(30.0, math.inf), "EUR") == [
        "check: the day cleared again gives 40.0000 EUR/MWh, as in the run",
        "check: with the lots' powers as they are the last kW costs 30.0000, the next one more than the network can "
        "carry: the price agrees",
    ]
    other = told_check(40.0, 41.0, NextKw(42.0, 43.0), "EUR")
    assert other[0].endswith("NOT as in the run (40.0000)")
    assert other[1].endswith("the price does NOT lie between them")
