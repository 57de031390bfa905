"""What a clock shows in the nights in which it is changed: which of two moments is later, and what is said of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from equilibrium.errors import InputError
from scenarios.files import Table
from scenarios.readers.session_times import LocalTime, clock_notes, read_in_order, read_times

AT = dt.datetime(2024, 10, 27, 2, 30)
LATER = AT + dt.timedelta(minutes=20)
SUMMER, WINTER = 7200, 3600


@pytest.mark.parametrize(
    ("one", "other", "after"),
    [
        (LocalTime(LATER), LocalTime(AT), True),
        (LocalTime(AT), LocalTime(AT), False),
        (LocalTime(AT), LocalTime(LATER), False),
        (LocalTime(AT, WINTER), LocalTime(LATER, SUMMER), True),  # an hour less 20 minutes
        (LocalTime(LATER, SUMMER), LocalTime(AT, WINTER), False),
        (LocalTime(LATER, SUMMER), LocalTime(AT, SUMMER), True),
        (LocalTime(LATER, SUMMER), LocalTime(AT), True),  # one offset alone says nothing
        (LocalTime(AT, WINTER), LocalTime(LATER), False),
        (LocalTime(AT), LocalTime(LATER, SUMMER), False),
        (LocalTime(AT, again=True, often=2), LocalTime(LATER, often=2), True),
        (LocalTime(AT, again=True, often=2), LocalTime(LATER, again=True, often=2), False),
        (LocalTime(AT, again=True, often=2), LocalTime(LATER), False),
        (LocalTime(AT, again=True), LocalTime(LATER), False),
        (LocalTime(AT, often=2), LocalTime(LATER, often=2), False),
    ],
)
def test_which_of_two_moments_is_later(one: LocalTime, other: LocalTime, after: bool) -> None:
    assert one.after(other) == after


def test_a_stay_that_would_end_before_it_begins_ends_in_the_second_hour() -> None:
    begin = [LocalTime(LATER, often=2), LocalTime(AT, often=2), LocalTime(LATER), LocalTime(LATER, often=2)]
    end = [LocalTime(AT, often=2), LocalTime(AT, often=2), LocalTime(AT, often=2), LocalTime(AT)]
    assert [each.again for each in read_in_order(begin, end)] == [True, False, False, False]
    assert [each.clock for each in read_in_order(begin, end)] == [AT] * 4


def test_notes_count_the_times_of_both_kinds() -> None:
    begin = [LocalTime(AT, often=0), LocalTime(AT, often=2), LocalTime(AT)]
    end = [LocalTime(AT, often=2), LocalTime(AT, often=2), LocalTime(AT)]
    assert clock_notes("log.csv", "Europe/Berlin", begin, end) == (
        "log.csv: times that the clock of Europe/Berlin skips are taken as the moment at which it is put forward: 1",
        "log.csv: times that the clock of Europe/Berlin shows twice are taken as the first, or as the second where a "
        "stay would else end before it begins: 3",
    )
    assert clock_notes("log.csv", "Europe/Berlin", end[2:], begin[2:]) == ()


def test_an_empty_cell_takes_what_stands_for_it_and_the_next_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "name,left\na,\nb,2024-10-27 02:30\nc,2024-10-27 02:30+01:00\nd,2024-03-31 02:30\ne,2024-06-01 08:00\n"
    )
    stands = [LocalTime(AT + dt.timedelta(days=k)) for k in range(5)]
    assert read_times(Table.read(path), "left", "Europe/Berlin", stands) == [
        stands[0],
        LocalTime(AT, often=2),
        LocalTime(AT, WINTER, again=True),
        LocalTime(dt.datetime(2024, 3, 31, 2, 30), often=0),
        LocalTime(dt.datetime(2024, 6, 1, 8)),
    ]
    path.write_text("name,left\nb,2024-10-27 02:30\n")
    assert read_times(Table.read(path), "left", None) == [LocalTime(AT)]
    path.write_text("name,left\nb,2024-06-01 02:30+01:00\n")
    with pytest.raises(InputError, match=r"expected the offset \+02:00, which Europe/Berlin has then"):
        read_times(Table.read(path), "left", "Europe/Berlin")
    path.write_text("name,left\nb,2024-03-31 02:30+01:00\n")
    with pytest.raises(InputError, match="expected a time that exists in Europe/Berlin"):
        read_times(Table.read(path), "left", "Europe/Berlin")
    with pytest.raises(InputError, match=r"expected a local time without a time zone, or time\.zone in the scenario"):
        read_times(Table.read(path), "left", None)
