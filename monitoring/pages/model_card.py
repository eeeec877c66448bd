"""The model card: what a version is and what is known of it, for whoever must trust it."""

from __future__ import annotations

from datetime import datetime

from monitoring.pages.card_facts import CardFacts
from monitoring.pages.document import (
    Block,
    BulletList,
    Cell,
    Charts,
    Definitions,
    Document,
    FactTable,
    Paragraph,
    Section,
    Table,
    split_verdict,
)
from monitoring.pages.findings import (
    Figures,
    finding,
    label_words,
    money,
    recovered,
)
from monitoring.pages.formatting import (
    DASH,
    NOT_KNOWN,
    minute,
    percent,
    percent_or_dash,
    signed_or_dash,
    utc_minute,
)
from monitoring.pages.glossary import LIMITS, READING
from monitoring.pages.score_tables import direction_table, scoreboard
from monitoring.pages.version_charts import feature_words, version_charts

_PERIODS = {"train": "trained on", "calibrate": "calibrated on", "test": "judged on, never seen"}
_QUESTIONS = {
    "directional": "direction of the break",
    "quality": "target before stop",
    "r_multiple": "net R",
}
_MOST_FEATURES = 10
_RECENT_ROWS = 12
"""Ledger rows shown at once; those before them unfold."""

_RECENT_HEAD = ("range", "UP, model", "UP, corridor", "recommended", "broke", "R net of the break")

_LIMITS = (
    (
        "It is no claim of profit. Accuracy is not profit: when the break is known the entry is "
        "behind it, and costs come off either way."
    ),
    (
        "The corridor is arithmetic, not skill: where the last price of the window stands tells "
        "which edge is nearer. What counts is what the model knows beyond it."
    ),
    "It knows bars of one minute and nothing else: no news, no order book, no other market.",
)


def model_card(
    facts: CardFacts, *, made_at: datetime | None = None, full: bool = False
) -> Document:
    """Return the card, the verdict first.

    Parameters
    ----------
    facts
        What it tells.
    made_at
        Aware time, printed at the foot; left out, the same facts give the same bytes.
    full
        With figures, which cost seconds, the champion's latest predictions and how to read it all;
        for a page.

    """
    headline, detail = split_verdict(facts.evaluation.verdict)
    simulated = "These bars are simulated: nothing here says anything about a real market."
    about = facts.about or ("The driftless baselines." if facts.kind == "baseline" else "")
    name = (facts.market, facts.model, facts.version)
    charts = version_charts(facts.evaluation, facts.importance, facts.truth) if full else ()
    return Document(
        title=f"Orbcast: {' '.join(name)}",
        names=(*name, "simulated market") if facts.simulated else name,
        verdict=headline,
        lines=(
            simulated if facts.simulated else "",
            detail,
            money(facts.evaluation.trading),
            about,
            " ".join(facts.standing),
        ),
        finding=finding(facts.evaluation),
        sections=(
            Section("The figures, on days the model never saw", scoreboard(facts.evaluation)),
            Section("In pictures", (Charts(charts),) if charts else ()),
            Section("What could be known", _truth(facts)),
            Section("Walk-forward study of its recipe", _study(facts)),
            Section("What could have been found", _power(facts)),
            Section("Its live record so far", _live(facts)),
            Section(
                "The champion's predictions, recorded before the outcome",
                _recent(facts) if full else (),
            ),
            Section("What it was trained on", _trained(facts)),
            Section("What it looks at", _importance(facts)),
            Section("Limits", (BulletList(_limits(facts)),)),
            Section("How it was made", _made(facts)),
            Section("How to read this", (Definitions(READING),) if full else ()),
        ),
        made_at=made_at,
    )


def _truth(facts: CardFacts) -> tuple[Block, ...]:
    """Return what a simulated market allows beside what was measured; nothing of a real one."""
    truth = facts.truth
    if truth is None:
        return ()
    edge = truth.get("edge")
    planted = (
        "No edge is planted: nobody can beat the corridor here, and a report that says otherwise "
        "is wrong."
        if edge == 0
        else "An edge is planted, and its size is known exactly."
        if edge is None
        else f"An edge is planted: who knows it is right {edge * 100:g} points more often."
    )
    directional = facts.evaluation.directional
    possible = (
        (words, truth[f"{name}_accuracy"], truth[f"{name}_log_loss"])
        for words, name in (("best possible", "bayes"), ("best without the edge", "driftless"))
    )
    measured = (
        (f"{name}, measured", scores.accuracy, scores.log_loss)
        for name, scores in (("model", directional.model), ("corridor", directional.corridor))
    )
    rows = tuple(
        (words, percent(accuracy), f"{log_loss:.4f}")
        for words, accuracy, log_loss in (*possible, *measured)
    )
    share = recovered(facts.evaluation, truth)
    note = (
        ""
        if share is None
        else f"The model found {percent(share, 0)} of the log loss there is to gain. What is "
        "known is an expectation; what is measured on some days lies above or below it by luck."
    )
    return (
        Paragraph(f"This market is simulated, so the answer is known. {planted}"),
        Table(("", "accuracy", "log loss"), rows, "Known and measured", note),
    )


def _study(facts: CardFacts) -> tuple[Block, ...]:
    if facts.kind == "baseline":
        return (Paragraph("A baseline claims nothing, so nothing is to be shown."),)
    study = facts.study
    if study is None:
        return (
            Paragraph(
                "There is none yet. One period alone can flatter: make a study with "
                f"orbcast evaluate {facts.model}."
            ),
        )
    summary = study["summary"]
    notes = []
    if not study["counts"]:
        notes.append("It does not count for a promotion: its period or walk was chosen by hand.")
    if not study["current"]:
        notes.append("It is old, or was made by other code: for a promotion it must be made anew.")
    span = f"{summary['first_day']} to {summary['last_day']}, {summary['breaks']:,} breaks"
    return (
        Paragraph(f"{study['verdict']} {span}. Made {study['at']:%Y-%m-%d}."),
        direction_table(
            study["directional"], "Each day answered by a version that had not seen it"
        ),
        *((BulletList(tuple(notes)),) if notes else ()),
    )


def _power(facts: CardFacts) -> tuple[Block, ...]:
    power = facts.power
    if power is None:
        return ()
    chance = percent(power["power"], 0)
    enough = power["rows"] >= power["needed"]
    words = (
        f"To find a gain of {power['gain']:g} in log loss, the smallest worth having, "
        f"{chance} of the time takes {power['needed']:,} breaks; it was judged on "
        f"{power['rows']:,}."
    )
    if enough:
        more = "That is enough: a gain of that size would mostly have shown."
    else:
        more = (
            f"So many find a gain of about {power['findable']:.3f}; a smaller one could be there "
            "and not show."
        )
    return (Paragraph(f"{words} {more}"),)


def _live(facts: CardFacts) -> tuple[Block, ...]:
    periods = {role: period for role, period in facts.live.items() if period["counts"]["slots"]}
    if not periods:
        return (
            Paragraph(
                "No prediction of this very version has an outcome yet. What it did on past "
                "days is no live record."
            ),
        )
    return tuple(Paragraph(_period(role, period)) for role, period in periods.items())


def _period(role: str, period: Figures) -> str:
    counts = period["counts"]
    late = f", {counts['late']:,} of them late" if counts["late"] else ""
    return (
        f"As {role}, {period['first_day']} to {period['last_day']}: {counts['slots']:,} slots, "
        f"{counts['answered']:,} answered{late}. {period['verdict']}."
    )


def _recent(facts: CardFacts) -> tuple[Block, ...]:
    if not facts.recent:
        return ()
    rows = tuple(map(_prediction, facts.recent))
    replayed = any(row.get("mode") == "replay" for row in facts.recent)
    note = "Replayed: past days predicted as if live. Replays count for no decision."
    latest = Table(_RECENT_HEAD, rows[-_RECENT_ROWS:], note=note if replayed else "")
    earlier = rows[:-_RECENT_ROWS]
    title = f"{len(earlier):,} earlier ones"
    return (latest, Table(_RECENT_HEAD, earlier, title, folded=True)) if earlier else (latest,)


def _prediction(row: Figures) -> tuple[str, ...]:
    predicted = row["status"] == "predicted"
    return (
        f"{row['day']} {row['opening_range']}",
        percent_or_dash(row.get("p_up") if predicted else None),
        percent_or_dash(row.get("baseline_p_up") if predicted else None),
        (row.get("recommendation") or DASH) if predicted else row.get("reason") or "no answer",
        row.get("direction") or "open",
        signed_or_dash(row.get("r_net")),
    )


def _trained(facts: CardFacts) -> tuple[Block, ...]:
    trained = facts.trained
    rows = {
        words: (
            f"{trained[part]['first_day']} to {trained[part]['last_day']}, "
            f"{trained[part]['rows']:,} opening ranges"
        )
        for part, words in _PERIODS.items()
        if trained.get(part)
    }
    rows |= facts.bars
    rows["a trade is"] = label_words(trained["label"])
    rows["costs"] = f"{trained['cost_ticks']:g} ticks a round trip"
    for name, model in trained["models"].items():
        learned = f"{model['rounds']} small trees" if model["learned"] else "nothing: its baseline"
        rows[f"{_QUESTIONS.get(name, name)}, learned"] = learned
    if not trained["models"]:
        rows["models"] = "none: the driftless baselines alone"
    return (FactTable(rows),)


def _importance(facts: CardFacts) -> tuple[Block, ...]:
    words = feature_words()
    blocks: list[Block] = []
    for question, shares in facts.importance.items():
        if not shares:
            continue
        largest = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_FEATURES]
        rows = tuple((words.get(name, name), name, percent(share)) for name, share in largest)
        title = f"For {_QUESTIONS.get(question, question)}"
        head = ("what it measures", "feature", "share of the trees' gain")
        blocks.append(Table(head, rows, title, folded=question != "directional"))
    if not blocks:
        return (
            Paragraph("No feature: it is its baseline, which knows the place of the close alone."),
        )
    return (
        Paragraph("Used is not yet useful: only the difference from the corridor says that."),
        *blocks,
    )


def _limits(facts: CardFacts) -> tuple[str, ...]:
    novelty = (
        "It abstains from ranges unlike those it was trained on: its figures are of usual days."
        if facts.novelty
        else "It has no measure of how unlike its training a day is: it answers every day alike."
    )
    expiry = f"It may answer until {facts.expires_at:%Y-%m-%d}: markets change, and it does not."
    simulated = (
        ("The market is simulated: an edge found here was put there.",) if facts.simulated else ()
    )
    return (*simulated, *_LIMITS, expiry, novelty, *LIMITS)


def _made(facts: CardFacts) -> tuple[Block, ...]:
    recipe = facts.recipe
    rows = {
        "made": utc_minute(facts.created_at),
        "recipe": f"{facts.model}, {facts.kind}",
        "features": "all of the catalogue"
        if recipe.get("features") == "all"
        else f"{len(recipe.get('features') or ()):,} named ones",
        "window": str(recipe.get("window", NOT_KNOWN)),
        "seed": str(recipe.get("seed", NOT_KNOWN)),
    }
    hashes = {name: Cell(text, is_code=True) for name, text in facts.hashes.items()}
    blocks: list[Block] = [
        Paragraph("The same recipe, bars and code give the same bytes again."),
        FactTable(rows),
        FactTable(hashes, "Fingerprints"),
    ]
    if facts.decisions:
        decided = tuple(
            (minute(decision["at"]), str(decision["kind"]), str(decision["verdict"]))
            for decision in facts.decisions
        )
        head = ("UTC", "about", "decided")
        blocks.append(Table(head, decided, "What was decided about it", is_text=True))
    return tuple(blocks)
