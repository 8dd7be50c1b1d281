"""AmgX's iterations by matrix and configuration, where `reference.jsonl` lies beside this checkout.

`reference_configs.json` and `configs/` hold the configurations; `problems.GALLERY` the matrices.
"""

import json
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import scipy.sparse as sp
from jaxamg._method import method
from problems import GALLERY

AMGX = Path(__file__).parents[3] / "shared/amgx"

# 16384 unknowns are 2 GB as a dense matrix, and minutes of elimination.
LARGEST_DENSE = 5000


@dataclass(frozen=True)
class Record:
    """One run of AmgX.

    Attributes:
        config: what jaxamg.solve takes; a file's path for a sample.
        status: AmgX's, or None where it crashed or ran too long.
        iterations: AmgX's, or None.
        residual: AmgX's at the end, in the configured norm, or None.
        true_relative: ‖b - A x‖ / ‖b‖ of AmgX's x, or None.
        available: this version has the methods.
    """

    matrix: str
    name: str
    config: object
    status: int | None
    iterations: int | None
    residual: float | None
    true_relative: float | None
    available: bool

    @property
    def is_too_large(self) -> bool:
        return self.name == "DENSE_LU_SOLVER" and matrix(self.matrix).shape[0] > LARGEST_DENSE

    @property
    def allowed(self) -> float:
        """Ten percent and one iteration more than AmgX; one only with the default configuration."""
        assert self.iterations is not None
        return self.iterations + 1 if self.config is None else 1.1 * self.iterations + 1


def configurations() -> dict[str, object]:
    """By the names of reference.jsonl, in its order."""
    named = json.loads((AMGX / "reference_configs.json").read_text())
    return named | {f"json:{path.stem}": str(path) for path in sorted((AMGX / "configs").glob("*.json"))}


def is_available(config: object) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # AmgX's own files have keys that nothing reads
        try:
            method(config, {})
        except ValueError:
            return False
    return True


def records() -> list[Record]:
    """All of them; none where the data are missing."""
    if not AMGX.exists():
        return []
    configs = configurations()
    available = {name: is_available(config) for name, config in configs.items()}
    lines = [json.loads(line) for line in (AMGX / "reference.jsonl").read_text().splitlines()]
    return [
        Record(
            line["matrix"],
            line["config"],
            configs[line["config"]],
            line.get("status"),
            line.get("iterations"),
            line.get("residual"),
            line.get("true_relative"),
            available[line["config"]],
        )
        for line in lines
    ]


@cache
def matrix(name: str) -> sp.csr_array:
    return GALLERY[name].build()
