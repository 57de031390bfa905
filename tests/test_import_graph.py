"""The graph of imports sees every kind of import, and every circle."""

from pathlib import Path

import pytest

from tests.import_graph import circles, import_graph


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "source",
    [
        "import house.b",
        "import numpy, house.b as other",
        "from house import b",
        "from house.b import thing",
        "def f():\n    from house.b import thing",
        "class C:\n    def f(self):\n        import house.b",
        "if TYPE_CHECKING:\n    from house.b import thing",
    ],
)
def test_every_kind_of_import_counts(tmp_path: Path, source: str) -> None:
    write(tmp_path, {"house/__init__.py": "", "house/a.py": source, "house/b.py": ""})
    assert list(import_graph(tmp_path, ["house"]).edges) == [("house.a", "house.b")]


def test_a_face_may_name_what_lies_behind_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "house/__init__.py": "from house.a import thing",
            "house/a.py": "from house.b import other",
            "house/b.py": "import json\nfrom pathlib import Path\nfrom garden import house",
        },
    )
    graph = import_graph(tmp_path, ["house"])
    assert sorted(graph.edges) == [("house", "house.a"), ("house.a", "house.b")]
    assert circles(graph) == []
    # What lies behind it may not go through the face.
    write(tmp_path, {"house/b.py": "from house import thing"})
    assert circles(import_graph(tmp_path, ["house"])) == [("house", "house.a", "house.b")]


def test_circles_are_found_apart(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "house/a.py": "from house.b import x",
            "house/b.py": "def f():\n    from house.a import x",
            "house/c.py": "from house import a, d",
            "garden/e.py": "import house.c",
            "house/d.py": "if TYPE_CHECKING:\n    import garden.e",
        },
    )
    graph = import_graph(tmp_path, ["house", "garden"])
    assert circles(graph) == [("garden.e", "house.c", "house.d"), ("house.a", "house.b")]
    assert circles(import_graph(tmp_path, ["garden"])) == []
