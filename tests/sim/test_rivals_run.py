"""Runs of several aggregators: every number of the tables again from the others, and what bad files are told."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.testing import assert_allclose

from equilibrium.errors import InputError
from scenarios.files import CASES
from scenarios.loading import load_scenario
from scenarios.markets.aggregator.rivals.case import RivalsCase
from sim.checks import check_run
from sim.cli import main
from sim.kinds import market_kinds
from sim.markets.aggregator.model import AggregatorModel
from sim.markets.aggregator.rivals.figures import profits_figure
from sim.markets.aggregator.rivals.model import RivalsModel
from sim.store import Run, read_run
from tests.sim.test_wrong_tables import PROOF, broken, of_kind
from tests.sim.timed import times_that_cannot_be

DAYS = 1


def keys(change: Callable[[Any], None] | None = None) -> dict[str, Any]:
    """The bundled file without lots, which take most of the time, and changed."""
    data: dict[str, Any] = yaml.safe_load((CASES / "aggregators-37.yaml").read_text(encoding="utf-8"))
    for section in data["aggregators"]:
        section["lots"] = []
    data["market"]["wheeling_eur_per_mwh"] = 1
    if change is not None:
        change(data)
    return data


def written(folder: Path, data: object) -> Path:
    path = folder / "two.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder, start = tmp_path_factory.mktemp("aggregators"), time.perf_counter()
    settle, told = AggregatorModel.settle, list[float]()

    def timed(self: AggregatorModel, *given: Any) -> Any:
        told.append(given[-1])
        return settle(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AggregatorModel, "settle", timed)
        assert main(["run", str(written(folder, keys())), "--days", str(DAYS), "--out", str(folder / "run")]) == 0
    run, passed = read_run(folder / "run"), time.perf_counter() - start
    assert times_that_cannot_be(run, passed) == []
    assert len(told) == 2 * DAYS
    assert 0.0 < min(told) <= max(told) <= min(passed, run.days["seconds"].max())
    return run


def test_what_must_hold_in_every_run_holds(run: Run) -> None:
    found = check_run(run, market_kinds()["aggregators"].invariants)
    assert len(found) == 5
    assert all(each.holds for each in found), found
    assert run.days["certified"].all()
    assert (run.days["ended"] == "equilibrium").all()


SEVERAL: list[tuple[str, str, Any, Any, set[str]]] = [
    ("dispatch", "p_kw", 1.0, of_kind("purchase"), {"active-balance"}),
    *(
        ("dispatch", "p_kw", by, of_kind(name), {"active-balance", "parts"})
        for name in ("served", "output")
        for by in (1, -1)
    ),
    ("trade", "p_kw", 1.0, None, {"parts"}),
    *(("aggregators", name, 1.0, None, {"profits"}) for name in ("profit", "own", "strangers", "generator_profit")),
    ("aggregators", "lot_profit", 1.0, None, {"profits"}),
    ("aggregators", "retail_profit", 1.0, None, {"profits"}),
    ("aggregators", "planned_profit", 1.0, None, {"profits", "bounds"}),
    ("aggregators", "bound", -1.0, None, {"bounds"}),
    ("aggregators", "regret", -1.0, None, {"bounds"}),
    *(("days", name, 1.0, None, {"profits"}) for name in ("profit", "planned_profit", "lot_profit", "retail_profit")),
    ("days", "generator_profit", 1.0, None, {"profits"}),
    *PROOF,
]


@pytest.mark.parametrize(("table", "column", "by", "rows", "names"), SEVERAL)
def test_a_wrong_number_breaks_what_must_hold(
    run: Run, table: str, column: str, by: Any, rows: Any, names: set[str]
) -> None:
    assert broken(run, "aggregators", (table, column, by, rows)) == names


def test_profits_are_prices_times_powers(run: Run) -> None:
    keys_of = ["day", "period"]
    offers = (
        run.offers.pivot_table(index=keys_of, columns=["aggregator", "market", "price"], values="price_per_mwh") / 1e3
    )
    trade = run.trade.pivot_table(index=keys_of, columns=["with_whom", "market", "kind"], values="p_kw", aggfunc="sum")
    profit = run.aggregators.set_index(["day", "aggregator"])["profit"]
    for who in ("north", "south"):
        upstream, parts = offers[who, "upstream", "energy"], []
        for market in ("north", "south"):
            parts.append((upstream - offers[who, market, "generators"]) * trade[who, market, "output"])
            parts.append((offers[who, market, "retailer"] - upstream) * trade[who, market, "served"])
        earned = pd.concat(parts).groupby("day").sum()
        assert_allclose(profit.xs(who, level="aggregator"), earned, atol=1e-6)


def test_strangers_pay_the_fee_and_take_over_what_they_serve_cheaper(run: Run) -> None:
    # South pays 2 per MWh more upstream than north, and the fee is 1: north serves south's load.
    rows = run.trade[(run.trade["market"] == "south") & (run.trade["kind"] == "served")]
    power = rows.groupby("with_whom")["p_kw"].sum()
    assert power["north"] > 0.0
    assert power["south"] == pytest.approx(0.0, abs=1e-6)
    strange = run.trade[run.trade["market"] != run.trade["with_whom"]]
    assert_allclose(run.days["strangers_kwh"], strange.groupby("day")["p_kw"].sum())
    assert_allclose(run.days["wheeling"], 0.001 * run.days["strangers_kwh"])


def test_figures_and_terminal_of_a_run(run: Run) -> None:
    drawn = {path.name for path in (run.folder / "figures").iterdir() if path.suffix == ".png"}
    assert any(name.startswith("trade-day-") for name in drawn)
    assert any(name.startswith("offers-day-") for name in drawn)
    kind = market_kinds()["aggregators"]
    text = "\n".join(kind.remarks(run))
    assert f"wheeling fees {run.days['wheeling'].sum():.1f}" in text
    assert "NOT certified" not in text
    assert kind.day_table(run).row_count == DAYS


def test_profits_of_a_longer_run_are_drawn(run: Run) -> None:
    days = pd.concat([run.aggregators, run.aggregators.assign(day=1)])
    own, strange = profits_figure(days, "EUR").axes
    assert [line.get_label() for line in own.lines[:2]] == ["north", "south"]
    assert strange.lines[0].get_ydata()[0] == run.aggregators["strangers"].iloc[0]


@pytest.mark.long
def test_the_bundled_day_has_an_equilibrium_with_lots() -> None:
    model = RivalsModel("aggregators-37")
    model.step()
    assert model.last is not None
    assert model.last.cleared.ended == "equilibrium"
    lots = [lot for market in model.last.came[1] for lot in market.lots]
    assert len(lots) == 2
    assert all(float(lot.charge_kw.sum()) > 0.0 for lot in lots)
    assert all(np.isfinite(part.aggregator.profit) for part in model.last.parts)


def test_the_file_loads_again(tmp_path: Path) -> None:
    case = load_scenario("aggregators-37", None, RivalsCase)
    assert case.names == ("north", "south")
    assert case.wheeling == pytest.approx(0.006)
    again = load_scenario(str(written(tmp_path, case.resolved())), None, RivalsCase)
    assert again.file == case.file
    alone = load_scenario("aggregators-37", {"market": {"trade": "own"}}, RivalsCase)
    assert alone.wheeling == np.inf


def _share(data: Any) -> None:
    data["aggregators"][0]["load_share"] = 0.7


def _one(data: Any) -> None:
    del data["aggregators"][1]


def _name(data: Any) -> None:
    data["aggregators"][1]["generators"][0]["name"] = "north DG1"


def _bus(data: Any) -> None:
    data["aggregators"][1]["generators"][0]["bus"] = "nowhere"


def _fee(data: Any) -> None:
    data["market"]["wheeling_eur_per_mwh"] = -1


def _reserve(data: Any) -> None:
    del data["market"]["reserve_cap_eur_per_mwh"]


def _cap(data: Any) -> None:
    del data["market"]["cap_eur_per_mwh"]


def _feeder(data: Any) -> None:
    data["market"]["network"] = True


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_feeder, ("market.network", "True", "false: no proof is known")),
        (_share, ("load_share", "1.1", "add up to 1")),
        (_one, ("aggregators", "2")),
        (_name, ("north DG1", "a name of its own")),
        (_bus, ("nowhere",)),
        (_fee, ("wheeling_eur_per_mwh", "-1")),
        (_reserve, ("reserve_cap_eur_per_mwh", "a cap")),
        (_cap, ("cap_eur_per_mwh", "pay-as-bid")),
    ],
)
def test_bad_files_get_one_line(tmp_path: Path, change: Callable[[Any], None], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        load_scenario(str(written(tmp_path, keys(change))), None, RivalsCase)
    text = str(error.value)
    assert "two.yaml" in text
    assert "\n" not in text
    assert [word for word in words if word not in text] == []
