"""The rules by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points

from agents.learning.best_reply import BestReply
from agents.learning.epsilon_greedy import EpsilonGreedy
from agents.learning.roth_erev import RothErev
from agents.learning.rule import LearningRule
from equilibrium.errors import InputError

ENTRY_POINTS = "equilot.learning_rules"
"""Group of entry points by which another distribution brings rules."""

RuleMaker = Callable[..., LearningRule]
"""Makes a rule for one lot: ``maker(prices, source=..., **settings)``, with the scenario's settings as keywords."""

_RULES: dict[str, RuleMaker] = {
    "roth-erev": RothErev,
    "epsilon-greedy": EpsilonGreedy,
    "best-reply": BestReply,
}


def register_learning_rule(name: str, maker: RuleMaker) -> None:
    """Make a rule known under the name by which a scenario's ``learning: {rule: NAME}`` asks for it.

    Parameters
    ----------
    name
        A name that is not taken.
    maker
        Called once for each lot as ``maker(prices, source=..., **settings)``: the scenario's grid of prices,
        currency/kWh, a name for complaints, and its settings as keywords. It raises
        :class:`equilibrium.errors.InputError` for settings that it cannot use.

    Raises
    ------
    InputError
        When the name is taken by another rule.
    """
    if name == "none" or _RULES.get(name, maker) is not maker:
        raise InputError(
            "learning rules", "name", name, f"a name other than none, {', '.join(sorted(learning_rules()))}"
        )
    _RULES[name] = maker


def learning_rules() -> Mapping[str, RuleMaker]:
    """Return all rules by name: ours, registered ones, and those of the entry points ``equilot.learning_rules``."""
    found = {point.name: point.load() for point in entry_points(group=ENTRY_POINTS) if point.name not in _RULES}
    return {**_RULES, **found}


def make_learning_rule(
    name: str, prices: Sequence[float], settings: Mapping[str, float], source: str = "learning"
) -> LearningRule:
    """Return a rule for one lot.

    Parameters
    ----------
    name
        Name of the rule.
    prices
        The grid of posted prices, currency/kWh.
    settings
        What the rule takes beside the grid.
    source
        Name for complaints.

    Raises
    ------
    InputError
        When no rule of this name is registered (the nearest name is said), or when it cannot use its settings.
    """
    rules = learning_rules()
    if name not in rules:
        near = difflib.get_close_matches(name, rules, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise InputError(source, "rule", name, f"none, {', '.join(sorted(rules))}{hint}")
    try:
        return rules[name](prices, source=source, **settings)
    except TypeError as error:
        raise InputError(source, "settings", dict(settings), f"what rule {name} takes ({error})") from error
