"""YAML read with care: what stands in the file is kept, and nothing in it can cost more than it is long.

Keys are the text that stands in the file. Values are what YAML 1.1 makes of them, but the text of each stays at hand:
``bus: 010`` is the bus labelled 010, where YAML alone would say 8. Tags other than ``!!str`` are refused; aliases are
allowed as long as what they stand for does not grow beyond :data:`NODE_LIMIT`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from equilibrium.errors import InputError

KeyPath = tuple[str | int, ...]

NODE_LIMIT = 50_000
"""Most keys and values of a file, those that aliases repeat counted each time."""

DEPTH_LIMIT = 32
"""Most levels of mappings and lists inside each other."""

_TEXT = "tag:yaml.org,2002:str"
_BOOL = "tag:yaml.org,2002:bool"
_MERGE = "tag:yaml.org,2002:merge"
_VALUES = {
    _BOOL: SafeConstructor.construct_yaml_bool,
    "tag:yaml.org,2002:int": SafeConstructor.construct_yaml_int,
    "tag:yaml.org,2002:float": SafeConstructor.construct_yaml_float,
    "tag:yaml.org,2002:timestamp": SafeConstructor.construct_yaml_timestamp,
    "tag:yaml.org,2002:null": SafeConstructor.construct_yaml_null,
}
_LONGEST_NUMBER = 400

_PLAIN_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Tree:
    """The content of a YAML file.

    Attributes
    ----------
    data
        Mappings, lists and scalars.
    lines
        Line number by key path.
    written
        What stands in the file, for each value that YAML does not read as text.
    """

    data: dict[str, object]
    lines: dict[KeyPath, int]
    written: dict[KeyPath, str]


@dataclass(frozen=True)
class _Node:
    """A value with its line: a scalar with its text, a mapping with its items, or a list with its parts."""

    line: int
    value: object = None
    written: str | None = None
    items: list[_Item] | None = None
    parts: list[_Node] | None = None


@dataclass(frozen=True)
class _Item:
    """A key with its line and what YAML takes it for, and its value."""

    key: str
    line: int
    tag: str
    value: _Node


_INDENTED = "expected <block end>"
"""What PyYAML says where a line begins further in or out than those beside it."""


def read_tree(source: str, text: str) -> Tree:
    """Read a YAML file that holds one mapping.

    Parameters
    ----------
    source
        Name of the file in messages.
    text
        Its content.

    Raises
    ------
    InputError
        With the line: what is no YAML, a key that stands twice, a tag, an alias that stands for itself, more values or
        levels than :data:`NODE_LIMIT` and :data:`DEPTH_LIMIT`.
    """
    try:
        root = _Reader(source, text).document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem)
        hint = ": a line that begins as far in as its neighbours" if _INDENTED in problem else ""
        raise InputError(source, f"line {line}", problem, f"valid YAML{hint}") from None
    except yaml.YAMLError as error:
        raise InputError(source, "file", str(error).splitlines()[0], "valid YAML") from None
    if root is None or root.items is None:
        raise InputError(source, "file", "no mapping", "`key: value` lines")
    return _Builder(source).tree(root)


class _Reader:
    """Makes nodes of the events of the parser."""

    def __init__(self, source: str, text: str) -> None:
        self._source = source
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._resolver, self._constructor = Resolver(), SafeConstructor()
        self._anchors: dict[str, _Node | None] = {}
        self._count = 0

    def document(self) -> _Node | None:
        """Return the one document of the file, ``None`` of an empty file."""
        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        root = self._node(next(self._events), 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, "a second document", "one document")
        return root

    def _error(self, event: yaml.Event, value: object, expected: str) -> InputError:
        return InputError(self._source, f"line {_line(event)}", value, expected)

    def _node(self, event: yaml.Event, depth: int) -> _Node:
        self._count += 1
        if self._count > NODE_LIMIT:
            raise self._error(event, f"more than {NODE_LIMIT} values", f"at most {NODE_LIMIT}")
        if depth > DEPTH_LIMIT:
            raise self._error(event, f"more than {DEPTH_LIMIT} levels", f"at most {DEPTH_LIMIT} levels of nesting")
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            known = self._anchors.get(name)
            if known is None:
                inside = name in self._anchors
                expected = "an alias that does not stand inside what it names" if inside else "the name of an anchor"
                raise self._error(event, f"*{name}", expected)
            return known
        assert isinstance(event, yaml.NodeEvent)
        anchor = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        node = self._own(event, depth)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _own(self, event: yaml.NodeEvent, depth: int) -> _Node:
        """Return the node that begins with an event."""
        line, tag = _line(event), getattr(event, "tag", None)
        allowed = ("!", _TEXT) if isinstance(event, yaml.ScalarEvent) else ("!",)
        if tag is not None and tag not in allowed:
            raise self._error(event, tag, "a value without a tag")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, line)
        if isinstance(event, yaml.SequenceStartEvent):
            parts = []
            while not isinstance(inside := next(self._events), yaml.SequenceEndEvent):
                parts.append(self._node(inside, depth + 1))
            return _Node(line, parts=parts)
        items = []
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise self._error(key, "a key that is a list, a mapping or an alias", "a text as key")
            items.append(_Item(key.value, _line(key), self._tag(key), self._node(next(self._events), depth + 1)))
        return _Node(line, items=items)

    def _tag(self, event: yaml.ScalarEvent) -> str:
        if event.tag is not None or not event.implicit[0]:
            return _TEXT
        found: str = self._resolver.resolve(yaml.ScalarNode, event.value, (True, False))  # type: ignore[no-untyped-call]
        return found

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> _Node:
        """Return a value; what looks like a number or a date and is none stays the text that stands there."""
        tag = self._tag(event)
        construct = _VALUES.get(tag)
        if construct is None or len(event.value) > _LONGEST_NUMBER:
            return _Node(line, event.value)
        try:
            value = construct(self._constructor, yaml.ScalarNode(tag, event.value))
        except (ValueError, OverflowError):
            return _Node(line, event.value)
        return _Node(line, value, None if value is None else event.value)


def _line(event: yaml.Event) -> int:
    """Return the line of an event; the parser gives each one a mark."""
    assert event.start_mark is not None
    return event.start_mark.line + 1


class _Builder:
    """Makes plain data of nodes; what an alias stands for is made again at each place."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lines: dict[KeyPath, int] = {}
        self._written: dict[KeyPath, str] = {}
        self._count = 0

    def tree(self, root: _Node) -> Tree:
        """Return the content below a node."""
        data = self._value(root, ())
        assert isinstance(data, dict)
        return Tree(data, self._lines, self._written)

    def _value(self, node: _Node, keys: KeyPath) -> object:
        self._count += 1
        if self._count > NODE_LIMIT or len(keys) > DEPTH_LIMIT:
            found, expected = f"aliases that stand for more than {NODE_LIMIT} values", "less that is repeated"
            raise InputError(self._source, f"line {node.line}, {dotted(keys)}", found, expected)
        if node.items is not None:
            return self._mapping(node.items, keys)
        if node.parts is not None:
            for number, part in enumerate(node.parts):
                self._lines[(*keys, number)] = part.line
            return [self._value(part, (*keys, number)) for number, part in enumerate(node.parts)]
        if node.written is not None:
            self._written[keys] = node.written
        return node.value

    def _mapping(self, items: list[_Item], keys: KeyPath) -> dict[str, object]:
        """Return a mapping; keys that it merges from others come where it has none of its own."""
        seen: set[str] = set()
        chosen: dict[str, _Item] = {}
        for item in items:
            place = f"line {item.line}, {dotted((*keys, item.key))}"
            if item.tag == _BOOL:
                expected = "a key that YAML does not read as true or false: put it into quotes"
                raise InputError(self._source, place, item.key, expected)
            if item.key in seen:
                raise InputError(self._source, place, item.key, "each key once")
            seen.add(item.key)
            if item.tag != _MERGE:
                chosen[item.key] = item
        for item in items:
            if item.tag == _MERGE:
                for merged in self._merged(item.value, keys, 0):
                    chosen.setdefault(merged.key, merged)
        for key, item in chosen.items():
            self._lines[(*keys, key)] = item.line
        return {key: self._value(item.value, (*keys, key)) for key, item in chosen.items()}

    def _merged(self, node: _Node, keys: KeyPath, depth: int) -> Iterator[_Item]:
        """Yield the items of a mapping that ``<<`` merges, or of each of a list of mappings, the first first."""
        if node.parts is not None and depth == 0:
            for part in node.parts:
                yield from self._merged(part, keys, 1)
            return
        if node.items is None or depth > DEPTH_LIMIT:
            found = "no mapping" if node.items is None else f"more than {DEPTH_LIMIT} mappings that merge each other"
            raise InputError(self._source, f"line {node.line}, {dotted((*keys, '<<'))}", found, "a mapping")
        self._count += len(node.items)
        for item in node.items:
            if item.tag == _MERGE:
                yield from self._merged(item.value, keys, depth + 1)
            else:
                yield item


def dotted(keys: KeyPath) -> str:
    """Return ``lots[0].bus`` for ``("lots", 0, "bus")``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".") or "file"


def number_as_written(written: str, value: float) -> str | None:
    """Return what was expected in the place of a number that YAML reads otherwise than people do.

    Parameters
    ----------
    written
        What stands in the file: ``010``, ``1_000``, ``1:30``.
    value
        What YAML 1.1 makes of it: 8, 1000, 90.

    Returns
    -------
    str or None
        ``None`` for a number in plain decimals, and for an infinite one or none, which has a complaint of its own.
    """
    if _PLAIN_NUMBER.fullmatch(written) or not math.isfinite(value):
        return None
    digits = written.lstrip("+-")
    other = f", people read {digits.lstrip('0') or '0'}" if digits.isascii() and digits.isdigit() else ""
    return f"a number in plain decimals (YAML reads {value:g}{other}), or a text in quotes"
