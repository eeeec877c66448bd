"""Explain: why a slot has the answer it has, and the least that would have changed it."""

from __future__ import annotations

from typing import Any

from prefect import flow

from tasks.artifacts import bullets, publish, table
from tasks.explanation import explained
from tasks.settings import settings

_GATES = {"name": "Gate", "passed": "Passed", "words": "Figure", "change": "Would have done"}


@flow(name="explain")
def explain(slot: str) -> dict[str, Any]:
    """Take the logged answers of a slot apart, gate by gate; nothing is computed anew.

    Args:
        slot: Market, trading day and opening range, such as MGC:2025-06-30:0900.
    """
    told = explained(settings(), slot)
    publish(
        "explain-" + slot.replace(":", "-"),
        f"{slot}: {told[0]['verdict']}",
        *(
            part
            for each in told
            for part in (
                f"{each['role']} ({each['mode']}), {each['model'] or '-'} {each['version'] or ''}",
                table(each["gates"], _GATES),
                bullets(each["reasons"]),
            )
        ),
    )
    return {"slot": slot, "answers": told}
