"""The model card: what a version is, in plain words, for whoever must decide about it."""

from __future__ import annotations

from typing import Any

from ml_core.learning.bundle import Bundle


def model_card(bundle: Bundle, evaluation: dict[str, Any]) -> str:
    """Write the card of a version, markdown.

    Parameters
    ----------
    bundle
        The version.
    evaluation
        :meth:`ml_core.evidence.evaluate.Evaluation.to_json` on its unseen days.
    """
    told, summary = bundle.trained, evaluation["summary"]
    directional, trading = evaluation["directional"], evaluation["trading"]
    parts = [
        f"# {bundle.recipe.name} {bundle.version}",
        f"**{evaluation['verdict']}**",
        (
            f"{bundle.recipe.about or 'No description.'} Market {told['market']}, label "
            f"`{told['label']}`, recipe `{bundle.recipe.hash[:12]}`, data "
            f"`{told['data_fingerprint'][:12]}`."
        ),
        "## Periods",
        _periods(told),
        "## Direction of the break, on unseen days",
        _voices(directional, ("model", "corridor", "majority")),
        (
            f"Unseen: {summary['first_day']} to {summary['last_day']}, {summary['breaks']:,} "
            "breaks. The corridor is what a driftless price does (gambler's ruin): a model that "
            "does not beat it knows nothing that the place of the close does not say."
        ),
        "## What was learned",
        _learned(told["models"]) if told["models"] else "Nothing: these are the baselines alone.",
        "## Trading it",
        _trades(trading),
        "## Limits",
        (
            "Figures are of the past, after the stated costs, from bars of one minute: the order "
            "of prices inside a minute is not known, and a bar that touches both stop and target "
            "is a loss. P(win) is of trades that reach target or stop; those that time out are "
            "in the net R only. Nothing here places an order."
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _periods(told: dict[str, Any]) -> str:
    rows = ["| part | first day | last day | opening ranges |", "|---|---|---|---|"]
    for part in ("train", "calibrate", "test"):
        each = told[part]
        rows.append(f"| {part} | {each['first_day']} | {each['last_day']} | {each['rows']:,} |")
    return "\n".join(rows)


def _voices(scores: dict[str, Any], voices: tuple[str, ...]) -> str:
    rows = ["| | accuracy | log loss | Brier | AUC | ECE |", "|---|---|---|---|---|---|"]
    for voice in voices:
        each = scores[voice]
        cells = [
            "-" if each[name] is None else f"{each[name]:.4f}"
            for name in ("accuracy", "log_loss", "brier", "auc", "ece")
        ]
        rows.append(f"| {voice} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _learned(models: dict[str, Any]) -> str:
    lines = []
    for name, each in models.items():
        if each["learned"]:
            lines.append(
                f"- {name}: {each['rounds']} small trees on {each['rows']:,} rows; loss on the "
                f"latest training days {each['stopping_loss_model']:.4f} against the baseline's "
                f"{each['stopping_loss_baseline']:.4f}."
            )
        else:
            lines.append(f"- {name}: learned nothing; it is its baseline.")
    return "\n".join(lines)


def _trades(trading: dict[str, Any]) -> str:
    lines = []
    for name, words in (
        ("every_break", "Taking every break"),
        ("followed", "Following the recommendation"),
    ):
        each = trading[name]
        if not each["trades"]:
            lines.append(f"- {words}: no trade.")
            continue
        net = each["net_r"]
        lines.append(
            f"- {words}: {each['trades']:,} trades, {net['estimate']:+.3f} R net a trade "
            f"(95 % interval {net['low']:+.3f} to {net['high']:+.3f}), deepest fall "
            f"{each['drawdown_r']:.1f} R."
        )
    return "\n".join(lines)
