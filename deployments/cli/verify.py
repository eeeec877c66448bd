"""`orbcast verify`: is the record what was written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.terminal import err, out

if TYPE_CHECKING:
    from tasks.settings import Settings

CHANGED, NOT_VERIFIABLE = 1, 2


def verify(
    head: Annotated[
        str | None,
        typer.Option(help="End of the chain as noted earlier; it must still stand in it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Walk the prediction ledger, every model version and every study; name what was changed.

    Exit status: 0 all of it is as it was written, 1 something was edited, deleted or moved, 2 it
    could not be verified. A ledger cut off at its end looks whole: note the head that is printed
    somewhere else, and give it back with --head.

    Example: orbcast verify --head 3f9a61c2
    """
    from registry.errors import DatabaseError  # noqa: PLC0415 - after --help
    from tasks.settings import settings  # noqa: PLC0415

    where = settings()
    try:
        faults = _faults(where, head)
        now = where.ledger().head()
    except (DatabaseError, OSError) as error:
        err().print(f"not verifiable: {error}", soft_wrap=True, markup=False)
        raise typer.Exit(NOT_VERIFIABLE) from error
    if as_json:
        out().print_json(json.dumps({"faults": faults, "rows": now.rows, "head": now.row_hash}))
    else:
        for fault in faults:
            out().print(fault, soft_wrap=True, markup=False)
        told = "as they were written" if not faults else f"{len(faults)} faults"
        out().print(f"{now.rows:,} predictions, model versions and studies: {told}")
        out().print(f"head {now.row_hash}")
    if faults:
        raise typer.Exit(CHANGED)


def _faults(where: Settings, head: str | None) -> list[str]:
    from registry.errors import DamagedEvidenceError  # noqa: PLC0415 - after --help
    from registry.evaluations import evaluations  # noqa: PLC0415
    from tasks.study import require_whole  # noqa: PLC0415

    ledger, models = where.ledger(), where.models()
    found = list(ledger.verify_chain())
    if head is not None and not ledger.has(head):
        found.append(f"the chain does not hold {head} any more: rows are gone from its end")
    versions = models.versions()
    for record in versions:
        found += [
            f"version {record.market} {record.version}: {each}" for each in models.faults(record)
        ]
    for market in sorted({each.market for each in versions}):
        for study in evaluations(where.database(), market):
            try:
                require_whole(where, study)
            except DamagedEvidenceError as error:
                found.append(f"study {study.recipe} {study.study_hash[:12]}: {error}")
    return found
