"""The demo: a simulated market with a known truth, and everything Orbcast does with it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import flows
from deployments.serving.prefect_server.session import prefect_session
from deployments.simulated import OnProgress, Simulated, read_truth, write_database
from ml_core.errors import InputError
from ml_core.market.market import Market
from ml_core.market.schedule import build_schedule, from_minute
from tasks import training
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source, standing_source
from tasks.prediction.day_outlook import DayOutlook, day_outlook
from tasks.runs.watching import watching
from tasks.settings import Settings, current_settings, now, use_home

if TYPE_CHECKING:
    from ml_core.evidence.evaluation import Evaluation
    from monitoring.pages.model_card.facts import CardFacts
    from tasks.training.retrain.artifact import Retrained
    from tasks.training.study_report import StudyResult

MARKET = "mgc"
FIRST, LAST = date(2023, 1, 3), date(2025, 12, 31)
EDGE = 0.03
SEED = 7
REPLAYED_DAYS = 10

Say = Callable[[str], None]
OnShare = Callable[[float, str], None]
"""Called with the share of the whole demo that is done, from 0 to 1, and the current step."""

_COST = (22, 14, 68, 14, 48, 2)
"""Duration of each step, in seconds on two shared cores; only their ratios matter."""


class NotADemoError(InputError):
    """A home that contains a trader's own bars."""

    home: str
    source: str
    template = (
        f"{{home}} takes its bars of {MARKET} from {{source}}, and the demo simulates some; give "
        "it a folder of its own with --in"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """The demo's results.

    Attributes
    ----------
    home, symbol
        The demo's home, and the market.
    retrained, study
        Results of the flows nightly-retrain and walk-forward.
    evaluation
        The metrics of the trained version.
    truth
        The best possible figures, known because the market is simulated.
    report
        Path of the HTML page.
    outlook
        The market's next opening ranges, by its clock and calendar.
    seconds
        How long the demo took.
    """

    home: Path
    symbol: str
    retrained: Retrained
    study: StudyResult
    evaluation: Evaluation
    truth: dict[str, float]
    report: Path
    outlook: DayOutlook
    seconds: float


class _Steps:
    """Numbered steps of the demo, with their progress and a line after each.

    Parameters
    ----------
    say, on_share
        Called with the line after each step; called with the progress of the whole demo.
    """

    def __init__(self, say: Say, on_share: OnShare) -> None:
        self._say, self._on_share, self._done = say, on_share, 0

    @contextlib.contextmanager
    def step(self, words: str) -> Iterator[tuple[list[str], OnProgress]]:
        """Run a step; yield a list for its result lines, and a function to report its progress."""
        before, cost = sum(_COST[: self._done]), _COST[self._done]
        self._done += 1
        head = f"[{self._done}/{len(_COST)}] {words}"
        lines: list[str] = []
        began = time.monotonic()

        def show_progress(share: float, _: str = "") -> None:
            self._on_share((before + cost * share) / sum(_COST), head)

        show_progress(0.0)
        with watching(show_progress):
            yield lines, lambda done, total: show_progress(done / total)
        outcome = f": {'; '.join(lines)}" if lines else ""
        self._say(f"{head}{outcome}  ({time.monotonic() - began:.1f} s)")


def run_demo(folder: Path, say: Say, on_share: OnShare) -> DemoResult:
    """Run everything in ``folder``, its own home.

    Running it again is safe: the market is not simulated again, nothing is recorded twice.

    Parameters
    ----------
    folder
        The demo's home.
    say
        Called with a line after each step.
    on_share
        Called with the progress of the whole demo.

    Raises
    ------
    NotADemoError
        The folder is a trader's own home.
    """
    began = time.monotonic()
    use_home(folder)
    settings = current_settings()
    market = settings.market(MARKET)
    _require_own(settings)
    say(f"Orbcast demo in {settings.home}: a simulated {market.symbol} with known probabilities.")
    steps = _Steps(say, on_share)
    simulated = f"Simulate 1-minute bars, {FIRST} to {LAST}, edge {EDGE:.0%} planted"
    with steps.step(simulated) as (lines, on_progress):
        made = _simulated(settings, market, on_progress)
        lines.append(f"{made.bars:,} bars on {made.days} trading days")
    with prefect_session(settings, level="ERROR"):
        retrained, study = _run_flows(steps, market)
    facts = training.model_card.card_of(settings, MARKET, str(retrained.challenger), now())
    truth = made.truth_from(facts.evaluation.summary.first_day)
    return DemoResult(
        home=settings.home,
        symbol=market.symbol,
        retrained=retrained,
        study=study,
        evaluation=facts.evaluation,
        truth=truth,
        report=_report(settings, retrained, replace(facts, truth={**truth, "edge": EDGE})),
        outlook=day_outlook(market, now()),
        seconds=time.monotonic() - began,
    )


def _require_own(settings: Settings) -> None:
    spec = standing_source(settings.sources_file, MARKET)
    own = str(settings.home / "trader.duckdb")
    if spec is not None and spec.paths != (own,):
        raise NotADemoError(str(settings.home), ", ".join(spec.paths))


def _simulated(settings: Settings, market: Market, on_progress: OnProgress) -> Simulated:
    database, key = (
        settings.home / "trader.duckdb",
        {"seed": SEED, "edge": EDGE, "last": str(LAST)},
    )
    made = read_truth(database, key)
    if made is None:
        made = write_database(database, market, FIRST, LAST, EDGE, SEED, on_progress, key=key)
    spec = SourceSpec(kind="duckdb", paths=(str(database),), columns={"contract": "contract"})
    remember_source(settings.sources_file, MARKET, spec)
    return made


def _run_flows(steps: _Steps, market: Market) -> tuple[Retrained, StudyResult]:
    # imported only here, because Prefect reads its settings when it is first imported

    with steps.step("Flow refresh-data: the trader's DuckDB into the lake") as (lines, _):
        brought = flows.refresh_data.refresh_data(MARKET, full=True)
        lines.append(f"{brought.added:,} new bars, {brought.quarantined} quarantined")
    with steps.step("Flow walk-forward: refit by quarter, judged on unseen days") as (lines, _):
        studied = cast("StudyResult", flows.walk_forward.walk_forward(MARKET))
        lines.append(f"{len(studied.folds)} folds")
    with steps.step("Flow nightly-retrain: audit, dataset, three models, decision") as (lines, _):
        retrained = flows.nightly_retrain.nightly_retrain(MARKET, refresh=False)
        lines.append(f"{retrained.rows:,} opening ranges")
    moments = _last_decisions(market)
    answering = f"Flow shadow-predict, {len(moments)} times: the last ten days"
    with steps.step(answering) as (lines, on_progress):
        answers = []
        for name, moment in moments:
            answers.append(flows.shadow_predict.shadow_predict(MARKET, name, as_of=moment))
            on_progress(len(answers), len(moments))
        answered = sum(result.entries[0].status == "predicted" for result in answers)
        lines.append(f"{answered} predicted, {len(answers) - answered} abstained with a reason")
    with steps.step("Flow log-outcomes: their outcomes") as (lines, _):
        counts = flows.log_outcomes.log_outcomes(MARKET)
        lines.append(f"{counts.added} outcomes added, {counts.open} open")
    return retrained, studied


def _last_decisions(market: Market) -> list[tuple[str, datetime]]:
    schedule = build_schedule(market, LAST - timedelta(days=30), LAST)
    ends = schedule.range_end[-REPLAYED_DAYS:]
    return [
        (market.ranges[column].name, from_minute(int(minute)))
        for row in ends.tolist()
        for column, minute in enumerate(row)
    ]


def _report(settings: Settings, retrained: Retrained, facts: CardFacts) -> Path:
    """Write the model card of the trained version again, with what only a simulation knows."""
    source = {"source": "simulated by Orbcast, not a real market"}
    bars = {**retrained.data, **facts.bars, **source}
    return training.card_pages.write_card(settings, replace(facts, bars=bars))
