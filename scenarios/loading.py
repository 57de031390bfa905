"""From a YAML file to a checked :class:`scenarios.schema.ScenarioFile`; every complaint names file, line and key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from equilibrium.errors import InputError
from scenarios.files import CASES, Document, KeyPath, bundled_or_own
from scenarios.markets.disco.schema import DiscoFile
from scenarios.schema import MONEY, CaseFile, CountDrivers, ScenarioFile, SessionDrivers

_MONEY_KEY = re.compile(r"(?<=_)([a-z]{3})(?=_per_(?:[km]wh|kg)$)")

File = TypeVar("File", bound=BaseModel)

FILE_KEYS: dict[KeyPath, tuple[str, str]] = {
    ("feeder", "name"): ("feeders", ""),
    ("prices", "file"): ("prices", ".csv"),
    ("loads", "file"): ("loads", ".csv"),
    ("loads", "profiles"): ("profiles", ".csv"),
    ("drivers", "file"): ("lots", ".csv"),
    ("drivers", "files"): ("sessions", ".csv"),
    ("drivers", "vehicles", "file"): ("vehicles", ".csv"),
    ("retailer", "programs", "set"): ("programs", ".yaml"),
}
"""Keys that name a bundled data file or the user's own, with the bundled folder and the suffix."""


def case_names() -> list[str]:
    """Return the names of the bundled scenario files."""
    return sorted(path.stem for path in CASES.glob("*.yaml"))


def case_path(name_or_path: str) -> Path:
    """Return the file of a bundled scenario, or the user's own."""
    bundled = CASES / f"{name_or_path}.yaml"
    if Path(name_or_path).name == name_or_path and bundled.is_file():
        return bundled
    own = Path(name_or_path).expanduser()
    if own.is_file():
        return own
    close = difflib.get_close_matches(str(name_or_path), case_names(), n=1)
    hint = f" (closest: {close[0]})" if close else ""
    raise InputError(
        str(name_or_path), "scenario", str(name_or_path), f"a YAML file or one of {', '.join(case_names())}{hint}"
    )


def read_case(
    name_or_path: str, overrides: Mapping[str, object] | None = None
) -> tuple[CaseFile, Document, tuple[Path, ...]]:
    """Read a scenario file and what it extends; ``market.kind`` says which keys it has.

    Parameters
    ----------
    name_or_path
        A bundled scenario or the user's own file.
    overrides
        Keys that take the place of the file's own, merged like those of a file that extends it; relative paths are
        relative to the current folder.

    Returns
    -------
    CaseFile
        A :class:`~scenarios.schema.ScenarioFile` or a :class:`~scenarios.markets.disco.schema.DiscoFile`, with every
        default filled in and the user's own files as absolute paths.
    Document
        The merged YAML with the lines of its keys, for complaints.
    tuple[Path, ...]
        The YAML files that were read.
    """
    document, paths = _read_merged(case_path(name_or_path), ())
    if overrides:
        document = _laid_over(document, _given(document.source, overrides))
    schema: type[CaseFile] = DiscoFile if _kind(document) == "disco" else ScenarioFile
    return validated(schema, document), document, paths


def market_of(name_or_path: str) -> object:
    """Return what a scenario file says is its ``market.kind``, unchecked; ``None`` where it says nothing."""
    return _kind(_read_merged(case_path(name_or_path), ())[0])


def _kind(document: Document) -> object:
    market = document.data.get("market")
    return market.get("kind") if isinstance(market, dict) else None


def validated(schema: type[File], document: Document) -> File:
    """Check a document against the schema of its kind, with money keys in the document's own currency.

    Parameters
    ----------
    schema
        The pydantic model of the whole file; its money keys are written in :data:`scenarios.schema.MONEY`.
    document
        What was read.

    Raises
    ------
    InputError
        With file, line and key of the first complaint.
    """
    currency = document.data.get("currency", MONEY.upper())
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise document.error(("currency",), currency, "a code of three capital letters such as EUR")
    currency = currency.lower()
    data = _schema_money(document.data, (), currency, document)
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        raise _first_error(error, document, currency, schema) from None


def money_keys(data: object, currency: str) -> object:
    """Write the schema's money keys with the currency of the file."""
    if isinstance(data, dict):
        return {_MONEY_KEY.sub(currency.lower(), key): money_keys(value, currency) for key, value in data.items()}
    return [money_keys(item, currency) for item in data] if isinstance(data, list) else data


def _read_merged(path: Path, above: tuple[Path, ...]) -> tuple[Document, tuple[Path, ...]]:
    """Read a file, put it over the one it ``extends``, and make the user's own paths absolute."""
    document = Document.read(path)
    _absolute_paths(document, path.parent)
    base = document.data.pop("extends", None)
    if base is None:
        return document, (path,)
    if not isinstance(base, str) or path.resolve() in above:
        raise document.error(("extends",), base, "the name or path of another scenario that does not extend this one")
    bundled = (CASES / f"{base}.yaml").is_file() and Path(base).name == base
    try:
        found = case_path(base if bundled else str((path.parent / Path(base).expanduser()).resolve()))
    except InputError as error:
        raise document.error(("extends",), base, error.expected) from None
    under, paths = _read_merged(found, (*above, path.resolve()))
    return _laid_over(under, document), (path, *paths)


def _laid_over(under: Document, over: Document) -> Document:
    """Put a document over another one; complaints about a key name the one that it comes from."""
    replaced: set[KeyPath] = set()
    data = _merge(under.data, over.data, (), replaced)
    kept = {
        keys: line for keys, line in under.lines.items() if not any(keys[:n] in replaced for n in range(len(keys) + 1))
    }
    return Document(over.source, data, {**kept, **over.lines})


def _given(base: str, overrides: Mapping[str, object]) -> Document:
    """Return overrides as a document without lines."""
    source = f"{base} with overrides"
    data = _plain(overrides)
    assert isinstance(data, dict)
    document = Document(source, data, dict.fromkeys(_key_paths(data, ()), (source, None)))
    _absolute_paths(document, Path.cwd())
    return document


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
    under: dict[str, object], over: dict[str, object], keys: KeyPath, replaced: set[KeyPath]
) -> dict[str, object]:
    """Merge mappings key by key and note which keys are replaced as a whole.

    Lists and values are replaced, and so is a ``drivers`` section that changes from sessions to counts or back.
    """
    merged = dict(under)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = value
        if isinstance(old, dict) and isinstance(value, dict) and _same_keys(old, value):
            merged[key] = _merge(old, value, (*keys, key), replaced)
        else:
            replaced.add((*keys, key))
    return merged


def _same_keys(old: dict[str, object], value: dict[str, object]) -> bool:
    """Whether two mappings have the same keys: all have, but ``drivers`` from counts and from sessions."""
    sources = {old.get("source"), value.get("source", old.get("source"))}
    return len(sources) == 1 or "counts" not in sources


def _absolute_paths(document: Document, folder: Path) -> None:
    """Replace file names by absolute paths where they are not names of bundled data."""
    for keys, (kind, suffix) in FILE_KEYS.items():
        parent: object = document.data
        for key in keys[:-1]:
            parent = parent.get(key) if isinstance(parent, dict) else None
        if not isinstance(parent, dict) or keys[-1] not in parent:
            continue
        value = parent[keys[-1]]
        if isinstance(value, str):
            parent[keys[-1]] = _absolute(document, keys, value, kind, suffix, folder)
        elif isinstance(value, list):
            parent[keys[-1]] = [
                _absolute(document, (*keys, k), item, kind, suffix, folder) if isinstance(item, str) else item
                for k, item in enumerate(value)
            ]


def _absolute(document: Document, keys: KeyPath, value: str, kind: str, suffix: str, folder: Path) -> str:
    try:
        path = bundled_or_own(kind, value, suffix, folder)
    except InputError as error:
        raise document.error(keys, value, error.expected) from None
    return value if path.is_relative_to(CASES.parent) else str(path.resolve())


def _schema_money(data: object, keys: KeyPath, currency: str, document: Document) -> dict[str, object]:
    """Translate money keys to the schema's currency; a key in another currency than the file's is an error."""

    def walk(item: object, path: KeyPath) -> object:
        if isinstance(item, list):
            return [walk(part, (*path, k)) for k, part in enumerate(item)]
        if not isinstance(item, dict):
            return item
        renamed = {}
        for key, value in item.items():
            found = _MONEY_KEY.search(str(key))
            if found and found[1] != currency:
                raise document.error((*path, key), key, _MONEY_KEY.sub(currency, str(key)) + " (the file's currency)")
            renamed[_MONEY_KEY.sub(MONEY, str(key))] = walk(value, (*path, key))
        return renamed

    translated = walk(data, keys)
    assert isinstance(translated, dict)
    return translated


def _first_error(error: ValidationError, document: Document, currency: str, schema: type[BaseModel]) -> InputError:
    """Turn pydantic's first complaint into one line for people."""
    first = error.errors(include_url=False)[0]
    keys = tuple(first["loc"])
    if keys[:1] == ("drivers",) and keys[1:2] and keys[1] in {"replay", "resample", "counts"}:
        keys = (keys[0], *keys[2:])  # pydantic puts the source's name there
    keys = tuple(_MONEY_KEY.sub(currency, key) if isinstance(key, str) else key for key in keys)
    kind, value = first["type"], first["input"]
    if kind == "extra_forbidden":
        known = [_MONEY_KEY.sub(currency, key) for key in _known_keys(schema, keys[:-1], document.data)]
        close = difflib.get_close_matches(str(keys[-1]), known, n=1)
        hint = f" (closest: {close[0]})" if close else ""
        return document.error(keys, keys[-1], f"one of the keys {', '.join(known)}{hint}")
    if kind == "missing":
        return document.error(keys, None, f"a key {keys[-1]!r} here")
    if kind.startswith("union_tag"):
        found = value.get("source") if isinstance(value, dict) else value
        return document.error((*keys, "source"), found, "replay, resample or counts")
    if kind == "section":
        context = first["ctx"]
        inside = _MONEY_KEY.sub(currency, context["key"]).split(".")
        return document.error((*keys, *inside), context["value"], first["msg"])
    plain = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    said = {"model_type": "a mapping of keys", "tuple_type": "a list", "too_short": "a list that is not empty"}
    return document.error(keys, value, said.get(kind, plain))


def _known_keys(schema: type[BaseModel], keys: KeyPath, data: dict[str, object]) -> list[str]:
    """Return the keys that the schema knows in the section under ``keys``."""
    section, named = schema, False
    for key in keys:
        if isinstance(key, int) or named:  # an item of a list, or a name that the user has chosen
            named = False
            continue
        if key == "drivers" and schema is ScenarioFile:
            drivers = data.get("drivers")
            counts = isinstance(drivers, dict) and drivers.get("source") == "counts"
            section = CountDrivers if counts else SessionDrivers
            continue
        field = next(field for field in section.model_fields.values() if field.alias == key)
        named = get_origin(field.annotation) is dict
        section = next(part for part in _parts(field.annotation) if isinstance(part, type) and _is_model(part))
    return [field.alias or name for name, field in section.model_fields.items()]


def _is_model(part: type) -> bool:
    return issubclass(part, BaseModel)


def _parts(annotation: object) -> list[object]:
    """Return an annotation and everything inside its brackets."""
    return [annotation, *(inner for argument in get_args(annotation) for inner in _parts(argument))]
