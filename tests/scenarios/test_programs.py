"""Programs of demand response as files: the bundled ones against published numbers, and what every bad line gets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from equilibrium.demand_response import Elasticity, respond, response_factor
from equilibrium.errors import InputError
from scenarios.files import DATA
from scenarios.published.company import DISCO_DR, disco_dr_case
from scenarios.readers.programs import program_set_names, read_programs

ORDER = ("on-peak", "mid-peak", "off-peak")
FACTORS = {
    ("disco-dr", "tou"): (0.82800, 1.01560, 1.11920),
    ("disco-dr", "cpp"): (0.91975, 1.01284, 1.00963),
    ("disco-dr", "tou+cpp"): (0.80775, 1.01884, 1.12163),
    ("disco-dr", "edrp"): (0.85975, 1.02244, 1.01683),
    ("disco-dr", "cap"): (0.81300, 1.02992, 1.02244),
    ("disco-dr", "tou+edrp"): (0.68775, 1.03804, 1.13603),
    ("disco-dr", "tou+cap"): (0.64100, 1.04552, 1.14164),
    ("disco-cvar", "flat"): (1.0, 1.0, 1.0),
    ("disco-cvar", "tou"): (0.84920, 1.01340, 1.10680),
    ("disco-cvar", "cap"): (0.84005, 1.02559, 1.01919),
    ("disco-cvar", "tou+cap"): (0.68925, 1.03899, 1.12599),
}
# Table 6 of disco-dr: load (MWh) and income (USD).
TABLE_6 = {
    "flat": (32.170, 5505.468),
    "rtp": (31.944, 5426.409),
    "tou": (31.638, 5974.142),
    "tou+cpp": (31.445, 6119.332),
    "cpp": (31.413, 6380.310),
    "edrp": (30.859, 5279.741),
    "cap": (30.412, 5204.498),
    "tou+edrp": (30.318, 5439.590),
    "tou+cap": (29.877, 5261.406),
}


@pytest.mark.parametrize(("key", "factors"), FACTORS.items())
def test_load_factors_are_those_worked_out_by_hand(key: tuple[str, str], factors: tuple[float, ...]) -> None:
    programs = read_programs(key[0])
    factor = response_factor(
        programs.base_tariff, programs.program(key[1]), programs.elasticity, programs.participation
    )
    for period, expected in zip(ORDER, factors, strict=True):
        assert factor[programs.hours(period)] == pytest.approx(expected, abs=1.5e-5)  # printed with 5 digits


@pytest.mark.parametrize(("name", "published"), TABLE_6.items())
def test_table_6_of_disco_dr(name: str, published: tuple[float, float]) -> None:
    _, day = disco_dr_case(name, 1, samples=1, scenarios=1)
    load, income = day.load_kw.sum() / 1000.0, day.tariffs.load @ day.load_kw.sum(axis=1)
    assert (load, income) == pytest.approx(published, rel=1e-3 if name == "rtp" else 5e-4)
    if name in {"flat", "edrp", "cap"}:
        assert income / load == pytest.approx(171.125, rel=1e-12)


def test_self_elasticity_in_the_hour_alone_does_not_agree_with_table_6() -> None:
    """The full block matrix is a reading; this shows that the obvious other one is far off."""
    programs = read_programs("disco-dr")
    same = np.array([[a == b for b in programs.period_of_hour] for a in programs.period_of_hour])
    alone = Elasticity(np.where(same & ~np.eye(24, dtype=bool), 0.0, programs.elasticity.values))
    load = DISCO_DR.load(DISCO_DR.network().feeder)[0]
    misses = [
        respond(load, programs.base_tariff, programs.program(name), alone, 0.2).sum() / 1000.0 - TABLE_6[name][0]
        for name in ("edrp", "cap", "tou+cap")
    ]
    assert min(misses) > 1.0


def test_bundled_sets_say_where_they_come_from() -> None:
    assert program_set_names() == ["disco-cvar", "disco-dr"]
    programs = read_programs("disco-dr")
    assert programs.names == ("flat", "tou", "rtp", "cpp", "tou+cpp", "edrp", "cap", "ic", "tou+edrp", "tou+cap")
    assert [programs.label(name) for name in ("tou+cap", "ic")] == ["TOU+CAP", "I/C"]
    assert programs.currency == "USD"


def test_real_time_tariff_follows_the_price() -> None:
    programs, price = read_programs("disco-dr"), np.linspace(0.03, 0.5, 24)
    assert programs.program("rtp", price).tariff == pytest.approx(1.086 * price)
    with pytest.raises(InputError, match="upstream_price: got None, expected 24 prices"):
        programs.program("rtp")


def test_critical_hours_may_be_left_out() -> None:
    programs = read_programs("disco-dr")
    tariff, without = (programs.program("tou+cpp", critical=critical).tariff for critical in (True, False))
    assert np.flatnonzero(tariff != without).tolist() == [18, 19, 20]
    assert tariff[18:21].tolist() == [0.4] * 3
    assert np.array_equal(without, programs.program("tou").tariff)


OWN = """\
title: My programs
source: made up
currency: EUR
periods:
  night: 1-8
  day: 9-24
base_tariff_eur_per_mwh: 200
elasticity:
  day: {day: -0.02, night: 0.01}
  night: {night: -0.03}
programs:
  cheap-nights:
    tariff_eur_per_mwh: {night: 100}
  peak-day:
    critical_hours: 18, 20
    critical_tariff_eur_per_mwh: 900
  pay:
    incentive_eur_per_mwh: {day: 10}
    penalty_eur_per_mwh: {day: 5}
    contracted_share: 0.1
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def test_a_user_adds_programs_without_code(own: Path) -> None:
    programs = read_programs(str(own))
    assert programs.names == ("cheap-nights", "peak-day", "pay")
    assert programs.participation == 1.0
    assert programs.program("cheap-nights").tariff.tolist() == [0.1] * 8 + [0.2] * 16
    assert np.flatnonzero(programs.program("peak-day").tariff == 0.9).tolist() == [17, 19]
    assert programs.program("pay").contracted_share == 0.1
    assert programs.elasticity.values[0, 23] == programs.elasticity.values[23, 0] == 0.01


def test_elasticity_may_be_given_hour_by_hour(own: Path) -> None:
    matrix = np.round(np.random.default_rng(0).normal(size=(24, 24)), 4)
    rows = "".join(f"  - {row}\n" for row in matrix.tolist())
    text = OWN.replace(OWN[OWN.index("  day: {day: -0.02") : OWN.index("programs:")], rows)
    own.write_text(text.replace("night: 100", "night: 199").replace("900", "201").replace("day: 10", "day: 1"))
    assert np.array_equal(read_programs(str(own)).elasticity.values, matrix)
    own.write_text(text.replace(f"  - {matrix[3].tolist()}", "  - [1, 2]"))
    with pytest.raises(InputError, match=r"own.yaml: line 12, elasticity\[3\]: got '2 numbers', expected 24 numbers"):
        read_programs(str(own))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("day: 9-24", "day: 10-24", r"line 4, periods: got .*\(hour 9 is missing\)"),
        ("day: 9-24", "day: 8-24", r"line 6, periods.day: got '8-24', expected each hour in one .*hour 8 is in night"),
        ("night: 1-8", "night: 0-8", "line 5, periods.night: got '0-8', expected hours from 1 to 24"),
        ("night: 1-8", "night: 1-25", "line 5, periods.night: got '1-25', expected hours from 1 to 24"),
        ("night: 1-8", "night: 8-1", "line 5, periods.night: got '8-1', expected hours from 1 to 24"),
        ("night: 1-8", f"night: 1-{'9' * 5_000}", "line 5, periods.night: got '1-99999"),
        ("night: 1-8", "night: １-８", "line 5, periods.night: got '１-８', expected hours from 1 to 24"),
        ("night: 1-8", "night: 1-8, x", "line 5, periods.night: got '1-8, x'"),
        ("night: 1-8", "off: 1-8", "line 5, periods.off: got 'off', expected a key that YAML does not read as true"),
        ("{night: -0.03}", "{noon: -0.03}", "line 10, elasticity.night.noon: got 'noon', expected one of the periods"),
        ("{night: -0.03}", "{day: -0.03}", "elasticity.night: got None, expected a value for night"),
        ("{night: -0.03}", "{night: low}", "elasticity.night.night: got 'low', expected a number"),
        ("{night: -0.03}", "-0.03", "line 10, elasticity.night: got -0.03, expected a value for each period"),
        ("day: 10}", "day: -10}", "line 18, programs.pay.incentive_eur_per_mwh.day: got -10"),
        ("day: 5}", "dusk: 5}", "line 19, programs.pay.penalty_eur_per_mwh.dusk: got 'dusk', expected one of the per"),
        ("{night: 100}", "{night: -1}", "line 13, programs.cheap-nights.tariff_eur_per_mwh.night: got -1"),
        ("contracted_share: 0.1", "contracted_share: 1.1", "line 20, programs.pay.contracted_share: got 1.1"),
        ("contracted_share: 0.1", "contract: 0.1", "line 20, programs.pay.contract: got 'contract', .*closest: contra"),
        (
            "    critical_hours: 18, 20\n",
            "",
            "line 14, programs.peak-day: got 'one of the two', expected critical_hour",
        ),
        ("    critical_hours: 18, 20", "    critical_hours: 18-30", "line 15, .*critical_hours: got '18-30'"),
        ("{night: 100}", "{night: 100}\n    upstream_factor: 2", "line 14, .*upstream_factor: got 2.0, .*not both"),
        ("incentive_eur_per_mwh", "incentive_usd_per_mwh", "got 'incentive_usd_per_mwh', .*the file's currency"),
        ("_per_mwh: 200", "_per_mwh: 0", "line 7, base_tariff_eur_per_mwh: got 0, expected greater than 0"),
        ("base_tariff_eur_per_mwh: 200\n", "", "base_tariff_eur_per_mwh: got None"),
        ("{day: -0.02, ", "{day: -2, ", "line 14, programs.peak-day: got 'a factor .* on the load'"),
        ("currency: EUR", "currency: euro", "line 3, currency: got 'euro'"),
    ],
)
def test_bad_lines_are_named(own: Path, old: str, new: str, message: str) -> None:
    assert old in OWN
    own.write_text(OWN.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_programs(str(own))


def test_an_unknown_program_or_set_or_period_is_named(own: Path) -> None:
    with pytest.raises(InputError, match="program: got 'tuo', expected one of flat, tou"):
        read_programs("disco-dr").program("tuo")
    with pytest.raises(InputError, match="period: got 'noon', expected one of night, day"):
        read_programs(str(own)).hours("noon")
    with pytest.raises(InputError, match="one of disco-cvar, disco-dr"):
        read_programs("disco")


def test_data_of_the_studies_name_their_sources() -> None:
    for kind in ("profiles", "prices", "loads"):
        for name in ("disco-cvar", "disco-dr"):
            text = (DATA / kind / f"{name}.yaml").read_text()
            assert "source:" in text
            assert "licence:" in text
