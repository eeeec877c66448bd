"""Sentences on what can be used of another system, what cannot, and what to do next."""

from __future__ import annotations

from datetime import UTC, datetime

from deployments.legacy_import.findings import ImportedBars, LegacyFindings, RecordFinding

FIELDS = {
    "high": "high",
    "low": "low",
    "direction": "direction",
    "outcome": "outcome",
}


def usable(findings: LegacyFindings) -> list[str]:
    """Return sentences on what can be used."""
    lines = []
    if findings.bars and findings.bars.brought:
        lines.append(_bars_line(findings, findings.bars.brought))
    for record in findings.records:
        if record.ranges:
            lines.append(_agreement_line(record))
        equal = sum(column.use == "equal" for column in record.columns)
        if equal:
            lines.append(
                f"Of {len(record.columns)} columns of {record.table}, {equal} by "
                "their names have an equal that Orbcast computes from the bars: nothing is copied."
            )
    if any(version.metrics for version in findings.versions):
        lines.append("The models' stated figures, as a note beside the corridor's; no more.")
    return lines


def unusable(findings: LegacyFindings) -> list[str]:
    """Return sentences on what cannot be used, and why."""
    lines = []
    database, models = findings.duckdb, findings.versions
    if database and database.bars is None:
        lines.append(f"No table of 1-minute bars of {findings.market} was found.")
    if database and database.bars and database.bars.fault:
        lines.append(f"The bars: {database.bars.fault}.")
    for record in findings.records:
        if record.fault:
            lines.append(f"{record.table} was not compared: {record.fault}.")
        leaks = sum(bool(column.leaks_into) for column in record.columns)
        if leaks:
            lines.append(
                f"{leaks} columns of {record.table} are known only after some decision of "
                "the day. They are outcomes or records and must not be features."
            )
    if models:
        count = "The model" if len(models) == 1 else f"All {len(models)} models"
        lines.append(
            f"{count} as a champion: without a recipe it cannot be trained again, and nothing "
            "proves that its features were known when it decided."
        )
    pickles = sum(len(model.pickles) for model in models)
    if pickles:
        lines.append(f"{pickles} pickle files: opening one runs whatever code it holds.")
    return lines


def headline(findings: LegacyFindings) -> str:
    """Return the result of the survey in one sentence."""
    models = findings.versions
    parts = []
    if findings.duckdb is not None:
        parts.append(f"the bars can {'be used' if findings.bars else 'not be used as they are'}")
    if findings.registry is not None:
        parts.append(
            "there is no model in the registry"
            if not models
            else "the model cannot serve"
            if len(models) == 1
            else f"none of the {len(models)} models can serve"
        )
    words = ", and ".join(parts)
    return f"Of the older system {words}."


def _bars_line(findings: LegacyFindings, brought: ImportedBars) -> str:
    span = f"{_day_of(brought.first_bar)} to {_day_of(brought.last_bar)}"
    aside = f"{brought.quarantined:,} rows quarantined" if brought.quarantined else "no bad row"
    if findings.dry_run:
        return f"{brought.bars:,} 1-minute bars of {findings.market}, {span}, {aside}."
    if not brought.new_batches:
        return f"Its bars of {findings.market} were in the lake already; nothing was added."
    revised = f", {brought.revised:,} changed" if brought.revised else ""
    return (
        f"{brought.added:,} bars of {findings.market} were added to the lake{revised}, "
        f"{aside}. The lake now has {brought.bars:,} bars, {span}."
    )


def _agreement_line(record: RecordFinding) -> str:
    compared = sum(agreement.compared for agreement in record.ranges.values())
    shares = []
    for field, words in FIELDS.items():
        agree = sum(agreement.agree.get(field, 0) for agreement in record.ranges.values())
        if any(field in agreement.agree for agreement in record.ranges.values()):
            shares.append(f"{words} on {agree:,}")
    return (
        f"{record.table} agrees with the bars, of {compared:,} opening ranges: "
        f"{', '.join(shares)}."
    )


def next_steps(findings: LegacyFindings) -> list[str]:
    """Return the next commands to run."""
    steps = []
    if findings.bars:
        if findings.dry_run:
            steps.append("Run it again without --dry-run to import the bars.")
        steps.append(
            f"orbcast run nightly-retrain --market {findings.name}: trains on these bars."
        )
        steps.append(
            f"orbcast evaluate --market {findings.name}: walks forward, beside the corridor on "
            "every day."
        )
    if findings.versions:
        steps.append(
            "An idea of an old model that you trust: write it as a feature of closed bars "
            "(docs/write-a-feature.md), so that its worth can be shown."
        )
    return steps or ["Name a database with 1-minute bars (--duckdb)."]


def _day_of(moment: datetime | None) -> str:
    return "not known" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d}"
