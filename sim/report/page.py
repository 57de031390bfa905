"""A page of HTML: elements whose text is escaped, tables, and pictures that stand inside the file."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

_VOID = {"meta", "img", "br"}

_LOOK = """
body { font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; border-bottom: 1px solid #999; margin-top: 2.5rem; }
table { border-collapse: collapse; margin: 0.8rem 0; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th { text-align: left; border-bottom: 2px solid #111; padding: 0.2rem 0.8rem 0.2rem 0; vertical-align: bottom; }
td { border-bottom: 1px solid #ccc; padding: 0.2rem 0.8rem 0.2rem 0; vertical-align: top; }
td.number, th.number { text-align: right; } td.number { white-space: nowrap; }
figure { margin: 1.2rem 0; } figure img { max-width: 100%; height: auto; }
figcaption { font-size: 0.85rem; color: #333; }
.fine::before { content: "\\2713 "; } .wrong::before { content: "\\2717 "; } .wrong { font-weight: bold; }
.panel { border: 1px solid #999; padding: 0 1rem; overflow-wrap: anywhere; } .wide { overflow-x: auto; }
@media print { body { max-width: none; margin: 0; font-size: 11px; } h2, figure, tr { break-inside: avoid; }
               h2 { break-after: avoid; } a { color: inherit; text-decoration: none; } }
"""


class Html(str):
    """Text that is HTML already; every other text is escaped."""

    __slots__ = ()


def element(tag: str, *inside: str, **attributes: str) -> Html:
    """Return an element; what is inside is escaped unless it is :class:`Html`, and so is every attribute.

    A name of an attribute may end with ``_`` where Python has that word itself (``class_``).
    """
    named = "".join(f' {name.rstrip("_")}="{html.escape(value)}"' for name, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{named}>")
    return Html(f"<{tag}{named}>{''.join(map(escaped, inside))}</{tag}>")


def escaped(text: str) -> Html:
    """Return a text as HTML."""
    return text if isinstance(text, Html) else Html(html.escape(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[str] = ()) -> Html:
    """Return a table.

    Parameters
    ----------
    head
        Names of the columns.
    rows
        Cells of each row.
    words
        Names of the columns that hold words; all others stand at the right.
    """
    looks = [{} if name in words else {"class_": "number"} for name in head]
    first = element("tr", *(element("th", name, **look) for name, look in zip(head, looks, strict=True)))
    others = [
        element("tr", *(element("td", cell, **look) for cell, look in zip(row, looks, strict=True))) for row in rows
    ]
    whole = element("table", element("thead", first), element("tbody", *others))
    return element("div", whole, class_="wide")


def section(title: str, *inside: str) -> Html:
    """Return a part of the page with a heading."""
    return element("section", element("h2", title), *inside)


def data_address(content: bytes, kind: str) -> str:
    """Return an address that holds a file itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def page(title: str, *inside: str) -> str:
    """Return a whole document that needs no other file, no script and no network."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(_LOOK)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', *inside), lang='en')}\n"
