"""A market that continues from day to day while one trouble after another occurs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from registry.tables.ledger import OutcomeRow, PredictionRow
from tests.ledger_rows import fill
from tests.tasks.live_market import DAY, MARKET, START, LiveMarket, Row, outcome_of, row_at

ROWS = 720
A_DAY = 8
FIRST_NOW = START + 90 * DAY
STUDY_EVERY = 30 * DAY

KINDS = ("skilled", "no skill", "few trades", "unanswered", "loses")
"""The kind of record: 75 % right where the corridor says 60 %, or with one fault."""


def row_and_outcome(kind: str, number: int, decided: datetime) -> Row:
    """Return an entry and its outcome: UP three times in four, four in five trades won."""
    up, wins = (number + number // A_DAY) % 4 != 0, number % 5 != 0
    answer = row_at(decided, f"{decided:%H%M}", p_up=0.6 if kind == "no skill" else 0.75)
    if kind == "unanswered" and number % 9 == 4:
        answer = row_at(decided, f"{decided:%H%M}", p_up=None, status="abstained", reason="missed")
    if kind == "few trades" and not 120 <= number < ROWS:
        return answer, None
    r_net = (0.9 if wins else -1.1) * (-1.0 if kind == "loses" else 1.0)
    return answer, outcome_of(answer, direction="UP" if up else "DOWN", r_net=r_net)


def live_ninety_days(home: Path, kind: str) -> None:
    """Make a home whose market has ninety live days, with the versions that may serve it."""
    market = TroubledMarket(home, kind)
    market.version("corridor", START - DAY)
    market.version("rival", START - DAY)
    market.champion("skilled", START - DAY, "bars 0")
    days = (START + (number // A_DAY) * DAY for number in range(ROWS))
    rows = [
        row_and_outcome(kind, number, day + (number % A_DAY) * timedelta(hours=1))
        for number, day in enumerate(days)
    ]
    fill(market.database, (row for row, _ in rows), (came for _, came in rows if came))
    market.close()


class TroubledMarket(LiveMarket):
    """A market that continues: one row a day, checks each time, a study each month."""

    def __init__(self, home: Path, kind: str) -> None:
        super().__init__(home, model_expires_days=100_000, baseline_expires_days=100_000)
        self.kind, self.rows, self.latest = kind, ROWS, FIRST_NOW
        self.models = self.studies = 0
        self.studied: datetime | None = None
        self.drifted = self.differs = False
        self.drift_runs = self.parity_runs = True

    def go_on(self, until: datetime) -> None:
        """Continue until a time, if it is later than any before."""
        days = range(1, (until - self.latest).days + 1)
        self.live(
            row_and_outcome(
                self.kind, self.rows + day, self.latest + day * DAY - timedelta(hours=1)
            )
            for day in days
        )
        self.rows += len(days)
        self.latest = max(self.latest, until)
        self.check()
        if self.studied is None or self.latest - self.studied > STUDY_EVERY:
            self.studies += 1
            self.studied = self.latest
            self.study(self.latest, f"study {self.studies}")

    def check(self) -> None:
        """Run both checks, or skip them."""
        if self.drift_runs:
            self.drift(self.latest, detected=self.drifted)
        else:
            self.forget_checks("drift")
        if self.parity_runs:
            self.parity(self.latest, unexplained=int(self.differs))
        else:
            self.forget_checks("parity")
            self.parity(START - 100 * DAY)

    @contextmanager
    def with_flag(self, name: str, *, value: bool) -> Iterator[None]:
        """Let the checks have another result for a while."""
        setattr(self, name, value)
        self.check()
        yield
        setattr(self, name, not value)
        self.check()

    @contextmanager
    def broken(self, since: timedelta = timedelta(0)) -> Iterator[None]:
        """Keep the breaker open for a while, since some earlier time."""
        self.breaker("open", self.latest - since)
        yield
        self.breaker("closed", self.latest)

    @contextmanager
    def served_by(self, version: str) -> Iterator[None]:
        """Make another version champion for a while."""
        models = self.settings.models()
        champion = models.find(MARKET, "champion")
        self.make_champion(models.find(MARKET, version), self.latest)
        yield
        self.make_champion(champion, self.latest)

    @contextmanager
    def damaged(self) -> Iterator[None]:
        """Change a file of the champion for a while."""
        path = self.settings.models().find(MARKET, "champion").folder / "model.txt"
        whole = path.read_text()
        path.write_text("damaged")
        yield
        path.write_text(whole)

    @contextmanager
    def edited(self, table: type[PredictionRow | OutcomeRow], column: str) -> Iterator[None]:
        """Edit a row of the ledger for a while."""
        before = self._put(table, column, 0.5)
        yield
        self._put(table, column, before)

    def _put(self, table: type[PredictionRow | OutcomeRow], column: str, value: float) -> float:
        with self.database.session() as session:
            before: float = getattr(session.get_one(table, 7), column)
            session.execute(update(table).where(table.id == 7).values({column: value}))
        return before


Trouble = Callable[[TroubledMarket], AbstractContextManager[None]]
TROUBLES: dict[str, Trouble] = {
    "breaker open": lambda market: market.broken(),
    "breaker half open": lambda market: market.broken(since=timedelta(hours=13)),
    "champion damaged": lambda market: market.damaged(),
    "a baseline serves": lambda market: market.served_by("corridor-bars"),
    "a recipe serves": lambda market: market.served_by("rival-bars"),
    "no drift check": lambda market: market.with_flag("drift_runs", value=False),
    "drift": lambda market: market.with_flag("drifted", value=True),
    "old parity check": lambda market: market.with_flag("parity_runs", value=False),
    "parity": lambda market: market.with_flag("differs", value=True),
    "a prediction edited": lambda market: market.edited(PredictionRow, "p_up"),
    "an outcome edited": lambda market: market.edited(OutcomeRow, "r_net"),
}
SERVED_BY_ANOTHER = {"champion damaged", "a baseline serves", "a recipe serves"}
