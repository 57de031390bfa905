"""Where a key stands in a schema, by a schema of a few sections."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from scenarios.schema_tree import field_at, field_named, models_of, section_at, tags_of


class Learning(BaseModel):
    rate: float = 0.1


class Lot(BaseModel):
    name: str
    learning: Learning | None = None


class Replay(BaseModel):
    source: Literal["replay", "resample"]
    files: tuple[str, ...] = ()


class Counted(BaseModel):
    source: Literal["counted"]
    count: int = 3


class Untagged(BaseModel):
    source: str


class File(BaseModel):
    title: str
    lots: tuple[Lot, ...] = ()
    drivers: Annotated[Replay | Counted, Field(discriminator="source")]
    rules: dict[str, Learning] = {}
    of_kind: Learning = Field(default=Learning(), alias="kind")
    either: Learning | Counted = Learning()


DATA = {
    "lots": [{"name": "a"}, {"name": "b", "learning": {"rate": 1}}],
    "drivers": {"source": "counted"},
    "rules": {"own": {"rate": 2}},
}


@pytest.mark.parametrize(
    ("keys", "section"),
    [
        ((), File),
        (("lots",), Lot),
        (("lots", 1), Lot),
        (("lots", 1, "learning"), Learning),
        (("lots", 0, "learning"), Learning),
        (("lots", 2, "learning"), Learning),  # of an item that is not there
        (("rules",), Learning),
        (("rules", "own"), Learning),
        (("rules", "rate"), Learning),  # a name that the user has chosen, whatever it is
        (("drivers",), Counted),
        (("kind",), Learning),
        (("of_kind",), None),
        (("title",), None),
        (("title", "deeper"), None),
        (("none",), None),
        (("none", "deeper"), None),
        (("either",), Learning),
        (("rules", "own", "none"), None),
    ],
)
def test_the_section_of_some_keys(keys: tuple[str | int, ...], section: type[BaseModel] | None) -> None:
    assert section_at(File, keys, DATA) is section


@pytest.mark.parametrize(
    ("drivers", "section"),
    [
        ({"source": "replay"}, Replay),
        ({"source": "resample"}, Replay),
        ({"source": "counted"}, Counted),
        ({"source": "other"}, Replay),  # the first
        ({}, Replay),
        ("counted", Replay),
        (None, Replay),
    ],
)
def test_a_tag_decides_which_section_it_is(drivers: Any, section: type[BaseModel]) -> None:
    assert section_at(File, ("drivers",), {"drivers": drivers}) is section
    assert section_at(File, ("drivers",), {"drivers": [drivers]}) is Replay
    assert section_at(File, ("drivers",), [{"drivers": drivers}]) is Replay


def test_data_of_another_shape_than_its_keys() -> None:
    """A list where a mapping was meant has no such part, and a list too short none either."""
    one = Annotated[Replay | Counted, Field(discriminator="source")]

    class Inner(BaseModel):
        drivers: one

    class Many(BaseModel):
        many: tuple[Inner, ...] = ()

    counted = {"drivers": {"source": "counted"}}
    for data, number, section in (
        ([counted], 0, Counted),
        ([counted], 1, Replay),
        ([counted, counted], 1, Counted),
        ({0: counted}, 0, Counted),
        ("text", 0, Replay),
    ):
        assert section_at(Many, ("many", number, "drivers"), {"many": data}) is section


def test_fields_and_tags() -> None:
    found = field_at(File, ("lots", 0, "learning", "rate"), DATA)
    assert found is not None
    assert found.default == 0.1
    assert field_at(File, ("drivers", "count"), DATA) is Counted.model_fields["count"]
    assert field_at(File, ("drivers", "files"), DATA) is None
    assert field_at(File, ("none", "files"), DATA) is None
    assert field_at(File, ("title",), DATA) is File.model_fields["title"]
    assert field_named(File, "kind") is File.model_fields["of_kind"]
    assert field_named(File, "of_kind") is None
    assert field_named(File, 0) is None
    assert models_of(File.model_fields["lots"]) == [Lot]
    assert models_of(File.model_fields["drivers"]) == [Replay, Counted]
    assert models_of(File.model_fields["either"]) == [Learning, Counted]
    assert models_of(File.model_fields["title"]) == []
    assert tags_of(Replay, "source") == ("replay", "resample")
    assert tags_of(Counted, "source") == ("counted",)
    assert tags_of(Counted, "count") == ()
    assert tags_of(Counted, "none") == ()
    assert tags_of(Untagged, "source") == ()
