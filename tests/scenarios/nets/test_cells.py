"""Cells of foreign files and the transformers that are made of them, number by number."""

from __future__ import annotations

import math
from typing import Any

import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.record import Record, counted, listed, own_labels, renamed
from scenarios.readers.nets.windings import idle_kva, tapped_kv, three_windings, two_windings


def record(**cells: Any) -> Record:
    return Record("net", "row 3", cells)


def said(error: pytest.ExceptionInfo[InputError]) -> str:
    return str(error.value)


@pytest.mark.parametrize(
    ("given", "value"), [(2, 2.0), (2.5, 2.5), ("2.5", 2.5), (" -1e3 ", -1000.0), (0, 0.0), ("0", 0.0)]
)
def test_numbers(given: Any, value: float) -> None:
    found = record(x=given).number("x")
    assert (found, type(found)) == (value, float)
    assert record(x=given).number("x", minimum=value) == value


@pytest.mark.parametrize("empty", [None, "", math.nan])
def test_an_empty_cell_has_the_default(empty: Any) -> None:
    row = record(x=empty)
    assert not row.has("x")
    assert not row.has("y")
    assert (row.number("x", 3.0), row.number("x", -3.0, minimum=0.0), row.whole("x", 4)) == (3.0, -3.0, 4)
    assert (row.text("x", "name"), row.text("x"), row.text("y")) == ("name", "", "")
    assert row.flag("x", default=True)
    assert not row.flag("x", default=False)
    with pytest.raises(InputError) as error:
        record(x=None).number("x", minimum=0.0)
    assert said(error) == "net: row 3, x: got None, expected a number >= 0"
    with pytest.raises(InputError) as error:
        record().whole("x", minimum=2)
    assert said(error) == "net: row 3, x: got None, expected a number >= 2"


@pytest.mark.parametrize("given", ["a", True, [1.0], "1 2"])
def test_what_is_no_number(given: Any) -> None:
    with pytest.raises(InputError) as error:
        record(x=given).number("x")
    assert said(error) == f"net: row 3, x: got {given!r}, expected a number"


def test_numbers_too_small_and_infinite() -> None:
    with pytest.raises(InputError) as error:
        record(x=0.5).number("x", minimum=1.0)
    assert said(error) == "net: row 3, x: got 0.5, expected a number >= 1"
    for given in (math.inf, "inf", "+INF "):
        assert record(x=given).number("x", infinite=True) == math.inf
        with pytest.raises(InputError, match=r"row 3, x: got .*, expected"):
            record(x=given).number("x")
    with pytest.raises(InputError, match="row 3, x: got '-inf', expected"):
        record(x="-inf").number("x", infinite=True)


def test_whole_numbers() -> None:
    assert [record(x=given).whole("x") for given in (0, 3.0, "7")] == [0, 3, 7]
    for given, expected in ((-1, "a number >= 0"), (1.5, "a whole number")):
        with pytest.raises(InputError) as error:
            record(x=given).whole("x")
        assert said(error) == f"net: row 3, x: got {given}, expected {expected}"


def test_names() -> None:
    row = record(a=" bus 1 ", b=3.0, c=7, d="  ", e="two\nlines")
    assert [row.text(key, "none") for key in "abcd"] == ["bus 1", "3", "7", "none"]
    with pytest.raises(InputError, match="row 3, e: got"):
        row.text("e")


@pytest.mark.parametrize(
    ("given", "flag"),
    [(True, True), ("True", True), (1, True), (1.0, True), (" false ", False), (0, False), (0.0, False)],
)
def test_flags(given: Any, flag: bool) -> None:
    assert record(x=given).flag("x", default=not flag) is flag


def test_what_is_no_flag() -> None:
    with pytest.raises(InputError) as error:
        record(x="perhaps").flag("x", default=True)
    assert said(error) == "net: row 3, x: got 'perhaps', expected true or false"


def test_labels_are_names_where_they_are_one_s_own() -> None:
    assert own_labels(["a", "b", "b", "", "5", "4"], ["0", "1", "2", "3", "4", "5"]) == ["a", "1", "2", "3", "4", "5"]
    assert own_labels(["a", "1"], ["0", "1"]) == ["a", "1"]
    assert renamed(["a", "b", ""], ["a", "1", "2"]) == [
        "buses whose name is not theirs alone are called otherwise: b -> 1"
    ]
    assert renamed(["a", ""], ["a", "2"]) == []


def test_counts_and_lists() -> None:
    assert [counted(number, "bus", "buses") for number in (0, 1, 2)] == ["0 buses", "1 bus", "2 buses"]
    assert [counted(number, "line") for number in (1, 3)] == ["1 line", "3 lines"]
    assert [listed("abc"), listed("abc", 3), listed("abc", 2), listed("")] == [
        "a, b, c",
        "a, b, c",
        "a, b and 1 more",
        "",
    ]


# Transformers

TWO = {"sn_mva": 0.5, "vn_hv_kv": 10.0, "vn_lv_kv": 0.4, "vk_percent": 5.0, "vkr_percent": 3.0}


def test_a_transformer_by_hand() -> None:
    """z = 0.05 and r = 0.03 of 0.4^2 / 0.5 ohm; two of them in parallel have half of it and twice the rating."""
    one, two = (two_windings(record(**TWO, **more), [], "t") for more in ({}, {"parallel": 2}))
    assert (one.r_ohm, one.x_ohm) == pytest.approx((0.03 * 0.32, 0.04 * 0.32))
    assert (one.ratio, one.rated_mva) == (25.0, 0.5)
    assert (two.r_ohm, two.x_ohm, two.ratio, two.rated_mva) == pytest.approx((one.r_ohm / 2, one.x_ohm / 2, 25.0, 1.0))
    equal = two_windings(record(**TWO | {"vkr_percent": 5.0}), [], "t")
    assert (equal.r_ohm, equal.x_ohm) == pytest.approx((0.05 * 0.32, 0.0))
    with pytest.raises(InputError) as error:
        two_windings(record(**TWO | {"vkr_percent": 5.5}), [], "t")
    assert said(error) == "net: row 3, vkr_percent: got 5.5, expected at most vk_percent"


@pytest.mark.parametrize(
    ("cells", "kv"),
    [
        ({}, 10.0),
        ({"tap_side": "hv", "tap_pos": 2, "tap_step_percent": 2.5}, 10.5),
        ({"tap_side": "hv", "tap_pos": 2, "tap_neutral": 3, "tap_step_percent": 2.5}, 9.75),
        ({"tap_side": "lv", "tap_pos": 2, "tap_step_percent": 2.5}, 10.0),
        ({"tap_side": "hv", "tap_pos": 2}, 10.0),
        ({"tap_side": "hv", "tap_step_percent": 2.5}, 10.0),
        # a step across: 0.05 at a right angle to the voltage
        (
            {"tap_side": "hv", "tap_pos": 2, "tap_step_percent": 2.5, "tap_step_degree": 90.0},
            10.0 * math.sqrt(1.0 + 0.0025),
        ),
        (
            {"tap_side": "hv", "tap_pos": 2, "tap_step_percent": 2.5, "tap_step_degree": 60.0},
            10.0 * math.hypot(1.025, 0.05 * math.sqrt(0.75)),
        ),
        ({"tap_side": "hv", "tap_pos": 2, "tap_step_percent": 2.5, "tap_changer_type": "Ratio"}, 10.5),
        ({"tap_side": "hv", "tap_pos": 2, "tap_step_percent": 2.5, "tap_changer_type": "Ideal"}, 10.0),
        ({"tap_side": "hv", "tap_pos": 2, "tap_step_percent": 2.5, "tap_phase_shifter": True}, 10.0),
        ({"tap_side": "hv", "tap_pos": 3, "tap_neutral": 3, "tap_changer_type": "Tabular"}, 10.0),
        (
            {
                **{"tap_side": "hv", "tap_pos": 2, "tap_step_percent": 2.5},
                **{"tap2_side": "hv", "tap2_pos": -1, "tap2_step_percent": 4.0},
            },
            10.0 * 1.05 * 0.96,
        ),
    ],
)
def test_taps_move_the_voltage_of_their_side(cells: dict[str, Any], kv: float) -> None:
    notes: list[str] = []
    assert tapped_kv(record(vn_hv_kv=10.0, **cells), "hv", notes, "t") == pytest.approx(kv)
    assert notes == []


def test_a_tap_without_a_changer_is_noted() -> None:
    notes: list[str] = []
    row = {"vn_hv_kv": 10.0, "tap_side": "hv", "tap_step_percent": 2.5, "tap_changer_type": None}
    assert tapped_kv(record(**row, tap_pos=2), "hv", notes, "t 1") == 10.0
    assert notes == ["t 1: tap_pos is not at neutral, but without a tap_changer_type it has no effect"]
    for more in ({"tap_changer_type": "Tabular"}, {"tap_dependency_table": True}):
        with pytest.raises(
            InputError, match=r"tap_changer_type: got .*, expected a tap changer without a table of its"
        ):
            tapped_kv(record(**row | more, tap_pos=2), "hv", notes, "t 1")


THREE = {
    **{"sn_hv_mva": 40.0, "sn_mv_mva": 20.0, "sn_lv_mva": 10.0, "vn_hv_kv": 110.0, "vn_mv_kv": 20.0, "vn_lv_kv": 10.0},
    **{"vk_hv_percent": 10.0, "vk_mv_percent": 6.0, "vk_lv_percent": 12.0},
    **{"vkr_hv_percent": 0.0, "vkr_mv_percent": 0.0, "vkr_lv_percent": 0.0},
}


def test_a_star_keeps_the_short_circuits_of_all_pairs() -> None:
    """Per MVA: 0.1 / 20 of upper and middle, 0.06 / 10 of middle and lower, 0.12 / 10 of lower and upper winding."""
    found = three_windings(record(**THREE), [], "t")
    assert list(found) == ["hv", "mv", "lv"]
    upper, middle, lower = 0.005, 0.006, 0.012
    per_mva = {
        "hv": (upper + lower - middle) / 2,
        "mv": (upper + middle - lower) / 2,
        "lv": (middle + lower - upper) / 2,
    }
    for side, kv in (("hv", 110.0), ("mv", 20.0), ("lv", 10.0)):
        assert found[side].x_ohm == pytest.approx(per_mva[side] * kv**2)
        assert found[side].r_ohm == pytest.approx(0.0, abs=1e-12)
    assert [found[side].ratio for side in found] == pytest.approx([1.0, 5.5, 11.0])
    assert [found[side].rated_mva for side in found] == [40.0, 20.0, 10.0]
    taps = {"tap_side": "hv", "tap_pos": 1, "tap_step_percent": 10.0}
    tapped = three_windings(record(**THREE, **taps), [], "t")
    assert tapped["hv"].ratio == pytest.approx(1.1)
    assert (tapped["hv"].x_ohm, tapped["mv"].ratio) == pytest.approx((found["hv"].x_ohm, 5.5))
    below = three_windings(record(**THREE, **taps | {"tap_side": "mv"}), [], "t")
    assert (below["mv"].ratio, below["mv"].x_ohm) == pytest.approx((5.0, per_mva["mv"] * 22.0**2))


def test_a_tap_at_the_star_point_is_refused_but_at_neutral() -> None:
    rest = {"tap_at_star_point": True, "tap_neutral": 1.0}
    with pytest.raises(InputError) as error:
        three_windings(record(**THREE, **rest), [], "t")
    assert said(error) == (
        "net: row 3, tap_at_star_point: got True, expected false: the tap of a winding is read at its terminal"
    )
    assert three_windings(record(**THREE, **rest, tap_pos=1), [], "t") == three_windings(record(**THREE), [], "t")


def test_what_an_idle_transformer_draws() -> None:
    """0.5 % of 2 MVA are 10 kVA, of which 6 kW are of the iron."""
    cells = {"sn_mva": 2.0, "i0_percent": 0.5}
    assert idle_kva(record(**cells, pfe_kw=6.0), "sn_mva") == pytest.approx(complex(6.0, 8.0))
    assert idle_kva(record(**cells), "sn_mva") == 10j
    assert idle_kva(record(**cells, pfe_kw=12.0), "sn_mva") == 12.0
    assert idle_kva(record(sn_mva=2.0), "sn_mva") == 0.0


@pytest.mark.parametrize(
    ("key", "given", "expected"),
    [
        ("vk_percent", -0.001, "a number >= 0"),
        ("vkr_percent", -0.001, "a number >= 0"),
        *((key, 0.0, "a number >= 1e-09") for key in ("sn_mva", "vn_hv_kv", "vn_lv_kv")),
        ("parallel", 0, "a number >= 1"),
        ("parallel", 1.5, "a whole number"),
    ],
)
def test_what_no_transformer_has(key: str, given: float, expected: str) -> None:
    with pytest.raises(InputError) as error:
        two_windings(record(**TWO | {key: given}), [], "t")
    assert said(error) == f"net: row 3, {key}: got {given}, expected {expected}"


def test_what_no_idle_transformer_has() -> None:
    for cells, complaint in (
        ({"sn_mva": 0.0}, "sn_mva: got 0.0, expected a number >= 1e-09"),
        ({"sn_mva": 1.0, "pfe_kw": -0.5}, "pfe_kw: got -0.5, expected a number >= 0"),
    ):
        with pytest.raises(InputError) as error:
            idle_kva(record(**cells), "sn_mva")
        assert said(error) == f"net: row 3, {complaint}"
    with pytest.raises(InputError) as error:
        three_windings(record(**THREE | {"sn_lv_mva": 0.0}), [], "t")
    assert said(error) == "net: row 3, sn_lv_mva: got 0.0, expected a number >= 1e-09"
