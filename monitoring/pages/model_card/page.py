"""The model card: what a version is and what is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ml_core.learning.models.own_baseline import LEVEL, ModelRecord
from ml_core.learning.predictions.prediction import QUESTION_WORDS
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
    finding,
    label_words,
    money,
)
from monitoring.pages.formatting import (
    NOT_KNOWN,
    count_of,
    minute,
    percent,
    utc_minute,
)
from monitoring.pages.glossary import LIMITS, READING
from monitoring.pages.model_card.facts import CardFacts
from monitoring.pages.model_card.predictions import prediction_blocks, truth_blocks
from monitoring.pages.plots.version import feature_words, version_charts
from monitoring.pages.score_tables import direction_table, scoreboard
from monitoring.performance import Period

_PERIODS = {
    "train": "trained on",
    "calibrate": "calibrated on, before the last fit",
    "test": "judged on, trained the same way on the days before",
}
_MOST_FEATURES = 10
_LIMITS = (
    (
        "It does not claim a profit. Accuracy is not profit: when the break is known the entry is "
        "behind it, and costs come off either way."
    ),
    (
        "The corridor is arithmetic, not skill: the position of the window's last price shows "
        "which edge is nearer. What counts is what the model adds to it."
    ),
)
_KNOWS = "It uses bars of one minute only: no news, no order book, no other market."
_KNOWS_NEWS = (
    "It uses bars of one minute and the times of scheduled news, from the day on which your "
    "calendar states that they were known, and nothing else: not the content of the news, no "
    "order book, no other market."
)


def model_card(
    facts: CardFacts, *, made_at: datetime | None = None, full: bool = False
) -> Document:
    """Return the card, the verdict first.

    Parameters
    ----------
    facts
        The facts on the card.
    made_at
        Aware time, printed at the foot; without it, the same facts give the same bytes.
    full
        Whether to add figures, which take seconds, the champion's latest predictions and a guide
        for reading; for a page.

    """
    headline, detail = split_verdict(facts.evaluation.verdict)
    simulated = "These bars are simulated: no figure here is evidence about a real market."
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
            Section("Figures on unseen days", scoreboard(facts.evaluation)),
            Section("Charts", (Charts(charts),) if charts else ()),
            Section("Best possible figures", truth_blocks(facts)),
            Section("Walk-forward study of its recipe", _study(facts)),
            Section("Power of its test", _power(facts)),
            Section("Live record", _live(facts)),
            Section(
                "The champion's predictions, recorded before the outcome",
                prediction_blocks(facts) if full else (),
            ),
            Section("Training data", _trained(facts)),
            Section("Features by importance", _importance(facts)),
            Section("Limits", (BulletList(_limits(facts)),)),
            Section("How it was made", _provenance(facts)),
            Section("How to read this", (Definitions(READING),) if full else ()),
        ),
        made_at=made_at,
    )


def _study(facts: CardFacts) -> tuple[Block, ...]:
    if facts.created_at is None:
        return ()
    if facts.kind == "baseline":
        return (Paragraph("A baseline claims no skill, so it needs no evidence."),)
    study = facts.study
    if study is None:
        return (
            Paragraph(
                "There is none yet. A single period can be lucky: make a study with "
                f"orbcast evaluate {facts.model}."
            ),
        )
    notes = []
    if not study.counts:
        notes.append("It does not count for a promotion: its period or walk was chosen by hand.")
    if not study.current:
        notes.append(
            "It is old, or was made by other code: for a promotion it must be made again."
        )
    span = f"{study.first_day} to {study.last_day}, {study.breaks:,} breaks"
    return (
        Paragraph(f"{study.verdict} {span}. Made {study.at:%Y-%m-%d}."),
        direction_table(study.directional, "Each day predicted by a version that had not seen it"),
        *((BulletList(tuple(notes)),) if notes else ()),
    )


def _power(facts: CardFacts) -> tuple[Block, ...]:
    power = facts.power
    if power is None:
        return ()
    needed = power.needed
    enough = needed.rows is not None and power.rows >= needed.rows
    words = (
        f"To find a gain of {needed.gain:g} in log loss, the smallest worth having, "
        f"{percent(needed.power, 0)} of the time, with {count_of(needed.questions, 'question')} "
        f"to pay for, takes the promotion rule {needed.words} breaks; this version was judged on "
        f"{power.rows:,}."
    )
    if enough:
        more = "That is enough: a gain of that size would mostly have shown."
    else:
        more = (
            f"That many find a gain of about {power.findable:.3f}; a smaller one could exist "
            "and not show."
        )
    return (Paragraph(f"{words} {more}"),)


def _live(facts: CardFacts) -> tuple[Block, ...]:
    if facts.created_at is None:
        return ()
    periods = {role: period for role, period in facts.live.items() if period.counts.slots}
    if not periods:
        return (
            Paragraph(
                "No prediction of this very version has an outcome yet. Figures of past days "
                "are not a live record."
            ),
        )
    return tuple(Paragraph(_period(role, period)) for role, period in periods.items())


def _period(role: str, period: Period) -> str:
    counts = period.counts
    late = f", {counts.late:,} of them late" if counts.late else ""
    return (
        f"As {role}, {period.first_day} to {period.last_day}: {counts.slots:,} slots, "
        f"{counts.answered:,} predicted{late}. {period.verdict}."
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
    for name, values in trained["models"].items():
        words = QUESTION_WORDS.get(name, name)
        rows[words] = _who_predicts(name, ModelRecord.from_json(values))
    if not trained["models"]:
        rows["models"] = "none: the driftless baselines alone"
    return (FactTable(rows),)


def _who_predicts(question: str, record: ModelRecord) -> str:
    """Return the answer to a question on the card: model or baseline, and why."""
    saved = record.stopping_gain
    if not record.learned:
        words = "its baseline predicts: nothing was learned"
        if saved is None:
            return words
        return (
            f"{words}. Trees changed the loss on the latest training days by {-saved.mean:+.4f}; "
            f"they are used if that is better by more than a standard error over days "
            f"({saved.error:.4f})"
        )
    trees = f"{record.rounds} small trees on {record.rows:,} rows"
    unseen = record.held_back_gain
    held = (
        f"loss on {unseen.days:,} held-back days {-unseen.mean:+.4f} against its baseline's, "
        f"standard error {unseen.error:.4f}"
        if unseen
        else ""
    )
    if not record.serves:
        return (
            f"its baseline predicts: {trees} did not beat it at the level of {LEVEL:.0%} ({held})"
        )
    judged = "; the promotion rule judges it" if question == "directional" else ""
    if held:
        return f"a model predicts, {trees}; {held}{judged}"
    if record.stopping_loss_model is None or record.stopping_loss_baseline is None:
        return f"a model predicts, {trees}"
    return (
        f"a model predicts, {trees}; loss on the latest training days "
        f"{record.stopping_loss_model:.4f} against the baseline's "
        f"{record.stopping_loss_baseline:.4f}"
    )


def _importance(facts: CardFacts) -> tuple[Block, ...]:
    words = feature_words(facts.trained)
    blocks: list[Block] = []
    for question, shares in facts.importance.items():
        if not shares:
            continue
        largest = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_FEATURES]
        rows = tuple((words.get(name, name), name, percent(share)) for name, share in largest)
        title = f"For {QUESTION_WORDS.get(question, question)}"
        head = ("what it measures", "feature", "share of the trees' gain")
        blocks.append(Table(head, rows, title, folded=question != "directional"))
    if not blocks:
        return (
            Paragraph(
                "No feature: it is its baseline, which uses only the position of the close."
            ),
        )
    return (
        Paragraph(
            "A feature that is used need not be useful: only the difference from the corridor "
            "shows that."
        ),
        *blocks,
    )


def _limits(facts: CardFacts) -> tuple[str, ...]:
    novelty = {
        None: (),
        True: (
            (
                "It abstains from ranges unlike those it learned from: its figures are for "
                "usual days."
            ),
        ),
        False: (
            (
                "It does not measure how unlike its training data a range is: it predicts "
                "every range."
            ),
        ),
    }[facts.novelty]
    expiry = (
        (f"It may predict until {facts.expires_at:%Y-%m-%d}: markets change, and it does not.",)
        if facts.expires_at
        else ()
    )
    simulated = (
        ("The market is simulated: an edge found here was put there.",) if facts.simulated else ()
    )
    reads_news = facts.kind != "baseline" and "news" in facts.hashes
    knows = _KNOWS_NEWS if reads_news else _KNOWS
    return (*simulated, *_LIMITS, knows, *expiry, *novelty, *LIMITS)


def _features(named: str | Sequence[str]) -> str:
    """Return how many features a recipe names, beside "all" or alone."""
    if named == "all":
        return "all of the catalogue"
    beside = len([name for name in named if name != "all"])
    return f"{beside:,} named ones" + (" beside all of the catalogue" if "all" in named else "")


def _provenance(facts: CardFacts) -> tuple[Block, ...]:
    recipe = facts.recipe
    rows = {
        **({"made": utc_minute(facts.created_at)} if facts.created_at else {}),
        "recipe": f"{facts.model}, {facts.kind}",
        "features": _features(recipe.get("features") or ()),
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
            (minute(decision.at), decision.kind, decision.verdict) for decision in facts.decisions
        )
        head = ("UTC", "about", "decided")
        blocks.append(Table(head, decided, "Decisions about it", is_text=True))
    return tuple(blocks)
