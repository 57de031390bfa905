"""The order of a scenario's agents, by one key: as listed, the opposite, or a drawn one.

Agents of one kind act in the order in which their list names them, and markets see them in that order. Nothing
of it is meant to matter; ``agent_order`` is there to see what does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from equilibrium.arrays import IntArray
from scenarios.files import Document
from scenarios.yaml_tree import KeyPath

KEY = "agent_order"


def places(number: int, count: int) -> IntArray:
    """Return the places in the list of those who act first, second and so on.

    Parameters
    ----------
    number
        0 for the order of the list, 1 for the opposite one; every other number draws one of its own.
    count
        How many there are.

    Returns
    -------
    IntArray
        A permutation, shape ``(count,)``.

    Examples
    --------
    >>> places(1, 3).tolist()
    [2, 1, 0]
    """
    order = np.arange(count)
    if number < 2:
        return order[::-1] if number else order
    drawn: IntArray = np.random.default_rng((count, number)).permutation(order)
    return drawn


def in_order(document: Document, lists: Iterable[str]) -> Document:
    """Return a document with its lists of agents in the order that its key asks for.

    Parameters
    ----------
    document
        What was read; what is wrong with it is left to the check of its keys.
    lists
        The keys of the lists.
    """
    number = document.data.get(KEY)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        return document
    data: dict[str, object] = dict(document.data)
    moved: dict[KeyPath, int] = {}
    for name in lists:
        items = data.get(name)
        if isinstance(items, list):
            order = places(number, len(items)).tolist()
            data[name] = [items[place] for place in order]
            moved.update({(name, place): at for at, place in enumerate(order)})

    def new(keys: KeyPath) -> KeyPath:
        return (keys[0], moved[keys[:2]], *keys[2:]) if keys[:2] in moved else keys

    lines = {new(keys): line for keys, line in document.lines.items()}
    written = {new(keys): text for keys, text in document.written.items()}
    return Document(document.source, data, lines, written)


def as_listed(data: dict[str, Any], number: int, lists: Iterable[str]) -> dict[str, Any]:
    """Return plain data of a scenario with its lists of agents as the file has them."""
    listed = {}
    for name in lists:
        if name in data:
            order = np.argsort(places(number, len(data[name])))
            listed[name] = [data[name][place] for place in order]
    return {**data, **listed}
