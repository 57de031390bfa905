"""Why a game has no point at all: whose rows fail, or which follower never responds."""

from __future__ import annotations

from collections.abc import Sequence

from equilibrium.complementarity.branch import End
from equilibrium.deadline import Deadline
from equilibrium.games.compiled import Agent, CompiledGame
from equilibrium.games.methods import Decision, decide


def can_meet(compiled: CompiledGame, binding: Sequence[Agent], responders: Sequence[Agent], deadline: Deadline) -> bool:
    """Whether the rows of ``binding`` can hold at a point to which ``responders`` respond, as far as is known."""
    problem = Decision(compiled, None, responders, binding=binding)
    return decide(problem, "auto", deadline)[0].end is not End.INFEASIBLE


def conflict(compiled: CompiledGame, deadline: Deadline) -> str:
    """Say in one sentence why a game that is infeasible is so, with the player and, if it is one, the row."""
    for agent in compiled.agents:
        if not can_meet(compiled, (agent,), (), deadline):
            return f"the rows of {agent.name} cannot be met, whatever the other players decide"
    for agent in compiled.followers:
        if not can_meet(compiled, (), (agent,), deadline):
            return f"{agent.name} has no optimal response, whatever the other players decide"
    for agent in compiled.leaders:
        if not can_meet(compiled, (agent,), compiled.followers, deadline):
            return f"the rows of {agent.name} cannot be met where the followers respond optimally"
    return _generalised(compiled)


def _generalised(compiled: CompiledGame) -> str:
    owner = {int(c): agent.name for agent in compiled.agents for c in agent.own}
    text = "a generalised game without a joint point"
    for agent in compiled.leaders or compiled.agents:
        for r, row in enumerate(agent.row_names):
            columns = set(agent.matrix[[r], :].indices.tolist())
            columns |= {c for p in agent.products if p.row == r for c in (p.i, p.j)}
            foreign = [c for c in sorted(columns) if owner.get(c, agent.name) != agent.name]
            if foreign:
                theirs = f"{compiled.names[foreign[0]]} of {owner[foreign[0]]}"
                return f"{text}: constraint {row} of {agent.name}, which contains {theirs}, and the rows of the others"
    return f"{text}: the players' rows cannot be met together"
