"""The keys of a scenario file against the schema of its market; every complaint names file, line and key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from equilibrium.errors import InputError, SeveralInputErrors
from equilibrium.plain import A_NAME, closest, shown
from scenarios.files import Document
from scenarios.schema import MONEY
from scenarios.schema_tree import field_at, field_named, models_of, section_at, tags_of
from scenarios.yaml_tree import KeyPath, dotted

_MONEY_KEY = re.compile(r"(?<=_)([a-z]{3})(?=_per_(?:[km]wh|kg)$)")

_LENGTHS = ("min_length", "max_length")
"""What pydantic calls the least and the most items of a field."""

File = TypeVar("File", bound=BaseModel)
Schemas = Callable[[], Iterator[tuple[str, type[BaseModel]]]]
"""Goes through the names of markets and the schemas of their files; it is asked only where something is wrong."""


def no_others() -> Iterator[tuple[str, type[BaseModel]]]:
    """There is no other market."""
    return iter(())


def validated(schema: type[File], document: Document, others: Schemas = no_others) -> File:
    """Check a document against the schema of its kind, with money keys in the document's own currency.

    A key that only another market knows is an error that says which. In a file that extends another one it says nothing
    at that market's default and is left out: so a file may extend one of another market.

    Parameters
    ----------
    schema
        The pydantic model of the whole file; its money keys are written in :data:`scenarios.schema.MONEY`.
    document
        What was read.
    others
        The schemas of the other markets.

    Raises
    ------
    InputError
        With file, line and key; :class:`~equilibrium.errors.SeveralInputErrors` where there are several complaints.
    """
    currency = document.data.get("currency", MONEY.upper())
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise document.error(("currency",), currency, "a code of three capital letters such as EUR")
    currency = currency.lower()
    data = _schema_money(document.data, (), currency, document)
    read_as_written(schema, document, data)
    while True:
        try:
            return schema.model_validate(data)
        except ValidationError as error:
            alone = all(map(document.states, document.lines))
            if alone or not _leave_out(error, schema, data, others):
                raise _every_error(error, document, currency, schema, data, others) from None


def read_as_written(schema: type[BaseModel], document: Document, data: dict[str, object]) -> None:
    """Put the text of the file in the place of what YAML made of it where the schema asks for text; check the numbers.

    ``bus: 010`` is the bus labelled 010, ``title: 2024`` a title; ``places: 010`` is refused.

    Parameters
    ----------
    schema
        The model of the whole file.
    document
        What was read.
    data
        The document's data with the schema's money keys; it is changed.

    Raises
    ------
    InputError
        For a number that YAML reads otherwise than people do.
    """
    for keys, written in document.written.items():
        in_schema = tuple(_MONEY_KEY.sub(MONEY, key) if isinstance(key, str) else key for key in keys)
        above: Any = data
        for key in in_schema[:-1]:
            above = above[key]
        if _wants_text(schema, in_schema, data):
            above[in_schema[-1]] = written
        else:
            document.check_number(keys, above[in_schema[-1]])


def _wants_text(schema: type[BaseModel], keys: KeyPath, data: object) -> bool:
    """Return whether the value under ``keys`` is a text in the schema: a label, or one of a list or mapping of them."""
    for n in range(len(keys), 0, -1):
        section, key = section_at(schema, keys[: n - 1], data), keys[n - 1]
        field = None if section is None else field_named(section, key)
        if field is not None:
            return any(part is str for part in _inside(field.annotation, len(keys) - n))
    return False


def _inside(annotation: object, levels: int) -> Iterator[object]:
    """Yield the types that a value may have which stands some levels inside a list or mapping of an annotation."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _inside(arguments[0], levels)
    elif origin in (Union, UnionType):
        for each in arguments:
            yield from _inside(each, levels)
    elif levels == 0:
        yield annotation
    elif origin in (dict, list, tuple, Mapping, Sequence):
        yield from _inside(arguments[1 if origin in (dict, Mapping) else 0], levels - 1)


def money_keys(data: object, currency: str) -> object:
    """Write the schema's money keys with the currency of the file."""
    if isinstance(data, dict):
        return {_MONEY_KEY.sub(currency.lower(), key): money_keys(value, currency) for key, value in data.items()}
    return [money_keys(item, currency) for item in data] if isinstance(data, list) else data


def _schema_money(data: object, keys: KeyPath, currency: str, document: Document) -> dict[str, object]:
    """Translate money keys to the schema's currency; a key in another currency than the file's is an error."""

    def walk(item: object, path: KeyPath) -> object:
        """Return the same with the schema's names, mapping by mapping and item by item."""
        if isinstance(item, list):
            return [walk(part, (*path, k)) for k, part in enumerate(item)]
        if not isinstance(item, dict):
            return item
        renamed = {}
        for key, value in item.items():
            found = _MONEY_KEY.search(str(key))
            if found and found[1] != currency:
                raise _other_currency((*path, str(key)), found[1], currency, document)
            renamed[_MONEY_KEY.sub(MONEY, str(key))] = walk(value, (*path, key))
        return renamed

    translated = walk(data, keys)
    assert isinstance(translated, dict)
    return translated


def _other_currency(keys: KeyPath, found: str, currency: str, document: Document) -> InputError:
    """Return the complaint about a money key in another currency than the file's.

    Where the key comes from a file that another one extends, it is the currency of that other one which does not fit.
    """
    stated, used = document.lines.get(("currency",)), document.lines.get(keys)
    if stated is not None and used is not None and stated[0] != used[0]:
        expected = f"{found.upper()}, in which {used[0]} states {dotted(keys)}, or that key in {currency.upper()} too"
        return document.error(("currency",), currency.upper(), expected)
    return document.error(keys, keys[-1], _MONEY_KEY.sub(currency, str(keys[-1])) + " (the file's currency)")


def _leave_out(error: ValidationError, schema: type[BaseModel], data: dict[str, object], others: Schemas) -> bool:
    """Take keys of other markets at their defaults out of ``data``; return whether there were some."""
    found = False
    for each in error.errors(include_url=False):
        if each["type"] != "extra_forbidden":
            continue
        keys = _without_tags(schema, each["loc"], data)
        if any(_plain_default(field) == each["input"] for _, field in _foreign(others, keys, data)):
            above: Any = data
            for key in keys[:-1]:
                above = above[key]
            del above[keys[-1]]
            found = True
    return found


def _foreign(others: Schemas, keys: KeyPath, data: object) -> Iterator[tuple[str, FieldInfo]]:
    """Yield each other market that knows a key, with its field there."""
    for name, schema in others():
        section = section_at(schema, keys[:-1], data)
        field = None if section is None else field_named(section, keys[-1])
        if field is not None:
            yield name, field


def _plain_default(field: FieldInfo) -> object:
    """Return the default of a field as a file would say it; a new object where there is none."""
    value = object() if field.is_required() else field.get_default()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    return list(value) if isinstance(value, tuple) else value


def _without_tags(schema: type[BaseModel], place: tuple[str | int, ...], data: object) -> KeyPath:
    """Return the keys of a complaint: pydantic puts the tag of a section that has one behind its key."""
    keys: list[str | int] = []
    tagged = False
    for key in place:
        if tagged:
            tagged = False
            continue
        section = section_at(schema, tuple(keys), data)
        field = None if section is None else field_named(section, key)
        keys.append(key)
        tagged = field is not None and field.discriminator is not None
    return tuple(keys)


def _every_error(
    error: ValidationError,
    document: Document,
    currency: str,
    schema: type[BaseModel],
    data: dict[str, object],
    others: Schemas,
) -> InputError:
    """Turn pydantic's complaints into lines for people, one for each place."""
    complaints = error.errors(include_url=False)
    places = {each["loc"] for each in complaints}
    found: dict[tuple[str, str], InputError] = {}
    for complaint in complaints:
        size = len(complaint["loc"])
        if complaint["type"] == "too_short" and any(
            len(place) > size and place[:size] == complaint["loc"] for place in places
        ):
            continue  # pydantic leaves out items that are wrong, and then misses them in their list
        one = _one_error(complaint, document, currency, schema, data, others)
        found.setdefault((one.source, one.where), one)
    errors = sorted(found.values(), key=lambda each: _line(each.where))
    return errors[0] if len(errors) == 1 else SeveralInputErrors(errors)


def _line(where: str) -> int:
    """Return the number of the line that a complaint names; 0 where it names none."""
    found = re.match(r"line (\d+)", where)
    return int(found[1]) if found else 0


def _one_error(
    first: ErrorDetails,
    document: Document,
    currency: str,
    schema: type[BaseModel],
    data: dict[str, object],
    others: Schemas,
) -> InputError:
    """Turn one complaint of pydantic's into one line for people."""
    in_schema = _without_tags(schema, first["loc"], data)
    keys = tuple(_own_money(key, currency) for key in in_schema)
    kind, value = first["type"], first["input"]
    if kind == "extra_forbidden":
        return _unknown_key(document, currency, schema, data, in_schema, dict(_foreign(others, in_schema, data)))
    if kind == "missing":
        return document.error(keys, None, f"a key {keys[-1]!r} here")
    if kind.startswith("union_tag"):
        section = section_at(schema, in_schema[:-1], data)
        field = None if section is None else field_named(section, in_schema[-1])
        assert field is not None
        tag = str(field.discriminator)
        *most, last = [str(each) for model in models_of(field) for each in tags_of(model, tag)]
        return document.error((*keys, tag), value.get(tag), f"{', '.join(most)} or {last}")
    if kind == "section":
        context = first["ctx"]
        path = _MONEY_KEY.sub(currency, context["key"]).split(".")
        inside = [int(key) if key.isdigit() else key for key in path]
        return _section_error(document, keys, (*keys, *inside), context["value"], first["msg"])
    plain = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind in ("less_than_equal", "less_than") and 1.0 in first["ctx"].values() and isinstance(value, int | float):
        plain += f"; {value:g} % would be {value / 100:g}"
    if kind == "literal_error":
        plain += closest(value, re.findall("'([^']*)'", plain))
    mapping = "a mapping of keys"
    said = {"model_type": mapping, "model_attributes_type": mapping, "tuple_type": "a list"}
    if kind in ("too_short", "too_long"):
        plain = _length(field_at(schema, in_schema, data), value)
    elif kind.startswith("date_"):
        plain = "a date such as 2024-06-10"
    return document.error(keys, value, said.get(kind, plain))


def _length(field: FieldInfo | None, value: object) -> str:
    """Return what was expected in the place of a text or a list that is too short or too long."""
    if isinstance(value, str):
        return A_NAME
    rules = () if field is None else field.metadata
    least, most = (next((getattr(rule, name) for rule in rules if hasattr(rule, name)), None) for name in _LENGTHS)
    if least == most:
        return f"a list of {least} values"
    return "a list that is not empty" if most is None else f"a list of {least} to {most} values"


def _section_error(document: Document, section: KeyPath, keys: KeyPath, value: object, expected: str) -> InputError:
    """Return the complaint about keys that do not fit together.

    Where the key comes from a file that this one extends, it is a key of this file that does not fit it.
    """
    found = document.lines.get(keys)
    if found is None or document.states(keys):
        return document.error(keys, value, expected)
    own = [other for other in document.lines if other[:-1] == keys[:-1] and document.states(other)]
    own = own or [other for other in document.lines if other[: len(section)] == section and other != section]
    own = [other for other in own if document.states(other)]
    if not own:
        return document.error(keys, value, expected)
    blamed = next((other for other in own if str(other[-1]) in expected), own[0])
    given: Any = document.data
    for key in blamed:
        given = given[key]
    said = f"what fits {dotted(keys)}, which is {shown(value)} in {found[0]}: there, {expected}"
    return document.error(blamed, given, said)


def _own_money(key: str | int, currency: str) -> str | int:
    return _MONEY_KEY.sub(currency, key) if isinstance(key, str) else key


def _unknown_key(
    document: Document,
    currency: str,
    schema: type[BaseModel],
    data: dict[str, object],
    in_schema: KeyPath,
    foreign: Mapping[str, FieldInfo],
) -> InputError:
    """Return the complaint about a key that the market has not got: another one may know it."""
    keys = tuple(_own_money(key, currency) for key in in_schema)
    knowing = " or ".join(foreign)
    for field in foreign.values():
        default = _plain_default(field)
        if isinstance(default, (str, int, float)):
            plain_default = f"{default:g}" if isinstance(default, float) else default
            value: Any = document.data
            for key in keys:
                value = value[key]
            expected = "no such key" if value == default else str(plain_default)
            return document.error(keys, value, f"{expected}, or market.kind: {knowing}, which has this key")
    section = section_at(schema, in_schema[:-1], data)
    fields = {} if section is None else section.model_fields
    known = [str(_own_money(field.alias or name, currency)) for name, field in fields.items()]
    hint = closest(keys[-1], known)
    hint = f", or market.kind: {knowing}, which has this one" if foreign else hint
    return document.error(keys, keys[-1], f"one of the keys {', '.join(known)}{hint}")
