"""Mutants of YAML, CSV and JSON files: one or a few faults of the kinds that people, programs and foes make."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import yaml

HOSTILE_TEXT = (
    *("", " ", "~", "null", "yes", "off", "=", "<<", "*a", "&a", "!!int x", "!!python/name:os.system", "%", "@", "`"),
    *("010", "0x1F", "0o17", "1_000", "1:30", "１２", "٣", "1,5", "+5", "--5", "5.", ".5", "1e3", "1E400", "-0", "0"),
    *("1e308", "-1e308", "1e-308", "1e300", "1e30", "1e15", "1e9", "-1", "-5", "0.5", "1.5", "2", "100", "12660"),
    *("nan", "NaN", ".nan", "inf", "-inf", ".inf", "Infinity", "9" * 5_000, "-" + "9" * 400, "1/0", "0.1.2"),
    *("2024-06-31", "0001-01-01", "9999-12-31", "1970-01-01T00:00", "2024-02-30T00:00", "2108-06-10T08:00", "24:00"),
    *("2024-06-10T08:00+99:00", "2024-W24-1", "20240610", "1718000000", "2024-06-10T08:00Z", "noon"),
    *(
        "$",
        "$x_$",
        r"\frac",
        "[/x]",
        "[bold]",
        ":car:",
        "\x1b[31m",
        "\x07",
        "\x7f",
        "\u202e",
        "\u2028",
        "é",
        "🚗",
        "_x",
    ),
    *("x" * 300, "x" * 10_000, "'", '"', '"""', "a\nb", "a\r\nb", "a\tb", ";", "\\", "{}", "{x}", "{bus}", "%s", "#"),
    *("~nosuchuser/x", "/dev/zero", "/dev/null", "..", "/", ".", "x/" * 3_000, "CON", "no/such/file.csv", "a\x00b"),
    *("week-33", "disco-15", "nodal-33", "case.yaml", "prices.csv", "feeder"),
)
HOSTILE_VALUES: tuple[Any, ...] = (
    *HOSTILE_TEXT,
    *(None, True, False, [], {}, [[]], [None], {"x": {}}, -1, 0, 1, 2, 10**6, 10**12, 10**30, 10**400),
    *(0.5, 1.5, -0.5, 1e-12, 1e-300, 1e300, float("inf"), float("nan")),
)
HUGE = 1_000_000

Mutator = Callable[[str, random.Random], str]


def mutant(text: str, suffix: str, draw: random.Random) -> bytes:
    """Return a file with one to three faults."""
    mutators = _MUTATORS[suffix]
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        text = draw.choice(mutators)(text, draw)
    raw = text.encode("utf-8", "surrogatepass")
    return _bytes(raw, draw) if draw.random() < 0.05 else raw


def _bytes(raw: bytes, draw: random.Random) -> bytes:
    """Damage bytes: another encoding, a flipped bit, a cut."""
    kind = draw.randrange(4)
    if kind == 0:
        return raw.decode("utf-8", "replace").encode("utf-16")
    if kind == 1 or not raw:
        return b"\xff\xfe" + raw
    at = draw.randrange(len(raw))
    return raw[:at] if kind == 2 else raw[:at] + bytes([raw[at] ^ (1 << draw.randrange(8))]) + raw[at + 1 :]


def _lines(text: str, draw: random.Random) -> str:
    """Drop, double, swap or move lines."""
    lines = text.split("\n")
    a, b = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(5)
    if kind == 0:
        del lines[a]
    elif kind == 1:
        lines.insert(b, lines[a])
    elif kind == 2:
        lines[a], lines[b] = lines[b], lines[a]
    elif kind == 3:
        lines[a:] = []
    else:
        lines[a] = draw.choice((" ", "\t", "- ", "#")) + lines[a]
    return "\n".join(lines)


def _characters(text: str, draw: random.Random) -> str:
    """Put something hostile somewhere, or take something away."""
    at = draw.randrange(len(text) + 1)
    until = min(len(text), at + draw.choice((0, 0, 1, 2, 10)))
    return text[:at] + draw.choice((draw.choice(HOSTILE_TEXT), draw.choice(":,-[]{}\"'&*!|>%@\n\t#"))) + text[until:]


def _whole(text: str, draw: random.Random) -> str:
    """Change the file as a whole."""
    return draw.choice(
        (
            "",
            "\ufeff" + text,
            text.replace("\n", "\r\n"),
            text.replace("\n", "\r"),
            text + text,
            text + "\n---\n" + text,
            text.upper(),
            text.replace(",", ";"),
            text.replace(".", ","),
            text + "x" * HUGE,
            "[" * 5_000,
            "{a: " * 5_000,
            '{"a":' * 5_000,
            '"' + text,
            text.replace(": ", ":"),
            "\n".join(
                ["a0: &a0 [x,x,x,x,x,x,x,x,x]", *(f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 9))]
            ),
            text + "\nself: &self [*self]\n",
            text + "\n<<: {title: x}\n",
        )
    )


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container with every key of it; one that stands in several places, or in itself, is met once."""
    found, met, left = [], set(), [value]
    while left:
        holder = left.pop()
        if id(holder) in met or not isinstance(holder, (dict, list)):
            continue
        met.add(id(holder))
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        found += [(holder, key) for key in keys]
        left += [holder[key] for key in reversed(keys)]
    return found


def _changed(data: Any, draw: random.Random) -> Any:
    """Put a hostile value in the place of one, drop, double, rename or move one."""
    places = _places(data)
    if not places:
        return draw.choice(HOSTILE_VALUES)
    holder, key = draw.choice(places)
    kind = draw.randrange(10)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(draw.randrange(len(holder) + 1), holder[key])
    elif kind in (1, 2) and isinstance(holder, dict):
        holder[draw.choice((str(key) + "x", draw.choice(HOSTILE_TEXT), str(key).upper()))] = holder.pop(key)
    elif kind == 3:
        other, where = draw.choice(places)
        if holder[key] is not other and not isinstance(holder[key], (dict, list)):
            holder[key] = other[where] if not isinstance(other[where], (dict, list)) else str(where)
    elif kind == 4 and isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
        holder[key] = holder[key] * draw.choice((-1, 0, 1e-6, 1e-3, 1e3, 1e6, 1e12, 1e300))
    elif kind == 5:
        holder[key] = "x" * HUGE
    else:
        holder[key] = draw.choice(HOSTILE_VALUES)
    return data


def _yaml_values(text: str, draw: random.Random) -> str:
    try:
        data = yaml.safe_load(text)
        changed = _changed(data, draw)
        return yaml.safe_dump(changed, allow_unicode=True, sort_keys=False)
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError, KeyError):
        return _characters(text, draw)


def _yaml_scalar(text: str, draw: random.Random) -> str:
    """Write something hostile behind a colon, as it stands."""
    lines = text.split("\n")
    at = [k for k, line in enumerate(lines) if ": " in line]
    if not at:
        return _characters(text, draw)
    row = draw.choice(at)
    head, _, tail = lines[row].partition(": ")
    inner = tail.rfind(": ")
    if inner > 0 and draw.random() < 0.7:
        close = "}" if tail.rstrip().endswith("}") else ""
        lines[row] = f"{head}: {tail[:inner]}: {draw.choice(HOSTILE_TEXT)}{close}"
    else:
        lines[row] = f"{head}: {draw.choice(HOSTILE_TEXT)}"
    return "\n".join(lines)


def _json_values(text: str, draw: random.Random) -> str:
    try:
        return json.dumps(_changed(json.loads(text), draw), ensure_ascii=draw.random() < 0.5)
    except (ValueError, RecursionError):
        return _characters(text, draw)


def _csv_cells(text: str, draw: random.Random) -> str:
    """Change cells, rows and columns."""
    rows = [line.split(",") for line in text.split("\n")]
    row = draw.choice(rows)
    at = draw.randrange(len(row))
    kind = draw.randrange(8)
    if kind <= 2:
        row[at] = draw.choice(HOSTILE_TEXT)
    elif kind == 3:
        rows.insert(draw.randrange(len(rows)), list(row))
    elif kind == 4:
        for other in rows:
            if len(other) > at:
                del other[at]
    elif kind == 5:
        for other in rows:
            if len(other) > at:
                other.append(other[at])
    elif kind == 6:
        row[at] = "y" * draw.choice((300, 2_000, 140_000, HUGE))
    else:
        factor = draw.choice((1e-3, 1e3, 1e6, -1))
        for other in rows[1:]:
            if len(other) > at:
                try:
                    other[at] = repr(float(other[at]) * factor)
                except ValueError:
                    other[at] = draw.choice(HOSTILE_TEXT)
    return "\n".join(",".join(each) for each in rows)


_ANY: tuple[Mutator, ...] = (_lines, _characters, _characters, _whole)
_MUTATORS: dict[str, tuple[Mutator, ...]] = {
    ".yaml": (*_ANY, *(_yaml_values,) * 5, *(_yaml_scalar,) * 5),
    ".csv": (*_ANY, *(_csv_cells,) * 8),
    ".json": (*_ANY, *(_json_values,) * 8),
}
