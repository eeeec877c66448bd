"""`orbcast explain`: why a slot has the answer it has, and what would have changed it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from deployments.cli.terminal import out


def explain(
    slot: Annotated[str, typer.Argument(help="Such as MGC:2025-06-30:0900.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why a slot was not recommended: each gate, its figure, and the least that would do.

    Everything comes from the ledger's row and the rules' decision, as they were logged before the
    outcome.

    Example: orbcast explain MGC:2025-06-30:0900
    """
    from tasks.explanation import explained  # noqa: PLC0415 - after --help
    from tasks.settings import settings  # noqa: PLC0415

    told = explained(settings(), slot)
    if as_json:
        out().print_json(json.dumps(told))
        return
    for each in told:
        _tell(each)


def _tell(each: dict[str, Any]) -> None:
    console = out()
    head = f"{each['role']} ({each['mode']}) {each['model'] or '-'} {each['version'] or ''}"
    console.print(head, markup=False)
    console.print(f"  {each['verdict']}", soft_wrap=True, markup=False)
    for gate in each["gates"]:
        mark = "ok" if gate["passed"] else "no"
        console.print(f"  {mark}  {gate['name']}: {gate['words']}", soft_wrap=True, markup=False)
        if gate["change"]:
            console.print(f"      would have done: {gate['change']}", soft_wrap=True, markup=False)
    for words in each["reasons"]:
        console.print(f"      {words}", soft_wrap=True, markup=False)
