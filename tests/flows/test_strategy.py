"""The strategy on record: one decision with each prediction; intents only in auto."""

from __future__ import annotations

import json
import math
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

import tasks.prediction.outbox
from deployments.cli.app import app
from flows.explain import explain
from flows.shadow_predict import shadow_predict
from ml_core.decision.plan_slot import active_plan
from ml_core.decision.slot import Slot
from ml_core.fills.fill import Fill, FillsFile
from ml_core.json_values import json_values
from ml_core.learning.datasets.assemble import assemble
from ml_core.learning.datasets.slot_table import slot_table
from ml_core.market.schedule import from_minute, to_minute
from ml_core.market_events import STAGES, Stage
from ml_core.strategy.slots import rules_history, slots_of
from ml_core.strategy.trades import backtest
from monitoring.rollout.stage import Position
from registry.fills import import_fills
from registry.strategy import order_intents, strategy_records
from tasks.health.breaker import change
from tasks.messages.followed_days import followed_days
from tasks.prediction import predict as prediction
from tasks.prediction import slot_context
from tasks.prediction.account_now import account_standing
from tasks.prediction.outbox import outbox
from tasks.prediction.predict import ActivePlan
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings, now

THURSDAY_0905 = datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clean(own: object, monkeypatch: pytest.MonkeyPatch) -> None:
    del own
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
    monkeypatch.setenv("ORBCAST_LATE_AFTER_SECONDS", "1000000000")
    monkeypatch.setattr(prediction, "_made_at", now)
    with current_settings().database().session() as session:
        for table in ("predictions", "strategy_decisions", "order_intents"):
            session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - three names of ours
    serve("challenger")


def serve(alias: str) -> None:
    """Make an alias's version the champion: the trees, or the baseline again."""
    models = current_settings().models()
    version = models.find("MGC", alias).version
    models.set_alias("MGC", "champion", version, at=now(), by="test", reason="to be asked")


def at_stage(monkeypatch: pytest.MonkeyPatch, stage: Stage, *, approved: bool = True) -> None:
    position = Position(stage=stage, bound_to="what was approved" if approved else None)
    monkeypatch.setattr(slot_context, "stage_of", lambda *_: (stage, position))


def slot() -> Slot:
    return latest_slot(current_settings().market("mgc"), THURSDAY_0905)


def decided_at(one: Slot, mode: Any) -> ActivePlan:
    planned = prediction.plan_slot.fn(prediction.predict_slot.fn("mgc", one, mode))
    assert planned is not None
    return planned.plan


def decided(mode: Any = "live") -> ActivePlan:
    return decided_at(slot(), mode)


@pytest.mark.parametrize("stage", STAGES[1:])
def test_every_stage_keeps_both_decisions_and_only_auto_writes_an_intent(
    monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    at_stage(monkeypatch, stage)
    plan = decided()
    database = current_settings().database()
    (record,) = strategy_records(database, "MGC", mode="live")
    assert record.stage == stage
    assert plan.stage == stage
    unscaled, scaled = record.without_model, record.with_model
    held = json_values(active_plan(record))
    if stage == "shadow":
        assert held["agreement"] == ""
    if stage in {"shadow", "advisory"}:
        assert (held["long"], held["short"]) == (unscaled["long"], unscaled["short"])
    else:
        assert (held["long"], held["short"]) == (scaled["long"], scaled["short"])
    intents = order_intents(database, "MGC")
    assert len(intents) == (1 if stage == "auto" else 0)
    if intents:
        order = intents[0].order
        assert intents[0].bound_to == "what was approved"
        assert {entry["side"] for entry in order["entries"]} == {"long", "short"}
        levels = {entry["side"]: (entry["level"], entry["stop"]) for entry in order["entries"]}
        assert levels["long"] == levels["short"][::-1]
        assert intents[0].expires_at == datetime(2024, 11, 21, 7, 0, tzinfo=UTC)
        assert order["closes_from"] == slot().decision.isoformat()
        listed = CliRunner().invoke(app, ["strategy", "intents", "--json"])
        assert json.loads(listed.stdout)[0]["contract"].startswith("MGC")


def test_deciding_again_or_twice_at_once_gives_one_decision_and_one_intent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_stage(monkeypatch, "auto")
    predicted = prediction.predict_slot.fn("mgc", slot(), "live")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: prediction.plan_slot.fn(predicted), range(4)))
    assert len(strategy_records(current_settings().database(), "MGC", mode="live")) == 1
    assert len(order_intents(current_settings().database(), "MGC")) == 1


def test_with_the_breaker_open_the_rules_decide_alone_and_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_stage(monkeypatch, "auto")
    change(current_settings(), "MGC", "open", cause="by hand", detail="doubt", by="test", at=now())
    plan = decided()
    assert plan.words == (
        "the circuit breaker is not closed",
        "no order intent: the circuit breaker is not closed",
    )
    assert order_intents(current_settings().database(), "MGC") == ()
    (record,) = strategy_records(current_settings().database(), "MGC", mode="live")
    assert record.with_model["long"] == record.without_model["long"]


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("late", "decided too long after the range closed"),
        ("unapproved", "the stage has no valid approval"),
        ("baseline", "the driftless baseline predicted"),
        ("nothing armed", "nothing is armed"),
    ],
)
def test_an_intent_is_not_written_and_the_decision_says_why(
    own: Path, monkeypatch: pytest.MonkeyPatch, why: str, words: str
) -> None:
    at_stage(monkeypatch, "auto", approved=why != "unapproved")
    if why == "baseline":
        before = current_settings().models().history("MGC", "champion")[0].version
        serve(before)
    if why == "nothing armed":
        (own / "strategies").mkdir()
        (own / "strategies" / "none.toml").write_text('name = "none"\nmin_size_atr = 9.0\n')
        monkeypatch.setenv("ORBCAST_STRATEGY", "none")
    if why == "late":
        # the prediction was in time; the machine died before the rules' decision, and restarted
        monkeypatch.setenv("ORBCAST_LATE_AFTER_SECONDS", "120")
        monkeypatch.setattr(prediction, "_made_at", lambda: THURSDAY_0905)
        prediction.predict_slot.fn("mgc", slot(), "live")
        monkeypatch.setattr(prediction, "_made_at", lambda: THURSDAY_0905 + timedelta(minutes=30))
    plan = decided()
    assert words in plan.words[-1]
    assert order_intents(current_settings().database(), "MGC") == ()
    if why == "baseline":
        (record,) = strategy_records(current_settings().database(), "MGC", mode="live")
        assert record.with_model["long"] == record.without_model["long"] == 1.0


@pytest.mark.parametrize("stop", ["full", "half"])
def test_an_intent_is_the_trade_that_the_label_then_judges(
    own: Path, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    (own / "strategies").mkdir()
    rules = f'name = "{stop}"\n[label]\nstop = "{stop}"\nrr = 1.5\nscan_end = "next_day_start"\n'
    (own / "strategies" / "own.toml").write_text(rules)
    monkeypatch.setenv("ORBCAST_STRATEGY", "own")
    at_stage(monkeypatch, "auto")
    market = current_settings().market("mgc")
    bars = current_settings().lake().read(market)
    assembly = assemble(
        bars,
        market,
        current_settings().rules("MGC").label,
        first=date(2024, 11, 18),
        last=date(2024, 11, 21),
        features=(),
    )
    labelled = {
        (row["trading_day"], row["opening_range"]): row for row in slot_table(assembly).to_pylist()
    }
    checked = 0
    for hours in range(0, 48, 2):
        one = latest_slot(market, THURSDAY_0905 - timedelta(hours=hours))
        prediction.plan_slot.fn(prediction.predict_slot.fn("mgc", one, "live"))
    for intent in order_intents(current_settings().database(), "MGC"):
        row = labelled[intent.trading_day, intent.opening_range]
        order = intent.order
        assert order["contract"] == row["contract"]
        assert intent.expires_at.hour == 23  # 09:00 in Brisbane, the next day
        for entry in order["entries"]:
            if {"UP": "long", "DOWN": "short"}.get(row["break_direction"]) != entry["side"]:
                continue
            sign = 1 if entry["side"] == "long" else -1
            filled, left = (round(row[name] * 10) for name in ("entry", "target"))
            assert sign * (filled - entry["level_ticks"]) > 0
            assert entry["stop"] == row["stop"]
            risk = sign * (filled - entry["stop_ticks"])
            assert sign * (left - filled) == math.ceil(entry["target"]["risks"] * risk)
            assert row["break_time"] <= intent.expires_at
            checked += 1
    assert checked >= 3


def test_rules_edited_during_the_day_do_not_forget_its_trades(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_stage(monkeypatch, "hybrid")
    (own / "strategies").mkdir()
    market = current_settings().market("mgc")
    day = slot().trading_day
    trades = []
    for name, rules in (("0900", "wide"), ("1000", "wide"), ("1100", "edited")):
        text_ = f'name = "{rules}"\none_position = false\n'
        (own / "strategies" / "day.toml").write_text(text_)
        monkeypatch.setenv("ORBCAST_STRATEGY", "day")
        one = latest_slot(market, THURSDAY_0905 + timedelta(hours=3), name)
        assert one.trading_day == day
        plan = decided_at(one, "live")
        (words,) = [check.words for check in plan.checks if check.name == "trades of the day"]
        trades.append(int(words.split()[0]))
    assert trades[0] == 0
    assert trades[2] >= trades[1] >= 1


def test_a_market_that_is_off_answers_with_that(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.rollout import stage as rollout  # noqa: PLC0415

    monkeypatch.setattr(slot_context, "stage_of", rollout.stage_of)
    rollout.step_down(current_settings(), "MGC", "off", by="test", reason="holiday", at=now())
    (first, *_) = prediction.predict_slot.fn("mgc", slot(), "live").entries
    assert (first.status, first.reason) == ("abstained", "off")


@pytest.mark.usefixtures("prefect_server")
def test_the_prediction_shows_the_plan_and_the_explanation_holds_every_rule() -> None:
    predicted = shadow_predict("mgc", "0900", as_of=THURSDAY_0905)
    assert predicted.plan is not None
    assert predicted.plan.rules == "orb-default"
    assert "rule: size" in {gate.name for gate in predicted.gates}
    (explained,) = explain("mgc", date(2024, 11, 21), "0900").answers[:1]
    names = [gate.name for gate in explained.gates]
    assert names[:2] == ["prediction", "like the training data"]
    assert "breaker" in names
    assert "rule: size" in names
    assert "rule: daily loss" in names
    words = CliRunner().invoke(app, ["explain", predicted.slot]).stdout
    assert "rule: one position" in words


def test_worth_follows_the_recorded_plans_through_what_happened() -> None:
    market = current_settings().market("mgc")
    for hours in range(0, 30, 2):
        one = latest_slot(market, THURSDAY_0905 - timedelta(hours=hours))
        prediction.plan_slot.fn(prediction.predict_slot.fn("mgc", one, "replay"))
    result = CliRunner().invoke(app, ["strategy", "worth", "--replay", "--json"])
    assert result.exit_code == 0, result.output
    worth = json.loads(result.stdout)
    assert worth["without_model"]["slots"] == worth["with_model"]["slots"] > 3
    assert worth["added"]["choice_per_slot"][0] is not None
    total = worth["with_model"]["total_r"] - worth["without_model"]["total_r"]
    assert worth["added"]["total_r"] == pytest.approx(total)
    parts = worth["added"]["by_size_r"] + worth["added"]["by_choice_r"]
    assert parts == pytest.approx(total)
    words = CliRunner().invoke(app, ["strategy", "worth", "--replay"]).stdout
    assert "by choosing" in words
    assert "no decisions by" in CliRunner().invoke(app, ["strategy", "worth"]).stdout


def test_the_rules_are_followed_through_the_lake_by_one_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = CliRunner().invoke(app, ["strategy", "backtest", "--from", "2024-06-03", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["rules"] == "orb-default"
    assert report["trades"] > 300
    assert report["years"]["2024"]["trades"] == report["trades"]
    assert sum(report["refused"].values()) > 0
    assert "account" not in report
    monkeypatch.setenv("ORBCAST_ACCOUNT", "own-money")
    words = CliRunner().invoke(app, ["strategy", "backtest", "--from", "2024-06-03"]).stdout
    assert report["verdict"][1:] in words
    assert "In the account own-money, with the contracts that it allows: " in words
    assert f"{report['trades']:,} trades" in words
    ranges, beside = report["ranges"], report["driftless"]
    assert list(ranges) == ["0900", "1000", "1100", "1800", "2300", "0030"]
    assert sum(one["trades"] for one in ranges.values()) == report["trades"]
    assert beside["walks"] == 10
    above = report["per_trade"][0] - beside["net_per_trade"]
    assert beside["above"]["estimate"] == pytest.approx(above)
    gross = report["per_trade"][0] + report["cost_per_trade"]
    assert report["gross_per_trade"][0] == pytest.approx(gross)
    assert report["paid_for"][0] <= beside["above"]["low"] + 0.005
    assert "A price without drift gives this rule" in words


@pytest.mark.slow
def test_trades_of_several_strategies_stand_side_by_side_as_the_backtest_has_them() -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["strategy", *words])
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    period = ("--from", "2024-06-03", "--to", "2024-06-14")
    both = ("--strategy", "first-candle", "--strategy", "six-ranges")
    rows = json.loads(run("trades", *both, *period, "--json"))
    for name in ("first-candle", "six-ranges"):
        whole = json.loads(run("backtest", "--strategy", name, *period, "--json"))
        made = [row["trades"][name] for row in rows]
        net = [one["r_net"] for one in made if one["side"]]
        assert (len(rows), len(net)) == (whole["slots"], whole["trades"])
        assert sum(net) == pytest.approx(whole["total_r"])
        assert all(one["refused_by"] == [] for one in made if one["side"])
    words = run("trades", *both, *period)
    assert "first-candle, net R" in words
    assert "2024-06-03" in words


def test_each_distinct_backtest_is_a_question_asked_of_the_market_and_counts_once() -> None:
    def looks(*options: str) -> int:
        result = CliRunner().invoke(app, ["strategy", "backtest", "--json", *options])
        return int(json.loads(result.stdout)["looks"])

    period = ("--from", "2024-06-03", "--to", "2024-06-14")
    first = looks(*period)
    assert looks(*period) == first
    assert looks("--from", "2024-06-03", "--to", "2024-06-13") == first + 1


def test_an_account_s_chances_are_drawn_from_what_the_rules_brought() -> None:
    command = [
        "account",
        "chance",
        "trailing-intraday-50k",
        "--from",
        "2024-09-02",
        "--paths",
        "100",
    ]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0, result.output
    chances = json.loads(result.stdout)
    assert chances["trades"] > 50
    for column in ("as_recorded", "at_low_end"):
        shares = [chances[column]["goes_on"]["share"]]
        shares += [one["share"] for one in chances[column]["outcomes"].values()]
        assert sum(shares) == pytest.approx(1.0)
    assert chances["at_low_end"]["net_per_day"] < chances["as_recorded"]["net_per_day"]
    words = CliRunner().invoke(app, command).stdout
    assert f"{chances['trades']:,} trades" in words
    assert "has no room left" in words
    both = [*command, "--strategy", "orb-default", "--strategy", "first-candle"]
    listed = json.loads(CliRunner().invoke(app, [*both, "--json"]).stdout)
    assert [one["rules"] for one in listed] == ["orb-default", "first-candle"]
    assert listed[0] == chances
    side_by_side = CliRunner().invoke(app, both).stdout
    assert "by the record / by its low end" in side_by_side
    assert "first-candle" in side_by_side
    unknown = CliRunner().invoke(app, ["account", "show", "trailing"])
    assert (unknown.exit_code, "own-money" in unknown.stderr) == (2, True)
    none = CliRunner().invoke(app, ["account", "chance", "own-money", "--from", "2024-11-28"])
    assert (none.exit_code, "no settled trade" in none.stderr) == (2, True)  # a half-day


def test_an_account_decides_the_same_live_and_replayed_and_its_refusal_is_on_record(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_stage(monkeypatch, "advisory")  # a replay's plans are those of the rules without a model
    (own / "accounts").mkdir()
    limits = "balance = 25000\nrisk_money = 30\ndaily_loss = 160\n"
    (own / "accounts" / "mine.toml").write_text(f'name = "mine"\n{limits}')
    monkeypatch.setenv("ORBCAST_ACCOUNT", "nq=other,mgc=mine")
    market, database = current_settings().market("mgc"), current_settings().database()
    for hours in range(40, -1, -2):
        one = latest_slot(market, THURSDAY_0905 - timedelta(hours=hours))
        decided_at(one, "live")
        decided_at(one, "replay")
    live, replayed = (
        [record.without_model for record in strategy_records(database, "MGC", mode=mode)]
        for mode in ("live", "replay")
    )
    assert live == replayed
    accounts = [plan["account"] for plan in live]
    assert {(one["account"], one["source"]) for one in accounts} == {("mine", "plan")}
    assert len({one["balance"] for one in accounts}) > 1  # it includes settled trades
    sides = [(plan, side) for plan in live for side in plan["account"]["sides"]]
    refused = [(plan, side) for plan, side in sides if not side["contracts"]]
    assert refused
    for plan, side in refused:
        assert "too much" in side["refused"]
        assert plan[side["side"]] == 0
    status = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    (overview,) = status["markets"]
    assert overview["account"]["account"] == "mine"
    assert {one["limit"] for one in overview["account"]["limits"]} == {"risk", "daily_loss"}
    strategy = json.loads(CliRunner().invoke(app, ["strategy", "show", "--json"]).stdout)
    assert strategy["account"] == "mine"


def test_a_strategy_followed_beside_has_plans_of_its_own_and_no_order(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own / "strategies").mkdir()
    for name, words in (("late", 'allowed_ranges = ["2300"]'), ("one", "max_trades_per_day = 1")):
        (own / "strategies" / f"{name}.toml").write_text(f'name = "{name}"\n{words}\n')
    monkeypatch.setenv("ORBCAST_STRATEGY", "late+one")
    at_stage(monkeypatch, "auto")
    settings, market = current_settings(), current_settings().market("mgc")
    slots = [
        latest_slot(market, THURSDAY_0905 + timedelta(hours=hours)) for hours in (-24, -23, -22)
    ]
    for _ in range(2):
        assert [decided_at(one, "live").rules for one in slots] == ["late"] * 3

    rules = {name: settings.rules("MGC", name) for name in ("late", "one")}
    records = strategy_records(settings.database(), "MGC", mode="live")
    assert [record.rules_hash for record in records] == [one.hash for one in rules.values()] * 3
    decided()  # in time for an order
    assert order_intents(settings.database(), "MGC") == (), "one is armed, and traded by nobody"
    day, bars, armed = slots[0].trading_day, settings.lake().read(market), {}
    for name, by in rules.items():
        made = rules_history(bars, market, by, first=day, last=day)
        wanted = [one.plan.armed for one in backtest(by, slots_of(made, by))[: len(slots)]]
        plans = [record.without_model for record in records if record.rules_hash == by.hash]
        armed[name] = [plan["long"] > 0 or plan["short"] > 0 for plan in plans]
        assert armed[name] == wanted, "the day of each is that of its own trades"
    assert armed == {"late": [False] * 3, "one": [True, False, False]}
    (followed,) = (
        one
        for one in followed_days(settings, "mgc", day, day, THURSDAY_0905).slots
        if one.key == (day, slots[0].opening_range)
    )
    assert (followed.rules.name, [other.rules.name for other in followed.beside]) == (
        "late",
        ["one"],
    )


def test_an_intent_has_the_contracts_of_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    at_stage(monkeypatch, "auto")
    monkeypatch.setenv("ORBCAST_ACCOUNT", "own-money")
    decided()
    (intent,) = order_intents(current_settings().database(), "MGC")
    assert intent.order["account"]["name"] == "own-money"
    assert intent.order["account"]["cost_of_contract"] == pytest.approx(4.48)
    for entry in intent.order["entries"]:
        stop = abs(entry["level_ticks"] - entry["stop_ticks"]) + 1 + 4.48
        assert 0 < entry["contracts"] * stop <= entry["may_lose"] + 1e-9
        assert (entry["contracts"] + 1) * stop > entry["may_lose"]


def test_own_fills_make_the_balance_once_they_are_known(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own / "accounts").mkdir()
    limits = 'balance = 25000\nrisk_money = 150\nplatform_account = "LIVE7"\n'
    (own / "accounts" / "mine.toml").write_text(f'name = "mine"\n{limits}')
    monkeypatch.setenv("ORBCAST_ACCOUNT", "mine")
    settings, market = current_settings(), current_settings().market("mgc")
    imported = THURSDAY_0905 - timedelta(hours=1)
    bars = settings.lake().read(market)
    at = int(np.searchsorted(bars.minute, to_minute(imported) - 600))
    contract, price = bars.contracts[bars.contract[at]], float(bars.close[at]) / 10
    rows = [("buy", price, "LIVE7"), ("sell", price - 1, "LIVE7"), ("buy", 1.0, "SIM")]
    fills = [
        Fill(
            platform="p",
            account=account,
            contract=contract,
            time=from_minute(int(bars.minute[at]) + 5 * number),
            side=side,
            quantity=2.0,
            price=paid,
            commission=1.0,
            execution_id=str(number),
            order_id="",
            occurrence=1,
            source_line=number,
        )
        for number, (side, paid, account) in enumerate(rows)
    ]
    file = FillsFile(
        name="f", content_hash="h", reading="r", platform="p", zone="UTC", fills=tuple(fills)
    )
    import_fills(settings.database(), "MGC", file, imported)
    standing = account_standing(settings, market, "live", imported)
    before = account_standing(settings, market, "live", imported - timedelta(minutes=1))
    assert standing is not None
    assert before is not None
    assert (before.source, before.state.balance) == ("plan", 25_000)
    assert (standing.source, standing.trades) == ("fills", 1)
    assert standing.state.balance == pytest.approx(25_000 - 2 * 10 - 2)  # a dollar is ten ticks


def test_a_strategy_file_is_checked_against_the_market_before_it_is_used(own: Path) -> None:
    def check(words: str) -> Any:
        file = own / "mine.toml"
        file.write_text(words, "utf-8")
        return CliRunner().invoke(app, ["strategy", "check", str(file)])

    assert "can be used on MGC" in check('name = "mine"\nallowed_ranges = ["0900"]\n').stdout
    unknown = check('name = "mine"\nallowed_ranges = ["0930"]\n')
    assert (unknown.exit_code, "'0930'" in unknown.stderr) == (2, True)
    early = 'name = "mine"\n[trade]\nlast_entry = "16:00"\n'
    refused = check(early)
    assert (refused.exit_code, "1800, 2300, 0030 would close after it" in refused.stderr) == (
        2,
        True,
    )
    assert "can be used on MGC" in check(f'allowed_ranges = ["0900", "1100"]\n{early}').stdout
    wrong = check('name = "mine"\ndaily_loss_limit_r = "three"\n')
    assert (wrong.exit_code, "daily_loss_limit_r = 'three'" in wrong.stderr) == (2, True)
    none = CliRunner().invoke(app, ["strategy", "show", "--strategy", "none"])
    assert (none.exit_code, "orb-default" in none.stderr) == (2, True)
    assert "daily_loss_limit_r = 3.0" in CliRunner().invoke(app, ["strategy", "show"]).stdout


def test_an_intent_says_whether_it_is_still_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    at_stage(monkeypatch, "auto")
    decided()
    settings, before = current_settings(), datetime(2024, 11, 21, 1, 0, tzinfo=UTC)

    def in_force(stage: Stage, bound_to: str = "what was approved") -> tuple[bool, str]:
        position = Position(stage=stage, bound_to=bound_to)
        monkeypatch.setattr(tasks.prediction.outbox, "stage_of", lambda *_: (stage, position))
        (intent,) = outbox(settings, "MGC", before)
        return intent.in_force, intent.why_not or ""

    assert in_force("auto") == (True, "")
    assert in_force("hybrid") == (False, "the stage is hybrid now")
    assert in_force("auto", "another") == (False, "it was written under another approval")
    (late,) = outbox(settings, "MGC", datetime(2024, 11, 21, 7, 0, tzinfo=UTC))
    assert late.why_not == "it has expired"
    change(settings, "MGC", "open", cause="by hand", detail="doubt", by="test", at=before)
    assert in_force("auto") == (False, "the circuit breaker is open: by hand")
    listed = CliRunner().invoke(app, ["strategy", "intents"]).stdout
    assert "not in force, it has expired" in listed


def test_somebody_elses_system_reads_the_outbox_with_plain_sql(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_stage(monkeypatch, "auto")
    decided()
    connection = sqlite3.connect(f"file:{own / 'orbcast.sqlite'}?mode=ro", uri=True)
    query = (
        'SELECT id, "order" FROM order_intents '
        "WHERE market = 'MGC' AND expires_at > ? AND id > ? ORDER BY id"
    )
    (row,) = connection.execute(query, ("2024-11-21 06:59:00", 0)).fetchall()
    assert json.loads(row[1])["entries"][0]["side"] in {"long", "short"}
    assert connection.execute(query, ("2024-11-21 07:00:01", 0)).fetchall() == []
    assert connection.execute(query, ("2024-11-21 06:59:00", row[0])).fetchall() == []
    connection.close()
