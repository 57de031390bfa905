"""Where a key of a scenario file stands in the schema: its section, its field, tags of sections of several kinds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scenarios.yaml_tree import KeyPath


def section_at(schema: type[BaseModel], keys: KeyPath, data: object) -> type[BaseModel] | None:
    """Return the model of the section under ``keys``, or ``None`` where the schema has none.

    Parameters
    ----------
    schema
        The model of the whole file.
    keys
        Where the section stands.
    data
        The whole file; where a tag such as ``drivers.source`` says which keys a section has, it decides.
    """
    section: type[BaseModel] | None = schema
    named = False
    for key in keys:
        data = _part(data, key)
        if isinstance(key, int) or named:  # an item of a list, or a name that the user has chosen
            named = False
            continue
        field = None if section is None else field_named(section, key)
        if field is None:
            return None
        named = get_origin(field.annotation) is dict
        section = _model(field, data)
    return section


def _part(data: object, key: str | int) -> object:
    if isinstance(data, dict):
        return data.get(key)
    return data[key] if isinstance(data, list) and isinstance(key, int) and key < len(data) else None


def field_named(section: type[BaseModel], key: str | int) -> FieldInfo | None:
    """Return the field of a key."""
    return next((field for name, field in section.model_fields.items() if (field.alias or name) == key), None)


def _model(field: FieldInfo, value: object) -> type[BaseModel] | None:
    """Return the model of what stands under a field: of several, the one whose tag the value has, or the first."""
    models = models_of(field)
    if isinstance(field.discriminator, str) and isinstance(value, dict):
        tag = value.get(field.discriminator)
        models = [model for model in models if tag in tags_of(model, field.discriminator)] or models
    return models[0] if models else None


def models_of(field: FieldInfo) -> list[type[BaseModel]]:
    """Return the models that may stand under a field."""
    return [part for part in _parts(field.annotation) if isinstance(part, type) and issubclass(part, BaseModel)]


def tags_of(model: type[BaseModel], key: str) -> tuple[Any, ...]:
    """Return the values that a model's tag may have."""
    field = field_named(model, key)
    return get_args(field.annotation) if field is not None and get_origin(field.annotation) is Literal else ()


def _parts(annotation: object) -> Iterator[object]:
    """Yield an annotation and everything inside its brackets."""
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def field_at(schema: type[BaseModel], keys: KeyPath, data: object) -> FieldInfo | None:
    """Return the field of the key at the end of ``keys``; as :func:`section_at`."""
    section = section_at(schema, keys[:-1], data)
    return None if section is None else field_named(section, keys[-1])
