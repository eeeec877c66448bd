"""Report on another system's data: what can be used, what cannot, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from deployments.legacy_import.feature_names import FeatureVerdict
from deployments.legacy_import.findings import (
    CorridorScore,
    DatabaseFinding,
    ImportedBars,
    LegacyFindings,
    ModelFinding,
    RecordFinding,
)
from deployments.legacy_import.usability import (
    FIELDS,
    headline,
    next_steps,
    unusable,
    usable,
)
from ml_core.evidence.intervals import Interval
from monitoring.pages.document import (
    Block,
    BulletList,
    Document,
    FactTable,
    Paragraph,
    Section,
    Table,
)
from monitoring.pages.formatting import DASH, NOT_KNOWN, percent

_USES = {
    "equal": "Orbcast computes its own",
    "late": "known only later in the day",
    "never": "leaks: never a feature",
    "compared": "compared with the bars",
    "unknown": "not known",
    "key": "names the row",
}
_SHOWN = 12


def legacy_report(findings: LegacyFindings) -> Document:
    """Return the report on the findings of ``deployments.legacy_import.survey.survey``."""
    parts = [
        Section("What can be used", _points(usable(findings), "Nothing.")),
        Section(
            "What cannot be used, and why", _points(unusable(findings), "Nothing was refused.")
        ),
    ]
    if findings.duckdb is not None:
        parts += [_tables(findings.duckdb), *map(_record, findings.records)]
    parts += map(_model, findings.versions)
    parts.append(Section("What to do next", (BulletList(tuple(next_steps(findings))),)))
    dry = "Nothing was imported: this was a dry run." if findings.dry_run else ""
    return Document(
        title=f"Orbcast: import of an older system, {findings.market}",
        names=(findings.market, "import of an older system"),
        verdict=headline(findings),
        lines=(dry,),
        sections=tuple(parts),
        made_at=findings.made_at,
    )


def _points(sentences: list[str], otherwise: str) -> tuple[Block, ...]:
    return (BulletList(tuple(sentences)) if sentences else Paragraph(otherwise),)


def _tables(database: DatabaseFinding) -> Section:
    rows = tuple((table.name, f"{table.rows:,}", table.what) for table in database.tables)
    blocks: list[Block] = [Table(("table", "rows", "what it is"), rows, is_text=True)]
    bars = database.bars
    if bars:
        zone = bars.zone
        facts = {
            "table": bars.table,
            "columns": ", ".join(
                f"{ours} = {name}" for ours, name in bars.columns.items() if name
            ),
            "times": f"{zone.column} is {zone.type.lower()}: {zone.stated}",
        }
        if zone.open_as_utc is not None:
            facts["checked"] = (
                f"{percent(zone.open_as_utc)} of the checked bars lie in the exchange's hours"
            )
        if bars.brought:
            facts |= _brought(bars.brought)
        blocks.append(FactTable(facts, "The bars"))
    return Section("The database", tuple(blocks))


def _brought(brought: ImportedBars) -> dict[str, str]:
    reasons = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in brought.reasons.items())
    odd = ", ".join(finding.replace("_", " ") for finding in brought.findings)
    if not brought.new_batches:
        return {"batches": f"{brought.batches:,}, all of them imported before"}
    return {
        "batches": f"{brought.batches:,}, {brought.new_batches:,} of them new",
        "quarantined": reasons or "no row",
        "unusual but imported": odd or "nothing",
    }


def _record(record: RecordFinding) -> Section:
    blocks: list[Block] = []
    if record.fault:
        blocks.append(Paragraph(f"Not compared: {record.fault}."))
    if record.ranges:
        blocks += _agreement(record)
    by_use: dict[str, list[FeatureVerdict]] = {}
    for column in record.columns:
        by_use.setdefault(column.use, []).append(column)
    counts = ", ".join(
        f"{len(by_use[use])} {words}" for use, words in _USES.items() if use in by_use
    )
    blocks.append(Paragraph(f"Its {len(record.columns)} columns: {counts}."))
    rows = tuple(
        (row.name, words, f"{row.equal or DASH}. {row.why}")
        for use, words in _USES.items()
        for row in by_use.get(use, [])
        if use != "key"
    )
    head = ("column", "verdict", "equal in Orbcast, and why")
    blocks.append(Table(head, rows, "Column by column", is_text=True, folded=True))
    return Section(f"The record {record.table}", tuple(blocks))


def _agreement(record: RecordFinding) -> list[Block]:
    rows = tuple(
        (
            name,
            f"{agreement.compared:,}",
            *(
                f"{agreement.agree[field]:,}" if field in agreement.agree else DASH
                for field in FIELDS
            ),
            f"{agreement.only_theirs:,} / {agreement.only_ours:,}",
        )
        for name, agreement in record.ranges.items()
    )
    note = (
        "Compared with the same day's contract by volume, entry at the first 1-minute close "
        "outside, target and stop one risk away, until the session's end."
    )
    head = ("opening range", "compared", *FIELDS.values(), "only theirs / ours")
    blocks: list[Block] = [Table(head, rows, f"{record.first} to {record.last}", note)]
    if record.roll_days:
        blocks.append(
            Paragraph(
                f"On {len(record.roll_days)} days Orbcast itself trades another contract, "
                "because it chooses by the day before's volume: the same day's is not known "
                f"when the day begins ({_some(record.roll_days)})."
            )
        )
    differences = record.differences
    if differences:
        difference_rows = tuple(
            (
                " ".join(difference.slot),
                difference.field,
                difference.theirs,
                difference.ours,
                difference.reason or "not known",
            )
            for difference in differences
        )
        more = record.more_differences
        rest = f"{more:,} more are not shown." if more else ""
        head = ("opening range", "what", "theirs", "from the bars", "reason")
        blocks.append(Table(head, difference_rows, "Differences", rest))
    return blocks


def _model(version: ModelFinding) -> Section:
    features = version.features
    leaks = [feature.name for feature in features if feature.leaks_into]
    equal = sum(feature.use == "equal" for feature in features)
    unknown = [feature.name for feature in features if feature.use in {"unknown", "key"}]
    booster = version.booster
    facts = {
        "answers": f"{version.kind}{', ' + version.target if version.target else ''}",
        "trees": f"{booster.trees:,}" if booster else "not known",
        "features": f"{len(features)}: {equal} with an equal in Orbcast, {len(leaks)} that may "
        f"see the future, {len(unknown)} not known"
        if features
        else "not known",
        "may see the future": _some(leaks),
        "not known": _some(unknown),
        "trained on": _period(version.trained),
        "judged on": _period(version.tested),
    }
    if version.pickles:
        facts["never opened"] = _some(version.pickles)
    blocks: list[Block] = [FactTable({name: words for name, words in facts.items() if words})]
    if version.faults:
        blocks.append(BulletList(tuple(f"{fault}." for fault in version.faults)))
    blocks += _beside(version)
    return Section(f"The model {version.name}", tuple(blocks))


def _beside(version: ModelFinding) -> list[Block]:
    """Compare a version's stated figures with scores that need no model."""
    rows = [
        (name, _figure(name, value), "", "stated by the old system, not checked")
        for name, value in list(version.metrics.items())[:_SHOWN]
    ]
    corridor = version.corridor
    if corridor:
        of_all = f"{percent(corridor.corridor_of_all)} of all ranges, no break counted wrong"
        up_all = f"{percent(corridor.always_up_of_all)} of all ranges"
        rows += [
            (
                "corridor, accuracy",
                percent(corridor.corridor.estimate),
                _span(corridor.corridor),
                of_all,
            ),
            (
                "always UP, accuracy",
                percent(corridor.always_up.estimate),
                _span(corridor.always_up),
                up_all,
            ),
        ]
    if not rows:
        return []
    head = ("figure", "value", "95 % interval", "of what")
    return [Table(head, tuple(rows), "What it states, beside the corridor", _days(corridor))]


def _days(corridor: CorridorScore | None) -> str:
    if corridor is None:
        return "There are no bars of its days, so the corridor could not be computed."
    span = f"{corridor.first} to {corridor.last}, {corridor.breaks:,} breaks"
    if not corridor.stated:
        return (
            f"It does not state the days of its figures. The corridor's are of every day "
            f"there are bars for, {span}: not the same days, so only the size can be compared."
        )
    if not corridor.whole:
        return f"The corridor's figures are of the part of its days there are bars for, {span}."
    return f"The corridor's figures are of exactly the days it states, {span}."


def _figure(name: str, value: float) -> str:
    is_share = "acc" in name.rpartition(".")[2] and 0 <= value <= 1
    return percent(value, 2) if is_share else f"{value:.6g}"


def _span(accuracy: Interval) -> str:
    if not accuracy.is_known:
        return NOT_KNOWN
    return f"{percent(accuracy.low)} to {percent(accuracy.high)}"


def _period(days: tuple[date, date] | None) -> str:
    return "not stated" if days is None else f"{days[0]} to {days[1]}"


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest
