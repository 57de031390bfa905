"""The store: what goes in comes out, whatever ends the run."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from equilibrium.errors import InputError
from sim.folder import check_folder
from sim.manifest import write_manifest
from sim.markets.lots_lead.kind import KIND
from sim.store import Run, RunWriter, comparable, read_run
from tests.sim.conftest import rows_of

TABLES = {table.name: [column.name for column in table.columns] for table in KIND.tables}
MAIN = [table.name for table in KIND.tables if not table.optional]


def open_writer(folder, **options):
    return RunWriter(folder, KIND.name, KIND.tables, **options)


def write(folder, make_day, days, close=True, **options):
    writer = open_writer(folder, **options)
    for index in range(days):
        writer.add(index, rows_of(make_day(index)))
    if close:
        writer.close()
    return writer


def test_every_table_comes_back_with_its_columns_and_days(tmp_path, make_day):
    write(tmp_path / "run", make_day, 7, days_per_part=3)
    run = read_run(tmp_path / "run")
    for name in MAIN:
        frame = getattr(run, name)
        assert list(frame.columns) == TABLES[name]
        assert sorted(frame["day"].unique()) == list(range(7))
    assert len(run.days) == len(run.certificates) == 7
    assert len(run.prices) == 7 * 24 * 33
    assert len(run.lots) == 7 * 24 * 3
    assert run.days["date"].astype(str).tolist()[:2] == ["2024-06-10", "2024-06-11"]
    assert len(run.feeder) == 33  # once, with the first day
    assert run.ac.empty
    assert not (tmp_path / "run" / "ac.parquet").exists()


def test_merging_leaves_one_file_a_table_and_nothing_else(tmp_path, make_day):
    write(tmp_path / "run", make_day, 4, days_per_part=2)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted(
        [".lock", "columns.json", "feeder.parquet", *(f"{name}.parquet" for name in MAIN)]
    )


def test_parts_hold_the_same_rows_as_the_merged_tables(tmp_path, make_day):
    write(tmp_path / "killed", make_day, 6, close=False, days_per_part=2)
    write(tmp_path / "whole", make_day, 6, days_per_part=4)
    killed, whole = Run(tmp_path / "killed"), Run(tmp_path / "whole")
    for name in MAIN:
        pd.testing.assert_frame_equal(killed.table(name), whole.table(name))
        pd.testing.assert_frame_equal(killed.table(name, day=3), whole.table(name, day=3))
        assert set(whole.table(name, day=3)["day"]) == {3}


def test_a_part_that_was_being_written_is_not_read(tmp_path, make_day):
    write(tmp_path / "run", make_day, 5, close=False, days_per_part=2)
    half = tmp_path / "run" / "parts" / ".000004"
    half.mkdir()
    (half / "days.parquet").write_bytes(b"PAR1 cut off")
    assert Run(tmp_path / "run").days["day"].tolist() == [0, 1, 2, 3]


def test_a_run_of_no_days_has_empty_tables(tmp_path):
    open_writer(tmp_path / "run").close()
    run = Run(tmp_path / "run")
    assert all(run.table(name).empty for name in MAIN)
    assert list(run.days.columns) == TABLES["days"]


def test_a_missing_column_is_an_error_and_leaves_the_day_out(tmp_path, make_day):
    writer = open_writer(tmp_path / "run")
    tables = rows_of(make_day(0))
    del tables["prices"]["voltage_pu"]
    with pytest.raises(InputError, match="table prices: voltage_pu: got 'no values'"):
        writer.add(0, tables)
    writer.close()
    assert Run(tmp_path / "run").days.empty


@pytest.mark.parametrize("close", [True, False])
def test_an_earlier_run_is_overwritten_only_with_force(tmp_path, make_day, close):
    folder = tmp_path / "run"
    write(folder, make_day, 4, close=close, days_per_part=2)
    write_manifest(folder, {"seed": 1})
    (folder / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="--force"):
        open_writer(folder)
    assert len(Run(folder).days) == 4
    write(folder, make_day, 1, force=True)
    assert len(Run(folder).days) == 1
    assert Run(folder).manifest == {}
    assert (folder / "mine.txt").read_text() == "kept"


def test_folders_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(InputError, match="output folder"):
        check_folder(file, force=True)
    with pytest.raises(InputError, match="output folder"):
        check_folder(file / "below", force=True)
    with pytest.raises(InputError, match="run folder"):
        Run(tmp_path)


def test_checking_a_folder_creates_nothing(tmp_path):
    check_folder(tmp_path / "a" / "b", force=False)
    assert list(tmp_path.iterdir()) == []


def test_every_column_says_what_it_is(tmp_path, make_day):
    run = Run(write(tmp_path / "run", make_day, 1).folder)
    assert run.market == "lots-lead"
    for table in KIND.tables:
        assert {name: each["meaning"] for name, each in run.columns[table.name].items()} == {
            column.name: column.meaning for column in table.columns
        }
        for column in table.schema():
            assert column.metadata[b"meaning"]
    assert all("day" in columns for columns in TABLES.values())


def test_every_table_is_an_attribute_and_no_other(tmp_path, make_day):
    run = Run(write(tmp_path / "run", make_day, 2).folder)
    assert run.lot_days is run.lot_days
    assert run.storage.empty
    assert list(run.storage.columns) == TABLES["storage"]
    assert run.storage["energy_kwh"].dtype == "float64"
    with pytest.raises(AttributeError, match="no 'accounts'; its tables are days, prices, limits, dispatch"):
        _ = run.accounts


@pytest.mark.parametrize("found", [{"format": 1}, {"format": 1, "versions": {"equilot": "0.7.0"}}])
def test_a_run_of_an_earlier_format_is_refused_by_name(tmp_path, found):
    (tmp_path / "manifest.json").write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"format of the run: got 1, expected 3: the run is of equilot (0\.7\.0|another)"
    ):
        Run(tmp_path)


def test_a_run_of_a_later_format_is_refused(tmp_path, make_day):
    folder = write(tmp_path / "run", make_day, 1).folder
    (folder / "columns.json").write_text('{"format": 4}', encoding="utf-8")
    with pytest.raises(InputError, match="format of the run: got 4"):
        Run(folder)


def test_no_table_of_an_earlier_run_is_read_with_a_new_one(tmp_path, make_day):
    folder = write(tmp_path / "run", make_day, 1).folder
    shutil.copy(folder / "days.parquet", folder / "ac.parquet")
    write(folder, make_day, 1, force=True)
    assert Run(folder).ac.empty


def test_values_of_another_type_are_named(tmp_path, make_day):
    writer = open_writer(tmp_path / "run")
    with pytest.raises(InputError, match=r"table lots: power_kw: got .*, expected values of type double"):
        writer.add(0, {**rows_of(make_day(0)), "lots": {**rows_of(make_day(0))["lots"], "power_kw": ["a lot"] * 72}})


def test_comparable_drops_wall_times_only():
    frame = pd.DataFrame({"day": [0], "seconds": [1.0], "solver_seconds": [0.5], "gap": [0.0]})
    assert list(comparable(frame).columns) == ["day", "gap"]


def test_a_run_without_a_day_has_every_table_that_all_runs_have_and_no_other(tmp_path, make_day):
    write(tmp_path / "run", make_day, 0)
    files = sorted(path.stem for path in (tmp_path / "run").glob("*.parquet"))
    assert files == sorted(MAIN)
    assert len(MAIN) < len(KIND.tables)
    frame = pd.read_parquet(tmp_path / "run" / "days.parquet")
    assert (list(frame.columns), len(frame)) == (TABLES["days"], 0)
