"""The model card: what a version is and what is known of it, for whoever must trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitoring.pages.document import Block, Cell, Facts, Grid, Paper, Part, Pictures, Points, Text
from monitoring.pages.document import to_markdown as _markdown
from monitoring.pages.document import to_page as _page
from monitoring.pages.findings import (
    DASH,
    FEW_TRADES,
    Figures,
    between,
    finding,
    label_words,
    money,
    require,
)
from monitoring.pages.glossary import LIMITS
from monitoring.pages.plots import percent, signed
from monitoring.pages.version_figures import Chart, charts

_NEEDED = ("verdict", "summary.first_day", "summary.last_day", "summary.breaks", "trading")
_TRAINED = ("train", "calibrate", "models", "data_fingerprint", "cost_ticks", "label")
_PERIODS = {"train": "trained on", "calibrate": "calibrated on", "test": "judged on, never seen"}
_METRICS = {
    "accuracy": "accuracy (higher is better)",
    "log_loss": "log loss (lower is better)",
    "brier": "Brier score (lower is better)",
    "auc": "AUC (higher is better)",
    "ece": "calibration error (lower is better)",
}
_VOICES = ("model", "corridor", "majority")
_QUESTIONS = {
    "directional": "direction of the break",
    "quality": "target before stop",
    "r_multiple": "net R",
}
_IMPORTANT = 10

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Everything a card tells of a version; plain values.

    Attributes
    ----------
    market, version, model, kind, about
        Which; ``model`` is the recipe's name, ``about`` its sentence.
    standing
        Sentences on what it is now: serving, challenger, expired.
    evaluation
        What it did on its unseen days, ``metrics.json``.
    trained, importance, recipe
        ``metadata.json``, ``feature_importance.json``, ``recipe.json``.
    hashes
        Name -> hash or version, to be copied.
    created_at, expires_at
        Aware times.
    bars
        On the days trained on, label -> words: excluded ranges, contract rolls. Empty where the
        bars are not there.
    power
        ``rows``, ``needed`` for a ``gain`` in log loss found with the chance ``power``, and
        ``findable``, the gain that so many rows find.
    study
        The latest walk-forward study of its recipe: ``verdict``, ``at``, ``counts``, ``current``,
        ``summary``, ``directional``; None without one.
    live
        Role -> :meth:`monitoring.performance.Period.to_json` of its live days.
    decisions
        ``at``, ``kind``, ``verdict`` of what was decided about it, oldest first.
    novelty
        Whether it abstains from rows unlike its training data.
    simulated
        Whether the market's bars are simulated.
    """

    market: str
    version: str
    model: str
    kind: str
    about: str
    standing: tuple[str, ...]
    evaluation: Figures
    trained: Figures
    importance: Mapping[str, Mapping[str, float]]
    recipe: Figures
    hashes: Mapping[str, str]
    created_at: datetime
    expires_at: datetime
    bars: Mapping[str, str] = field(default_factory=dict)
    power: Figures | None = None
    study: Figures | None = None
    live: Mapping[str, Figures] = field(default_factory=dict)
    decisions: Sequence[Figures] = ()
    novelty: bool = False
    simulated: bool = False


def card_markdown(facts: CardFacts, *, made_at: datetime | None = None) -> str:
    """Write the card as markdown.

    Raises
    ------
    NotAnEvaluationError
        Something the card needs is absent.
    """
    return _markdown(card_paper(facts, made_at=made_at))


def card_page(facts: CardFacts, *, made_at: datetime | None = None) -> str:
    """Write the card as one HTML document without scripts, links or outside hosts.

    Raises
    ------
    NotAnEvaluationError
        Something the card needs is absent.
    """
    return _page(card_paper(facts, made_at=made_at, drawn=True))


def card_paper(facts: CardFacts, *, made_at: datetime | None = None, drawn: bool = False) -> Paper:
    """Return the card, the verdict first.

    Parameters
    ----------
    facts
        What it tells.
    made_at
        Aware time, printed at the foot; left out, the same facts give the same bytes.
    drawn
        With figures, which cost seconds; markdown cannot hold them.
    """
    require("evaluation", facts.evaluation, *_NEEDED)
    require("version's metadata", facts.trained, *_TRAINED)
    headline, colon, detail = facts.evaluation["verdict"].partition(": ")
    simulated = (
        "These bars are simulated: nothing here says anything about a real market."
        if facts.simulated
        else ""
    )
    about = facts.about or ("The driftless baselines." if facts.kind == "baseline" else "")
    return Paper(
        title=f"Orbcast: {facts.market} {facts.model} {facts.version}",
        names=(
            facts.market,
            facts.model,
            facts.version,
            *(("simulated market",) if facts.simulated else ()),
        ),
        verdict=headline + ("." if colon else ""),
        lines=(
            simulated,
            detail[:1].upper() + detail[1:],
            money(facts.evaluation["trading"]),
            about,
            " ".join(facts.standing),
        ),
        finding=finding(facts.evaluation),
        parts=(
            Part("How it compares with the baselines", _compared(facts)),
            Part("In pictures", _pictures(facts) if drawn else ()),
            Part("Walk-forward study of its recipe", _study(facts)),
            Part("What could have been found", _power(facts)),
            Part("Its live record so far", _live(facts)),
            Part("What it was trained on", _trained(facts)),
            Part("What it looks at", _importance(facts)),
            Part("Limits", (Points(_limits(facts)),)),
            Part("How it was made", _made(facts)),
        ),
        made_at=made_at,
    )


def _compared(facts: CardFacts) -> tuple[Block, ...]:
    told, summary = facts.evaluation, facts.evaluation["summary"]
    blocks: list[Block] = [
        Text(
            f"On {summary['first_day']} to {summary['last_day']}, days it had not seen: "
            f"{summary['breaks']:,} breaks. Beside each figure its 95 % interval."
        ),
        _scores(told["directional"], "Which way the range breaks"),
    ]
    trading = told["trading"]
    rows = tuple(
        (
            words,
            f"{trading[kind]['trades']:,}",
            _r(trading[kind], "gross_r"),
            _r(trading[kind], "net_r"),
        )
        for kind, words in (("every_break", "every break"), ("followed", "recommended only"))
    )
    head = ("trades taken", "trades", "R before costs", "R after costs")
    blocks.append(Grid(head, rows, "Trading it, R a trade"))
    return tuple(blocks)


def _scores(scores: Figures, title: str) -> Grid:
    rows = []
    for metric, words in _METRICS.items():
        change = scores["difference"]["corridor"].get(metric)
        cells = [_score(metric, scores[voice], scores["interval"][voice]) for voice in _VOICES]
        rows.append((words, *cells, _change(metric, change)))
    head = ("", "model", "corridor", "majority", "model less corridor")
    return Grid(head, tuple(rows), title)


def _score(metric: str, scores: Figures, intervals: Figures) -> Cell:
    value = scores.get(metric)
    if value is None:
        return "not known"
    scale, decimals = (100, 1) if metric == "accuracy" else (1, 4)
    shown = percent(value) if metric == "accuracy" else f"{value:.4f}"
    interval = intervals.get(metric)
    if interval is None or interval["low"] is None:
        return shown
    ends = {key: scale * interval[key] for key in ("low", "high")}
    return shown, between(ends, min(decimals, 3), sign=False)


def _change(metric: str, change: Figures | None) -> Cell:
    if not change or change["estimate"] is None:
        return DASH
    scale, decimals, unit = (100, 1, " points") if metric == "accuracy" else (1, 4, "")
    known = {
        key: None if change[key] is None else scale * change[key]
        for key in ("estimate", "low", "high")
    }
    return f"{signed(known['estimate'] or 0.0, decimals)}{unit}", between(known, decimals)


def _r(trades: Figures, key: str) -> Cell:
    if not trades["trades"]:
        return DASH
    if trades[key]["estimate"] is None:
        return "not known"
    shown = signed(trades[key]["estimate"], 3)
    if trades["trades"] < FEW_TRADES:
        return shown, "too few to judge"
    return shown, between(trades[key], 3)


def _pictures(facts: CardFacts) -> tuple[Block, ...]:
    shown: tuple[Chart, ...] = charts(facts.evaluation, facts.importance)
    return (Pictures(shown),)


def _study(facts: CardFacts) -> tuple[Block, ...]:
    if facts.kind == "baseline":
        return (Text("A baseline claims nothing, so nothing is to be shown."),)
    study = facts.study
    if study is None:
        return (
            Text(
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
        Text(f"{study['verdict']} {span}. Made {study['at']:%Y-%m-%d}."),
        _scores(study["directional"], "Each day answered by a version that had not seen it"),
        *((Points(tuple(notes)),) if notes else ()),
    )


def _power(facts: CardFacts) -> tuple[Block, ...]:
    power = facts.power
    if power is None:
        return ()
    chance = percent(power["power"], 0)
    enough = power["rows"] >= power["needed"]
    told = (
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
    return (Text(f"{told} {more}"),)


def _live(facts: CardFacts) -> tuple[Block, ...]:
    shown = {role: each for role, each in facts.live.items() if each["counts"]["slots"]}
    if not shown:
        return (
            Text(
                "None: no prediction of this very version has an outcome yet. What it did on past "
                "days is no live record."
            ),
        )
    blocks: list[Block] = []
    for role, each in shown.items():
        counts = each["counts"]
        late = f", {counts['late']:,} of them late" if counts["late"] else ""
        said = (
            f"As {role}, {each['first_day']} to {each['last_day']}: {counts['slots']:,} slots, "
            f"{counts['answered']:,} answered{late}. {each['verdict']}."
        )
        blocks.append(Text(said))
    return tuple(blocks)


def _trained(facts: CardFacts) -> tuple[Block, ...]:
    told = facts.trained
    rows = {
        words: (
            f"{told[part]['first_day']} to {told[part]['last_day']}, "
            f"{told[part]['rows']:,} opening ranges"
        )
        for part, words in _PERIODS.items()
        if told.get(part)
    }
    rows |= facts.bars
    rows["a trade is"] = label_words(told["label"])
    rows["costs"] = f"{told['cost_ticks']:g} ticks a round trip"
    for name, each in told["models"].items():
        learned = f"{each['rounds']} small trees" if each["learned"] else "nothing: its baseline"
        rows[f"{_QUESTIONS.get(name, name)}, learned"] = learned
    if not told["models"]:
        rows["models"] = "none: the driftless baselines alone"
    return (Facts(rows),)


def _importance(facts: CardFacts) -> tuple[Block, ...]:
    from ml_core.features.all import CATALOGUE  # noqa: PLC0415 - where a card is written

    words = {each.name: each.words for each in CATALOGUE.select("all")}
    words["side"] = "side of the trade"
    blocks: list[Block] = []
    for question, shares in facts.importance.items():
        if not shares:
            continue
        largest = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))[:_IMPORTANT]
        rows = tuple((words.get(name, name), name, percent(share)) for name, share in largest)
        title = f"For {_QUESTIONS.get(question, question)}"
        head = ("what it measures", "feature", "share of the trees' gain")
        blocks.append(Grid(head, rows, title, folded=question != "directional"))
    if not blocks:
        return (Text("No feature: it is its baseline, which knows the place of the close alone."),)
    return (
        Text("Used is not yet useful: only the difference from the corridor says that."),
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
        "made": f"{facts.created_at:%Y-%m-%d %H:%M} UTC",
        "recipe": f"{facts.model}, {facts.kind}",
        "features": "all of the catalogue"
        if recipe.get("features") == "all"
        else f"{len(recipe.get('features') or ()):,} named ones",
        "window": str(recipe.get("window", "not known")),
        "seed": str(recipe.get("seed", "not known")),
    }
    blocks: list[Block] = [
        Facts(rows),
        Facts(dict(facts.hashes), "Fingerprints", frozenset(facts.hashes)),
    ]
    if facts.decisions:
        told = tuple(
            (f"{each['at']:%Y-%m-%d %H:%M}", str(each["kind"]), str(each["verdict"]))
            for each in facts.decisions
        )
        head = ("UTC", "about", "decided")
        blocks.append(Grid(head, told, "What was decided about it", words=True))
    same = "The same recipe, bars and code give the same bytes again."
    return (Text(same), *blocks)
