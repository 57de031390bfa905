"""Whose a folder is, by the files that lie in it; and what a run is said to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equilibrium.errors import InputError
from sim.folder import check_folder, clear, drawn, leftovers, note_drawn
from sim.manifest import FORMAT, put, read_json, versions, write_json, write_manifest
from sim.store import Run, state_of_run

COLUMNS = {"format": FORMAT, "market": "toll", "tables": {"days": {"day": {"type": "int32", "meaning": "day"}}}}


def fill(folder: Path, **files: Any) -> Path:
    """Write files by name, ``__`` for a dot and ``___`` for a folder; JSON for what is no text."""
    for name, content in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def foreign(folder: Path, *tables: str, own: tuple[str, ...] = ()) -> str:
    with pytest.raises(InputError) as error:
        leftovers(folder, tables, own)
    said = str(error.value)
    end = "', expected a folder without it: no run of Equilot wrote it, so it is not overwritten"
    assert said.startswith(f"{folder}: output folder: got '")
    assert said.endswith(end)
    return said.removeprefix(f"{folder}: output folder: got '").removesuffix(end)


def names(paths: list[Path]) -> list[str]:
    return sorted(path.name for path in paths)


def test_what_a_run_wrote_may_be_lost(tmp_path: Path) -> None:
    fill(tmp_path, columns__json=COLUMNS, days__parquet="", manifest__json={}, mine__txt="", report__html="")
    fill(tmp_path, parts___0___days__parquet="", parts___0___state__json="", checkpoint___state__npz="")
    assert names(leftovers(tmp_path)) == [
        "checkpoint", "columns.json", "days.parquet", "manifest.json", "parts", "report.html",
    ]  # fmt: skip
    assert names(leftovers(tmp_path, ["days"])) == names(leftovers(tmp_path))


@pytest.mark.parametrize(
    ("content", "is_run"),
    [
        ({"columns__json": COLUMNS}, True),
        ({"columns__json": {**COLUMNS, "tables": {}}}, False),
        ({"columns__json": {"tables": COLUMNS["tables"]}}, False),
        ({"columns__json": {"format": 3, "tables": ["days"]}}, False),
        ({"manifest__json": {"format": 3, "seed": 1}}, True),
        ({"manifest__json": {"format": 3, "versions": {}}}, True),
        ({"manifest__json": {"format": 3}}, False),
        ({"manifest__json": {"seed": 1, "versions": {}}}, False),
        ({}, False),
    ],
)
def test_a_run_is_known_by_its_columns_or_its_manifest(content: dict[str, Any], is_run: bool, tmp_path: Path) -> None:
    fill(tmp_path, report__html="", **content)
    if is_run:
        assert "report.html" in names(leftovers(tmp_path))
    else:
        assert foreign(tmp_path)
        own = tuple(name.replace("__", ".") for name in content)
        assert names(leftovers(tmp_path, own=(*own, "report.html"))) == sorted((*own, "report.html"))


def test_what_others_wrote_is_kept(tmp_path: Path) -> None:
    fill(tmp_path, columns__json=COLUMNS, prices__parquet="")
    assert "prices.parquet" not in names(leftovers(tmp_path))
    assert foreign(tmp_path, "days", "prices") == "prices.parquet"
    fill(tmp_path, parts___0___mine__txt="")
    assert foreign(tmp_path) == "parts"
    assert "parts" in names(leftovers(tmp_path, own=("parts",)))
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".parts").symlink_to(tmp_path / "nowhere")
    assert ".parts" in names(leftovers(tmp_path, own=("parts",)))


def test_folders_that_can_be_written(tmp_path: Path) -> None:
    check_folder(tmp_path / "a" / "b", force=False)
    assert not (tmp_path / "a").exists()
    fill(tmp_path, columns__json=COLUMNS)
    check_folder(tmp_path, force=True)
    with pytest.raises(InputError) as error:
        check_folder(tmp_path, force=False)
    assert str(error.value) == (
        f"{tmp_path}: output folder: got 'a run (columns.json)', expected an empty or new folder, --resume to go on "
        "with it, or --force to overwrite"
    )
    with pytest.raises(InputError, match=r"output folder: got 'a file', expected a folder, or a name that is free$"):
        check_folder(tmp_path / "columns.json", force=True)


def test_lists_of_what_was_drawn(tmp_path: Path) -> None:
    inside = tmp_path / "figures"
    assert drawn(inside) == []
    inside.mkdir()
    fill(inside, a__svg="", b__png="", c__svg="")
    note_drawn(inside, [inside / "b.png", inside / "a.svg"])
    assert read_json(inside / "index.json") == {"figures": ["a.svg", "b.png"]}
    assert names(drawn(inside)) == ["a.svg", "b.png", "index.json"]
    (inside / "a.svg").unlink()
    assert names(drawn(inside)) == ["b.png", "index.json"]
    note_drawn(inside, [inside / "c.svg"])
    assert read_json(inside / "index.json") == {"figures": ["b.png", "c.svg"]}
    for content, found in (
        ({"figures": ["../a", "b.png", 7, "sub/c"]}, ["b.png", "index.json"]),
        ({"figures": "b.png"}, ["index.json"]),
        ({}, ["index.json"]),
    ):
        fill(inside, index__json=content)
        assert names(drawn(inside)) == found
    (tmp_path / "link").symlink_to(inside)
    assert drawn(tmp_path / "link") == []
    clear([inside, tmp_path / "link"])
    assert not any(tmp_path.iterdir())


# Manifests


def test_files_of_json(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, {"b": "Zürich", "a": (1, Path("x"))})
    assert path.read_text() == (f'{{\n  "format": {FORMAT},\n  "b": "Zürich",\n  "a": [\n    1,\n    "x"\n  ]\n}}\n')
    assert read_json(tmp_path / "none") == {}
    for text, found in (("[1]", "[1]"), ("{", "'Expecting property name")):
        path.write_text(text)
        with pytest.raises(InputError) as error:
            read_json(path)
        assert f"{path}: file: got {found}" in str(error.value)
        assert str(error.value).endswith("expected a JSON file as `equilot run` writes it")
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": float("nan")})
    assert path.read_text() == "{"
    assert [each.name for each in tmp_path.iterdir()] == ["manifest.json"]


def test_a_file_is_put_whole_with_the_rights_of_new_files(tmp_path: Path) -> None:
    long = "n" * 200
    put(tmp_path / long, b"abc")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / long).read_bytes() == b"abc"
    assert (tmp_path / long).stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        put(tmp_path / "folder", b"abc")
    assert len(list(tmp_path.iterdir())) == 3


def test_versions_of_what_changes_a_result() -> None:
    needed = ["equilot", "python", "numpy", "scipy", "pandas", "pyarrow", "mesa", "pydantic", "highspy", "gurobipy"]
    assert list(versions()) == needed
    assert list(versions(optional=True)) == [*needed, "pandapower"]


# What a run is said to be


def test_a_run_says_what_it_is(tmp_path: Path) -> None:
    fill(tmp_path, columns__json=COLUMNS)
    assert repr(Run(tmp_path)) == (
        f"Run('{tmp_path}'): an unknown scenario, market toll, some days, seed ?, killed; tables: "
    )
    fill(
        tmp_path, manifest__json={"scenario": "town", "days_done": 3, "seed": 5, "status": "complete"}, days__parquet=""
    )
    assert repr(Run(tmp_path)) == f"Run('{tmp_path}'): town, market toll, 3 days, seed 5, complete; tables: days"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "{}: run folder: got 'no tables', expected a folder written by `equilot run`"),
        ({"manifest__json": {"format": FORMAT}}, "{}/columns.json: file: got 'missing', expected the run folder as it "
         "was written"),
        ({"manifest__json": {"format": 2, "versions": {"equilot": "0.9"}}}, "{}: format of the run: got 2, expected 3: "
         "the run is of equilot 0.9; read it with that, or run its scenario again"),
        ({"columns__json": {**COLUMNS, "format": 4}}, "{}: format of the run: got 4, expected 3: the run is of equilot "
         "another version; read it with that, or run its scenario again"),
        ({"columns__json": {**COLUMNS, "format": 4}, "manifest__json": {"versions": 7}}, "{}: format of the run: got "
         "4, expected 3: the run is of equilot another version; read it with that, or run its scenario again"),
        *(({"columns__json": content}, "{}/columns.json: file: got ")
          for content in ({"format": FORMAT, "tables": {}}, {**COLUMNS, "market": 7}, {**COLUMNS, "tables": []},
                          {**COLUMNS, "tables": {"days": []}}, {**COLUMNS, "tables": {"days": {"day": {"type": 1}}}},
                          {**COLUMNS, "tables": {"days": {"day": 1}}})),
    ],
)  # fmt: skip
def test_folders_that_hold_no_run(files: dict[str, Any], said: str, tmp_path: Path) -> None:
    fill(tmp_path, **files)
    with pytest.raises(InputError) as error:
        Run(tmp_path)
    found, wanted = str(error.value), said.replace("{}", str(tmp_path))
    if wanted.endswith("got "):
        assert found.startswith(wanted)
        assert found.endswith(", expected the market and the tables of a run, as `equilot run` writes them")
    else:
        assert found == wanted


def test_the_last_state_of_a_run(tmp_path: Path) -> None:
    assert state_of_run(tmp_path) is None
    fill(tmp_path, checkpoint___state__json="", checkpoint___state__npz="")
    assert state_of_run(tmp_path) == tmp_path / "checkpoint"
    fill(tmp_path, parts___000000___state__json="", parts___000002___state__json="", parts___000002___state__npz="",
         parts___000010___state__json="", parts___temporary___state__json="")  # fmt: skip
    assert state_of_run(tmp_path) == tmp_path / "parts" / "000002"
    fill(tmp_path, parts___000010___state__npz="")
    assert state_of_run(tmp_path) == tmp_path / "parts" / "000010"
