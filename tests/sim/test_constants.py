"""The list of constants behind each reproduction is complete, and says what the cases say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from scenarios.published.company import DISCO_CVAR, DISCO_DR, DiscoStudy
from scenarios.readers.prices import read_prices
from sim.reproduce.aggregator import constants as aggregator
from sim.reproduce.constants import Constant, Inputs, Origin, count, flat, idle, uncovered
from sim.reproduce.disco import constants as disco
from sim.reproduce.disco_cvar import constants as disco_cvar
from sim.reproduce.disco_dr import constants as disco_dr
from sim.reproduce.epec_lots import constants as epec_lots
from sim.reproduce.two_settlement import constants as two_settlement

LISTS: dict[str, tuple[Callable[[], Sequence[Constant]], Callable[[], Inputs]]] = {
    "epec-lots": (epec_lots.constants, epec_lots.inputs),
    "disco-cvar": (disco_cvar.constants, lambda: disco.inputs(DISCO_CVAR)),
    "disco-dr": (disco_dr.constants, lambda: disco.inputs(DISCO_DR)),
    "aggregator": (aggregator.constants, aggregator.inputs),
    "two-settlement": (two_settlement.constants, two_settlement.inputs),
}


@pytest.mark.parametrize("name", LISTS)
def test_every_number_of_a_case_belongs_to_a_constant(name: str) -> None:
    constants, inputs = LISTS[name][0](), LISTS[name][1]()
    assert uncovered(constants, inputs) == []
    assert idle(constants, inputs) == []
    names = [constant.name for constant in constants]
    assert len(set(names)) == len(names)
    for constant in constants:
        assert (constant.numbers == 0) == (constant.origin is Origin.PUBLISHED), constant
        assert constant.value
        assert constant.basis


@pytest.mark.parametrize("name", LISTS)
def test_a_number_that_is_left_out_is_found(name: str) -> None:
    constants, inputs = LISTS[name][0](), LISTS[name][1]()
    for constant in constants:
        others = [other for other in constants if other is not constant]
        alone = [path for path in inputs if constant.covers(path) and not any(o.covers(path) for o in others)]
        assert uncovered(others, inputs) == alone
    assert uncovered(constants, {**inputs, "study.something_new": 1.0}) == ["study.something_new"]
    assert idle([*constants, Constant("old", "1", Origin.CHOSEN, "why", ("gone.*",))], inputs) == ["gone.*"]


@pytest.mark.parametrize("study", [DISCO_CVAR, DISCO_DR])
def test_all_numbers_of_a_study_and_of_its_files_are_inputs(study: DiscoStudy) -> None:
    inputs = disco.inputs(study)
    for field in dataclasses.fields(study):
        own = f"study.{field.name}"
        assert any(path == own or path.startswith(f"{own}.") for path in inputs) or getattr(study, field.name) == ()
    prices = read_prices(disco.DATA / "prices" / f"{study.data}.csv").price[0]
    assert [inputs[f"price.{hour}"] for hour in range(1, 25)] == pytest.approx(1000.0 * prices)
    assert {path.split(".")[0] for path in inputs} >= {"study", "programs", "price", "profile", "lot", "market"}
    network = study.network()
    assert sum(float(inputs[f"load_share.{bus}"] or 0.0) for bus in network.feeder.buses) == pytest.approx(1.0)


def values(name: str, origin: Origin) -> dict[str, str]:
    return {constant.name: constant.value for constant in LISTS[name][0]() if constant.origin is origin}


def test_what_was_fitted_is_named_with_its_value() -> None:
    assert values("epec-lots", Origin.FITTED)["energy at departure (kWh)"] == "30.8783"
    fitted = values("disco-dr", Origin.FITTED)
    assert fitted["factor on the impedances"] == "0.69"
    assert fitted["bus of the lot"] == fitted["bus of wind and sun"] == "9"
    assert fitted["RTP over upstream price"] == "1.086"
    assert fitted["contracted reduction over on-peak load"] == "0.82"
    fitted = values("disco-cvar", Origin.FITTED)
    assert fitted["spread of the day's factor on wind and sun"] == "0.05"
    assert fitted["contracted reduction over on-peak load"] == "0.43"
    assert fitted["sign of the penalty of CAP"] == "-1"
    assert values("disco-dr", Origin.CHOSEN)["spread of the day's factor on wind and sun"] == "0.25"


@pytest.mark.parametrize(
    ("name", "path", "value", "named"),
    [
        ("disco-cvar", "price.3", 99.0, "price off-peak, mean (USD/MWh)"),
        ("disco-dr", "study.draws", "fleet", "draws of vehicles"),
        ("disco-dr", "study.impedance_factor", 1.0, "factor on the impedances"),
    ],
)
def test_values_are_read_from_the_case(
    name: str, path: str, value: float | str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {c.name: c.value for c in LISTS[name][0]()}
    inputs = dict(LISTS[name][1]())
    assert path in inputs
    monkeypatch.setattr(disco, "inputs", lambda _study: {**inputs, path: value})
    after = {c.name: c.value for c in LISTS[name][0]()}
    assert {name for name in before if before[name] != after[name]} == {named}


@dataclass(frozen=True)
class Made:
    number: float
    word: str
    parts: tuple[dict[str, Any], ...]


def test_nested_values_are_laid_flat() -> None:
    made = Made(1.5, "a", ({"name": "x", "size": 2}, {"size": None}))
    assert dict(flat("m", made)) == {
        "m.number": 1.5,
        "m.word": "a",
        "m.parts.x.name": "x",
        "m.parts.x.size": 2.0,
        "m.parts.1.size": None,
    }
    with pytest.raises(TypeError, match=r"m\.y: object"):
        dict(flat("m", {"y": object()}))


def test_constants_are_counted_by_origin() -> None:
    some = [Constant("a", "1", Origin.FITTED, "b", ("c",), 3), Constant("d", "1", Origin.CHOSEN, "b", ("e",))]
    assert [count(some, origin) for origin in (Origin.PUBLISHED, Origin.FITTED, Origin.CHOSEN)] == [0, 3, 1]
