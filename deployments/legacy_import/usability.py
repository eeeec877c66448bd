"""What of another system can be used, what cannot, and what to do next, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIELDS = {
    "high": "high",
    "low": "low",
    "direction": "direction",
    "outcome": "outcome",
}


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
    if any(version["metrics"] for version in versions_in(values)):
        lines.append("The models' stated figures, as a note beside the corridor's; no more.")
    return lines


def unusable(values: Mapping[str, Any]) -> list[str]:
    """Return in sentences what cannot be used, and why."""
    lines = []
    database, models = values["duckdb"], versions_in(values)
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
    database, models = values["duckdb"], versions_in(values)
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


def versions_in(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the versions of the registry that was looked at; none without one."""
    return list((values["registry"] or {}).get("versions", []))


def _bars_line(values: Mapping[str, Any], brought: Mapping[str, Any]) -> str:
    span = f"{day_of(brought['first_bar'])} to {day_of(brought['last_bar'])}"
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
    for field, words in FIELDS.items():
        agree = sum(agreement["agree"].get(field, 0) for agreement in record["ranges"].values())
        if any(field in agreement["agree"] for agreement in record["ranges"].values()):
            shares.append(f"{words} on {agree:,}")
    return (
        f"{record['table']} agrees with the bars, of {compared:,} opening ranges: "
        f"{', '.join(shares)}."
    )


def next_steps(values: Mapping[str, Any]) -> list[str]:
    """Return what to do next, in commands."""
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
    if versions_in(values):
        steps.append(
            "An idea of an old model that you trust: write it as a feature of closed bars "
            "(docs/write-a-feature.md), so that its worth can be shown."
        )
    return steps or ["Name a database with 1-minute bars (--duckdb)."]


def day_of(moment: str | None) -> str:
    """Return the day of an ISO time."""
    return "not known" if moment is None else moment[:10]
