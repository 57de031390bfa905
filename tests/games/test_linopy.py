"""A player stated as a linopy model, and our dual against linopy's own dualisation."""

import numpy as np
import pytest

from equilibrium.errors import InputError
from equilibrium.games import Game

linopy = pytest.importorskip("linopy", reason="the optional extra equilot[linopy]")
pytestmark = pytest.mark.filterwarnings("ignore")


def market():
    model = linopy.Model()
    g = model.add_variables(lower=0, upper=[6, 20], coords=[["cheap", "dear"]], dims=["unit"], name="g")
    q = model.add_variables(lower=0, upper=8, name="q")
    model.add_constraints(g.sum() + q >= 10, name="balance")
    model.add_objective((g * np.array([10.0, 100.0])).sum())
    return model


def test_a_follower_from_linopy() -> None:
    from equilibrium.games.from_linopy import add_linopy_player

    game = Game("market")
    seller = game.leader("seller", "max")
    q = seller.variable("offer", 0, 8)
    follower = add_linopy_player(game, "market", "follower", market(), given={"q": "offer"}, duals={"balance": "price"})
    assert list(follower.variables) == ["g[cheap]", "g[dear]"]
    seller.objective = follower.rows["balance"].dual * q
    answer = game.solve()
    assert answer.certified
    assert answer.players["seller"].objective == pytest.approx(400.0)
    assert answer.duals["price"] == pytest.approx((100.0, 10.0, 100.0))


def test_names_that_are_not_in_the_model() -> None:
    from equilibrium.games.from_linopy import add_linopy_player

    with pytest.raises(InputError, match="nothing"):
        add_linopy_player(Game("m"), "market", "follower", market(), given={"nothing": "x"})
