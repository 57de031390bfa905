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


def refused(change) -> str:
    """Return what is said of a model that ``change`` gives something that a game has not."""
    from equilibrium.games.from_linopy import add_linopy_player

    model = linopy.Model()
    x = model.add_variables(lower=0, upper=1, coords=[[0, 1, 2]], dims=["k"], name="x")
    change(model, x)
    if model.objective.expression.empty:
        model.add_objective(-1.0 * x.sum())
    game = Game("m")
    with pytest.raises(InputError) as caught:
        add_linopy_player(game, "player", "leader", model)
    assert game.players.get("player") is None or not game.players["player"].rows
    return str(caught.value)


def test_what_a_game_has_not_is_refused_by_name() -> None:
    def sos(model, x) -> None:
        model.add_sos_constraints(x, sos_type=1, sos_dim="k")

    def sos2(model, x) -> None:
        model.add_sos_constraints(x, sos_type=2, sos_dim="k")

    def semi(model, _x) -> None:
        model.add_variables(lower=1, upper=5, name="block", semi_continuous=True)

    def indicator(model, x) -> None:
        on = model.add_variables(binary=True, name="on")
        model.add_indicator_constraints(on, 1, x.sum(), "<=", 1, name="limit")

    for change, where, what in (
        (sos, "variable x", "SOS"),
        (sos2, "variable x", "SOS"),
        (semi, "variable block", "semi-continuous"),
        (indicator, "constraint limit", "indicator"),
    ):
        if change in (sos, sos2) and not hasattr(linopy.Model, "add_sos_constraints"):
            continue
        if change is indicator and not hasattr(linopy.Model, "add_indicator_constraints"):
            continue
        message = refused(change)
        assert where in message
        assert what in message


def test_numbers_that_are_not_finite_are_refused() -> None:
    class Matrices:
        """What linopy would hand over."""

        c, b, A, Q = np.array([1.0, np.nan]), np.array([1.0]), None, None

    from equilibrium.games.from_linopy import _check_finite

    with pytest.raises(InputError, match="cost of y"):
        _check_finite(Matrices, ["x", "y"], ["r"], "model")
    Matrices.c, Matrices.b = np.array([1.0, 2.0]), np.array([np.nan])
    with pytest.raises(InputError, match="right-hand side of r"):
        _check_finite(Matrices, ["x", "y"], ["r"], "model")


def test_bounds_of_a_given_variable_are_kept_or_refused() -> None:
    from equilibrium.games.from_linopy import add_linopy_player

    for upper, kept in ((8, True), (5, True), (9, False)):
        game = Game("market")
        game.leader("seller", "max").variable("offer", 0, upper)
        if kept:
            add_linopy_player(game, "market", "follower", market(), given={"q": "offer"})
            continue
        with pytest.raises(InputError, match=r"given variable q: got '\[0, 8\]'"):
            add_linopy_player(game, "market", "follower", market(), given={"q": "offer"})
    with pytest.raises(InputError, match="given variable q"):
        add_linopy_player(Game("market"), "market", "follower", market(), given={"q": "stated later"})
