"""From a YAML file to a loaded scenario; every complaint names file, line and key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, overload

from equilibrium.errors import InputError
from equilibrium.plain import closest
from scenarios.agent_order import in_order
from scenarios.assembly import build_prices
from scenarios.case import Case, ScenarioKind
from scenarios.checking import validated
from scenarios.files import CASES, Document, bundled_or_own, own_path
from scenarios.kinds import DEFAULT, scenario_kinds
from scenarios.schema import CaseFile, FileKeys
from scenarios.schema_tree import section_at
from scenarios.settings import SET, setting_layer
from scenarios.yaml_tree import KeyPath

AnyCase = TypeVar("AnyCase", bound=Case[Any])
Same = Callable[[KeyPath, dict[str, object], dict[str, object]], bool]
"""Whether two mappings under a key have the same keys, so that one is merged into the other."""

FILE_OF_A_FOLDER = "scenario.yaml"
"""What the scenario of a folder is called, so that the folder's name is enough."""

_TABLES = frozenset({".csv", ".tsv", ".txt", ".xls", ".xlsx"})
"""Suffixes that no scenario has."""

_ALTERNATIVES: Mapping[KeyPath, str] = {("feeder", "file"): "name", ("feeder", "name"): "file"}
"""Keys that say the same thing in two ways: one that a file states leaves out the other of the file that it extends."""

_EXTENDS_LIMIT = 20
"""Most scenarios of a chain in which each extends the next one."""


def scenario_names() -> list[str]:
    """Return the names of the bundled scenarios.

    Examples
    --------
    >>> scenario_names()[:3]
    ['aggregator-37', 'aggregators-37', 'disco-15']
    """
    return sorted(path.stem for path in CASES.glob("*.yaml"))


def scenario_titles() -> dict[str, str]:
    """Return the one-line title of every bundled scenario by name, without reading its data."""
    return {name: read_case(name)[0].title for name in scenario_names()}


@overload
def load_scenario(
    name_or_path: str, overrides: Mapping[str, object] | None = None, *, settings: Mapping[str, str] | None = None
) -> Case[Any]: ...


@overload
def load_scenario(
    name_or_path: str,
    overrides: Mapping[str, object] | None,
    kind: type[AnyCase],
    settings: Mapping[str, str] | None = None,
) -> AnyCase: ...


def load_scenario(
    name_or_path: str,
    overrides: Mapping[str, object] | None = None,
    kind: type[Case[Any]] = Case,
    settings: Mapping[str, str] | None = None,
) -> Case[Any]:
    """Read a bundled scenario or the user's own YAML file, with everything that it names.

    Parameters
    ----------
    name_or_path
        Name of a bundled scenario, or path of a YAML file.
    overrides
        Keys that take the place of the file's own, e.g. ``{"market": {"kind": "nodal"}}``: merged like the keys of a
        file that extends it (mappings key by key, lists replaced), with paths relative to the current folder.
    kind
        The class of the scenario when only that will do.
    settings
        Single keys by name, each with its value as YAML, on top of all: ``{"lots.lot-1.places": "40"}``.

    Returns
    -------
    Case
        Of the class that ``market.kind`` says (:mod:`scenarios.kinds`).

    Raises
    ------
    InputError
        For the first thing that cannot be used, with file, line or key, value and what was expected.
    """
    file, document, yaml_files = read_case(str(name_or_path), overrides, settings)
    kinds = scenario_kinds()
    chosen = kinds[file.market.kind]
    if not issubclass(chosen.case, kind):
        fitting = [each.name for each in kinds.values() if issubclass(each.case, kind)]
        raise document.error(("market", "kind"), chosen.name, f"{' or '.join(fitting)} here")
    prices, price_paths = build_prices(file, document)
    case = chosen.build(case_name(str(name_or_path)), file, document, prices, (*yaml_files, *price_paths))
    if not prices.notes and not settings:
        return case
    return replace(case, notes=(*prices.notes, *case.notes), settings=dict(settings or {}))


def case_name(name_or_path: str) -> str:
    """Return the name of a scenario: that of its file, or of its folder where the file is ``scenario.yaml``."""
    path = case_path(name_or_path)
    return path.resolve().parent.name if path.name == FILE_OF_A_FOLDER else path.stem


def case_path(name_or_path: str) -> Path:
    """Return the file of a bundled scenario, or the user's own: of a folder, its ``scenario.yaml``."""
    own = own_path(name_or_path)
    if own.is_dir() and (own / FILE_OF_A_FOLDER).is_file():
        own = own / FILE_OF_A_FOLDER
    bundled = CASES / f"{name_or_path}.yaml"
    if Path(name_or_path).name == name_or_path and bundled.is_file():
        return bundled
    if own.suffix.lower() in _TABLES and own.is_file():
        expected = (
            "a YAML file, of which a table is a part: prices.file or drivers.files (`equilot new NAME` writes one)"
        )
        raise InputError(str(own), "scenario", own.name, expected)
    if own.is_file():
        return own
    if own.is_dir():
        raise InputError(str(own), "folder", f"no {FILE_OF_A_FOLDER}", f"a folder with {FILE_OF_A_FOLDER}")
    names = scenario_names()
    expected = f"a YAML file or one of {', '.join(names)}{closest(name_or_path, names)}"
    raise InputError(str(name_or_path), "scenario", str(name_or_path), expected)


def read_case(
    name_or_path: str, overrides: Mapping[str, object] | None = None, settings: Mapping[str, str] | None = None
) -> tuple[CaseFile, Document, tuple[Path, ...]]:
    """Read a scenario file and what it extends; ``market.kind`` says which keys it has.

    Parameters
    ----------
    name_or_path
        A bundled scenario or the user's own file.
    overrides
        Keys that take the place of the file's own, merged like those of a file that extends it; relative paths are
        relative to the current folder.
    settings
        Single keys by name, as in :func:`load_scenario`.

    Returns
    -------
    CaseFile
        Of the schema of its market, with every default filled in and the user's own files as absolute paths.
    Document
        The merged YAML with the lines of its keys, for complaints.
    tuple[Path, ...]
        The YAML files that were read.
    """
    layers = _layers(name_or_path, overrides)
    kind = _kind([setting_layer(Document(SET, {}, {}), settings or {}), *(document for document, _ in layers)])
    for document, path in layers:
        _absolute_paths(document, Path.cwd() if path is None else path.parent, kind.file_keys)
    *over, merged = [document for document, _ in layers]
    for document in reversed(over):
        merged = _laid_over(merged, document, kind.schema)
    if settings:
        document = setting_layer(merged, settings)
        _absolute_paths(document, Path.cwd(), kind.file_keys)
        merged = _laid_over(merged, document, kind.schema)
    merged = in_order(merged, kind.schema.agent_lists)

    def others() -> Iterator[tuple[str, type[CaseFile]]]:
        return ((each.name, each.schema) for each in scenario_kinds().values() if each.name != kind.name)

    file = validated(kind.schema, merged, others)
    return file, merged, tuple(path for _, path in layers if path is not None)


def market_of(name_or_path: str) -> str:
    """Return the name of the market that a scenario file states; nothing else of the file is checked."""
    return _kind([document for document, _ in _layers(name_or_path, None)]).name


def _layers(name_or_path: str, overrides: Mapping[str, object] | None) -> list[tuple[Document, Path | None]]:
    """Return what a scenario is made of, from the top: the overrides, the file, and what it extends."""
    layers: list[tuple[Document, Path | None]] = []
    for document, path in _chain(case_path(name_or_path), ()):
        layers.append((document, path))
    if overrides:
        layers.insert(0, (_given(layers[0][0].source, overrides), None))
    return layers


def _chain(path: Path, above: tuple[Path, ...]) -> Iterator[tuple[Document, Path]]:
    """Read a file, then the one that it ``extends``, and so on."""
    document = Document.read(path)
    base = document.text(("extends",), document.data.pop("extends", None))
    document.written.pop(("extends",), None)
    yield document, path
    if base is None:
        return
    if not isinstance(base, str) or path.resolve() in above:
        raise document.error(("extends",), base, "the name or path of another scenario that does not extend this one")
    if len(above) >= _EXTENDS_LIMIT:
        raise document.error(
            ("extends",), base, f"a chain of at most {_EXTENDS_LIMIT} scenarios that extend each other"
        )
    try:
        bundled = Path(base).name == base and (CASES / f"{base}.yaml").is_file()
        found = case_path(base if bundled else str(own_path(base, path.parent).resolve()))
    except OSError as error:
        raise document.error(("extends",), base, f"the path of a scenario ({error.strerror})") from None
    except InputError as error:
        raise document.error(("extends",), base, error.expected) from None
    yield from _chain(found, (*above, path.resolve()))


def _kind(documents: list[Document]) -> ScenarioKind[Any]:
    """Return the kind that the topmost document with a ``market.kind`` states, or the default."""
    kinds = scenario_kinds()
    for document in documents:
        market = document.data.get("market")
        if isinstance(market, dict) and "kind" in market:
            name = document.text(("market", "kind"), market["kind"])
            if not isinstance(name, str) or name not in kinds:
                raise document.error(("market", "kind"), name, f"one of {', '.join(kinds)}")
            return kinds[name]
    return kinds[DEFAULT]


def _laid_over(under: Document, over: Document, schema: type[CaseFile]) -> Document:
    """Put a document over another one; complaints about a key name the one that it comes from."""
    replaced: set[KeyPath] = set()

    def same(keys: KeyPath, old: dict[str, object], new: dict[str, object]) -> bool:
        """Whether a tag such as ``drivers.source`` or ``network_charge.rule`` gives both sections the same keys."""
        before, after = (section_at(schema, keys, _nested(keys, part)) for part in (old, {**old, **new}))
        tag = getattr(before, "begins_anew_with", None)
        return before is after and (tag not in new or new[tag] == old.get(tag))

    data = _merge(under.data, over.data, (), replaced, same)

    def stays(keys: KeyPath) -> bool:
        return not any(keys[:n] in replaced for n in range(len(keys) + 1))

    lines = {keys: line for keys, line in under.lines.items() if stays(keys)}
    written = {keys: text for keys, text in under.written.items() if stays(keys)}
    return Document(over.source, data, {**lines, **over.lines}, {**written, **over.written})


def _nested(keys: KeyPath, value: object) -> object:
    """Return a mapping that has nothing but a value under its keys."""
    for key in reversed(keys):
        value = {key: value}
    return value


def _given(base: str, overrides: Mapping[str, object]) -> Document:
    """Return overrides as a document without lines."""
    source = f"{base} with overrides"
    data = _plain(overrides)
    assert isinstance(data, dict)
    return Document(source, data, dict.fromkeys(_key_paths(data, ()), (source, None)))


def _plain(value: object) -> object:
    """Return a copy that is made of what YAML has: mappings, lists and scalars."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value


def _key_paths(value: object, keys: KeyPath) -> Iterator[KeyPath]:
    """Yield the path of every key and list item."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*keys, key)
        yield from _key_paths(part, (*keys, key))


def _merge(
    under: dict[str, object], over: dict[str, object], keys: KeyPath, replaced: set[KeyPath], same: Same
) -> dict[str, object]:
    """Merge mappings key by key and note which keys are replaced as a whole: lists, values, other sections."""
    merged = dict(under)
    for key, value in over.items():
        other = _ALTERNATIVES.get((*keys, key))
        if other in merged and other not in over and value is not None:
            del merged[other]
            replaced.add((*keys, other))
        old = merged.get(key)
        merged[key] = value
        if isinstance(old, dict) and isinstance(value, dict) and same((*keys, key), old, value):
            merged[key] = _merge(old, value, (*keys, key), replaced, same)
        else:
            replaced.add((*keys, key))
    return merged


def _absolute_paths(document: Document, folder: Path, file_keys: FileKeys) -> None:
    """Replace file names by absolute paths where they are not names of bundled data."""
    for keys, (kind, suffix) in file_keys.items():
        parent: object = document.data
        for key in keys[:-1]:
            parent = parent.get(key) if isinstance(parent, dict) else None
        if not isinstance(parent, dict) or keys[-1] not in parent:
            continue
        value = document.text(keys, parent[keys[-1]])
        if isinstance(value, str):
            parent[keys[-1]] = _absolute(document, keys, value, kind, suffix, folder)
        elif isinstance(value, list):
            parent[keys[-1]] = [
                _absolute(document, (*keys, k), item, kind, suffix, folder) if isinstance(item, str) else item
                for k, item in ((k, document.text((*keys, k), item)) for k, item in enumerate(value))
            ]


def _absolute(document: Document, keys: KeyPath, value: str, kind: str, suffix: str, folder: Path) -> str:
    try:
        path = bundled_or_own(kind, value, suffix, folder)
    except InputError as error:
        raise document.error(keys, value, error.expected) from None
    document.written.pop(keys, None)
    return value if path.is_relative_to(CASES.parent) else str(path.resolve())
