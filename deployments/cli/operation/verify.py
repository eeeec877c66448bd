"""`orbcast verify`: check that the record is as it was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

import registry
import tasks
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, OptionError, echo, print_json, remark
from ml_core.errors import InputError
from tasks import data, health, training

if TYPE_CHECKING:
    from deployments.cli.progress import Bar
    from registry.ledger.verification import Verification
    from tasks.settings import Settings

CHANGED, NOT_VERIFIABLE = 1, 2
LARGE_ROWS = 1_000_000
"""With more rows up to its sealed checkpoint, a ledger is verified from there: half a minute."""

_LEDGER = ("predictions", "outcomes")
_SEALED = "sealed as a checkpoint, from which `orbcast verify --since-checkpoint` continues"
_NOT_SEALED = "not sealed: a checkpoint needs a verification without faults"


class WithoutRestoredError(InputError):
    """A name or reason was given without --accept-restored."""

    template = "--by and --reason sign for missing rows; use them with --accept-restored"


def verify(
    head: Annotated[
        str | None,
        typer.Option(help="End of a chain as noted earlier; it must still be in the chain."),
    ] = None,
    accept_restored: Annotated[
        bool,
        typer.Option(help="Continue from a restored backup, and record the missing rows."),
    ] = False,
    by: Annotated[str, typer.Option(help="Your name.")] = "",
    reason: Annotated[str, typer.Option(help="Reason; recorded permanently.")] = "",
    whole: Annotated[
        bool | None,
        typer.Option(
            "--whole/--since-checkpoint",
            help="Verify from the first row, or from the last sealed checkpoint.",
            show_default="whole up to a million rows",
        ),
    ] = None,
    seal: Annotated[
        bool,
        typer.Option("--seal", help="Verify everything; if it is whole, seal a checkpoint."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify the chain of every table that decides, model versions and studies; list changes.

    Exit status: 0 all of it is as it was written, 1 something was edited, deleted or moved, 2 it
    could not be verified. Rows cut off the end are detected because ledger-heads.jsonl in the home
    notes each end. Against a person who edits that file too, note the printed head where they
    cannot write, and pass it with --head.

    A sealed checkpoint is where a full verification found no fault; the flow audit makes one each
    week. A ledger of over a million rows is verified from there, as the last lines of the output
    say. Then an edit of an older row is not detected: `--whole` verifies all.

    Examples: orbcast verify --head 3f9a61c2

    orbcast verify --whole --seal

    orbcast verify --accept-restored --by ann --reason "disk failed, last week's backup"
    """
    if head is not None and not re.fullmatch("[0-9a-f]{8,64}", head.lower()):
        remedy = "write 8 to 64 digits of it, such as 3f9a61c2"
        raise OptionError("--head", head, "is not a hash", remedy)
    if (by or reason) and not accept_restored:
        raise WithoutRestoredError
    if seal and whole is False:
        raise OptionError("--since-checkpoint", "--seal", "seals the whole", "leave one out")
    settings = tasks.settings.current_settings()
    try:
        if accept_restored:
            settings.ledger().accept_restored(by=by, reason=reason, at=tasks.settings.now())
        with progress("Verifying the record") as bar:
            record = _walked(settings, whole=whole, seal=seal)
            faults = [*record.faults, *_other_faults(settings, head, bar)]
    except (
        registry.errors.BusyDatabaseError,
        registry.errors.DatabaseError,
        registry.object_store.StoreUnreachableError,
        OSError,
    ) as error:
        remark(f"not verifiable: {error}")
        raise typer.Exit(NOT_VERIFIABLE) from error
    if as_json:
        _print_json(record, faults, sealed=seal and not record.faults)
    else:
        _print(record, faults)
        if seal:
            echo(_SEALED if not record.faults else _NOT_SEALED)
    if faults:
        raise typer.Exit(CHANGED)


def _walked(settings: Settings, *, whole: bool | None, seal: bool) -> Verification:
    """Verify the chains as asked; by default the whole, unless that takes long."""
    verification = registry.ledger.verification
    if seal:
        return health.sealing.seal_record(settings, tasks.settings.now())
    since = None if whole else verification.seal_of(settings.database())
    if whole is None and since is not None and since.rows <= LARGE_ROWS:
        since = None
    return verification.verify(settings.database(), since)


def _print_json(record: Verification, faults: list[str], *, sealed: bool) -> None:
    gaps = [{"what": str(gap), "by": gap.by, "reason": gap.reason} for gap in record.gaps]
    values = {
        "faults": faults,
        "rows": record.predictions.rows,
        "head": record.predictions.row_hash,
        "outcomes": record.outcomes.rows,
        "outcomes_head": record.outcomes.row_hash,
        "revisions": record.revisions,
        "chains": {
            name: {"rows": end.rows, "head": end.row_hash} for name, end in record.ends.items()
        },
        "chained_as_they_stood": [
            {"table": begun.table_name, "rows": begun.rows, "at": begun.at.isoformat()}
            for begun in record.beginnings
        ],
        "accepted_gaps": gaps,
        "doubts": list(record.doubts),
        "unnoted": record.unnoted,
        "unnoted_rows": record.unnoted_rows,
        "whole": record.since is None,
        "sealed": sealed,
        "since_checkpoint": record.since
        and {
            "at": record.since.at.isoformat(),
            "version": record.since.version,
            "rows": {name: end.rows for name, end in record.since.ends.items()},
        },
    }
    print_json(values)


def _print(record: Verification, faults: list[str]) -> None:
    lines = list(faults)
    lines += [f"{gap} are missing, accepted by {gap.by}: {gap.reason}" for gap in record.gaps]
    lines += [
        (
            f"{doubt}: rows removed from the end before its next line would not be detected "
            "without --head"
        )
        for doubt in record.doubts
    ]
    if record.unnoted and not record.doubts:
        tables = ", ".join(f"{rows:,} {name}" for name, rows in record.unnoted_rows.items())
        lines.append(f"the last {record.unnoted:,} rows have no noted head yet: {tables}")
    if record.beginnings:
        tables = ", ".join(f"{begun.rows:,} {begun.table_name}" for begun in record.beginnings)
        lines.append(
            f"the upgrade of {record.beginnings[0].at:%Y-%m-%d %H:%M} UTC chained as they were: "
            f"{tables}. Earlier edits of these rows are not detected; later rows were chained "
            "when they were written"
        )
    if record.since is not None:
        since = record.since
        ledger = " and ".join(f"{since.ends[name].rows:,} {name}" for name in _LEDGER)
        lines.append(
            f"walked from the checkpoint of {since.at:%Y-%m-%d %H:%M} UTC on: up to there, "
            f"{ledger} among {since.rows:,} rows, Orbcast {since.version} found the whole as "
            "written. Edits of those rows since then are not detected here: `orbcast verify "
            "--whole` walks all"
        )
    state = "as they were written" if not faults else f"{len(faults)} faults"
    lines += [
        (
            f"{record.predictions.rows:,} predictions, {record.outcomes.rows:,} outcomes "
            f"({record.revisions:,} revised), {_others(record):,} rows of the tables that decide, "
            f"model versions and studies: {state}"
        ),
        f"head {record.predictions.row_hash}",
        f"outcomes' head {record.outcomes.row_hash}",
        *(
            f"head of {name} {end.row_hash}"
            for name, end in record.ends.items()
            if name not in _LEDGER and end.rows
        ),
    ]
    for line in lines:
        echo(line)


def _others(record: Verification) -> int:
    return sum(end.rows for name, end in record.ends.items() if name not in _LEDGER)


def _other_faults(settings: Settings, head: str | None, bar: Bar) -> list[str]:

    models, database = settings.models(), settings.database()
    matches = [
        *_faults_or_why_not(lambda: registry.definitions.recipes.recipe_faults(database)),
        *_faults_or_why_not(lambda: registry.definitions.markets.definition_faults(database)),
    ]
    if head is not None and not settings.ledger().has(head.lower()):
        matches.append(f"no chain contains {head} any more: rows are missing from its end")
    versions = models.versions()
    for done, record in enumerate(versions):
        bar.share(done / len(versions), "Verifying versions")
        matches += [
            f"version {record.market} {record.version}: {fault}"
            for fault in models.content_faults(record)
        ]
    matches += _faults_or_why_not(partial(_study_faults, settings))
    if settings.object_store() is not None:
        bar.share(1.0, "Verifying the store")
        matches += data.shared_store.SharedStore(settings).faults()
    return matches


def _faults_or_why_not(look: Callable[[], Iterable[str]]) -> list[str]:
    """Return the faults; a row that cannot be read is a fault, too."""
    try:
        return list(look())
    except registry.tables.base.UnreadableValueError as error:
        return [str(error)]


def _study_faults(settings: Settings) -> Iterator[str]:
    # of every market: one may be studied before anything was trained on it
    for study in registry.studies.evaluations.evaluations(settings.database()):
        try:
            training.studies_on_record.require_intact(settings, study)
        except registry.errors.DamagedEvidenceError as error:
            yield f"study {study.recipe} {study.study_hash[:12]}: {error}"
