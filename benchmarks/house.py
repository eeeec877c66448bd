"""Figures on the maintainability of the code: sizes, modules, cycles, names, repeated shapes.

    python benchmarks/house.py [--json] [--trip HOME]

Product code is the code in the six packages; tests and benchmarks do not count, except that the
names in tests are counted by themselves. With ``--trip``, a copy of HOME (such as that of
``make demo``) makes one live prediction, and the files it enters are counted. HOME itself is not
changed.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("ml_core", "registry", "monitoring", "tasks", "flows", "deployments")

LONG_FILE, LONGEST_FILE = 300, 350
BY_RULE = ("registry/migrations/versions", "flows")
"""Folders that are not counted among the largest: each has one file a change, or one a flow.

Alembic reads the history of the schema as one sequence. The path of a flow is its entry point,
which Prefect's server and generated files have stored.
"""
SAME_SHAPE = 10
"""Number of consecutive lines of the same shape that make two places a pair."""

WORDS = frozenset((
    "where", "each", "said", "told", "shown", "found", "known", "stands", "asked", "moved",
    "watched", "lived", "heard", "rests", "weigh", "grounds", "holding", "voice", "voices",
    "heads", "plain",
))  # fmt: skip
"""Names that say nothing about what they name."""

DIALECT = re.compile(r"\s*(Give|Say|Tell)\b")
"""Words with which no docstring should begin."""

_NAMES = {tokenize.NAME: "name", tokenize.NUMBER: "0", tokenize.STRING: "text"}
_SKIPPED = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip


def tracked_files(*folders: str) -> list[Path]:
    """Return the Python files of some folders that git knows, in order."""
    command = ["git", "ls-files", "-z", "--", *(f"{folder}/*.py" for folder in folders)]
    names = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True).stdout
    return [PROJECT / name for name in sorted(filter(None, names.decode().split("\0")))]


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Yield each name where it is bound: variables, parameters, functions, classes, aliases."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


def names_that_say_nothing(trees: Iterable[ast.AST]) -> int:
    """Count the places that bind one of ``WORDS``."""
    return sum(name in WORDS for tree in trees for name in bound_names(tree))


def returns_magic_keys(node: ast.AST) -> bool:
    """Return whether a function returns ``dict[str, Any]``, alone or inside another type."""
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return (
        is_function and node.returns is not None and "dict[str, Any]" in ast.unparse(node.returns)
    )


def shapes(text: str) -> list[tuple[int, str]]:
    """Return a number and a shape for each line of code; names, numbers and texts look alike.

    Imports are left out, since all of them look alike.
    """
    lines: dict[int, list[str]] = defaultdict(list)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _SKIPPED:
            lines[token.start[0]].append(_NAMES.get(token.type, token.string))
    code = text.splitlines()
    return [
        (number, " ".join(words))
        for number, words in sorted(lines.items())
        if not code[number - 1].lstrip().startswith(("import ", "from "))
    ]


def repeated_places(files: Iterable[Path]) -> int:
    """Count the pairs of places that share ``SAME_SHAPE`` lines; longer ones count once."""
    places: dict[tuple[str, ...], list[tuple[Path, int]]] = defaultdict(list)
    for path in files:
        lines = shapes(path.read_text("utf-8"))
        for start in range(len(lines) - SAME_SHAPE + 1):
            key = tuple(shape for _, shape in lines[start : start + SAME_SHAPE])
            if sum(len(shape) > len("name = name") for shape in key) > SAME_SHAPE // 2:
                places[key].append((path, start))
    starts = {
        (*first, *second)
        for place in places.values()
        for first, second in combinations(place, 2)
        if first[0] != second[0] or abs(first[1] - second[1]) >= SAME_SHAPE
    }
    return sum((a, i - 1, b, j - 1) not in starts for a, i, b, j in starts)


def circles() -> int:
    """Count the modules in import cycles."""
    import grimp  # noqa: PLC0415 - import-linter's own graph

    graph = grimp.build_graph(*PACKAGES)
    for root in graph.modules:  # a root lists its modules for mypy without importing them
        for module in graph.find_children(root):
            graph.remove_import(importer=root, imported=module)
    upstream = {name: graph.find_upstream_modules(name) for name in graph.modules}
    return sum(name in upstream[other] for name in graph.modules for other in upstream[name])


def measures() -> dict[str, int]:
    """Return every figure except the trip, by name."""
    files = tracked_files(*PACKAGES)
    text = {path: path.read_text("utf-8") for path in files}
    trees = {path: ast.parse(content) for path, content in text.items()}
    length = {path: content.count("\n") for path, content in text.items()}
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in nodes if isinstance(node, documented)]
    rooms = Counter(
        path.parent
        for path in files
        if path.name != "__init__.py" and str(path.parent.relative_to(PROJECT)) not in BY_RULE
    )
    return {
        "product files": len(files),
        "product lines": sum(length.values()),
        f"files over {LONG_FILE} lines": sum(lines > LONG_FILE for lines in length.values()),
        f"files over {LONGEST_FILE} lines": sum(lines > LONGEST_FILE for lines in length.values()),
        "modules in the largest folder": max(rooms.values()),
        "modules in import circles": circles(),
        "functions that return dict[str, Any]": sum(map(returns_magic_keys, nodes)),
        "noqa": sum(content.count("# noqa") for content in text.values()),
        "names that say nothing": names_that_say_nothing(trees.values()),
        "names in tests that say nothing": names_that_say_nothing(
            ast.parse(path.read_text("utf-8")) for path in tracked_files("tests")
        ),
        "docstrings that begin with Give, Say or Tell": sum(
            DIALECT.match(docstring) is not None for docstring in docstrings
        ),
        f"pairs of places with {SAME_SHAPE} lines of a shape": repeated_places(files),
    }


_TRACED = """
import json, sys, threading
from collections import Counter
files, functions = Counter(), Counter()
def trace(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(OURS) and code.co_name[0] != "<":
        back = frame.f_back
        while back is not None and not back.f_code.co_filename.startswith(OURS):
            back = back.f_back
        files[code.co_filename] += back is None or back.f_code.co_filename != code.co_filename
        functions[code.co_filename.removeprefix(ROOT) + ":" + code.co_qualname] += 1
ROOT = sys.argv.pop(1)
OUT = sys.argv.pop(1)
OURS = tuple(f"{ROOT}{package}/" for package in sys.argv.pop(1).split(","))
import deployments.cli.app as app, flows.shadow_predict
threading.setprofile(trace)
sys.setprofile(trace)
try:
    app.main()
finally:
    sys.setprofile(None)
    with open(OUT, "w") as file:
        json.dump({"files": files, "functions": functions}, file)
"""

_READS = {
    "bars": ("ml_core/bars/lake/lake.py:Lake.read",),
    "the stage": ("registry/rollout.py:rollout_records",),
    "the ledger": tuple(
        f"registry/ledger/ledger.py:Ledger.{name}" for name in ("settled", "of_slot", "reasons")
    ),
    "the rules' decisions": ("registry/strategy.py:strategy_records",),
}
"""What one prediction reads, with the functions that read it."""

_ROOMS = ("flows", "tasks", "registry", "monitoring", "ml_core/decision")
"""The code that reads, decides, records and shows a slot; the rest of ml_core computes."""


def trip(home: Path) -> dict[str, int]:
    """Return how many files one live prediction enters, how often, and how often it reads.

    The prediction is made three seconds after the last opening range that the home has bars for,
    on a simulated clock.
    """
    from tasks.prediction.slots import latest_slot  # noqa: PLC0415 - only where it is measured
    from tasks.settings import CLOCK_FILE, current_settings, use_home  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        copy, out, clock = (Path(folder) / name for name in ("home", "trip.json", "clock"))
        shutil.copytree(home, copy)
        use_home(copy)
        settings = current_settings()
        market = settings.market("mgc")
        last = settings.lake().status(market.symbol).last
        assert last is not None, f"{home} has no bars of {market.symbol}"
        moment = latest_slot(market, last).decision + timedelta(seconds=3)
        clock.write_text(str((moment - datetime.now(UTC)).total_seconds()), "utf-8")
        command = [sys.executable, "-c", _TRACED, f"{PROJECT}/", str(out), ",".join(PACKAGES)]
        command += ["--home", str(copy), "run", "shadow-predict", "--quiet"]
        environment = {**os.environ, CLOCK_FILE: str(clock)}
        subprocess.run(
            command, cwd=PROJECT, env=environment, check=True, stdout=subprocess.DEVNULL
        )
        result = json.loads(out.read_text("utf-8"))
    entered = {name.removeprefix(f"{PROJECT}/"): count for name, count in result["files"].items()}
    rooms: Counter[str] = Counter()
    for name in entered:
        rooms[name.split("/")[0]] += 1
    inside = {name: count for name, count in entered.items() if name.startswith(_ROOMS)}
    return {
        "files a live prediction enters": sum(rooms[package] for package in PACKAGES[:-1]),
        **{f"of them in {package}": rooms[package] for package in PACKAGES[:-1]},
        "of them in ml_core/decision": sum(name.startswith(_ROOMS[-1]) for name in inside),
        "times control comes to all but ml_core's other rooms": sum(inside.values()),
        **{
            f"times it reads {what}": sum(result["functions"].get(name, 0) for name in names)
            for what, names in _READS.items()
        },
    }


def main() -> None:
    """Print the figures, one line each."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--json", action="store_true", help="one JSON document")
    arguments.add_argument("--trip", type=Path, metavar="HOME", help="a home with a version")
    given = arguments.parse_args()
    figures = measures() | (trip(given.trip) if given.trip else {})
    if given.json:
        print(json.dumps(figures, indent=2))
        return
    for name, figure in figures.items():
        print(f"{figure:>8,}  {name}")


if __name__ == "__main__":
    main()
