"""Every message of the golden files, of the facts made by hand."""

from __future__ import annotations

from dataclasses import replace

from ml_core.backtest.driftless_forecast import DriftlessForecast
from ml_core.decision.entry import Outputs
from ml_core.strategy.checks import DaySoFar, RuleCheck
from ml_core.strategy.plan import Plan
from monitoring.messages.digest import champion_message, day_message, week_message
from monitoring.messages.example import example_message
from monitoring.messages.facts import Message
from monitoring.messages.forecast import forecast_message
from monitoring.messages.trade import break_message, settled_message
from monitoring.performance import over
from tests.monitoring.messages.made_facts import (
    ARMED,
    AROUND_CPI,
    CHAMPION,
    CPI,
    DAY,
    EDGES,
    ENTRY,
    bracket_of,
    day,
    forecast,
    in_account,
    plan,
    settled,
    sums,
    trade,
    week,
    without_forecast,
)
from tests.predictions import predicted

NEITHER = replace(
    ENTRY, outputs=Outputs(prediction=predicted(p_up_given_break=0.3, recommendation="skip"))
)


def messages() -> dict[str, Message]:
    """Return every message of the golden files, by its file's name."""
    closed = RuleCheck(name="size", passed=False, words="0.612 ATR, allowed 0.02 to 0.5")
    unheard = replace(ARMED, agreement="silent", words=("the circuit breaker is not closed",))
    broken = replace(
        ENTRY, outputs=replace(ENTRY.outputs, breaker="open", breaker_cause="drawdown")
    )
    return {
        "forecast-shadow": forecast_message(forecast("shadow")),
        "forecast-hybrid": forecast_message(forecast("hybrid")),
        "forecast-in-an-account": forecast_message(
            forecast("advisory", plan=plan("advisory", in_account(60.0, {"long": 49.48})))
        ),
        "forecast-refused-by-the-account": forecast_message(
            forecast("advisory", plan=plan("advisory", in_account(959.0, {"long": 86.0})))
        ),
        "forecast-skip-nothing-armed": forecast_message(
            forecast(
                "advisory", NEITHER, plan=plan("advisory", Plan(long=0, short=0, checks=(closed,)))
            )
        ),
        "forecast-breaker-open": forecast_message(
            forecast("auto", broken, plan=plan("auto", unheard))
        ),
        "forecast-of-another-label": forecast_message(
            forecast("advisory", other_label="entry-session-v1-entry-half-rr1-session_end")
        ),
        "forecast-late-without-bars": forecast_message(
            forecast("advisory", replace(ENTRY, late=True), opening_range=None, brackets=())
        ),
        "forecast-before-news": forecast_message(
            forecast(
                "hybrid",
                plan=plan("hybrid", replace(ARMED, no_entry=AROUND_CPI)),
                news=(CPI,),
                zone="Australia/Brisbane",
            )
        ),
        "no-forecast": forecast_message(without_forecast("stale_data")),
        "break-shadow": break_message(trade("shadow")),
        "break-as-planned": break_message(trade("auto", 33864)),
        "break-not-entered": break_message(
            trade("hybrid", size=0.0, why_not="the day's rules at the break")
        ),
        "settled-hybrid": settled_message(settled("hybrid")),
        "settled-shadow": settled_message(
            settled("shadow", outcome="LOSS", exit=33819, r_gross=-1.0, r_net=-1.0 - 4.48 / 48)
        ),
        "settled-without-a-break": settled_message(
            settled(
                "advisory",
                trade=None,
                outcome=None,
                exit=None,
                r_gross=None,
                r_net=None,
                day=DaySoFar(trades=1, open=0, net_r=0.5),
            )
        ),
        "day": day_message(day("advisory")),
        "day-shadow": day_message(day("shadow")),
        "week": week_message(week("shadow")),
        "champion": champion_message(CHAMPION),
        "test-message": example_message(),
        **_seldom(),
    }


def _in_an_account() -> dict[str, Message]:
    """Return messages of trades whose contracts are limited by an account."""
    two, one, none = (
        plan("advisory", in_account(lost, {"long": 49.48})) for lost in (60.0, 898.0, 940.0)
    )
    return {
        "break-in-an-account": break_message(trade("advisory", 33864, plan=two)),
        "break-with-fewer-contracts": break_message(trade("advisory", 33867, plan=one)),
        "break-too-far-for-the-account": break_message(trade("advisory", 33887, plan=none)),
        "settled-in-an-account": settled_message(
            settled("advisory", plan=two, trade=trade("advisory", plan=two))
        ),
    }


def _seldom() -> dict[str, Message]:
    """Return messages of what happens seldom: another trade, another version, a quiet week."""
    open_ended = replace(bracket_of("long", entry_ticks=33863, **EDGES), target=None)
    by_stop_order = trade("auto", bracket=open_ended, planned=open_ended, by="stop_order")
    instead = replace(
        ENTRY, outputs=replace(ENTRY.outputs, fallback="champion 20250618 is damaged")
    )
    unasked = without_forecast("stale_data").entry
    nothing = over([sums(DAY, 0, 0.0, 0.0)])
    return {
        "forecast-of-the-rules-own-trade": forecast_message(
            forecast(
                "auto",
                brackets=(open_ended,),
                trade="entry by a stop order at the edge; no target",
                driftless=DriftlessForecast(
                    entered=0.94, above_zero=0.288, net_r=-0.17, error=0.03, days=20
                ),
            )
        ),
        "forecast-by-another-version": forecast_message(
            forecast("advisory", instead, plan=plan("advisory", None))
        ),
        "forecast-of-neither-side": forecast_message(forecast("hybrid", NEITHER)),
        "forecast-of-a-side-not-armed": forecast_message(
            forecast("hybrid", plan=plan("hybrid", replace(ARMED, long=0.0)))
        ),
        "no-forecast-shadow": forecast_message(without_forecast("novel", "shadow")),
        "break-by-a-stop-order": break_message(by_stop_order),
        "break-with-a-partial-target": break_message(
            trade("advisory", bracket=replace(bracket_of("long", **EDGES), part=33890))
        ),
        **_in_an_account(),
        "settled-at-a-moved-stop": settled_message(
            settled(
                "auto",
                trade=by_stop_order,
                outcome="MOVED_STOP",
                exit=33863,
                r_gross=0.0,
                r_net=-0.1,
            )
        ),
        "settled-without-a-forecast": settled_message(settled("hybrid", entry=unasked)),
        "day-without-a-break": day_message(
            replace(day("advisory"), ranges=(), trades=0, net_r=0.0, period=nothing)
        ),
        "week-traded": week_message(week("hybrid")),
        "champion-the-first": champion_message(replace(CHAMPION, stage="advisory", before=None)),
    }
