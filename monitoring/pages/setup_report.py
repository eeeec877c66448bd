"""The page of a setup study: the verdict first, then the best setups and the heat maps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitoring.pages.figure_style import to_inline_svg
from monitoring.pages.markup import Html, element, join, table
from monitoring.pages.page_frame import bullets, document, foot, section
from monitoring.pages.plots import percent, signed
from monitoring.pages.setup_plots import heat_map

_PERIODS = {"search": "the search period", "confirmation": "the confirmation period"}
_HEAD = ("setup", "searched: R net a trade", "q", "confirmed: R net a trade", "status")
_DASH = "\N{EN DASH}"

_TRADE = (
    "enters at the close that breaks the range, counts R from there, ends at target, stop or the "
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
    " ".join(each.split())
    for each in """
Fills are assumed at the close of the minute that breaks the range, at the stop and at the target,
less the costs stated; a gap through a stop would cost more.

Setups not in the list were not tried. Changing the list after reading this page makes the
confirmation period a part of the search: it confirms once.

A period without a survivor does not prove that none exists: a small edge in few trades cannot be
told from luck.
""".strip().split("\n\n")
)


def render_setup_report(study: Mapping[str, Any], *, made_at: datetime | None = None) -> str:
    """Write the study as one HTML document without scripts, links or outside hosts.

    Parameters
    ----------
    study
        :meth:`ml_core.setups.study.SetupStudy.to_json`.
    made_at
        Printed at the foot, in UTC; left out, the same study gives the same bytes.
    """
    summary = study["summary"]
    parts = [
        _verdict(study),
        section("What chance alone would give", _chance(study)),
        section(f"The best {len(study['top'])} of the search", _top(study)),
        section("Every setup without filters", _maps(study)),
        section("How it was judged", _method(study)),
        section("Limits", bullets(_LIMITS)),
        foot((summary["market"], "setup study"), made_at),
    ]
    return document(f"Orbcast: setups of {summary['market']}", parts)


def _card(content: Html, words: str = "") -> Html:
    note = element("p", words, class_="small") if words else Html()
    return element("div", content, note, class_="card")


def _verdict(study: Mapping[str, Any]) -> Html:
    summary = study["summary"]
    headline, colon, detail = study["verdict"].partition(": ")
    kind = "better" if study["named"] else "plain"
    return element(
        "header",
        element("div", f"Orbcast · {summary['market']} · setup study", class_="eyebrow"),
        element(
            "div",
            element("h1", headline + ("." if colon else "")),
            element("p", detail[:1].upper() + detail[1:]),
            class_=f"verdict {kind}",
        ),
    )


def _chance(study: Mapping[str, Any]) -> Html:
    summary, chance, best = study["summary"], study["chance"], study["best_set"]
    judged = (
        f"{summary['judged']:,}; {summary['too_few']:,} more trade fewer than "
        f"{summary['min_trades']} times"
    )
    average = (
        f"{signed(summary['mean_gross_r'], 2)} R a trade before costs, "
        f"{signed(summary['mean_net_r'], 2)} after; "
        f"{percent(summary['share_above_0'])} are above 0"
    )
    luck = (
        f"{chance['best_t']:.1f} standard errors above not trading; chance alone gives a best of "
        f"{chance['best_t_by_chance']:.1f}, and one time in twenty more than "
        f"{chance['best_t_by_chance_95']:.1f}"
    )
    inside = "is" if best["nothing_inside"] else "is not"
    able = f"{len(best['inside'])} of {best['compared']} compared; not trading {inside} among them"
    rows: list[tuple[object, ...]] = [
        ("setups judged", judged),
        ("the average setup", average),
        ("the best setup", luck),
        (
            "superior predictive ability",
            f"p = {chance['p']:.3f}: the chance of a best as good where no setup is any good",
        ),
        ("beat chance", f"{summary['found']:,}; of them confirmed {summary['named']:,}"),
        ("may be the best of all", able),
    ]
    return _card(table(("", ""), rows, "words"))


def _top(study: Mapping[str, Any]) -> Html:
    rows = [
        (
            row["name"],
            _figure(row["search"]),
            "" if row["q"] is None else f"{row['q']:.2f}",
            _figure(row["confirmation"]),
            row["status"],
        )
        for row in study["top"]
    ]
    words = (
        "In order of mean over standard error. Below each figure its trades and 95 % interval: "
        "of the setup alone in the search, of all those found at once in the confirmation, where "
        "only they have one. q is the false-discovery rate at which a setup would be named."
    )
    return _card(table(_HEAD, rows, "figures"), words)


def _figure(part: Mapping[str, Any]) -> Html | str:
    if part["net_r"] is None:
        return _DASH
    span = f"{part['trades']:,} trades"
    if part["low"] is not None:
        span += f", {signed(part['low'], 2)} to {signed(part['high'], 2)}"
    return join((signed(part["net_r"], 2), element("span", span, class_="span")))


def _maps(study: Mapping[str, Any]) -> Html:
    cells = study["heat"]
    sides = list(dict.fromkeys(cell["side"] for cell in cells))
    if len(sides) > 1:
        sides = [side for side in sides if side != "both"]  # the sum of the two that are drawn
    drawn = []
    for period, words in _PERIODS.items():
        for side in sides:
            title = f"{side.capitalize()}, {words}"
            told = f"Net R a trade of setups without filters: {title}."
            figure = to_inline_svg(heat_map(cells, period, side), f"{period}{side}", told)
            name = element("h3", title)
            drawn.append(element("figure", name, Html(figure), class_="card"))
    if not drawn:
        return element("p", "Every setup searched has a filter.")
    return element("div", *drawn, class_="plots")


def _method(study: Mapping[str, Any]) -> Html:
    summary = study["summary"]
    searched = (
        f"{summary['first_day']} to {summary['search_last_day']}, "
        f"{summary['search_days']:,} trading days"
    )
    confirmed = (
        f"{summary['confirm_first_day']} to {summary['last_day']}, "
        f"{summary['confirm_days']:,} trading days that nothing was chosen on"
    )
    drawn = (
        f"{summary['resamples']:,} draws of whole days in runs of {summary['block_days']} on "
        f"average, seed {summary['seed']}"
    )
    rows: list[tuple[object, ...]] = [
        ("searched", searched),
        ("confirmed on", confirmed),
        ("a trade", _TRADE),
        ("costs", f"{summary['cost_ticks']:g} ticks a round trip"),
        ("filters", _FILTERS),
        ("named if", _NAMED),
        ("resampling", drawn),
        ("sources", _SOURCES),
    ]
    return _card(table(("", ""), rows, "words"))
