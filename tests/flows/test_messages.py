"""The messages of a trading day: forecast, break, settlement, digests; each sent once."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from prefect.settings import PREFECT_API_URL
from typer.testing import CliRunner

from deployments.cli.app import app
from flows.log_outcomes import log_outcomes
from flows.shadow_predict import shadow_predict
from flows.watch_feed import watch_feed
from ml_core.strategy.trades import SIDE_OF
from registry.models.versions import CHAMPION
from registry.notices import Notice, notices
from tasks.messages import send_slot
from tasks.messages.followed_days import FollowedSlot, followed_days
from tasks.messages.slot_facts import trade_facts
from tasks.notices import delivery
from tasks.notices.channel_blocks import add_channel
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings
from tests.flows.desk import Desk
from tests.flows.local_services import MailServer, Phone
from tests.live_days import answer_live, set_clock

pytestmark = [
    pytest.mark.usefixtures("prefect_server"),
    # Apprise loads all its plugins at once
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]

DAY = date(2024, 11, 21)
DECIDED = datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC)
"""Four seconds after Thursday's first range closed."""
NEXT_DAY = datetime(2024, 11, 21, 23, 30, tzinfo=UTC)
SetClock = Callable[[datetime], None]


@pytest.fixture
def at(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Return what sets the clock of a trained home whose bars another program imports."""
    (own / "sources.toml").unlink()

    def until(moment: datetime) -> None:
        set_clock(monkeypatch, tmp_path / "clock", moment)

    until(DECIDED - timedelta(minutes=5))
    return until


@pytest.fixture
def phone(at: SetClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Phone]:
    del at
    # Apprise waits five seconds after each message to a service
    monkeypatch.setattr("apprise.NotifyBase.request_rate_per_sec", 0.0)
    service = Phone()
    add("phone", "apprise", service.url)
    yield service
    service.close()


def add(name: str, kind: str, url: str) -> None:
    added = DECIDED - timedelta(minutes=5)
    add_channel(current_settings().channels_file, name, kind, url, added)


def notices_of(*kinds: str) -> list[Notice]:
    records = notices(current_settings().database(), market="MGC", kinds=kinds, last=200)
    return [record.notice for record in records]


def slot_of_day(moment: datetime) -> FollowedSlot:
    """Return the day's first range as its messages show it at a time."""
    return followed_days(current_settings(), "mgc", DAY, DAY, moment).slots[0]


def test_a_forecast_is_sent_once_with_its_picture_whatever_runs_again(
    at: SetClock, phone: Phone, own: Path
) -> None:
    at(DECIDED)
    first = shadow_predict("mgc", "0900")
    again = shadow_predict("mgc", "0900")
    assert (
        send_slot.send_forecast.fn("mgc", latest_slot(current_settings().market("mgc"), DECIDED))
        is False
    )
    assert again.entries[0].version == first.entries[0].version
    (notice,) = notices_of("forecast")
    assert notice.subject.startswith("MGC 0900: ")
    assert notice.subject.endswith("not to be traded")  # a market starts in shadow
    assert notice.body.startswith("NOT TO BE TRADED")
    assert phone.subjects == [notice.subject]
    assert phone.bodies[0].decode().startswith(notice.body)
    (png,) = phone.pictures
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.size[0] > 400
    assert len(list((own / "pictures").iterdir())) == 1


def test_no_message_is_sent_of_a_replay_or_of_an_old_forecast(at: SetClock) -> None:
    at(DECIDED + timedelta(hours=1))
    shadow_predict("mgc", "0900", as_of=DECIDED)
    shadow_predict("mgc", "0900")
    assert notices_of("forecast") == []


def test_a_message_whose_run_was_killed_is_sent_by_the_next_run(
    at: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(DECIDED)
    with monkeypatch.context() as patch:
        patch.setattr("flows.shadow_predict.send_forecast", lambda *_: None)
        shadow_predict("mgc", "0900")
    assert notices_of("forecast") == []
    at(DECIDED + timedelta(minutes=3))
    shadow_predict("mgc", "0900")
    assert len(notices_of("forecast")) == 1


def test_no_fault_of_a_message_costs_the_prediction_its_run(
    at: SetClock, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(DECIDED)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no facts")

    with monkeypatch.context() as patch:
        patch.setattr(send_slot, "forecast_facts", fail)
        assert shadow_predict("mgc", "0900").entries[0].status == "predicted"
    assert notices_of("forecast") == []
    monkeypatch.setattr(send_slot, "picture", fail)
    shadow_predict("mgc", "0900")
    assert len(notices_of("forecast")) == 1  # without its picture
    assert phone.pictures == []
    assert len(phone.bodies) == 1


def test_a_service_that_takes_no_pictures_gets_the_text(at: SetClock, phone: Phone) -> None:
    phone.takes_pictures = False
    at(DECIDED)
    shadow_predict("mgc", "0900")
    assert phone.pictures == []
    assert len(phone.bodies) == 1
    assert b"NOT TO BE TRADED" in phone.bodies[0]


def test_mail_and_webhook_get_the_same_text_and_mail_has_the_picture(at: SetClock) -> None:
    mail, desk = MailServer(), Desk()
    add("mail", "email", mail.url)
    add("desk", "webhook", desk.url)
    at(DECIDED)
    shadow_predict("mgc", "0900")
    mail.close()
    desk.close()
    (sent,), (hooked,) = mail.mails, desk.messages
    (notice,) = notices_of("forecast")
    assert sent["Subject"] == hooked["subject"] == notice.subject
    pictures = [part for part in sent.walk() if part.get_content_type() == "image/png"]
    assert [part.get_content()[:4] for part in pictures] == [b"\x89PNG"]
    lines = notice.body.splitlines()
    text = sent.get_body(("plain",))
    assert text is not None
    assert sent.get_body(("html",)) is None
    assert [line.rstrip() for line in text.get_content().splitlines()][: len(lines)] == lines
    assert hooked["body"].startswith(notice.body)


def test_a_break_and_its_settlement_are_sent_once_at_their_time(
    at: SetClock, phone: Phone
) -> None:
    at(DECIDED)
    shadow_predict("mgc", "0900")
    row = slot_of_day(NEXT_DAY).row
    assert row is not None
    assert SIDE_OF[row["break_direction"]]  # the simulated day has a breakout
    at(row["break_time"] - timedelta(seconds=1))
    watch_feed("mgc")
    assert notices_of("break") == []
    at(row["break_time"])
    watch_feed("mgc")
    watch_feed("mgc")
    log_outcomes("mgc")
    (broke,) = notices_of("break")
    assert f"{row['break_direction']} broke at {row['entry']:.1f}" in broke.subject
    facts = trade_facts(
        followed_days(current_settings(), "mgc", DAY, DAY, NEXT_DAY), slot_of_day(NEXT_DAY)
    )
    assert facts is not None
    gold = current_settings().market("mgc").instrument
    ticks = [round(row[name] / float(gold.tick_size)) for name in ("entry", "stop", "target")]
    assert [facts.bracket.entry, facts.bracket.stop, facts.bracket.target] == ticks
    assert notices_of("settled") == []
    at(row["resolved_at"])
    log_outcomes("mgc")
    log_outcomes("mgc")
    (settled,) = notices_of("settled")
    assert f"{row['r_net']:+.2f}".replace("-", "\N{MINUS SIGN}") in settled.subject
    assert len(notices_of("forecast", "break")) == 2
    assert len(phone.pictures) == 3


def test_no_message_is_sent_of_a_break_noticed_an_hour_late(at: SetClock) -> None:
    at(DECIDED)
    shadow_predict("mgc", "0900")
    row = slot_of_day(NEXT_DAY).row
    assert row is not None
    at(row["break_time"] + timedelta(hours=1))
    watch_feed("mgc")
    assert notices_of("break") == []


def test_the_summaries_of_day_and_week_are_sent_once_when_they_are_over(
    at: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    friday_ends = datetime(2024, 11, 22, 20, 0, tzinfo=UTC)
    at(friday_ends)
    answer_live(monkeypatch, date(2024, 11, 21), datetime(2024, 11, 22, 15, 0, tzinfo=UTC))
    at(friday_ends - timedelta(hours=20))
    log_outcomes("mgc")
    assert [notice.key for notice in notices_of("day", "week")] == ["day MGC 2024-11-21"]
    at(friday_ends)
    log_outcomes("mgc")
    log_outcomes("mgc")
    assert [notice.key for notice in notices_of("day", "week")] == [
        "day MGC 2024-11-21",
        "day MGC 2024-11-22",
        "week MGC 2024-11-18",
    ]
    day, week = notices_of("day", "week")[1:]
    assert day.subject.startswith("MGC Fri 22 Nov: ")
    assert "corridor" in day.body
    assert day.body.count("\n0900: ") == 1
    assert "Thu 21 Nov" in week.body
    assert "The whole record: live" in week.body


def test_a_new_champion_is_announced_once_and_the_first_of_all_is_not(at: SetClock) -> None:
    at(DECIDED)
    log_outcomes("mgc")
    assert notices_of("champion") == []
    models = current_settings().models()
    before = models.find("MGC", CHAMPION).version
    other = models.find("MGC", "challenger").version
    assert other != before
    later = models.history("MGC", CHAMPION)[-1].at + timedelta(minutes=1)
    models.set_alias("MGC", CHAMPION, other, at=later, by="ann", reason="a test")
    at(later + timedelta(minutes=5))
    log_outcomes("mgc")
    log_outcomes("mgc")
    (notice,) = notices_of("champion")
    assert other in notice.body
    assert before in notice.body


def test_what_waits_is_sent_with_its_picture_later(at: SetClock, phone: Phone) -> None:
    del phone
    at(DECIDED)
    settings = current_settings()
    settings.channels_file.unlink()
    late = Phone()
    late.close()
    add("phone", "apprise", late.url)
    shadow_predict("mgc", "0900")
    again = Phone()
    add("phone", "apprise", again.url)
    assert delivery.deliver(settings, at_once=True) == 1
    again.close()
    assert len(again.pictures) == 1
    assert PREFECT_API_URL.value()


def test_a_channel_is_tried_with_a_made_up_forecast_and_then_with_the_last_real_one(
    at: SetClock, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value() or "")
    tried = CliRunner().invoke(app, ["notify", "test", "phone"])
    assert tried.exit_code == 0, tried.output
    assert "What follows is a made-up forecast" in tried.output
    at(DECIDED)
    shadow_predict("mgc", "0900")
    assert CliRunner().invoke(app, ["notify", "test"]).exit_code == 0
    made_up, forecast, again = phone.subjects
    assert made_up.startswith("Test: MGC 1000: ")
    assert made_up.endswith("not to be traded")
    assert again == f"Test: {forecast}"
    assert phone.bodies[2].decode().startswith("A TEST: the channel works.")
    assert len(phone.pictures) == 3
    assert phone.pictures[1] == phone.pictures[2] != phone.pictures[0]
    assert len(notices_of("forecast")) == 1
