"""What the comments of the bundled scenario files say of a key's default."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scenarios.files import CASES
from tests.scenarios.test_keys_of_files import KEYS

DOCUMENTED = re.compile(
    r"^\s*-?\s*(?:# )?\s*(?P<key>[a-z0-9_]+):(?P<value>[^#]*)#.*?; default:? (?P<said>[^;,.(]+(?:\.\d+)?)"
)
WORDS = {
    **dict.fromkeys(
        ("none", "no limit", "the feeder's ratings", "the file's one external grid", "the file's first", "as recorded"),
        ("None", "'none'", "()", "{}"),
    ),
    **dict.fromkeys(("empty", "all"), ("()",)),
    **dict.fromkeys(
        (
            "that of the kind",
            "the feeder's own",
            "free",
            "off",
            "all drivers come",
            "shares and arrivals as given",
            "the feeder's base case with one profile",
            "that of feeder",
            "ISO 8601",
            "time",
            "the same power at every hour",
        ),
        ("None",),
    ),
}
"""What a comment may say instead of a value, and the defaults that it means."""


def said_defaults() -> Iterator[tuple[str, str, str]]:
    """File, key and stated default of every comment ``key: value  # ...; default X`` of the bundled files."""
    for name in ("week-33", "nodal-33", "disco-15", "aggregator-37", "two-settlement"):
        for line in (CASES / f"{name}.yaml").read_text(encoding="utf-8").splitlines():
            match = DOCUMENTED.match(line)
            if match:
                yield name, re.sub(r"(_per)?_(eur|usd)_per_", "_per_", match["key"]), match["said"].strip()


def same(said: str, default: str) -> bool:
    if default == "section":  # `learning: none` and the like: the section's own rule says it
        return said in ("none", "fitted")
    try:
        return float(said) == float(default)
    except ValueError:
        return default in WORDS.get(said, ()) or default == repr(said) or default == said.capitalize()


def test_the_bundled_files_name_the_defaults_that_hold() -> None:
    by_key: dict[str, set[str]] = {}
    for name, text in KEYS.items():
        by_key.setdefault(name.split(".")[1], set()).add(re.sub(r" [\[({].*", "", text))
    wrong, checked = [], 0
    for file, key, said in said_defaults():
        defaults = by_key.get(key)
        if defaults is None:
            continue  # a list or a section, which has no default of its own
        checked += 1
        if not any(same(said, default) for default in defaults):
            wrong.append((file, key, said, defaults))
    assert wrong == []
    assert checked >= 90
