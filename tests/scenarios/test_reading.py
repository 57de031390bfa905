"""What is read as it stands, and what is refused with the line, the value and the other reading of it."""

# ruff: noqa: E501 - a table of messages has one line for each

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.files import Document
from scenarios.loading import load_scenario
from scenarios.markets.charging.case import ChargingCase
from scenarios.readers.feeders import load_feeder
from scenarios.readers.prices import read_prices
from scenarios.readers.sessions import read_sessions
from scenarios.streams import Streams
from scenarios.yaml_tree import read_tree
from tests.fuzz.targets import TOWN, write

Change = Callable[[str, str, str], str]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Write the town with one text in the place of another; loading it gives the message of the refusal."""
    write(TOWN, tmp_path)

    def changed(name: str, old: str, new: str) -> str:
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InputError) as caught:
            load_scenario(str(tmp_path / "case.yaml"))
        message = str(caught.value)
        assert "\n" not in message
        assert len(message) < 2_000
        return message.replace(f"{tmp_path}/", "")

    return changed


def town(folder: Path) -> ChargingCase:
    return load_scenario(str(folder / "case.yaml"), None, ChargingCase)


# What stands in the file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "label", ["010", "08", "0x1F", "1_000", "1:30", "1.10", "1e3", "no", "2024-06-10", "'010'", "=", "７"]
)
def test_a_label_is_the_text_that_stands_in_the_file(tmp_path: Path, label: str) -> None:
    write({name: text.replace("'010'", "010").replace("010", label) for name, text in TOWN.items()}, tmp_path)
    for name in ("buses", "branches"):
        path = tmp_path / "feeder" / f"{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace("'", ""), encoding="utf-8")
    loads = tmp_path / "loads.csv"
    loads.write_text(loads.read_text(encoding="utf-8").replace("'", ""), encoding="utf-8")
    case = town(tmp_path)
    assert case.network.feeder.buses == ("1", "2", label.strip("'"))
    assert [lot.bus for lot in case.network.lots] == [2, 1]
    assert load_scenario_again(case, tmp_path).lots[0].bus == label.strip("'")


def load_scenario_again(case: ChargingCase, folder: Path) -> ChargingCase:
    """Load what a run writes down as its resolved scenario."""
    (folder / "again.yaml").write_text(yaml.safe_dump(case.resolved()), encoding="utf-8")
    return load_scenario(str(folder / "again.yaml"), None, ChargingCase)


def test_a_root_and_a_title_are_text_too(tmp_path: Path) -> None:
    write(TOWN, tmp_path)
    about = tmp_path / "feeder" / "feeder.yaml"
    about.write_text(about.read_text(encoding="utf-8").replace("root: 1", "root: 010"), encoding="utf-8")
    assert load_feeder(str(tmp_path / "feeder")).buses[0] == "010"
    (tmp_path / "own.yaml").write_text(
        "extends: case.yaml\ntitle: 2024\nlots:\n- {name: 007, bus: 2, places: 1, "
        "charger_kw: 11, charging_price_eur_per_kwh: 0.3}\n",
        encoding="utf-8",
    )
    case = load_scenario(str(tmp_path / "own.yaml"), None, ChargingCase)
    assert (case.title, case.lots[0].name) == ("2024", "007")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("places: 12", "places: 012", "lots[0].places: got '012', expected a number in plain decimals (YAML reads 10, people read 12)"),
        ("rated_kw: 50", "rated_kw: 1_000", "renewables[0].rated_kw: got '1_000', expected a number in plain decimals (YAML reads 1000)"),
        ("places: 12", "places: 0x1F", "got '0x1F'"),
        ("places: 12", "places: 1:30", "got '1:30', expected a number in plain decimals (YAML reads 90)"),
        ("places: 12", "places: １２", "expected a valid number in plain decimals"),
        ("places: 12", "places: '1_2'", "expected a valid number in plain decimals"),
        ("places: 12", f"places: {'9' * 5_000}", "(5002 characters)"),
        ("scale: 1.0", "scale: 1e308", "loads.scale: got '1e308', expected a number of size 1e+12 at most"),
        ("scale: 1.0", "scale: .inf", "expected a finite number"),
        ("scale: 1.0", "scale: 1e-300", "expected 0, or a number of size 1e-12 at least"),
        ("start: 2024-06-10", "start: 2024-06-31", "prices.start: got '2024-06-31', expected a date such as 2024-06-10"),
        ("start: 2024-06-10", "start: 5", "prices.start: got 5, expected a date such as"),
        ("places: 12", "places: !!int x", "expected a value without a tag"),
        ("prices.csv", "~nosuchuser/p.csv", "prices.file: got '~nosuchuser/p.csv'"),
        ("prices.csv", "'p\\0.csv'", "prices.file"),
        ("prices.csv", f"{'n' * 300}.csv", "prices.file"),
        ("profile: flat", "profile: industry", "loads.profile: got 'industry', expected one of flat, pv, wind"),
        ("name: station", 'name: "a\\eb"', r"got 'a\x1bb', expected a name without control characters"),
        ("name: station", f"name: {'n' * 256}", "of 1 to 255 characters"),
        ("name: station", f"name: {'n' * 1_000_000}", "at most 1000000 bytes"),
        ("A small town", '"one\\ntwo"', "title"),
        ("charging_price_eur_per_kwh: 0.4", "charging_price_eur_per_kwh: 400", "400 per MWh would be 0.4 per kWh"),
        ("voltage_min_pu: 0.92", "voltage_min_pu: 92", "got 92, expected per unit, up to 2; 92 % would be 0.92 per unit"),
        ("rating_kva: 3000", "rating_kva: 3000000", "case.yaml: line 2, feeder.rating_kva: got 3000000.0, expected at most 4.386e+05 kVA, which are 20 kA at 12.66 kV; 3e+06 VA would be 3000 kVA"),
        ("rated_kw: 50", "rated_kw: 500000", "renewables[0].rated_kw: got 500000.0, expected at most 4.386e+05 kW"),
        ("rating_kva: 80", "rating_kva: 800000", "800000 VA would be 800 kVA"),
        ("scale: 1.0, day_sigma: 0.1", "scale: 1.0, day_sigma: 10", "day_sigma: got 10, expected less than or equal to 1; 10 % would be 0.1"),
        ("name: station", "name: '  '", "expected a name"),
        ("charger_kw: 22", "charger_kw: 22000", "22000 W would be 22 kW"),
        ("[sessions.csv]", "[sessions.csv, ./sessions.csv]", "drivers.files[1]: got"),
    ],
)  # fmt: skip
def test_keys_that_cannot_be_meant(change: Change, old: str, new: str, said: str) -> None:
    assert said in change("case.yaml", old, new)


@pytest.mark.parametrize(
    ("old", "new"), [("places: 12", "places: -3"), ("scale: 1.0", "scale: -2"), ("scale: 1.0", "scale: [2]")]
)
def test_only_a_share_is_taken_for_percent(change: Change, old: str, new: str) -> None:
    said = change("case.yaml", old, new)
    assert "expected" in said
    assert "%" not in said


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("prices.csv", ",41\n", ",1_000\n", "line 2, column price_eur_per_mwh: got '1_000', expected a number"),
        ("prices.csv", ",41\n", ",４１\n", "line 2, column price_eur_per_mwh: got '４１'"),
        ("prices.csv", ",41\n", ",1e308\n", "expected a number of size 1e+12 at most"),
        ("prices.csv", ",41\n", f",{'4' * 140_000}\n", "line 2: got 'field larger than field limit"),
        ("prices.csv", ",41\n", ',"41\n', "line"),
        ("prices.csv", "2024-06-10,1,", "0001-01-01,1,", "got '0001-01-01', expected a date from 1990 to 2100"),
        ("prices.csv", "per_mwh", "per_kwh", "per MWh these would be 0.0525 EUR per kWh"),
        ("loads.csv", "010,60", "2,60", "line 3, column bus: got '2', expected each bus once (it stands in line 2)"),
        ("loads.csv", "2,90", "2,1e300", "expected a number of size"),
        ("loads.csv", "2,90,30", "2,900000,300000", "would be"),
        ("profiles.csv", "hour,flat_pu", "hour,\x1bflat_pu", r"got '\x1bflat_pu', expected a cell without control"),
        ("profiles.csv", "1,1,", "1,100,", "100 % would be 1 per unit"),
        ("vehicles.csv", "large", "small", "line 3, column model: got 'small', expected each model once"),
        ("vehicles.csv", "40,7.4", "40000,7.4", "40000 Wh would be 40 kWh"),
        ("sessions.csv", ",11,60", ",11000,", "11000 Wh would be 11 kWh"),
        ("sessions.csv", ",60,11", ",60000,11", "60000 Wh would be 60 kWh"),
        ("sessions.csv", "2024-06-12T08:00", "1970-01-01T00:00", "got '1970-01-01T00:00', expected a date from 1990"),
        ("sessions.csv", "2024-06-12T08:00", "2023-06-12T08:00", "364 days before the next one, and only 1 of 7"),
        ("feeder/buses.csv", "0.9\n", "90\n", "line 3, voltage_min_pu: got 90.0, expected per unit, up to 2; 90 % would be"),
        ("feeder/feeder.yaml", "12.66", "12660", "base_kv: got 12660.0, expected kV, from 0.1 up to 200; 12660 V would be 12.66"),
        ("feeder/feeder.yaml", "12.66", "012.66", "base_kv"),
        ("feeder/branches.csv", "1,4000", "1,4000000", "line 2, column rating_kva: got '4000000', expected at most 4.386e+05 kVA"),
        ("feeder/feeder.yaml", "kva: 5000", "kva: 5000000", "substation_rating_kva: got 5000000.0, expected at most"),
        ("feeder/buses.csv", "2,100,30", "2,1000000,30", "kA"),
        ("feeder/branches.csv", "1,010,1,1,0,", "1,010,1,1,0,\n010,1,1,1,0,", "line 5, column to_bus: got '1', expected each tie once"),
    ],
)  # fmt: skip
def test_cells_that_cannot_be_meant(change: Change, name: str, old: str, new: str, said: str) -> None:
    assert said in change(name, old, new)


# Units ---------------------------------------------------------------------------------------------------------------


def test_prices_per_kwh_under_a_header_per_mwh_are_refused_and_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"

    def prices(unit: str, *values: float) -> float:
        path.write_text(f"hour,price_{unit}\n" + "".join(f"{h},{values[h % len(values)]}\n" for h in range(1, 25)))
        return float(read_prices(path).price[0][-1])

    with pytest.raises(InputError, match="per kWh these would be up to 60 EUR per MWh"):
        prices("eur_per_mwh", 0.05, 0.06)
    assert prices("eur_per_mwh", 0.0) == 0.0
    assert prices("eur_per_mwh", 0.2, -5.0) == 0.0002
    assert prices("eur_per_mwh", 40.0, 4000.0) == 0.04
    assert prices("eur_per_kwh", 0.04, 0.05, 15.0) == 0.04
    assert prices("huf_per_kwh", 40.0) == 40.0


def test_energies_that_fit_into_no_battery_are_refused(change: Change) -> None:
    sessions = TOWN["sessions.csv"]
    header, *rows = sessions.splitlines()
    in_wh = [f"{','.join(row.split(',')[:2])},990,,,A" for row in rows]
    text = "\n".join([header, *in_wh]) + "\n"
    said = change("sessions.csv", sessions, text)
    assert "column energy_kwh: got '990 in the middle', expected kWh of which most fit into a battery (72 kWh" in said


# Sessions -----------------------------------------------------------------------------------------------------------

WEEK = "".join(f"2024-03-{day}T08:00,2024-03-{day}T09:00,2,,\n" for day in range(25, 31))
HEADER = "arrival_local,departure_local,energy_kwh,battery_kwh,vehicle_kw\n"


def test_equal_sessions_are_refused_unless_an_id_tells_them_apart(tmp_path: Path) -> None:
    path = tmp_path / "sessions.csv"
    twice = "2024-06-10T08:00,2024-06-10T10:00,10,40,22\n" * 2
    path.write_text(HEADER + twice)
    with pytest.raises(
        InputError, match=r"line 3, column arrival_local: got '2024-06-10T08:00', expected each session once"
    ):
        read_sessions(path)
    numbered = twice.splitlines()
    path.write_text(f"session_id,{HEADER}a,{numbered[0]}\nb,{numbered[1]}\n")
    assert read_sessions(path).energy_kwh.tolist() == [10.0, 10.0]
    path.write_text(f"session_id,{HEADER}a,{numbered[0]}\na,{numbered[1].replace(',10,', ',12,')}\n")
    with pytest.raises(
        InputError, match=r"line 3, column session_id: got 'a', expected each session_id once .* line 2"
    ):
        read_sessions(path)


def test_dates_far_from_all_others_are_refused_and_long_pauses_are_not(tmp_path: Path) -> None:
    path = tmp_path / "sessions.csv"
    rows = [
        f"2019-{month:02d}-{day:02d}T08:00,2019-{month:02d}-{day:02d}T09:00,5,,\n"
        for month in (1, 9)
        for day in range(1, 29)
    ]
    path.write_text(HEADER + "".join(rows))
    assert read_sessions(path).days == 271
    path.write_text(HEADER + "".join(rows[28:]) + "2029-09-10T08:00,2029-09-10T09:00,5,,\n")
    with pytest.raises(
        InputError, match="got '2029-09-10T08:00', expected a date near the others: it is 3635 days after"
    ):
        read_sessions(path)


@pytest.mark.parametrize(
    ("energy", "vehicle_kw", "refused"),
    [(44, "22", True), (30, "22", True), (22, "22", False), (44, "", True), (20, "", False)],
)
def test_a_session_over_the_clock_change_needs_a_zone(
    tmp_path: Path, energy: float, vehicle_kw: str, refused: bool
) -> None:
    write(TOWN, tmp_path)
    night = f"2024-03-31T01:30,2024-03-31T03:30,{energy},80,{vehicle_kw}\n"
    (tmp_path / "sessions.csv").write_text(HEADER + WEEK + night)
    case = tmp_path / "case.yaml"
    text = case.read_text().replace(", sites: [A]", "").replace("start: 2024-06-10, ", "")
    case.write_text(text)
    if refused:
        with pytest.raises(
            InputError, match=r"44 kWh at most on a clock that is not changed, 22 kWh where summer time"
        ):
            load_scenario(str(case))
    else:
        load_scenario(str(case))
    prices = "".join(
        f"2024-03-{day},{hour},{40 + hour}\n" for day in range(25, 32) for hour in range(1, 25 - (day == 31))
    )
    (tmp_path / "prices.csv").write_text("date,hour,price_eur_per_mwh\n" + prices)
    case.write_text(text + "time: {zone: Europe/Madrid}\n")
    session = town(tmp_path).day(6, Streams(0)).sessions[-1]
    assert (session.arrival_h, session.departure_h) == (1.5, 2.5)


# Files ----------------------------------------------------------------------------------------------------------------


BOMB = "\n".join(
    ["a0: &a0 [x,x,x,x,x,x,x,x,x]", *(f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 9))]
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "aliases that stand for more than 50000 values"),
        ("a: &a [*a]\n", "line 1: got '*a', expected an alias that does not stand inside what it names"),
        ("a: &a {<<: *a}\n", "line 1: got '*a'"),
        ("a: " + "[" * 1_000, "line 1: got 'more than 32 levels'"),
        ("a: " + "{b: " * 5_000, "line 1: got 'more than 32 levels'"),
        ("a: !!int x\n", "line 1: got 'tag:yaml.org,2002:int', expected a value without a tag"),
        ("a: !!python/name:os.system x\n", "expected a value without a tag"),
        ("a: 1\n---\nb: 2\n", "line 2: got 'a second document'"),
        ("? [a]\n: b\n", "line 1: got 'a key that is a list"),
        ("a: b: c\n", "line 1: got 'mapping values are not allowed here', expected valid YAML"),
        ("a: \x07\n", "expected valid YAML"),
        (
            "a:\n  b: 1\n c: 2\n",
            "line 3: got \"expected <block end>, but found '<block mapping start>'\", expected valid",
        ),
        ("a:\n  b: 1\n c: 2\n", "valid YAML: a line that begins as far in as its neighbours"),
        ("- a\n", "expected `key: value` lines"),
        ("", "expected `key: value` lines"),
    ],
)
def test_yaml_that_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        Document.read(path)
    assert said in str(caught.value)


def merging(count: int) -> str:
    return "a0: &a0 {k: 1}\n" + "".join(f"a{k}: &a{k} {{<<: *a{k - 1}}}\n" for k in range(1, count + 1))


EIGHT = ",".join(f"k{k}: 0" for k in range(8))
EDGES: list[tuple[str, Callable[[int], str], int, int, str]] = [
    ("a list", lambda n: f"a: [{','.join('0' * n)}]", 100, 98, "more than 100 values"),  # the file and the list
    ("a mapping", lambda n: "a: {" + ",".join(f"k{k}: 0" for k in range(n)) + "}", 100, 98, "more than 100 values"),
    # 1 + 9 + 1 values, and 9 for each alias: 92 and 101
    (
        "aliases",
        lambda n: f"a: &a [{','.join('0' * 8)}]\nb: [{','.join(['*a'] * n)}]",
        100,
        9,
        "for more than 100 values",
    ),
    # the same, and for each mapping itself, the keys that it looks through and those that it gets: 17
    ("merges", lambda n: f"a: &a {{{EIGHT}}}\nb: [{','.join(['{<<: *a}'] * n)}]", 100, 5, "for more than 100 values"),
    ("levels", lambda n: "a: " + "[" * n + "]" * n, 100, 32, "more than 32 levels"),
    ("a chain", merging, 10_000, 33, "more than 32 mappings that merge each other"),
]


@pytest.mark.parametrize(("write", "limit", "most", "said"), [case[1:] for case in EDGES], ids=[e[0] for e in EDGES])
def test_what_grows_is_read_up_to_its_limit(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[int], str], limit: int, most: int, said: str
) -> None:
    monkeypatch.setattr("scenarios.yaml_tree.NODE_LIMIT", limit)
    read_tree("file", write(most))
    with pytest.raises(InputError) as caught:
        read_tree("file", write(most + 1))
    assert said in str(caught.value)


def test_aliases_and_merged_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text("x: &x {q: 1, r: 010}\ny: {<<: *x, q: 5}\nz: [*x, *x]\nw: {<<: [{q: 7}, *x]}\n", encoding="utf-8")
    document = Document.read(path)
    assert document.data["y"] == {"q": 5, "r": 8}
    assert document.data["z"] == [{"q": 1, "r": 8}] * 2
    assert document.data["w"] == {"q": 7, "r": 8}
    assert document.text(("z", 1, "r"), 8) == "010"
    assert document.lines["y", "q"] == (str(path), 2)


def test_a_currency_that_does_not_fit_is_the_fault_of_who_states_it(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("extends: week-33\ncurrency: USD\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"own.yaml: line 2, currency: got 'USD', expected EUR, in which cases/week-33.yaml"
    ):
        load_scenario(str(own))


def test_keys_that_do_not_fit_a_file_below_are_the_fault_of_the_file_above(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("extends: disco-15\nfeeder: {rating_kva: 5000}\n", encoding="utf-8")
    expected = r"own.yaml: line 2, feeder.rating_kva: got 5000, expected what fits feeder.current_max_a, which is 150"
    with pytest.raises(InputError, match=expected):
        load_scenario(str(own))
    (tmp_path / "base.yaml").write_text("extends: aggregators-37\nmarket: {reading: {generator_price: unit}}\n")
    own.write_text(
        "extends: base.yaml\nmarket:\n  pricing: uniform\n  uniform_cap_eur_per_mwh: 200\n", encoding="utf-8"
    )
    expected = (  # none of its keys stands in the part that is named
        r"own.yaml: line 3, market.pricing: got 'uniform', expected what fits market.reading.generator_price, "
        r"which is 'unit' in .*base.yaml: there, common: a uniform price"
    )
    with pytest.raises(InputError, match=expected):
        load_scenario(str(own))


def test_a_long_chain_of_scenarios_is_refused(tmp_path: Path) -> None:
    for k in range(40):
        (tmp_path / f"s{k}.yaml").write_text(f"extends: s{k + 1}.yaml\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"s20.yaml: line 1, extends: got 's21.yaml', expected a chain of at most 20"):
        load_scenario(str(tmp_path / "s0.yaml"))


@pytest.mark.parametrize("name", ["~nosuchuser/x.yaml", "a\0b", "n" * 5_000, "", "x/" * 3_000])
def test_names_that_cannot_be_paths(name: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(name)
    assert len(str(caught.value)) < 2_000
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize(
    ("scenario", "key", "value", "said"),
    [
        ("week-33", "market.value_of_lost_load_eur_per_kwh", 3000, "3000 per MWh would be 3 per kWh"),
        (
            "week-33",
            "market.value_of_lost_load_eur_per_kwh",
            0.02,
            "0.02 per kWh is 20 per MWh, a price of energy that",
        ),
        ("two-settlement", "lost_load_eur_per_mwh", "[20000, 20]", "20 per kWh would be 20000 per MWh"),
        ("aggregator-37", "market.cap_eur_per_mwh", 0.1, "at least 1; 0.1 per kWh would be 100 per MWh"),
        ("aggregators-37", "market.uniform_cap_eur_per_mwh", 0.1, "0.1 per kWh would be 100 per MWh"),
    ],
)
def test_worths_and_caps_of_another_unit_name_both_readings(scenario: str, key: str, value: object, said: str) -> None:
    with pytest.raises(InputError) as raised:
        load_scenario(scenario, settings={key: str(value)})
    assert f"--set {key}: {key}" in str(raised.value)
    assert said in str(raised.value)
