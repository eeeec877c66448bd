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
    trained, summary = bundle.trained, evaluation["summary"]
    directional, trading = evaluation["directional"], evaluation["trading"]
    parts = [
        f"# {bundle.recipe.name} {bundle.version}",
        f"**{evaluation['verdict']}**",
        (
            f"{bundle.recipe.about or 'No description.'} Market {trained['market']}, label "
            f"`{trained['label']}`, recipe `{bundle.recipe.hash[:12]}`, data "
            f"`{trained['data_fingerprint'][:12]}`."
        ),
        "## Periods",
        _periods(trained),
        "## Direction of the break, on unseen days",
        _voices(directional, ("model", "corridor", "majority")),
        (
            f"Unseen: {summary['first_day']} to {summary['last_day']}, {summary['breaks']:,} "
            "breaks. The corridor is what a driftless price does (gambler's ruin): a model that "
            "does not beat it knows nothing that the place of the close does not say."
        ),
        "## What was learned",
        _learned(trained["models"])
        if trained["models"]
        else "Nothing: these are the baselines alone.",
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


def _periods(trained: dict[str, Any]) -> str:
    rows = ["| part | first day | last day | opening ranges |", "|---|---|---|---|"]
    for part in ("train", "calibrate", "test"):
        period = trained[part]
        rows.append(
            f"| {part} | {period['first_day']} | {period['last_day']} | {period['rows']:,} |"
        )
    return "\n".join(rows)


def _voices(scores: dict[str, Any], names: tuple[str, ...]) -> str:
    rows = ["| | accuracy | log loss | Brier | AUC | ECE |", "|---|---|---|---|---|---|"]
    for who in names:
        figures = scores[who]
        cells = [
            "-" if figures[name] is None else f"{figures[name]:.4f}"
            for name in ("accuracy", "log_loss", "brier", "auc", "ece")
        ]
        rows.append(f"| {who} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _learned(models: dict[str, Any]) -> str:
    lines = []
    for name, model in models.items():
        if model["learned"]:
            lines.append(
                f"- {name}: {model['rounds']} small trees on {model['rows']:,} rows; loss on the "
                f"latest training days {model['stopping_loss_model']:.4f} against the baseline's "
                f"{model['stopping_loss_baseline']:.4f}."
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
        group = trading[name]
        if not group["trades"]:
            lines.append(f"- {words}: no trade.")
            continue
        net = group["net_r"]
        lines.append(
            f"- {words}: {group['trades']:,} trades, {net['estimate']:+.3f} R net a trade "
            f"(95 % interval {net['low']:+.3f} to {net['high']:+.3f}), deepest fall "
            f"{group['drawdown_r']:.1f} R."
        )
    return "\n".join(lines)
