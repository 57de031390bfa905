"""A report of a study: one HTML file with its outputs, claims, figures and failures."""

from __future__ import annotations

from pathlib import Path

from sim.folder import PICTURES, REPORT, note_drawn
from sim.manifest import put
from sim.report.page import Html, element, page, section, table
from sim.report.pictures import picture_of
from sim.report.sections import MOST_ROWS, as_shown, rest
from sim.studies.show import claim_lines, study_figures, summary_table
from sim.studies.stored import StoredStudy


def write_study_report(study: StoredStudy) -> list[Path]:
    """Write the report of a study into its folder.

    Returns
    -------
    list of Path
        ``report.html``, and in ``report/`` an SVG and a CSV file for each figure.
    """
    specification, results = study.specification, study.results
    inside = study.folder / PICTURES
    pictures, files = [], []
    for name, figure in study_figures(specification, results).items():
        picture, written = picture_of(name, figure, inside)
        pictures.append(picture)
        files += written
    if files:
        note_drawn(inside, files)
    title = specification.file.title or study.folder.name
    claims = [element("li", line) for line in claim_lines(specification, results)]
    content = page(
        f"Equilot: {title}",
        element("h1", title),
        element("p", _counts(study)),
        section("Outputs", as_shown(summary_table(specification, results, MOST_ROWS), (*results.points, "output"))),
        *([section("Claims", element("ul", *claims))] if claims else []),
        *([section("Figures", *pictures)] if pictures else []),
        _points(study),
        _failures(study),
        _made_of(study),
    )
    whole = study.folder / REPORT
    put(whole, content.encode("utf-8"))
    return [whole, *files]


def _counts(study: StoredStudy) -> str:
    file, results = study.specification.file, study.results
    done = f"{len(results.runs)} of {study.specification.runs} runs done, {len(results.failures)} failed"
    numbers = "common random numbers" if file.common_random_numbers else "other random numbers at each point"
    return (
        f"{file.scenario}, {file.days} days a run, {len(results.points)} points, {file.replications} replications, "
        f"{numbers}; {done}."
    )


def _points(study: StoredStudy) -> Html:
    """Return the settings of every point."""
    points = study.results.points
    if len(points.columns) == 1:
        return Html("")
    cells = [[str(value) for value in row] for row in points.head(MOST_ROWS).itertuples(index=False)]
    return section("Points", table(list(points.columns), cells), rest(len(points)))


def _failures(study: StoredStudy) -> Html:
    """Return the runs that failed, with their reasons."""
    rows = study.results.failures
    if not len(rows):
        return Html("")
    columns = ["point", "replication", "seed", "day", "type", "message"]
    cells = [[str(row[name]) for name in columns] for row in rows.head(MOST_ROWS).to_dict("records")]
    return section("Runs that failed", table(columns, cells, words=("type", "message")), rest(len(rows)))


def _made_of(study: StoredStudy) -> Html:
    """Return what the study was made of."""
    versions = study.manifest.get("versions") or {}
    items = [
        f"status: {study.manifest.get('status', 'killed before it could be told')}",
        f"seed {study.specification.file.seed}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
    ]
    return section("What it was made of", element("ul", *(element("li", item) for item in items if item)))
