"""What the figures of the two DISCO reproductions draw is what they are given, hour by hour."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from sim.reproduce.disco_cvar import published as cvar
from sim.reproduce.disco_cvar import study as cvar_study
from sim.reproduce.disco_dr import published as dr
from sim.reproduce.disco_dr import study as dr_study
from tests.sim.drawn import drawn

RNG = np.random.default_rng(41)
HOURS = np.arange(1.0, 25.0)


def power(columns: int = 0) -> np.ndarray:
    return RNG.uniform(100.0, 900.0, (24, columns) if columns else 24)


def totals() -> Any:
    names = ("import_kw", "charge_kw", "discharge_kw", "loss_kw")
    return SimpleNamespace(renewable_kw=power(2), **{name: power() for name in names})


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """The figures that are saved, by name."""
    found: dict[str, Figure] = {}
    monkeypatch.setattr("sim.show.drawing.save", lambda figure, path: found.update({path.name: figure}))
    return found


def lines(figure: Figure, axis: int = 0) -> dict[str, np.ndarray]:
    return {label: points for (at, kind, label), points in drawn(figure).items() if kind == "lines" and at == axis}


def bars(figure: Figure, axis: int = 0) -> dict[str, np.ndarray]:
    """Middle, width, foot and height of the bars of each label."""
    return {label: boxes for (at, kind, label), boxes in drawn(figure).items() if kind == "bars" and at == axis}


def same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert {name: points.tolist() for name, points in found.items()} == {
        name: [pytest.approx(row) for row in np.asarray(points).tolist()] for name, points in wanted.items()
    }


def hourly(values: np.ndarray) -> np.ndarray:
    return np.column_stack([HOURS, values / 1000.0])


def boxes(values: np.ndarray, foot: Any = 0.0) -> np.ndarray:
    feet = np.broadcast_to(np.asarray(foot), values.shape)
    return np.column_stack([HOURS, np.full(24, 0.8), feet / 1000.0, values / 1000.0])


def words(figure: Figure, axis: int = 0) -> tuple[str, str, str]:
    at = figure.axes[axis]
    return at.get_title(loc="left"), at.get_xlabel(), at.get_ylabel()


def test_figures_of_the_risk_based_paper(kept: dict[str, Figure], tmp_path: Path) -> None:
    of = {attitude: totals() for attitude in cvar.ATTITUDES.values()}
    load = {name: power(3) for name in ("flat", "tou")}
    programs = {name: SimpleNamespace(day=SimpleNamespace(load_kw=load[name]), totals=of.__getitem__) for name in load}
    priced = {0.9: 410.0, 1.0: 400.0, 1.2: 370.0}
    prices = {f: SimpleNamespace(objective=lambda beta, v=v: v * beta) for f, v in priced.items()}
    files = cvar_study.draw(SimpleNamespace(programs=programs, prices=prices), tmp_path)  # type: ignore[arg-type]
    assert [name for name, _ in files] == [f"figures/fig-{k}.png" for k in (5, 6, 7, 8)]
    assert files[3][1].endswith("400 USD at the given prices")
    same(
        lines(kept["fig-5"]),
        {"without TOU": hourly(load["flat"].sum(axis=1)), "with TOU": hourly(load["tou"].sum(axis=1))},
    )
    assert words(kept["fig-5"]) == ("", "Hour", "Load (MW)")
    names = {f"beta = {beta}": of[attitude] for beta, attitude in cvar.ATTITUDES.items()}
    same(lines(kept["fig-6"]), {name: hourly(each.import_kw) for name, each in names.items()})
    assert words(kept["fig-6"]) == ("", "Hour", "Purchase (MW)")
    for k, (name, each) in enumerate(names.items()):
        wanted = {"Charging": boxes(each.charge_kw), "Discharging": boxes(-each.discharge_kw)}
        same(bars(kept["fig-7"], k), wanted)
        assert words(kept["fig-7"], k) == (name, "Hour" if k == len(names) - 1 else "", "Power (MW)")
    same(lines(kept["fig-8"]), {"CVaR": np.array([[-10.0, 410.0], [0.0, 400.0], [20.0, 370.0]])})
    assert words(kept["fig-8"]) == ("", "Change of the market price (%)", "Profit, beta = 1 (USD)")


def test_figures_of_the_paper_with_nine_programs(kept: dict[str, Figure], tmp_path: Path) -> None:
    runs = {(program, case): totals() for program in ("cap", "cpp") for case in (3, 4)}
    loads = {name: power() for name in ("flat", "cpp")}

    def of(program: str, case: int, attitude: str) -> Any:
        assert attitude == "averse"
        return runs[program, case]

    results: Any = SimpleNamespace(totals=of, loads_kw=loads)
    files = dr_study.draw(results, tmp_path)
    assert [name for name, _ in files] == [f"figures/fig-{k}.png" for k in (3, 4, 5)]
    same(lines(kept["fig-3"]), {dr.PROGRAMS[name]: hourly(load) for name, load in loads.items()})
    for k, case in enumerate((3, 4)):
        each = runs["cap", case]
        same(bars(kept["fig-4"], k), {"Charging": boxes(each.charge_kw), "Discharging": boxes(-each.discharge_kw)})
        assert words(kept["fig-4"], k)[0] == f"Case {case}, CAP"
    cpp, foot = runs["cpp", 4], np.zeros(24)
    wanted = {}
    for name, values in (
        ("Upstream", cpp.import_kw),
        ("Vehicles", cpp.discharge_kw),
        *zip(("Wind", "PV"), cpp.renewable_kw.T, strict=True),
    ):
        wanted[name], foot = boxes(values, foot), foot + values
    foot = np.zeros(24)
    for name, values in (("Load", loads["cpp"]), ("Charging", cpp.charge_kw), ("Losses", cpp.loss_kw)):
        wanted[name], foot = boxes(-values, -foot), foot + values
    same(bars(kept["fig-5"]), wanted)
    assert words(kept["fig-5"]) == ("CPP, case 4, risk-averse", "Hour", "Power (MW)")
