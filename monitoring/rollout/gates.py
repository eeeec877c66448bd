"""The gates of the rollout: what a step up requires, with each figure and what it lacks."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml_core.evidence.intervals import mean_interval
from ml_core.evidence.power import gate as power_gate
from ml_core.evidence.power import trades_needed
from ml_core.evidence.sequential import e_process, latest, share_process
from ml_core.market_events import Stage
from monitoring.gate import Gate
from monitoring.rollout.facts import Check, Facts, LiveRecord
from monitoring.rollout.stage import POLICY, Position, RolloutPolicy
from monitoring.sequential_monitors import JudgedRows

if TYPE_CHECKING:
    from collections.abc import Sequence

EARNED = frozenset(
    {"live days", "trades", "sustained accuracy", "skill above the corridor", "net R", "approval"}
)
"""Gates that take a record to pass; a notice is sent when one is passed."""

_COIN = 0.5
_EVEN = 0.5


def correct(rows: JudgedRows) -> NDArray[np.bool_]:
    """Return for each row whether the breakout was on the side predicted as likelier: (n,)."""
    right: NDArray[np.bool_] = (rows.p_up >= _EVEN) == rows.up
    return right


def gates(
    facts: Facts,
    position: Position,
    target: Stage,
    now: datetime,
    policy: RolloutPolicy = POLICY,
) -> tuple[Gate, ...]:
    """Return every gate of a step up to a stage, except the approval; none is skipped.

    Parameters
    ----------
    facts, position
        The facts, and the market's position in the rollout.
    target
        The requested stage; shadow has no gates.
    now
        Aware time.
    policy
        The limits.
    """
    if target in {"off", "shadow"}:
        return ()
    gates = [
        _model(facts),
        _days(facts.record, now, policy),
        _in_time_gate(facts.record, policy),
        _trades(facts.record, policy),
        _accuracy(facts.record, now, policy),
        _skill(facts.record, policy),
        _check("drift", facts.drift, now, policy),
        _check("parity", facts.parity, now, policy),
        _record_gate(facts.record_faults),
        _breaker(facts.breaker),
    ]
    if target in {"hybrid", "auto"}:
        gates += [
            _same_recipe(facts, position),
            _stage_days(position, target, now, policy),
            _trading(facts.record),
        ]
    return tuple(gates)


def step_down_reason(
    facts: Facts, position: Position, now: datetime, policy: RolloutPolicy = POLICY
) -> tuple[Stage, str, bool] | None:
    """Return the stage a market must step down to, why, and whether its record starts anew.

    None means to stay. Shadow and off have no effect on trading, so nothing takes a market below
    shadow automatically.
    """
    if position.stage in {"off", "shadow"}:
        return None
    spoiled = _first(
        _broken(_record_gate(facts.record_faults)),
        _broken(_breaker(facts.breaker)),
        _dirty("parity", facts.parity),
        _dirty("drift", facts.drift),
    )
    if spoiled:
        return "shadow", spoiled, True
    lost = _first(
        _broken(_same_recipe(facts, position)),
        f"a fallback serves: {facts.fallback}" if facts.fallback is not None else "",
        _broken(_check("drift", facts.drift, now, policy)),
        _broken(_check("parity", facts.parity, now, policy)),
    )
    if lost:
        return "shadow", lost, False
    if position.at(now) != position.stage:
        return position.at(now), "the approval has lapsed", False
    return None


def _first(*words: str) -> str:
    return next((word for word in words if word), "")


def _model(facts: Facts) -> Gate:
    name = "model"
    if facts.version is None:
        return Gate(name=name, passed=False, words="nothing serves", change="a champion")
    if facts.fallback is not None:
        words = f"{facts.version} serves as a fallback: {facts.fallback}"
        return Gate(name=name, passed=False, words=words, change="the champion serving again")
    if facts.kind == "baseline":
        words = f"{facts.version} is a baseline: it has no skill to show above itself"
        change = "a champion with skill above the baseline"
        return Gate(name=name, passed=False, words=words, change=change)
    return Gate(name=name, passed=True, words=f"{facts.version} serves")


def _more(count: int, one: str) -> str:
    return f"{count:,} more {one}" + ("" if count == 1 else "s")


def _days(record: LiveRecord, now: datetime, policy: RolloutPolicy) -> Gate:
    days = 0 if record.begun is None else max((now - record.begun).days, 0)
    missing = max(policy.record_days - days, 0)
    return Gate(
        name="live days",
        passed=not missing,
        words=f"{days} calendar days of live record, {policy.record_days} needed",
        change=_more(missing, "day") if missing else "",
    )


def _in_time_gate(record: LiveRecord, policy: RolloutPolicy) -> Gate:
    share = record.unanswered / record.slots if record.slots else 1.0
    passed = share <= policy.most_unanswered
    missing = _more(_missing_in_time(record, policy), "slot")
    return Gate(
        name="predictions in time",
        passed=passed,
        words=f"{record.unanswered:,} of {record.slots:,} slots without a prediction or late, "
        f"at most {policy.most_unanswered:.0%}",
        change="" if passed else f"{missing} predicted in time",
    )


def _missing_in_time(record: LiveRecord, policy: RolloutPolicy) -> int:
    return max(math.ceil(record.unanswered / policy.most_unanswered) - record.slots, 1)


def _trades(record: LiveRecord, policy: RolloutPolicy) -> Gate:
    trades = len(record.breaks.up)
    needed = trades_needed(_COIN, policy.lift, power=policy.power)
    missing = max(needed - trades, 0)
    words = f"{trades:,} breaks judged, {needed:,} needed"
    if trades:
        report = power_gate(
            int(correct(record.breaks).sum()), trades, threshold=policy.accuracy, lift=policy.lift
        )
        words += (
            f"; {report.accuracy:.1%} right ({report.low:.1%} to {report.high:.1%}), a coin would "
            f"pass {policy.accuracy:.0%} with a chance of {report.chance_of_coin:.1%}"
        )
    return Gate(
        name="trades",
        passed=not missing,
        words=words,
        change=_more(missing, "trade") if missing else "",
    )


def _accuracy(record: LiveRecord, now: datetime, policy: RolloutPolicy) -> Gate:
    """Judge accuracy over the whole record, anytime-valid, and over its last days."""
    name, limit = "sustained accuracy", policy.accuracy
    if not record.rows.broke.any():
        return Gate(
            name=name, passed=False, words="no break judged yet", change="breaks to judge it by"
        )
    rows, breaks = record.rows, record.breaks
    evidence = latest(share_process(correct(rows), rows.day, limit, rows.broke))
    since = np.datetime64((now - timedelta(days=policy.recent_days)).date(), "D")
    recent = correct(breaks)[breaks.day >= since]
    lately = float(recent.mean()) if len(recent) else 0.0
    proven, held = evidence >= 1.0 / policy.alpha, lately > limit
    words = (
        f"e-value {evidence:.3g} that it is above {limit:.0%}, {1.0 / policy.alpha:g} needed; "
        f"{lately:.1%} of {len(recent):,} in the last {policy.recent_days} days"
    )
    changes = []
    if not proven:
        changes.append(_growth(evidence, len(breaks.up), policy.alpha))
    if not held:
        changes.append(f"more than {limit:.0%} right in the last {policy.recent_days} days")
    return Gate(name=name, passed=proven and held, words=words, change="; ".join(changes))


def _skill(record: LiveRecord, policy: RolloutPolicy) -> Gate:
    name = "skill above the corridor"
    if not record.rows.broke.any():
        return Gate(
            name=name, passed=False, words="no break judged yet", change="breaks to judge it by"
        )
    rows, breaks = record.rows, record.breaks
    evidence = latest(e_process(rows.p_up, rows.baseline_p_up, rows.up, rows.day, rows.broke))
    passed = evidence >= 1.0 / policy.alpha
    accuracy = float(correct(breaks).mean())
    corridor_accuracy = float(((breaks.baseline_p_up >= _EVEN) == breaks.up).mean())
    return Gate(
        name=name,
        passed=passed,
        words=f"e-value {evidence:.3g} that its log loss is the smaller, {1.0 / policy.alpha:g} "
        f"needed; {accuracy:.1%} right, the corridor {corridor_accuracy:.1%}",
        change="" if passed else _growth(evidence, len(breaks.up), policy.alpha),
    )


def _growth(evidence: float, rows: int, alpha: float) -> str:
    """Return how many more rows would suffice if the evidence kept growing at its past rate."""
    if evidence <= 1.0:
        return "nothing shown so far"
    rate = math.log(evidence) / rows
    more = math.ceil((math.log(1.0 / alpha) - math.log(evidence)) / rate)
    return f"about {more:,} more trades, if it goes on as so far"


def _check(name: str, check: Check | None, now: datetime, policy: RolloutPolicy) -> Gate:
    if check is None:
        return Gate(
            name=name, passed=False, words="never checked", change=f"a {name} check that ran"
        )
    words = f"checked {check.at:%Y-%m-%d %H:%M} UTC: {check.words}"
    if now - check.at > policy.check_age:
        change = f"a {name} check within {policy.check_age.days} days"
        return Gate(name=name, passed=False, words=words, change=change)
    if not check.judged:
        return Gate(name=name, passed=False, words=words, change="enough rows to judge by")
    change = "" if check.clean else f"a clean {name} check"
    return Gate(name=name, passed=check.clean, words=words, change=change)


def _record_gate(faults: Sequence[str] | None) -> Gate:
    name = "record whole"
    if faults is None:
        return Gate(
            name=name, passed=False, words="could not be verified", change="`orbcast verify`"
        )
    if faults:
        words = f"{len(faults)} faults, such as: {faults[0]}"
        return Gate(name=name, passed=False, words=words, change="`orbcast verify` without fault")
    return Gate(name=name, passed=True, words="record and version are as they were written")


def _breaker(state: str) -> Gate:
    closed = state == "closed"
    words = f"the circuit breaker is {state.replace('_', ' ')}"
    change = "" if closed else "the breaker closed"
    return Gate(name="breaker", passed=closed, words=words, change=change)


def _same_recipe(facts: Facts, position: Position) -> Gate:
    same = facts.recipe_hash == position.recipe_hash
    words = (
        "the recipe that was stepped up serves" if same else "a recipe serves other than the one"
    )
    return Gate(
        name="same recipe",
        passed=same,
        words=words if same else f"{words} stepped up to {position.stage}",
        change="" if same else "that recipe, or the ladder from shadow for this one",
    )


def _stage_days(position: Position, target: Stage, now: datetime, policy: RolloutPolicy) -> Gate:
    reached = position.stage not in {"off", "shadow"} and position.since is not None
    days = max((now - position.since).days, 0) if reached and position.since else 0
    missing = max(policy.stage_days - days, 0)
    return Gate(
        name="days at this stage",
        passed=not missing,
        words=f"{days} days at {position.stage}, {policy.stage_days} needed before {target}",
        change=_more(missing, "day") if missing else "",
    )


def _trading(record: LiveRecord) -> Gate:
    name = "net R"
    interval = mean_interval(record.r_net, record.trade_day)
    if not interval.rows:
        return Gate(
            name=name,
            passed=False,
            words="no recommended trade was taken yet",
            change="recommended trades with a net R above 0",
        )
    words = (
        f"{interval.estimate:+.3f} R a trade after costs, 95 % interval {interval.low:+.3f} to "
        f"{interval.high:+.3f}, {interval.rows:,} trades"
    )
    change = "" if interval.above_zero else "an interval wholly above 0"
    return Gate(name=name, passed=interval.above_zero, words=words, change=change)


def _broken(gate: Gate) -> str:
    return "" if gate.passed else f"{gate.name}: {gate.words}"


def _dirty(name: str, check: Check | None) -> str:
    """Return the trouble found by a check that could judge."""
    if check is None or not check.judged or check.clean:
        return ""
    return f"{name}: {check.words}"
