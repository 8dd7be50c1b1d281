"""What a method, key or value is: `jaxamg.describe` and the reference page, as the engine declares them."""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from . import _engine


@dataclass(frozen=True)
class Description:
    """A method, a configuration key or one of its values; printed, its entry of the reference page."""

    name: str
    kind: str
    """"method", "key", or the key whose value it is, such as "selector"."""
    meaning: str
    default: Any = None
    """The registered default of a key, None for others."""
    allowed: str = ""
    """Allowed values of a key: `a|b`, `low..high` with open ends, `<solver>`, or "" for anything."""
    available: tuple[str, ...] = ()
    """Values that this version has, where it lacks some of those that the key allows."""
    source: str = ""
    """Where to read on: a method's or a value's paper or book, a key's family."""

    def __str__(self) -> str:
        lines = [f"{self.name} ({self.kind})", f"  {self.meaning}"]
        if self.kind == "key":
            lines.append(f"  default: {_text(self.default)}")
            lines.append(f"  allowed: {self.allowed or 'anything'}")
        if self.available:
            lines.append(f"  in this version: {', '.join(self.available)}")
        lines.append(f"  source: {self.source}")
        return "\n".join(lines)


def describe(name: str) -> Description:
    """Describe a method, a configuration key or a value of one by its name.

    Args:
        name: such as "JACOBI_L1", "relaxation_factor" or "PMIS". Methods and values are named in capitals,
            keys mostly not.

    Returns:
        Name, kind, meaning, default, allowed values and source; `print` shows them as text.

    Raises:
        ValueError: no method or value of this version and no key has this name; the message names the
            nearest.

    >>> import jaxamg
    >>> print(jaxamg.describe("kpz_order"))
    kpz_order (key)
      Degree of KPZ_POLYNOMIAL.
      default: 3
      allowed: 1..
      source: AmgX's key
    >>> jaxamg.describe("SPAI0").source
    'Broeker, Grote 2002'
    """
    known = descriptions()
    if name in known:
        return known[name]
    near = get_close_matches(name.lower(), [other.lower() for other in known], n=1)
    remedy = next((f"; did you mean `{other}`?" for other in known if [other.lower()] == near), "")
    raise ValueError(f"`{name}` is no method or value of this version and no configuration key{remedy}")


@cache
def descriptions() -> dict[str, Description]:
    """All of them by name: methods, values, then keys in the order of their declarations."""
    available: dict[str, list[str]] = {}
    named = []
    for entry in _engine.registry():
        available.setdefault(entry["key"], []).append(entry["name"])
        kind = "method" if entry["key"] == "solver" else entry["key"]
        named.append(Description(entry["name"], kind, entry["meaning"], source=entry["source"]))
    keys = [_key(parameter, available) for parameter in _engine.parameters()]
    return {description.name: description for description in [*named, *keys]}


def _key(parameter: dict[str, Any], available: dict[str, list[str]]) -> Description:
    allowed = parameter["allowed"]
    have = available.get(parameter["name"], []) if allowed != "<solver>" else []
    lacking = set(allowed.split("|")) - set(have)
    role = {
        "algorithm": "AmgX's key",
        "global": "AmgX's key, set at the top level only",
        "resource": "AmgX's key, accepted without effect",
    }[parameter["role"]]
    return Description(
        parameter["name"],
        "key",
        parameter["meaning"],
        parameter["default"],
        allowed,
        tuple(sorted(have)) if have and lacking else (),
        role,
    )


def reference_page() -> str:
    """The text of docs/parameters.md."""
    methods = [entry for entry in descriptions().values() if entry.kind == "method"]
    values = [entry for entry in descriptions().values() if entry.kind not in ("method", "key")]
    keys = [entry for entry in descriptions().values() if entry.kind == "key"]
    effective = [key for key in keys if "without effect" not in key.source]
    ignored = [key for key in keys if "without effect" in key.source]
    return "\n".join(
        [
            "# Methods and keys",
            "",
            "Written by `python docs/generate.py` from `src/registry.def` and `src/config/parameters.def`;",
            "`jaxamg.describe(name)` tells the same of one name.",
            "",
            "Defaults are the registered ones, which hold wherever a scope does not set a key.",
            "",
            "## Methods",
            "",
            "For any slot: `solver`, `preconditioner`, `smoother`, `coarse_solver` and so on.",
            "",
            *_table("name | what it does | source", [(f"`{m.name}`", m.meaning, m.source) for m in methods]),
            "",
            "## Values",
            "",
            "For the keys that choose parts of multigrid, and the order of sweeps.",
            "",
            *_table(
                "key | value | what it does | source",
                [(f"`{v.kind}`", f"`{v.name}`", v.meaning, v.source) for v in values],
            ),
            "",
            "## Keys",
            "",
            "Allowed values: `a|b` one of them, `low..high` a range with open ends, `<solver>` a method.",
            "",
            *_table(
                "key | default | allowed | meaning",
                [(f"`{k.name}`", _code(_text(k.default)), _code(k.allowed), _meaning(k)) for k in effective],
            ),
            "",
            "## Keys without effect",
            "",
            "AmgX's keys for its resources and prints: checked, then left alone.",
            "",
            *_table(
                "key | default | allowed | meaning",
                [(f"`{k.name}`", _code(_text(k.default)), _code(k.allowed), k.meaning) for k in ignored],
            ),
            "",
        ]
    )


def _meaning(key: Description) -> str:
    notes = [key.meaning]
    if key.available:
        notes.append(f"In this version: {', '.join(key.available)}.")
    if "top level" in key.source:
        notes.append("Top level only.")
    return " ".join(notes)


def _table(head: str, rows: list[tuple[str, ...]]) -> list[str]:
    columns = head.count("|") + 1
    cells = [" | ".join(cell.replace("|", r"\|") for cell in row) for row in rows]
    return [f"| {head} |", "|" + " --- |" * columns, *(f"| {row} |" for row in cells)]


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
