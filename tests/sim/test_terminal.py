"""The terminal: readable at 80 columns, plain when piped, and honest about days without a certificate."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from equilibrium.certificate import Verdict
from sim.manifest import write_manifest
from sim.markets.charging.terminal import _names_fit
from sim.output import show_run
from sim.show.console import console, progress_bar


def shown(run, width=80):
    text = StringIO()
    show_run(Console(file=text, width=width, highlight=False, no_color=True), run)
    return text.getvalue()


def test_the_table_fits_80_columns_and_names_the_folder(stored, make_day):
    run = stored(*(make_day(index) for index in range(3)))
    write_manifest(run.folder, {"currency": "EUR", "status": "complete"})
    text = shown(run)
    table = text.split("energy in kWh")[0].splitlines()
    assert all(len(line) <= 80 for line in table)
    assert "…" not in text
    assert "\x1b" not in text
    assert [line.split()[0] for line in table[2:]] == ["0", "1", "2", "all"]
    assert table[2].split()[1:4] == ["06-10", "7070", "1936"]
    assert table[5].split()[1:3] == ["21210", "5808"]
    assert table[2].split()[-3:] == ["<1e-6", "yes", "0.25"]
    assert text.rstrip().endswith(f"results in {run.folder}")
    assert "NOT certified" not in text


def test_a_table_that_is_wider_than_the_screen_keeps_all_letters(stored, make_day):
    run = stored(make_day(0))
    narrow, wide = shown(run, width=40), shown(run, width=80)
    assert "…" not in narrow
    assert narrow.split("energy in kWh")[0] == wide.split("energy in kWh")[0]


def test_names_of_lots_are_whole_or_not_in_the_head(stored, make_day):
    names = list(dict.fromkeys(stored(make_day(0)).lot_days["lot"]))
    for lots, fit in ((names, True), (["station", "market"], True), (["station of the north", "market"], False)):
        assert _names_fit(lots) == fit


def test_a_day_without_certificate_is_marked_and_named(stored, make_day, cleared):
    proof = replace(cleared.clearing.certificate, verdict=Verdict.UNPROVED, notes=("dual residual 1e-3",))
    run = stored(make_day(0), make_day(1, replace(cleared.clearing, certificate=proof)))
    text = shown(run)
    rows = text.split("energy in kWh")[0].splitlines()[2:]
    assert "NO" not in rows[0]
    assert " NO " in rows[1]
    assert "day 1 is NOT certified: its verdict is unproved (dual residual 1e-3)" in text


def test_a_long_run_shows_its_last_days_and_every_uncertified_one(stored, make_day, cleared):
    proof = replace(cleared.clearing.certificate, verdict=Verdict.KKT_CONSISTENT)
    days = [make_day(0), make_day(1, replace(cleared.clearing, certificate=proof))]
    text = shown(stored(*days, *(make_day(index) for index in range(2, 20))))
    rows = [line.split()[0] for line in text.split("energy in kWh")[0].splitlines()[2:]]
    assert rows == ["1", *(str(day) for day in range(6, 20)), "all"]
    assert "20 days; shown are the last 14" in text


def test_shortages_and_the_reason_of_a_stop_are_told(stored, make_day, cleared):
    shed = cleared.clearing.shed_kw.copy()
    shed[12, 3] = 40.0
    run = stored(make_day(0, replace(cleared.clearing, shed_kw=shed)))
    write_manifest(run.folder, {"currency": "EUR", "status": "stopped: interrupted"})
    text = shown(run)
    assert "day 0 had a shortage: 40.0 kWh of load" in text
    assert "not complete: stopped: interrupted" in text


def test_nothing_but_text_is_written_when_piped(capsys):
    screen = console()
    with progress_bar(screen, 3) as advance:
        for day in range(3):
            advance(f"day {day}")
    screen.print("done")
    assert capsys.readouterr().out == "done\n"


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_gets_a_bar(width):
    text = StringIO()
    screen = Console(file=text, force_terminal=True, width=width)
    with progress_bar(screen, 2) as advance:
        advance("day 0")
        advance("day 1")
    assert "2/2" in text.getvalue()
