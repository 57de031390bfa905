"""Claims of reproductions under variations: counted by hand, and the variations of the published market."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from equilibrium.errors import InfeasibleError, InputError
from scenarios.published.epec_lots import epec_lots_case
from sim import cli
from sim.reproduce.epec_lots.compute import compute
from sim.reproduce.epec_lots.statements import statements
from sim.reproduce.epec_lots.variations import other_data, other_population
from sim.reproduce.robustness import HEAD, Variation, counted, examine, variations_of
from sim.reproduce.two_settlement import variations as active
from sim.reproduce.verdicts import Statement, arithmetic, by_construction, on_stand_in, put_to_test


def claims(first: bool, second: bool, third: bool) -> tuple[Statement, ...]:
    return (
        arithmetic("N1", "sums", True, ""),
        on_stand_in("O1", "a below b", first, "1 and 2"),
        put_to_test("O1", "a below b", second, "", must_hold=False),  # the same words a second time
        by_construction("N2", "an identity", True, ""),
        on_stand_in("O2", "c rises", third, ""),
    )


def variation(name: str, *holds: bool) -> Variation:
    return Variation("data", name, lambda _solver: claims(*holds))


def unserved(_solver: str) -> tuple[Statement, ...]:
    raise InfeasibleError(("no",))


def test_claims_are_counted_by_hand() -> None:
    """Alike in 3 of 3, in 2 of 3 and in 1 of 3 variations; one cannot be served."""
    told: list[str] = []
    others = [variation("x", True, False, False), variation("y", True, True, False), variation("z", True, False, True)]
    examined, not_served = examine(
        claims(True, False, True), [*others, Variation("data", "w", unserved)], "auto", told.append
    )
    assert [(each.same, each.of, each.verdict, each.otherwise) for each in examined] == [
        (3, 3, "robust", ()),
        (2, 3, "shifted", ("y",)),
        (1, 3, "fragile", ("x", "y")),
    ]
    assert not_served == ("w",)
    assert told == ["x", "y", "z", "w"]
    assert counted(examined) == "1 robust, 1 shifted, 1 fragile"
    assert examined[1].row() == ("O1", "a below b", "does not hold", "shifted", "2 of 3", "y")
    nothing, _ = examine(claims(True, True, True), [Variation("data", "w", unserved)])
    assert {each.verdict for each in nothing} == {"open"}
    half, _ = examine(claims(True, True, True), [variation("x", True, True, False), variation("y", True, True, True)])
    assert half[2].verdict == "fragile"


def test_other_data_and_populations_of_the_published_market() -> None:
    network, day = epec_lots_case("33", 1)
    _, drawn = other_data(network, day, 3)
    loaded = day.load_kw > 0.0
    factor = np.where(loaded, drawn.load_kw, 1.0) / np.where(loaded, day.load_kw, 1.0)
    hour = factor.max(axis=1, where=loaded, initial=0.0)
    np.testing.assert_allclose(factor[loaded], np.broadcast_to(hour[:, None], loaded.shape)[loaded])
    assert 0.05 < np.log(hour).std() < 0.2
    assert (drawn.renewable_kw <= [unit.rated_kw for unit in network.renewables]).all()
    assert not np.allclose(drawn.wholesale_price, day.wholesale_price)
    _, again = other_data(network, day, 3)
    np.testing.assert_array_equal(again.load_kw, drawn.load_kw)
    _, fewer = other_population(network, day, 0.5)
    for one, other in zip(day.lots, fewer.lots, strict=True):
        assert other.energy_end_kwh == 0.5 * one.energy_end_kwh
        np.testing.assert_array_equal(other.power_max_kw, 0.5 * one.power_max_kw)


@pytest.mark.long
def test_a_variation_reaches_every_case_and_sweep() -> None:
    def dearer(network, day):
        return network, replace(day, wholesale_price=2.0 * day.wholesale_price)

    plain, varied = compute("highs"), compute("highs", dearer)
    for key, case in plain.cases.items():
        assert varied.cases[key].clearing.network_cost > case.clearing.network_cost
    for key, points in plain.sweeps.items():
        assert all(b.network_cost != a.network_cost for a, b in zip(points, varied.sweeps[key], strict=True))
    assert len(statements(varied)) == len(statements(plain))


def test_other_data_and_populations_of_two_settlements() -> None:
    drawn = active.other_data(3)
    for name in ("price", "load"):
        factor = np.log(np.array(getattr(drawn, name)) / np.array(getattr(active.BASE, name)))
        assert 0.05 < factor.std() < 0.2
    assert active.other_data(3) == drawn != active.other_data(4)
    fewer = active.other_population(0.5)
    assert (fewer.lot_vehicles, fewer.demand_kw) == (10, 75.0)


def test_every_study_of_lots_has_variations_and_another_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("epec-lots", "disco-cvar", "disco-dr", "two-settlement"):
        found = variations_of(name)
        assert len({each.name for each in found}) == len(found) >= 5
        assert {each.kind for each in found} >= {"population"}
    with pytest.raises(InputError, match="a reproduction with variations"):
        variations_of("aggregator")
    assert cli.main(["reproduce", "aggregator", "--robustness", "--out", str(tmp_path)]) == 2
    assert "--robustness: got 'aggregator'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["disco-cvar", "disco-dr"])
def test_one_thing_is_varied_at_a_time(name: str) -> None:
    def options(each: Variation) -> dict[str, object]:
        assert isinstance(each.statements, partial)
        return dict(each.statements.args[0])

    found = variations_of(name)
    plain, *_ = (options(each) for each in found if each.kind == "population")
    for each in found:
        given = options(each)
        changed = {key for key in {*plain, *given} if given.get(key) != plain.get(key)}
        allowed = {"population": {"vehicles"}, "seed": {"seed"}, "order": {"vary"}}[each.kind]
        assert changed <= allowed, each.name


@pytest.mark.long
def test_the_command_tells_which_claims_stand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reproduce", "epec-lots", "--robustness", "--out", str(tmp_path)]) == 0
    assert "of 43 claims" in capsys.readouterr().out
    with (tmp_path / "epec-lots-robustness.csv").open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == HEAD
    assert {row[3] for row in rows} == {"robust", "shifted"}
    costs = [row for row in rows if row[1].endswith("the network cost of case 2 is below case 3")]
    assert [row[3:5] for row in costs] == [["robust", "12 of 12"]] * 2
