"""`orbcast explain`: why a slot has the answer it has, and what would have changed it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.terminal import out
from ml_core.errors import InputError

if TYPE_CHECKING:
    from registry.ledger import PredictionEntry

_PARTS = 3


class NotASlotError(InputError):
    """Text that names no slot, or one the ledger does not have."""

    def __init__(self, text: str, fault: str) -> None:
        super().__init__(text, fault)
        self.text, self.fault = text, fault

    def __str__(self) -> str:
        return (
            f"slot {self.text!r} {self.fault}; write MARKET:DAY:RANGE as `orbcast predict` prints "
            "it, such as MGC:2025-06-30:0900"
        )


def explain(
    slot: Annotated[str, typer.Argument(help="Such as MGC:2025-06-30:0900.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say why a slot was not recommended: each gate, its figure, and the least that would do.

    Everything comes from the ledger's row, as it was logged before the outcome.

    Example: orbcast explain MGC:2025-06-30:0900
    """
    from monitoring.explain import explain as taken_apart  # noqa: PLC0415 - after --help
    from tasks.settings import settings  # noqa: PLC0415

    symbol, day, name = _slot(slot)
    rows = settings().ledger().settled(symbol, first=day, last=day)
    found = [each.prediction for each in rows if each.prediction.opening_range == name]
    if not found:
        raise NotASlotError(slot, "has no answer in the ledger")
    told = []
    for entry in found:
        said = taken_apart(
            status=entry.status,
            reason=entry.reason,
            recommendation=entry.recommendation,
            late=entry.late,
            outputs=entry.outputs,
        )
        told.append({**_who(entry), **asdict(said)})
    if as_json:
        out().print_json(json.dumps(told))
        return
    for each in told:
        _tell(each)


def _slot(text: str) -> tuple[str, date, str]:
    parts = text.split(":")
    if len(parts) != _PARTS:
        raise NotASlotError(text, "is no slot")
    try:
        return parts[0].upper(), date.fromisoformat(parts[1]), parts[2]
    except ValueError:
        raise NotASlotError(text, "has no day that can be read") from None


def _who(entry: PredictionEntry) -> dict[str, Any]:
    return {
        "role": entry.role,
        "mode": entry.mode,
        "model": entry.model,
        "version": entry.version,
        "made_at": entry.made_at.isoformat(),
    }


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
