"""The language of OpenDSS scripts, as far as they state a grid: elements with their properties, in their order.

A name of a property may be cut short, as OpenDSS allows: it is the first of its class that begins so. One that no class
has is an error, so that nothing is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from equilibrium.errors import InputError
from equilibrium.plain import closest, decimal
from scenarios.files import own_path, read_text, shown
from scenarios.readers.nets.record import Record

_END = "basefreq enabled like"
_RATED = "normamps emergamps faultrate pctperm repair"
_SEQUENCE = "r1 x1 r0 x0 c1 c0"
PROPERTIES: Mapping[str, tuple[str, ...]] = {
    kind: tuple(f"{names} {_END}".split())
    for kind, names in {
        "vsource": "bus1 basekv pu angle frequency phases mvasc3 mvasc1 x1r1 x0r0 isc3 isc1 r1 x1 r0 x0 basemva bus2",
        "linecode": f"nphases {_SEQUENCE} units rmatrix xmatrix cmatrix {_RATED} kron rg xg rho neutral b1 b0",
        "line": f"bus1 bus2 linecode length phases {_SEQUENCE} rmatrix xmatrix cmatrix switch rg xg rho geometry units "
        f"spacing wires earthmodel b1 b0 seasons ratings linetype {_RATED}",
        "transformer": "phases windings wdg bus conn kv kva tap %r rneut xneut buses conns kvs kvas taps xhl xht xlt "
        "thermal n m flrise hsrise %loadloss %noloadloss normhkva emerghkva sub maxtap mintap numtaps subname %imag "
        f"ppm_antifloat %rs bank xfmrcode xrconst leadlag core {_RATED}",
        "load": "phases bus1 kv kw pf model yearly daily duty growth conn kvar rneut xneut status class vminpu vmaxpu "
        "vminnorm vminemerg xfkva allocationfactor kva zipv numcust relweight spectrum",
        "capacitor": f"bus1 bus2 phases kvar kv conn numsteps states {_RATED}",
        "generator": "phases bus1 kv kw pf kvar model vminpu vmaxpu yearly daily duty conn status class kva mva "
        "spectrum",
    }.items()
}
"""Properties of the classes that are read, in the order of OpenDSS."""

WITHOUT_EFFECT = frozenset(
    [
        "loadshape",
        "energymeter",
        "monitor",
        "spectrum",
        "tcc_curve",
        "growthshape",
        "xycurve",
        "tshape",
        "priceshape",
        "sensor",
    ]
)
"""Classes that change no flow of the base case."""

CONTROLS = frozenset(
    ["regcontrol", "capcontrol", "swtcontrol", "fuse", "relay", "recloser", "invcontrol", "storagecontroller"]
)
"""Classes that would act upon the flow; what they act on stands as in the file."""

LEFT_OUT = frozenset(["pvsystem", "storage"])
"""Classes that feed in by profiles; they are left out by name."""

_IDLE = frozenset(["clear", "solve", "calcvoltagebases", "calcv", "buscoords", "plot", "show", "export", "visualize"])
_SCALES = {"loadm": ("loadmult", "loads.scale"), "genm": ("genmult", "feeder.generation_scale")}
"""What an option that scales the base case begins with: its name, and the scenario's key that scales."""
_VALUE = r"""\([^)]*\)|\[[^\]]*\]|\{[^}]*\}|"[^"]*"|'[^']*'|[^\s,=]+"""
_PART = re.compile(rf"(?:([%\w.-]+)\s*=\s*)?({_VALUE})")
_COMMENT = re.compile(r"(?:!|//).*$")
_DEPTH = 8
"""Most scripts that call each other."""

_WINDINGS = 9
"""Most windings of a transformer: more are a slip of the pen."""


@dataclass
class DssElement:
    """One element: its class, name, where it was stated first, and its properties."""

    kind: str
    name: str
    source: str
    where: str
    cells: dict[str, object] = field(default_factory=dict)
    windings: list[dict[str, object]] = field(default_factory=list)

    @property
    def record(self) -> Record:
        """Its properties, to be read."""
        return Record(self.source, f"{self.where}, {self.kind}.{self.name}", self.cells)


@dataclass
class DssScript:
    """What a script and those that it calls state."""

    path: Path
    files: list[Path] = field(default_factory=list)
    elements: dict[tuple[str, str], DssElement] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    frequency: float = 60.0

    @classmethod
    def read(cls, path: Path) -> DssScript:
        """Read a script.

        Raises
        ------
        InputError
            With file and line: a command, class or property that is not read.
        """
        script = cls(path)
        script._file(path, 0)
        return script

    def of(self, *kinds: str) -> Iterator[DssElement]:
        """Yield the elements of some classes."""
        return (each for each in self.elements.values() if each.kind in kinds)

    def _file(self, path: Path, depth: int) -> None:
        if depth > _DEPTH:
            raise InputError(shown(path), "redirect", f"{depth} scripts deep", f"at most {_DEPTH}")
        self.files.append(path)
        self._last: DssElement | None = None
        for number, raw in enumerate(read_text(path).splitlines(), start=1):
            line = _COMMENT.sub("", raw).strip()
            if line:
                self._line(path, f"line {number}", line, depth)

    def _line(self, path: Path, where: str, line: str, depth: int) -> None:
        """Take one command."""
        word, _, rest = line.partition(" ")
        word = word.lower()
        if line.startswith("~") or word == "more":
            if self._last is None:
                raise InputError(shown(path), where, line, "an element before its continuation")
            self._take(self._last, shown(path), where, line[1:] if line.startswith("~") else rest)
        elif word in ("redirect", "compile"):
            named = rest.strip(" ()[]\"'").replace("\\", "/")
            called = own_path(named, path.parent)
            if not called.is_file():
                raise InputError(shown(path), f"{where}, {word}", named, "a script that exists, relative to this one")
            self._file(called, depth + 1)
        elif word in ("new", "edit"):
            self._last = self._named(path, where, rest)
        elif word in ("open", "close", "disable", "enable"):
            named = rest.split()[0].lower() if rest.split() else ""
            (self.opened.add if word in ("open", "disable") else self.opened.discard)(named)
        elif word == "batchedit":
            self._batch(path, where, rest)
        elif word == "set":
            self._option(path, where, rest)
        elif (stated := re.fullmatch(r"(\w+)\.([^\s.]+)\.([%\w]+)\s*=\s*(.*)", line)) is not None:
            kind, name, key, value = stated.groups()
            self._last = self._named(path, where, f"{kind}.{name} {key}={value}")
        elif word not in _IDLE:
            raise InputError(shown(path), where, line[:60], "a command of a script that states a grid")

    def _option(self, path: Path, where: str, rest: str) -> None:
        """Take an option: the frequency; one that would scale the base case is refused."""
        found = re.search(r"defaultbasefreq\w*\s*=\s*([\d.]+)", rest, re.IGNORECASE)
        self.frequency = float(found.group(1)) if found else self.frequency
        for key, value in _PART.findall(rest):
            for start, (name, scale) in _SCALES.items():
                if key.lower().startswith(start) and name.startswith(key.lower()) and decimal(value) != 1.0:
                    raise InputError(shown(path), f"{where}, set {key}", value, f"1: {scale} of the scenario scales")

    def _batch(self, path: Path, where: str, rest: str) -> None:
        """Give properties to all elements of a class whose names a pattern describes; of patterns ``.*`` is read."""
        first, _, given = rest.strip().partition(" ")
        kind, _, pattern = first.lower().partition(".")
        if kind not in PROPERTIES:
            return
        parts = pattern.split(".*")
        if not re.fullmatch(r"[\w-]*", "".join(parts)):
            expected = "names of elements, with .* in the place of any characters"
            raise InputError(shown(path), f"{where}, batchedit", first, expected)
        named = re.compile(".*".join(map(re.escape, parts)))
        for element in self.of(kind):
            if named.search(element.name):  # as OpenDSS does: anywhere in the name
                self._take(element, shown(path), where, given)

    def _named(self, path: Path, where: str, rest: str) -> DssElement | None:
        """Return the element that a command names, with what it states."""
        first, _, given = rest.strip().partition(" ")
        first = first.removeprefix("object=").strip("\"'").lower()
        kind, _, name = first.partition(".")
        if kind == "circuit":
            kind, name = "vsource", "source"
        if kind in WITHOUT_EFFECT:
            return None
        if kind not in PROPERTIES and kind not in CONTROLS | LEFT_OUT:
            known = ", ".join(PROPERTIES)
            raise InputError(shown(path), where, f"{kind}.{name}", f"a class that is read ({known})")
        element = self.elements.setdefault((kind, name), DssElement(kind, name, shown(path), where))
        if kind in PROPERTIES:
            self._take(element, shown(path), where, given)
        return element

    def _take(self, element: DssElement, source: str, where: str, text: str) -> None:
        """Take properties; those of a winding stand in its own cells."""
        if element.kind not in PROPERTIES:
            return
        names, place = PROPERTIES[element.kind], 0
        winding = 0
        for key, value in _PART.findall(text):
            if key:
                low = key.lower()
                name = low if low in names else next((each for each in names if each.startswith(low)), None)
                if name is None:
                    expected = f"a property of a {element.kind}: {', '.join(names)}{closest(low, names)}"
                    raise InputError(source, where, key, expected)
            elif place < len(names):
                name = names[place]
            else:
                raise InputError(source, where, value, f"at most {len(names)} properties")
            place = names.index(name) + 1
            bare = value.strip("\"'")
            if name == "like":
                self._like(element, source, where, bare.lower())
            elif name == "wdg":
                cell = Record(source, f"{where}, {element.kind}.{element.name}", {name: bare})
                winding = cell.whole(name, minimum=1) - 1
                if winding >= _WINDINGS:
                    raise cell.error(name, bare, f"at most {_WINDINGS} windings")
            elif element.kind == "transformer" and name in ("bus", "conn", "kv", "kva", "tap", "%r"):
                while len(element.windings) <= winding:
                    element.windings.append({})
                element.windings[winding][name] = bare
            else:
                element.cells[name] = bare

    def _like(self, element: DssElement, source: str, where: str, name: str) -> None:
        """Take over the properties of another element of the class."""
        other = self.elements.get((element.kind, name))
        if other is None:
            raise InputError(source, where, f"like={name}", f"a {element.kind} that is stated before")
        element.cells.update(other.cells)
        element.windings = [dict(each) for each in other.windings]
