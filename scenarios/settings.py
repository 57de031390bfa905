"""Single keys of a scenario set by name, ``lots.lot-1.places=40``: what ``--set`` and the grid of a study do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from copy import deepcopy

import yaml

from equilibrium.errors import InputError
from scenarios.files import Document
from scenarios.yaml_tree import KeyPath, Tree, read_tree

SET = "--set"
"""Source of complaints about a value that was set by name."""

_VALUE = "value"


def read_settings(given: Iterable[str]) -> dict[str, str]:
    """Return the keys that are set, each with the text of its value.

    Parameters
    ----------
    given
        One ``KEY=VALUE`` each.

    Raises
    ------
    InputError
        For what is no ``KEY=VALUE``, a value that is no YAML, and a key that is set twice.
    """
    settings: dict[str, str] = {}
    for each in given:
        key, equals, text = each.partition("=")
        if not equals or not key or not all(key.split(".")):
            raise InputError(SET, "KEY=VALUE", each, "a key with dots, an equals sign and a value: loads.scale=1.2")
        if key in settings:
            raise InputError(f"{SET} {key}", "KEY=VALUE", each, "each key once")
        _value(key, text)
        settings[key] = text
    return settings


def as_text(value: object) -> str:
    """Return a value as the text that :func:`setting_layer` reads: YAML on one line."""
    text: str = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=2**20)
    return text.strip()[1:-1]


def setting_layer(under: Document, settings: Mapping[str, str]) -> Document:
    """Return the set keys as a document that is laid over a scenario's own.

    Parameters
    ----------
    under
        The scenario. A part of a setting's key names an item of a list by the item's ``name`` or number.
    settings
        The text of the value by key with dots.

    Raises
    ------
    InputError
        For an item that a list has not got; the nearest name is said.
    """
    layer = Document(SET, {}, {})
    for key, text in settings.items():
        keys = _place(key, under.data)
        tree = _value(key, text)
        _put(layer, under, keys, tree.data[_VALUE])
        source = (f"{SET} {key}", None)
        layer.lines.update({keys[:n]: source for n in range(1, len(keys)) if keys[:n] not in layer.lines})
        layer.lines[keys] = source
        layer.lines.update({(*keys, *inside[1:]): source for inside in tree.lines})
        layer.written.update({(*keys, *inside[1:]): written for inside, written in tree.written.items()})
    return layer


def _value(key: str, text: str) -> Tree:
    """Read the text of a value as YAML."""
    try:
        tree = read_tree(f"{SET} {key}", f"{_VALUE}: {text}")
    except InputError as error:
        quoted = "'{}'".format(text.replace("'", "''"))
        hint = f'; text that YAML takes for something else stands in quotes of its own: "{key}={quoted}"'
        raise InputError(f"{SET} {key}", "value", text, error.expected + hint) from None
    if len(tree.data) != 1:
        raise InputError(f"{SET} {key}", "value", text, "one value of YAML")
    return tree


def _place(key: str, under: object) -> KeyPath:
    """Return where a key with dots stands; names may have dots themselves."""
    keys: list[str | int] = []
    rest = key
    while rest:
        if isinstance(under, list):
            known: dict[str, str | int] = {str(number): number for number in range(len(under))}
            known.update({_name(item): number for number, item in enumerate(under) if _name(item)})
        else:
            known = {str(name): str(name) for name in under} if isinstance(under, dict) else {}
        fitting = [name for name in known if rest == name or rest.startswith(f"{name}.")]
        name = max(fitting, key=len, default=rest.partition(".")[0])
        if isinstance(under, list) and name not in known:
            names = [_name(item) or str(number) for number, item in enumerate(under)]
            close = difflib.get_close_matches(name, names, n=1)
            hint = f" (closest: {close[0]})" if close else ""
            raise InputError(f"{SET} {key}", "item of the list", name, f"one of {', '.join(names)}{hint}")
        part = known.get(name, name)
        keys.append(part)
        rest = rest[len(name) + 1 :]
        under = _inside(under, part)
    return tuple(keys)


def _name(item: object) -> str:
    """Return the name of an item of a list; empty where it has none."""
    return str(item.get("name", "")) if isinstance(item, dict) else ""


def _inside(value: object, key: str | int) -> object:
    """Return an item of a list, or what stands under a key of a mapping."""
    if isinstance(value, list) and isinstance(key, int):
        return value[key]
    return value.get(key) if isinstance(value, dict) else None


def _put(layer: Document, under: Document, keys: KeyPath, value: object) -> None:
    """Put a value under its keys; a list that they pass is taken over whole, because lists are replaced as a whole."""
    above: dict[str, object] | list[object] = layer.data
    inside: dict[str, object] | list[object]
    below: object = under.data
    for n, key in enumerate(keys[:-1], start=1):
        below, found = _inside(below, key), _inside(above, key)
        if isinstance(found, (dict, list)):
            inside = found
        else:
            inside = deepcopy(below) if isinstance(below, list) else {}
            _set(above, key, inside)
            if isinstance(below, list):
                layer.lines.update({at: line for at, line in under.lines.items() if at[:n] == keys[:n]})
                layer.written.update({at: written for at, written in under.written.items() if at[:n] == keys[:n]})
        above = inside
    for stale in [at for at in layer.written if at[: len(keys)] == keys]:
        del layer.written[stale]
    _set(above, keys[-1], value)


def _set(above: dict[str, object] | list[object], key: str | int, value: object) -> None:
    if isinstance(above, list) and isinstance(key, int):
        above[key] = value
    elif isinstance(above, dict):
        above[str(key)] = value
