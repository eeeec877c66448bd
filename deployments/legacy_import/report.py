"""What another system left behind: what could be used, what could not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitoring.pages.document import (
    Block,
    BulletList,
    Document,
    FactTable,
    Paragraph,
    Section,
    Table,
)
from monitoring.pages.formatting import DASH, percent

_USES = {
    "equal": "Orbcast computes its own",
    "late": "known only later in the day",
    "never": "leaks: never a feature",
    "compared": "compared with the bars",
    "unknown": "not known",
    "key": "names the row",
}
_FIELDS = {
    "high": "high",
    "low": "low",
    "direction": "direction",
    "outcome": "outcome",
}
_SHOWN = 12


def usable(values: Mapping[str, Any]) -> list[str]:
    """Return in sentences what can be used."""
    lines = []
    database = values["duckdb"]
    if database and database["bars"] and not database["bars"]["fault"]:
        lines.append(_bars_line(values, database["bars"]["brought"]))
    for record in (database or {}).get("records", []):
        if record["ranges"]:
            lines.append(_agreement_line(record))
        equal = sum(column["use"] == "equal" for column in record["columns"])
        if equal:
            lines.append(
                f"Of {len(record['columns'])} columns of {record['table']}, {equal} by "
                "their names have an equal that Orbcast computes from the bars: nothing is copied."
            )
    if any(version["metrics"] for version in _versions(values)):
        lines.append("The models' stated figures, as a note beside the corridor's; no more.")
    return lines


def unusable(values: Mapping[str, Any]) -> list[str]:
    """Return in sentences what cannot be used, and why."""
    lines = []
    database, models = values["duckdb"], _versions(values)
    if database and not database["bars"]:
        lines.append(f"No table of 1-minute bars of {values['market']} was found.")
    if database and database["bars"] and database["bars"]["fault"]:
        lines.append(f"The bars: {database['bars']['fault']}.")
    for record in (database or {}).get("records", []):
        if record["fault"]:
            lines.append(f"{record['table']} was not compared: {record['fault']}.")
        leaks = sum(bool(column["leaks_into"]) for column in record["columns"])
        if leaks:
            lines.append(
                f"{leaks} columns of {record['table']} are known only after some decision of "
                "the day. They are answers or records and must not be features."
            )
    if models:
        count = "The model" if len(models) == 1 else f"All {len(models)} models"
        lines.append(
            f"{count} as a champion: without a recipe nobody can train it again, and nothing "
            "proves that its features were known when it decided."
        )
    pickles = sum(len(model["pickles"]) for model in models)
    if pickles:
        lines.append(f"{pickles} pickle files: opening one runs whatever code it holds.")
    return lines


def headline(values: Mapping[str, Any]) -> str:
    """Return in one sentence what came of it."""
    database, models = values["duckdb"], _versions(values)
    parts = []
    if database:
        good = bool(database["bars"]) and not database["bars"]["fault"]
        parts.append(f"the bars can {'be used' if good else 'not be used as they are'}")
    if values["registry"] is not None:
        parts.append(
            "there is no model in the registry"
            if not models
            else "the model cannot serve"
            if len(models) == 1
            else f"none of the {len(models)} models can serve"
        )
    words = ", and ".join(parts)
    return f"Of the older system {words}."


def legacy_report(values: Mapping[str, Any]) -> Document:
    """Return the report of what ``deployments.legacy_import.survey.survey`` found.

    Parameters
    ----------
    told
        Its plain values.
    """
    parts = [
        Section("What can be used", _points(usable(values), "Nothing.")),
        Section("What cannot be used, and why", _points(unusable(values), "Nothing was refused.")),
    ]
    if values["duckdb"]:
        parts += [_tables(values["duckdb"]), *map(_record, values["duckdb"].get("records", []))]
    if values["registry"] is not None:
        parts += map(_model, _versions(values))
    parts.append(Section("What to do next", (BulletList(tuple(_next(values))),)))
    dry = "Nothing was imported: this was a dry run." if values["dry_run"] else ""
    return Document(
        title=f"Orbcast: import of an older system, {values['market']}",
        names=(values["market"], "import of an older system"),
        verdict=headline(values),
        lines=(dry,),
        sections=tuple(parts),
        made_at=datetime.fromisoformat(values["made_at"]),
    )


def _versions(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((values["registry"] or {}).get("versions", []))


def _points(sentences: list[str], otherwise: str) -> tuple[Block, ...]:
    return (BulletList(tuple(sentences)) if sentences else Paragraph(otherwise),)


def _bars_line(values: Mapping[str, Any], brought: Mapping[str, Any]) -> str:
    span = f"{_day(brought['first_bar'])} to {_day(brought['last_bar'])}"
    aside = (
        f"{brought['quarantined']:,} rows set aside" if brought["quarantined"] else "no bad row"
    )
    if values["dry_run"]:
        return f"{brought['bars']:,} 1-minute bars of {values['market']}, {span}, {aside}."
    if not brought["new_batches"]:
        return f"Its bars of {values['market']} are in the lake since before; nothing was added."
    revised = f", {brought['revised']:,} changed" if brought["revised"] else ""
    return (
        f"{brought['added']:,} bars of {values['market']} were added to the lake{revised}, "
        f"{aside}. The lake now has {brought['bars']:,} bars, {span}."
    )


def _agreement_line(record: Mapping[str, Any]) -> str:
    compared = sum(agreement["compared"] for agreement in record["ranges"].values())
    shares = []
    for field, words in _FIELDS.items():
        agree = sum(agreement["agree"].get(field, 0) for agreement in record["ranges"].values())
        if any(field in agreement["agree"] for agreement in record["ranges"].values()):
            shares.append(f"{words} on {agree:,}")
    return (
        f"{record['table']} agrees with the bars, of {compared:,} opening ranges: "
        f"{', '.join(shares)}."
    )


def _tables(database: Mapping[str, Any]) -> Section:
    rows = tuple(
        (table["name"], f"{table['rows']:,}", table["what"]) for table in database["tables"]
    )
    blocks: list[Block] = [Table(("table", "rows", "what it is"), rows, is_text=True)]
    bars = database["bars"]
    if bars:
        zone = bars["zone"]
        facts = {
            "table": bars["table"],
            "columns": ", ".join(
                f"{ours} = {name}" for ours, name in bars["columns"].items() if name
            ),
            "times": f"{zone['column']} is {zone['type'].lower()}: {zone['stated']}",
        }
        if "open_as_utc" in zone:
            facts["checked"] = (
                f"{percent(zone['open_as_utc'])} of the bars looked at lie in the exchange's hours"
            )
        if bars["brought"]:
            facts |= _brought(bars["brought"])
        blocks.append(FactTable(facts, "The bars"))
    return Section("The database", tuple(blocks))


def _brought(brought: Mapping[str, Any]) -> dict[str, str]:
    reasons = ", ".join(
        f"{n:,} {name.replace('_', ' ')}" for name, n in brought["reasons"].items()
    )
    odd = ", ".join(finding.replace("_", " ") for finding in brought["findings"])
    if not brought["new_batches"]:
        return {"batches": f"{brought['batches']:,}, all of them in since before"}
    return {
        "batches": f"{brought['batches']:,}, {brought['new_batches']:,} of them new",
        "set aside": reasons or "no row",
        "odd but kept": odd or "nothing",
    }


def _record(record: Mapping[str, Any]) -> Section:
    blocks: list[Block] = []
    if record["fault"]:
        blocks.append(Paragraph(f"Not compared: {record['fault']}."))
    if record["ranges"]:
        blocks += _agreement(record)
    by_use: dict[str, list[Mapping[str, Any]]] = {}
    for column in record["columns"]:
        by_use.setdefault(column["use"], []).append(column)
    counts = ", ".join(
        f"{len(by_use[use])} {words}" for use, words in _USES.items() if use in by_use
    )
    blocks.append(Paragraph(f"Its {len(record['columns'])} columns: {counts}."))
    rows = tuple(
        (row["name"], words, f"{row['equal'] or DASH}. {row['why']}")
        for use, words in _USES.items()
        for row in by_use.get(use, [])
        if use != "key"
    )
    head = ("column", "verdict", "equal in Orbcast, and why")
    blocks.append(Table(head, rows, "Column by column", is_text=True, folded=True))
    return Section(f"The record {record['table']}", tuple(blocks))


def _agreement(record: Mapping[str, Any]) -> list[Block]:
    rows = tuple(
        (
            name,
            f"{agreement['compared']:,}",
            *(
                f"{agreement['agree'][field]:,}" if field in agreement["agree"] else DASH
                for field in _FIELDS
            ),
            f"{agreement['only_theirs']:,} / {agreement['only_ours']:,}",
        )
        for name, agreement in record["ranges"].items()
    )
    note = (
        "Compared with the same day's contract by volume, entry at the first 1-minute close "
        "outside, target and stop one risk away, until the session's end."
    )
    head = ("opening range", "compared", *_FIELDS.values(), "only theirs / ours")
    blocks: list[Block] = [Table(head, rows, f"{record['first']} to {record['last']}", note)]
    if record["roll_days"]:
        blocks.append(
            Paragraph(
                f"On {len(record['roll_days'])} days Orbcast itself trades another contract, "
                "because it chooses by the day before's volume: the same day's is not known "
                f"when the day begins ({_some(record['roll_days'])})."
            )
        )
    differences = record["differences"]
    if differences:
        difference_rows = tuple(
            (
                " ".join(difference["slot"]),
                difference["field"],
                difference["theirs"],
                difference["ours"],
                difference["reason"] or "not known",
            )
            for difference in differences
        )
        more = record["more_differences"]
        rest = f"{more:,} more are not shown." if more else ""
        head = ("opening range", "what", "theirs", "from the bars", "reason")
        blocks.append(Table(head, difference_rows, "Differences", rest))
    return blocks


def _model(version: Mapping[str, Any]) -> Section:
    features = version["features"]
    leaks = [feature["name"] for feature in features if feature["leaks_into"]]
    equal = sum(feature["use"] == "equal" for feature in features)
    unknown = [feature["name"] for feature in features if feature["use"] in {"unknown", "key"}]
    booster = version["booster"]
    facts = {
        "answers": f"{version['kind']}{', ' + version['target'] if version['target'] else ''}",
        "trees": f"{booster['trees']:,}" if booster else "not known",
        "features": f"{len(features)}: {equal} with an equal in Orbcast, {len(leaks)} that may "
        f"see the future, {len(unknown)} not known"
        if features
        else "not known",
        "may see the future": _some(leaks),
        "not known": _some(unknown),
        "trained on": _period(version["trained"]),
        "judged on": _period(version["tested"]),
    }
    if version["pickles"]:
        facts["never opened"] = _some(version["pickles"])
    blocks: list[Block] = [FactTable({name: words for name, words in facts.items() if words})]
    if version["faults"]:
        blocks.append(BulletList(tuple(f"{fault}." for fault in version["faults"])))
    blocks += _beside(version)
    return Section(f"The model {version['name']}", tuple(blocks))


def _beside(version: Mapping[str, Any]) -> list[Block]:
    """Put what it states beside what needs no model at all."""
    rows = [
        (name, _figure(name, value), "", "stated by the old system, not checked")
        for name, value in list(version["metrics"].items())[:_SHOWN]
    ]
    corridor = version["corridor"]
    if corridor:
        of_all = f"{percent(corridor['corridor_of_all'])} of all ranges, no break counted wrong"
        up_all = f"{percent(corridor['always_up_of_all'])} of all ranges"
        rows += [
            (
                "corridor, accuracy",
                percent(corridor["corridor"]["estimate"]),
                _span(corridor["corridor"]),
                of_all,
            ),
            (
                "always UP, accuracy",
                percent(corridor["always_up"]["estimate"]),
                _span(corridor["always_up"]),
                up_all,
            ),
        ]
    if not rows:
        return []
    head = ("figure", "value", "95 % interval", "of what")
    return [Table(head, tuple(rows), "What it states, beside the corridor", _days(corridor))]


def _days(corridor: Mapping[str, Any] | None) -> str:
    if corridor is None:
        return "There are no bars of its days, so the corridor could not be computed."
    span = f"{corridor['first']} to {corridor['last']}, {corridor['breaks']:,} breaks"
    if not corridor["stated"]:
        return (
            f"It does not say which days its figures are of. The corridor's are of every day "
            f"there are bars for, {span}: not the same days, so only the size can be compared."
        )
    if not corridor["whole"]:
        return f"The corridor's figures are of the part of its days there are bars for, {span}."
    return f"The corridor's figures are of the very days it states, {span}."


def _next(values: Mapping[str, Any]) -> list[str]:
    name = values["name"]
    database = values["duckdb"]
    steps = []
    if database and database["bars"] and not database["bars"]["fault"]:
        if values["dry_run"]:
            steps.append("Run it again without --dry-run to take the bars in.")
        steps.append(f"orbcast run nightly-retrain --market {name}: trains on these bars.")
        steps.append(
            f"orbcast evaluate --market {name}: walks forward, beside the corridor on every day."
        )
    if _versions(values):
        steps.append(
            "An idea of an old model that you trust: write it as a feature of closed bars "
            "(docs/write-a-feature.md), so that its worth can be shown."
        )
    return steps or ["Name a database with 1-minute bars (--duckdb)."]


def _figure(name: str, value: float) -> str:
    is_share = "acc" in name.rpartition(".")[2] and 0 <= value <= 1
    return percent(value, 2) if is_share else f"{value:.6g}"


def _span(values: Mapping[str, Any]) -> str:
    if values["low"] is None:
        return "not known"
    return f"{percent(values['low'])} to {percent(values['high'])}"


def _period(days: list[str] | None) -> str:
    return "not stated" if days is None else f"{days[0]} to {days[1]}"


def _day(moment: str | None) -> str:
    return "not known" if moment is None else moment[:10]


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest
