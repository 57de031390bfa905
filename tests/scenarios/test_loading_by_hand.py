"""How a scenario file is found, and how one is laid over another, by files of a few keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from equilibrium.errors import InputError
from scenarios import loading
from scenarios.files import CASES, Document
from scenarios.kinds import scenario_kinds
from scenarios.yaml_tree import KeyPath


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def chain(path: Path) -> list[str]:
    return [found.name for _, found in loading._chain(path, ())]


def test_a_file_that_is_extended_is_beside_it_wherever_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name without a folder is one of a bundled scenario where there is such a one, else of a file beside it."""
    folder = write(
        tmp_path / "in", a="extends: b.yaml\ntitle: a\n", b="extends: up\ntitle: b\n", c="extends: week-33\n"
    )
    write(folder / "up", scenario="extends: ../d.yaml\n")
    write(folder, d="title: d\n")
    write(tmp_path / "out", b="title: another\n")
    monkeypatch.chdir(tmp_path / "out")
    assert chain(folder / "a.yaml") == ["a.yaml", "b.yaml", "scenario.yaml", "d.yaml"]
    assert chain(folder / "c.yaml")[:2] == ["c.yaml", "week-33.yaml"]
    (document, _), *_ = loading._chain(folder / "a.yaml", ())
    assert document.data == {"title": "a"}


def test_chains_end(tmp_path: Path) -> None:
    """Twenty extend each other beside the last; one more is refused, and so is a circle and what is no name."""
    last = {"s20": "title: x\n"}
    long = {f"s{k}": f"extends: s{k + 1}.yaml\n" for k in range(20)}
    write(tmp_path, **long, **last)
    assert len(chain(tmp_path / "s0.yaml")) == 21
    write(tmp_path, t="extends: s0.yaml\n")
    with pytest.raises(InputError, match=r"expected a chain of at most 20 scenarios that extend each other$"):
        chain(tmp_path / "t.yaml")
    write(tmp_path, a="extends: b.yaml\n", b="extends: a.yaml\n", n="extends: [a]\n", m="extends: missing.yaml\n")
    for name, said in (
        ("a", "extends: got 'b.yaml', expected the name or path of another scenario that does not extend this one"),
        ("n", "extends: got ['a'], expected the name or path of another scenario that does not extend this one"),
        ("m", "extends: got 'missing.yaml', expected a YAML file or one of aggregator-37, "),
    ):
        with pytest.raises(InputError) as error:
            chain(tmp_path / f"{name}.yaml")
        assert f"line 1, {said}" in str(error.value)


def test_files_of_scenarios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write(tmp_path / "town", scenario="title: x\n", other="title: y\n")
    assert loading.case_path("week-33") == CASES / "week-33.yaml"
    assert loading.case_path("town") == Path("town/scenario.yaml")
    assert loading.case_path(str(folder / "other.yaml")) == folder / "other.yaml"
    assert [loading.case_name(name) for name in ("town", "town/other.yaml", "week-33")] == ["town", "other", "week-33"]
    write(tmp_path, **{"week-33": "title: mine\n"})
    assert loading.case_path("week-33") == CASES / "week-33.yaml"
    assert loading.case_path("./week-33.yaml") == Path("week-33.yaml")
    (tmp_path / "t.CSV").write_text("a\n")
    (tmp_path / "empty").mkdir()
    for name, said in (
        ("t.CSV", "t.CSV: scenario: got 't.CSV', expected a YAML file, of which a table is a part: prices.file or "),
        ("empty", "empty: folder: got 'no scenario.yaml', expected a folder with scenario.yaml"),
        ("u.csv", "u.csv: scenario: got 'u.csv', expected a YAML file or one of aggregator-37, "),
        ("week-34", "week-34: scenario: got 'week-34', expected a YAML file or one of aggregator-37, "),
    ):
        with pytest.raises(InputError) as error:
            loading.case_path(name)
        assert str(error.value).startswith(said)


def merged(under: dict[str, Any], over: dict[str, Any], *, same: bool = True) -> tuple[dict[str, Any], set[Any]]:
    replaced: set[Any] = set()
    return loading._merge(under, over, (), replaced, lambda *_: same), replaced


def test_mappings_are_merged_and_all_else_is_replaced() -> None:
    under = {"a": {"x": 1, "y": {"z": 2}}, "b": [1, 2], "c": 3}
    assert merged(under, {"a": {"y": {"w": 4}}, "b": [5], "d": 6}) == (
        {"a": {"x": 1, "y": {"z": 2, "w": 4}}, "b": [5], "c": 3, "d": 6},
        {("a", "y", "w"), ("b",), ("d",)},
    )
    assert merged(under, {"a": {"y": 7}}, same=False) == (
        {"a": {"y": 7}, "b": [1, 2], "c": 3}, {("a",)},
    )  # fmt: skip
    assert merged(under, {"a": 1})[0]["a"] == 1
    assert merged(under, {"c": {"x": 1}}) == ({**under, "c": {"x": 1}}, {("c",)})
    assert under["a"] == {"x": 1, "y": {"z": 2}}  # what is below stays


def test_of_two_ways_to_name_a_feeder_the_upper_one_stays() -> None:
    assert merged({"feeder": {"name": "a", "k": 1}}, {"feeder": {"file": "b"}}) == (
        {"feeder": {"file": "b", "k": 1}}, {("feeder", "name"), ("feeder", "file")},
    )  # fmt: skip
    assert merged({"feeder": {"file": "b"}}, {"feeder": {"name": "a"}})[0] == {"feeder": {"name": "a"}}
    assert merged({"feeder": {"name": "a"}}, {"feeder": {"file": None}})[0] == {"feeder": {"name": "a", "file": None}}
    both = {"feeder": {"name": "a", "file": "b"}}
    assert merged({"feeder": {"name": "x"}}, both)[0] == both


def test_overrides_are_plain_and_have_no_lines() -> None:
    found = loading._given("base", {"a": {"b": Path("x"), 1: (2, {"c": None})}, "d": [True]})
    assert found.source == "base with overrides"
    assert found.data == {"a": {"b": "x", "1": [2, {"c": None}]}, "d": [True]}
    assert found.lines == dict.fromkeys(
        [("a",), ("a", "b"), ("a", "1"), ("a", "1", 0), ("a", "1", 1), ("a", "1", 1, "c"), ("d",), ("d", 0)],
        ("base with overrides", None),
    )
    assert loading._nested(("a", 0, "b"), 7) == {"a": {0: {"b": 7}}}
    assert loading._nested((), 7) == 7


def test_names_of_files_become_whole_paths(tmp_path: Path) -> None:
    for name in ("p.csv", "010.csv", "q.csv"):
        (tmp_path / name).write_text("x")
    data: dict[str, Any] = {
        "prices": {"file": "p.csv"}, "drivers": {"files": ["q.csv", 10, "week.csv"]}, "loads": 3, "odd": {"file": 7},
    }  # fmt: skip
    written = {("drivers", "files", 1): "010.csv", ("prices", "file"): "p.csv", ("odd", "file"): "7"}
    document = Document("own", data, {("drivers", "files"): ("own", 4)}, dict(written))
    keys: dict[KeyPath, tuple[str, str]] = {
        ("prices", "file"): ("prices", ".csv"),
        ("drivers", "files"): ("sessions", ".csv"),
        ("loads", "file"): ("loads", ".csv"),
        ("none", "file"): ("loads", ".csv"),
        ("prices", "other"): ("loads", ".csv"),
    }
    with pytest.raises(InputError) as error:
        loading._absolute_paths(document, tmp_path, keys)
    assert str(error.value).startswith(
        "own: line 4, drivers.files[2]: got 'week.csv', expected an existing file or one of"
    )
    data["drivers"]["files"].pop()
    document = Document("own", data, {}, dict(written))
    loading._absolute_paths(document, tmp_path, keys)
    root = tmp_path.resolve()
    assert data == {
        "prices": {"file": str(root / "p.csv")},
        "drivers": {"files": [str(root / "q.csv"), str(root / "010.csv")]},
        "loads": 3,
        "odd": {"file": 7},
    }
    assert document.written == {("odd", "file"): "7"}
    bundled: dict[str, Any] = {"prices": {"file": "s0"}}
    loading._absolute_paths(Document("own", bundled, {}), tmp_path, keys)
    assert bundled == {"prices": {"file": "s0"}}


def test_what_is_laid_over_keeps_the_lines_of_what_is_below() -> None:
    under = Document(
        "low",
        {"title": "t", "loads": {"scale": 1, "profile": "p"}, "lots": [{"bus": 10}]},
        {("title",): ("low", 1), ("loads", "scale"): ("low", 2), ("loads", "profile"): ("low", 3),
         ("lots", 0, "bus"): ("low", 4)},
        {("lots", 0, "bus"): "010", ("loads", "scale"): "1"},
    )  # fmt: skip
    over = Document("top", {"loads": {"scale": 2}, "lots": []}, {("loads", "scale"): ("top", 9)}, {})
    schema = scenario_kinds()["lots-lead"].schema
    found = loading._laid_over(under, over, schema)
    assert found.source == "top"
    assert found.data == {"title": "t", "loads": {"scale": 2, "profile": "p"}, "lots": []}
    assert found.lines == {("title",): ("low", 1), ("loads", "profile"): ("low", 3), ("loads", "scale"): ("top", 9)}
    assert found.written == {}
