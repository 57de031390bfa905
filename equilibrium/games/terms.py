"""Polynomials of degree two in named variables, so that a game reads like its mathematics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from equilibrium.errors import InputError

Monomial = tuple[str, ...]
"""Sorted names of the factors: ``()`` is the constant, ``("x",)`` linear, ``("x", "y")`` a product."""

Number = int | float


class Expression:
    """A sum of constants, variables and products of two variables; immutable.

    Examples
    --------
    >>> x, y = Expression.variable("x"), Expression.variable("y")
    >>> ((12 - x - y) * x).terms == {("x",): 12.0, ("x", "x"): -1.0, ("x", "y"): -1.0}
    True
    """

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("terms",)
    __array_ufunc__ = None  # so that numpy scalars and arrays leave the arithmetic to us

    def __init__(self, terms: Mapping[Monomial, float]) -> None:
        self.terms: Mapping[Monomial, float] = MappingProxyType({key: v for key, v in terms.items() if v != 0.0})

    @staticmethod
    def variable(name: str) -> Expression:
        """Return the expression that is one variable."""
        return Expression({(name,): 1.0})

    @staticmethod
    def of(value: Expression | Number) -> Expression:
        """Return ``value`` as an expression."""
        return value if isinstance(value, Expression) else Expression({(): float(value)})

    @property
    def names(self) -> frozenset[str]:
        """Names of all variables in it."""
        return frozenset(name for key in self.terms for name in key)

    def __add__(self, other: Expression | Number) -> Expression:
        total = dict(self.terms)
        for key, value in Expression.of(other).terms.items():
            total[key] = total.get(key, 0.0) + value
        return Expression(total)

    __radd__ = __add__

    def __neg__(self) -> Expression:
        return Expression({key: -value for key, value in self.terms.items()})

    def __sub__(self, other: Expression | Number) -> Expression:
        return self + -Expression.of(other)

    def __rsub__(self, other: Expression | Number) -> Expression:
        return -self + other

    def __mul__(self, other: Expression | Number) -> Expression:
        product: dict[Monomial, float] = {}
        for left, a in self.terms.items():
            for right, b in Expression.of(other).terms.items():
                key = tuple(sorted(left + right))
                if len(key) > 2:
                    raise InputError("expression", "product", "*".join(key), "at most two factors")
                product[key] = product.get(key, 0.0) + a * b
        return Expression(product)

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> Expression:
        return self * (1.0 / float(other))

    def __pow__(self, power: int) -> Expression:
        if power != 2:
            raise InputError("expression", "power", power, "2")
        return self * self

    def __le__(self, other: Expression | Number) -> Relation:
        return Relation.between(self, "<=", other)

    def __ge__(self, other: Expression | Number) -> Relation:
        return Relation.between(self, ">=", other)

    def __eq__(self, other: object) -> Relation:  # type: ignore[override]
        if not isinstance(other, Expression | int | float):
            return NotImplemented
        return Relation.between(self, "=", other)

    def __repr__(self) -> str:
        return " + ".join(f"{value:g} {'*'.join(key)}".strip() for key, value in self.terms.items()) or "0"


@dataclass(frozen=True, eq=False)
class Relation:
    """``body sense rhs`` with all variables on the left."""

    body: Expression
    sense: str
    rhs: float

    @staticmethod
    def between(left: Expression, sense: str, right: Expression | Number) -> Relation:
        """Bring everything but the constant to the left."""
        body = left - right
        constant = body.terms.get((), 0.0)
        return Relation(body - constant, sense, 0.0 - constant)

    def __bool__(self) -> bool:
        raise InputError("expression", "comparison", repr(self.body), "a row: a comparison has no truth value")
