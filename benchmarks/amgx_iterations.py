"""Iterations beside AmgX's, method by method.

    python benchmarks/amgx_iterations.py --only cycle --json out.json

One line for each configuration, `ours/AmgX's` iterations on each matrix where AmgX converged; then the pairs
that miss the bound of AmgX's + 10 % + 1, and how many keep it. AmgX's numbers are data beside the checkout
(`tests/python/reference.py` says where); without them there is nothing to compare, and the script says so.
"""

import argparse
import json
import re
import sys
import warnings
from pathlib import Path

import jax

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/python"))
import jaxamg
from problems import GALLERY, rhs
from reference import Record, matrix, records


def is_mathematics(record: Record) -> bool:
    """False for what no theory covers: conjugate gradients without a symmetric positive definite A and M."""
    text = Path(record.config).read_text() if isinstance(record.config, str) else json.dumps(record.config)
    _, _, inner = record.name.partition("+")
    if re.search(r'"(solver": "P?CGF?|cycle": "CGF?)"', text) is None:
        return True
    return GALLERY[record.matrix].spd and inner not in ("GS", "MULTICOLOR_GS")


def iterations(record: Record) -> int | None:
    """Ours, or None without convergence."""
    A = matrix(record.matrix)
    _, info = jaxamg.solve(A, rhs(A.shape[0]), record.config)
    return int(info["iterations"]) if info["status"] is jaxamg.AMGXStatus.SUCCESS else None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="configurations whose name contains this")
    parser.add_argument("--matrices", nargs="+", help="these only")
    parser.add_argument("--json", type=Path, help="write the pairs there")
    arguments = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    warnings.simplefilter("ignore")

    chosen = [
        record
        for record in records()
        if record.status == 0
        and arguments.only in record.name
        and (not arguments.matrices or record.matrix in arguments.matrices)
    ]
    if not chosen:
        sys.exit("nothing is chosen, or AmgX's reference data are not beside this checkout")
    lines: dict[str, list[Record]] = {}
    for record in chosen:
        lines.setdefault(record.name, []).append(record)

    pairs, missing = [], []
    for name, line in lines.items():
        if not line[0].available:
            missing.append(name)
            continue
        cells = []
        for record in line:
            if record.is_too_large:
                continue
            ours = iterations(record)
            cells.append(f"{record.matrix} {'-' if ours is None else ours}/{record.iterations}")
            pairs.append((record, ours))
        print(f"{name:45} {'  '.join(cells)}", flush=True)

    def misses(record: Record, ours: int | None) -> bool:
        return ours is None or ours > record.allowed

    short = [(record, ours) for record, ours in pairs if misses(record, ours)]
    counted = [(record, ours) for record, ours in pairs if is_mathematics(record)]
    within = sum(not misses(record, ours) for record, ours in counted)
    print("\nbeyond AmgX's + 10 % + 1:")
    for record, ours in short:
        ratio = "no convergence" if ours is None else f"{ours / (record.iterations or 1):.2f}"
        note = "" if is_mathematics(record) else ", outside the bound"
        print(f"  {record.matrix:15} {record.name:40} {ours} against {record.iterations}: {ratio}{note}")
    print(f"{within} of {len(counted)} pairs keep the bound; {len(pairs) - len(counted)} are no mathematics")
    if missing:
        print("not in this version:", ", ".join(missing))
    if arguments.json:
        table = [
            {"matrix": record.matrix, "config": record.name, "ours": ours, "amgx": record.iterations}
            for record, ours in pairs
        ]
        arguments.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
