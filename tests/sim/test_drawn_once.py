"""What is drawn in one go for two formats, and bars in one mark, look as they do one by one."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from sim.show.bars import draw_bars
from sim.show.drawing import STYLE, save

BOXES = np.array([[0.6, 0.8, 0.0, 2.0], [1.6, 0.8, 0.0, -1.0], [2.6, 0.8, 1.0, 0.5], [3.6, 0.8, 0.0, np.nan]])


def with_everything() -> Figure:
    """A figure with a mark of each kind, some of which its panels cut off."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.0, 4.17))  # without a layout, for which each format measures words for itself
        (left, right), (below, last) = figure.subplots(2, 2)
    left.plot([0.0, 1.0, 2.0], [0.0, 3.0, -1.0], marker="o", markersize=18, linewidth=3, label="line")
    left.set_ylim(-0.5, 2.0)
    left.set_title("cut off")
    image = right.imshow(np.arange(12.0).reshape(3, 4), aspect="auto")
    figure.colorbar(image, ax=right, label="colour")
    below.scatter([1.0, 2.0, 3.0], [1.0, 4.0, 2.0], 80.0, [1.0, 2.0, 3.0], edgecolors="black")
    below.fill_between([1.0, 2.0, 3.0], 0.0, [1.0, 4.0, 2.0], alpha=0.4)
    below.annotate("words", (2.0, 4.0), rotation=30)
    last.bar([1.0, 2.0], [3.0, 1.0], hatch="//", edgecolor="red")
    circle = mpl.patches.Circle((1.5, 1.5), 0.8, transform=last.transData)
    (line,) = last.plot([0.5, 2.5], [1.5, 1.6], color="green", linewidth=12)
    line.set_clip_path(circle)
    figure.legend(loc="upper center")
    return figure


def test_both_formats_are_what_each_is_alone(tmp_path: Path) -> None:
    both = save(with_everything(), tmp_path / "both")
    svg, png = (save(with_everything(), tmp_path / kind, (kind,))[0] for kind in ("svg", "png"))
    assert both[0].read_bytes() == svg.read_bytes()
    one, other = imread(both[1])[..., :3], imread(png)[..., :3]
    assert one.shape == other.shape == (667, 800, 3)
    apart = np.abs(one.astype(float) - other)
    assert apart.mean() < 0.004  # words are up to a point aside, as other letters are measured
    blocks = apart[:660, :800].reshape(66, 10, 80, 10, 3).mean(axis=(1, 3, 4))
    assert blocks.max() < 0.5


def test_the_png_is_the_same_without_the_svg_before_it(tmp_path: Path) -> None:
    files = save(with_everything(), tmp_path / "one", ("png", "svg")), save(with_everything(), tmp_path / "two")
    assert [path.suffix for path in files[0]] == [".png", ".svg"]
    assert files[0][0].read_bytes() == files[1][1].read_bytes()


@pytest.mark.parametrize("boxes", [BOXES, BOXES[:1], BOXES[3:]], ids=["all", "one", "nothing"])
def test_bars_in_one_mark_are_those_of_matplotlib(boxes: np.ndarray, tmp_path: Path) -> None:
    left, width, foot, height = boxes.T
    one, other = Figure(), Figure()
    draw_bars(one.subplots(), boxes, "red", label="name")
    other.subplots().bar(left + 0.5 * width, height, width, foot, color="red", label="name")
    pictures = []
    for figure in (one, other):
        figure.axes[0].legend(loc="upper left")
        pictures.append(imread(save(figure, tmp_path / "figure", ("png",))[0]))
    np.testing.assert_array_equal(*pictures)
    np.testing.assert_array_equal(one.axes[0].dataLim, other.axes[0].dataLim)
    np.testing.assert_array_equal(one.axes[0].get_ylim(), other.axes[0].get_ylim())
