"""Every key of every kind of scenario file as its schema has it, with its default and its bounds."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from typing import Any

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from scenarios.kinds import scenario_kinds


def sections(kind: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """A schema and all sections that it is made of."""
    if kind in seen:
        return
    seen.add(kind)
    yield kind
    for field in kind.model_fields.values():
        for inner in parts(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from sections(inner, seen)


def parts(annotation: Any) -> Iterator[Any]:
    inner = typing.get_args(annotation)
    if not inner:
        yield annotation
    for each in inner:
        yield from parts(each)


def bounds(field: FieldInfo) -> str:
    """The interval of a key's numbers; of a list, how many it has, in braces."""
    low, high, least, most = "", "", "", ""
    for each in every_metadata(field):
        if isinstance(each, annotated_types.Ge):
            low = f"[{each.ge:g}"
        elif isinstance(each, annotated_types.Gt):
            low = f"({each.gt:g}"
        elif isinstance(each, annotated_types.Le):
            high = f"{each.le:g}]"
        elif isinstance(each, annotated_types.Lt):
            high = f"{each.lt:g})"
        elif isinstance(each, annotated_types.MinLen):
            least = str(each.min_length)
        elif isinstance(each, annotated_types.MaxLen):
            most = str(each.max_length)
    interval = f"{low or '('}, {high or ')'}" if low or high else ""
    return " ".join(part for part in (interval, f"{{{least},{most}}}" if least or most else "") if part)


def every_metadata(field: FieldInfo) -> Iterator[Any]:
    for each in field.metadata:
        yield from unpacked(each)
    for inner in typing.get_args(field.annotation):
        for each in getattr(inner, "__metadata__", ()):
            yield from unpacked(each)


def unpacked(each: Any) -> Iterator[Any]:
    if isinstance(each, FieldInfo):
        yield from (part for inner in each.metadata for part in unpacked(inner))
    else:
        yield each


def told(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "needed"
    if isinstance(default, BaseModel):
        return "section"
    return repr(default)


def found_keys() -> dict[str, str]:
    seen: set[type[BaseModel]] = set()
    found = {}
    for kind in scenario_kinds().values():
        for section in sections(kind.schema, seen):
            for name, field in section.model_fields.items():
                where = next(part for part in section.__mro__ if name in inspect.get_annotations(part))
                found[f"{where.__name__}.{name}"] = f"{told(field)} {bounds(field)}".strip()
    return found
