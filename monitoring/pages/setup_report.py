"""The page of a setup study: the verdict first, then the best setups and the heat maps."""

from __future__ import annotations

from datetime import datetime

from ml_core.setups.setup_study import PeriodFigures, SetupStudy
from monitoring.pages.document import (
    BulletList,
    Cell,
    CellText,
    Chart,
    Charts,
    Document,
    FactTable,
    Paragraph,
    Section,
    Table,
    split_verdict,
)
from monitoring.pages.formatting import DASH, interval, percent, signed
from monitoring.pages.plots.setups import Period, heat_map

_PERIODS: dict[Period, str] = {
    "search": "the search period",
    "confirmation": "the confirmation period",
}
_HEAD = ("setup", "searched: R net a trade", "q", "confirmed: R net a trade", "status")

_TRADE = (
    "enters at the close that breaks the range, counts R from there, exits at target, stop or the "
    "session's end; both in one minute count as the stop"
)
_FILTERS = (
    "known before the break: weekday of the trading day; small or large against the median height "
    "over ATR-20 of the same range in the search period"
)
_NAMED = (
    "the stepwise test (5 % family-wise) and the false-discovery rate (5 %) both name it in the "
    "search, and its interval in the confirmation, corrected for all found, lies above 0"
)
_SOURCES = (
    "Hansen 2005 (SPA); Romano and Wolf 2005 (StepM); Hansen, Lunde and Nason 2011 (model "
    "confidence set); Benjamini and Hochberg 1995"
)
_LIMITS = tuple(
    " ".join(paragraph.split())
    for paragraph in """
Fills are assumed at the close of the minute that breaks the range, at the stop and at the target,
less the costs stated; a gap through a stop would cost more.

Setups not in the list were not tried. Changing the list after reading this page makes the
confirmation period a part of the search: it confirms once.

A period without a survivor does not prove that none exists: a small edge in few trades cannot be
told from luck.
""".strip().split("\n\n")
)


def setup_report(study: SetupStudy, *, made_at: datetime | None = None) -> Document:
    """Return the study's page.

    Parameters
    ----------
    study
        The study.
    made_at
        Printed at the foot, in UTC; without it, the same study gives the same bytes.
    """
    summary = study.summary
    headline, detail = split_verdict(study.verdict)
    return Document(
        title=f"Orbcast: setups of {summary.market}",
        names=(summary.market, "setup study"),
        verdict=headline,
        lines=(detail,),
        finding="better" if study.named else "none",
        sections=(
            Section("What chance alone gives", (FactTable(_chance(study)),)),
            Section(f"The best {len(study.top)} of the search", (_top(study),)),
            Section("Every setup without filters", (_maps(study),)),
            Section("Method", (FactTable(_method(study)),)),
            Section("Limits", (BulletList(_LIMITS),)),
        ),
        made_at=made_at,
    )


def _chance(study: SetupStudy) -> dict[str, CellText]:
    summary, chance, best = study.summary, study.chance, study.best_set
    judged = (
        f"{summary.judged:,}; {summary.too_few:,} more trade fewer than "
        f"{summary.plan.min_trades} times"
    )
    average = (
        f"{signed(summary.mean_gross_r, 2)} R a trade before costs, "
        f"{signed(summary.mean_net_r, 2)} after; "
        f"{percent(summary.share_above_0)} are above 0"
    )
    luck = (
        f"{chance.best_t:.1f} standard errors above not trading; chance alone gives a best of "
        f"{chance.best_t_by_chance:.1f}, and one time in twenty more than "
        f"{chance.best_t_by_chance_95:.1f}"
    )
    inside = "is" if best.nothing_inside else "is not"
    able = f"{len(best.inside)} of {best.compared} compared; not trading {inside} among them"
    return {
        "setups judged": judged,
        "the average setup": average,
        "the best setup": luck,
        "superior predictive ability": (
            f"p = {chance.p:.3f}: the chance of a best as good where no setup is any good"
        ),
        "beat chance": f"{summary.beat_chance:,}; of them confirmed {summary.named:,}",
        "may be the best of all": able,
    }


def _top(study: SetupStudy) -> Table:
    rows = tuple(
        (
            row.setup.name,
            _figure(row.search),
            "" if row.q is None else f"{row.q:.2f}",
            _figure(row.confirmation),
            row.status,
        )
        for row in study.top
    )
    note = (
        "In order of mean over standard error. Below each figure its trades and 95 % interval: "
        "of the setup alone in the search, of all those found at once in the confirmation, where "
        "only they have one. q is the false-discovery rate at which a setup would be named."
    )
    return Table(_HEAD, rows, note=note)


def _figure(part: PeriodFigures) -> CellText:
    if part.net_r is None:
        return DASH
    span = f"{part.trades:,} trades"
    if part.low is not None:
        span += f", {interval(part.low, part.high, 2)}"
    return Cell(signed(part.net_r, 2), span)


def _maps(study: SetupStudy) -> Charts | Paragraph:
    results = study.heat
    sides = list(dict.fromkeys(result.setup.side for result in results))
    if len(sides) > 1:
        sides = [side for side in sides if side != "both"]  # the sum of the two drawn sides
    charts = tuple(
        Chart(
            f"{period}{side}",
            f"{side.capitalize()}, {words}",
            "Net R a trade of setups without filters.",
            heat_map(results, period, side),
        )
        for period, words in _PERIODS.items()
        for side in sides
    )
    return Charts(charts) if charts else Paragraph("Every setup searched has a filter.")


def _method(study: SetupStudy) -> dict[str, CellText]:
    summary = study.summary
    searched = (
        f"{summary.first_day} to {summary.search_last_day}, {summary.search_days:,} trading days"
    )
    confirmed = (
        f"{summary.confirm_first_day} to {summary.last_day}, "
        f"{summary.confirm_days:,} trading days that nothing was chosen on"
    )
    drawn = (
        f"{summary.plan.resamples:,} draws of whole days in runs of {summary.plan.block_days} on "
        f"average, seed {summary.seed}"
    )
    return {
        "searched": searched,
        "confirmed on": confirmed,
        "a trade": _TRADE,
        "costs": f"{summary.cost_ticks:g} ticks a round trip",
        "filters": _FILTERS,
        "named if": _NAMED,
        "resampling": drawn,
        "sources": _SOURCES,
    }
