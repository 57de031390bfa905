"""What a study is: a scenario, the points at which its keys are set, replications, days and outputs."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError, SeveralInputErrors
from scenarios.files import Document, own_path
from scenarios.settings import as_text
from scenarios.yaml_tree import KeyPath

POINTS_LIMIT, RUNS_LIMIT = 100_000, 1_000_000
"""Most points and most runs of a study."""

_SEED_BITS = 52
"""Bits of a replication's seed, so that a floating-point number holds it: a row of a data frame may be made of them."""

REDUCTIONS = ("sum", "mean", "min", "max", "last", "count")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


class RangeSection(_Part):
    """Where the values of a sampled key lie."""

    low: float = Field(alias="from")
    high: float = Field(alias="to")
    whole: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low < self.high:
            raise ValueError("a range whose from is below its to")
        return self

    def value(self, share: float) -> float | int:
        """Return the value at a share from 0 to 1 of the way; whole numbers are equally likely."""
        if not self.whole:
            return self.low + share * (self.high - self.low)
        low, high = math.ceil(self.low), math.floor(self.high)
        return min(low + math.floor(share * (high - low + 1)), high)


class SampleSection(_Part):
    """Points drawn from ranges.

    ``saltelli`` is what Sobol's indices need: ``points`` times two more than there are keys (:func:`saltelli_shares`).
    """

    method: Literal["latin-hypercube", "sobol", "saltelli"] = "latin-hypercube"
    points: int = Field(ge=1, le=POINTS_LIMIT)
    seed: int = Field(default=0, ge=0)
    keys: dict[str, RangeSection] = Field(min_length=1)

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        if self.method != "latin-hypercube" and self.points & (self.points - 1):
            raise ValueError("a number of points that is a power of two, which is what balances a Sobol sequence")
        return self


class OutputSection(_Part):
    """A number of every run, or of every day."""

    table: str
    column: str
    reduce: Literal["sum", "mean", "min", "max", "last", "count"]
    per: Literal["run", "day"] = "run"
    where: dict[str, Any] = Field(default_factory=dict)


class ClaimSection(_Part):
    """An output of runs that is larger at points with some settings than at those with others."""

    output: str
    larger: dict[str, Any] = Field(min_length=1)
    than: dict[str, Any] = Field(min_length=1)


class OptionsSection(_Part):
    """How every run is run."""

    solver: Literal["auto", "highs", "gurobi"] = "auto"
    on_infeasible: Literal["stop", "shed"] | None = None
    certify: Literal["standard", "full"] = "standard"
    node_limit: int | None = Field(default=None, ge=1)


def _as_list(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else [value]


class StudyFile(_Part):
    """The keys of a study's file."""

    title: str = ""
    scenario: str
    days: int = Field(ge=1)
    replications: int = Field(default=1, ge=1)
    seed: int = Field(default=0, ge=0)
    common_random_numbers: bool = True
    options: OptionsSection = OptionsSection()
    grid: dict[str, Annotated[tuple[Any, ...], BeforeValidator(_as_list), Field(min_length=1)]] = Field(
        default_factory=dict
    )
    sample: SampleSection | None = None
    outputs: dict[str, OutputSection] = Field(min_length=1)
    claims: dict[str, ClaimSection] = Field(default_factory=dict)


@dataclass(frozen=True)
class Specification:
    """A checked study.

    Attributes
    ----------
    source
        Name of its file in messages.
    file
        Its keys with every default.
    points
        The settings of every point, each with the text of its value.
    """

    source: str
    file: StudyFile
    points: tuple[Mapping[str, str], ...]

    @property
    def runs(self) -> int:
        """Number of runs: points times replications."""
        return len(self.points) * self.file.replications

    def seed(self, point: int, replication: int) -> int:
        """Return the seed of a run; with common random numbers it is the same at all points."""
        key = (replication,) if self.file.common_random_numbers else (replication, point + 1)
        words = np.random.SeedSequence(self.file.seed, spawn_key=key).generate_state(1, np.uint64)
        return int(words[0]) >> (64 - _SEED_BITS)

    def resolved(self) -> dict[str, Any]:
        """Return the specification as plain data: two studies with the same are the same study."""
        return {**self.file.model_dump(mode="json", by_alias=True), "points": [dict(point) for point in self.points]}


def read_specification(path: Path) -> Specification:
    """Read a study's file.

    Raises
    ------
    InputError
        With file, line and key of the first thing that cannot be used.
    """
    document = Document.read(path)
    try:
        file = StudyFile.model_validate(document.data)
    except ValidationError as error:
        errors = [_one_error(each, document) for each in error.errors(include_url=False)]
        raise errors[0] if len(errors) == 1 else SeveralInputErrors(errors) from None
    scenario = file.scenario
    if Path(scenario).suffix in (".yaml", ".yml"):  # a path in a file is relative to it
        scenario = str(own_path(scenario, path.parent).resolve())
    file = file.model_copy(update={"scenario": scenario})
    if file.grid and file.sample:
        twice = [key for key in file.sample.keys if key in file.grid]
        if twice:
            raise document.error(("sample", "keys", twice[0]), twice[0], "a key that is not in grid too")
    points = tuple(_points(file, document))
    study = Specification(document.source, file, points)
    if study.runs > RUNS_LIMIT:
        raise document.error(("replications",), f"{study.runs} runs", f"at most {RUNS_LIMIT}")
    return study


def _points(file: StudyFile, document: Document) -> list[dict[str, str]]:
    """Return every combination of the grid with every point of the sample."""
    texts = {
        key: [document.written.get(("grid", key, n), as_text(value)) for n, value in enumerate(values)]
        if isinstance(document.data.get("grid"), dict)
        else [as_text(value) for value in values]
        for key, values in file.grid.items()
    }
    if math.prod(len(values) for values in texts.values()) > POINTS_LIMIT:
        raise document.error(("grid",), "more points", f"at most {POINTS_LIMIT}")
    grid = [dict(zip(texts, values, strict=True)) for values in itertools.product(*texts.values())]
    return [{**point, **drawn} for point in grid for drawn in _sampled(file.sample)]


def _sampled(sample: SampleSection | None) -> list[dict[str, str]]:
    if sample is None:
        return [{}]
    from scipy.stats import qmc  # here, because it is slow to import and every worker imports this module

    generator, count = np.random.default_rng(sample.seed), len(sample.keys)
    if sample.method == "saltelli":
        shares = saltelli_shares(count, sample.points, generator)
    elif sample.method == "sobol":
        shares = qmc.Sobol(count, scramble=True, seed=generator).random(sample.points)
    else:
        shares = qmc.LatinHypercube(count, seed=generator).random(sample.points)
    ranges = sample.keys.items()
    return [
        {key: as_text(each.value(float(share))) for (key, each), share in zip(ranges, row, strict=True)}
        for row in shares
    ]


def saltelli_shares(count: int, points: int, generator: np.random.Generator) -> FloatArray:
    """Return the points of two samples A and B, and of A with each column taken from B in turn.

    Parameters
    ----------
    count
        Number of keys.
    points
        Points of one sample, a power of two.
    generator
        Scrambles the Sobol sequence.

    Returns
    -------
    FloatArray
        Shares from 0 to 1, shape ``(points * (count + 2), count)``: A, B, and A with the first column of B, and so on.

    References
    ----------
    A. Saltelli et al., "Variance based sensitivity analysis of model output. Design and estimator for the total
    sensitivity index", Computer Physics Communications 181, 2010.
    """
    from scipy.stats import qmc  # here, because it is slow to import and every worker imports this module

    both = qmc.Sobol(2 * count, scramble=True, seed=generator).random(points)
    first, second = both[:, :count], both[:, count:]
    mixed = []
    for key in range(count):
        part = first.copy()
        part[:, key] = second[:, key]
        mixed.append(part)
    shares: FloatArray = np.vstack([first, second, *mixed])
    return shares


def _one_error(complaint: ErrorDetails, document: Document) -> InputError:
    """Turn one of pydantic's complaints into one line for people."""
    keys: KeyPath = tuple(complaint["loc"])
    if complaint["type"] == "missing":
        return document.error(keys, None, f"a key {keys[-1]!r} here")
    if complaint["type"] == "extra_forbidden":
        known = _known_keys(keys[:-1])
        close = difflib.get_close_matches(str(keys[-1]), known, n=1)
        hint = f" (closest: {close[0]})" if close else ""
        return document.error(keys, keys[-1], f"one of the keys {', '.join(known)}{hint}")
    said = {"model_type": "a mapping of keys", "dict_type": "a mapping of keys", "too_short": "at least one"}
    message = complaint["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return document.error(keys, complaint["input"], said.get(complaint["type"], message))


def _known_keys(keys: KeyPath) -> list[str]:
    """Return the keys that a section of the file has."""
    sections: dict[object, type[_Part]] = {
        "options": OptionsSection,
        "sample": SampleSection,
        "outputs": OutputSection,
        "claims": ClaimSection,
    }
    section = sections.get(keys[0], StudyFile) if keys else StudyFile
    if keys[:2] == ("sample", "keys"):
        section = RangeSection
    return [field.alias or name for name, field in section.model_fields.items()]
