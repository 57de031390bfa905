"""How a lot learns which price to post: what a rule is, the rules, and the list of them by name."""

from agents.learning.best_reply import BestReply
from agents.learning.epsilon_greedy import EpsilonGreedy
from agents.learning.registry import (
    ENTRY_POINTS,
    RuleMaker,
    learning_rules,
    make_learning_rule,
    register_learning_rule,
)
from agents.learning.roth_erev import RothErev
from agents.learning.rule import LearningRule, ObservingRule, PostedDay

__all__ = [
    "ENTRY_POINTS",
    "BestReply",
    "EpsilonGreedy",
    "LearningRule",
    "ObservingRule",
    "PostedDay",
    "RothErev",
    "RuleMaker",
    "learning_rules",
    "make_learning_rule",
    "register_learning_rule",
]
