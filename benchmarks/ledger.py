"""How long the verification of a large ledger takes, and its result, on realistic rows.

Rows a second are of this process's processor time; a plain loop beside tells how fast it is here.

python benchmarks/ledger.py [--rows 100000] [--url postgresql://...]
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import insert, text

from ml_core.decision.entry import Outputs, PredictionEntry
from ml_core.features.all import CATALOGUE
from ml_core.learning.predictions.prediction import Prediction, Reason, SideView
from registry.database import Database, open_database
from registry.ledger.entries import OutcomeEntry, fields_of
from registry.ledger.ledger import Ledger
from registry.ledger.verification import PREDICTIONS
from registry.tables.ledger import PredictionRow

LEAST_ROWS_A_SECOND = 40_000
DAY0 = date(2000, 1, 3)
RANGES = ("0900", "1000", "1100", "1800", "2300", "0030")


def prediction(number: int, random: np.random.Generator) -> PredictionEntry:
    """Return an entry with every feature, and outputs as large as the flow's (about 2 kB)."""
    day, which = divmod(number, len(RANGES))
    at = datetime(2000, 1, 3, 9, 5, tzinfo=UTC) + timedelta(days=day, hours=2 * which)
    names = CATALOGUE.names()
    side = SideView(
        p_win=0.41,
        net_r=0.02,
        net_r_low=-1.1,
        net_r_high=1.2,
        expected_net_r=-0.17,
        baseline_p_win=0.4,
        baseline_net_r=-0.2,
    )
    predicted = Prediction(
        model="directional",
        version="20250630-1a2b3c4d",
        label="entry-session",
        p_up=0.45,
        p_down=0.45,
        p_none=0.1,
        p_up_given_break=0.5,
        baseline_p_up_given_break=0.5,
        confidence=0.0,
        level="none",
        long=side,
        short=side,
        recommendation="skip",
        risk_adjustment=1.0,
        reasons=tuple(Reason(name, 0.5, 0.01, f"{name} is at its usual") for name in names[:6]),
    )
    return PredictionEntry(
        market="MGC",
        trading_day=DAY0 + timedelta(days=day),
        opening_range=RANGES[which],
        mode="live",
        role="champion",
        decision_time=at,
        made_at=at + timedelta(seconds=3),
        late=False,
        status="predicted",
        reason=None,
        label="entry-session",
        model="directional",
        version="20250630-1a2b3c4d",
        recipe_hash="5f" * 32,
        p_up=float(random.random()),
        baseline_p_up=0.5,
        recommendation="skip",
        expected_net_r=-0.17,
        features=dict(zip(names, random.normal(size=len(names)).tolist(), strict=True)),
        outputs=Outputs(prediction=predicted, last_bar_minute=number),
    )


def outcome(entry: PredictionEntry) -> OutcomeEntry:
    return OutcomeEntry(
        market=entry.market,
        trading_day=entry.trading_day,
        opening_range=entry.opening_range,
        label=entry.label,
        direction="UP",
        outcome="WIN",
        entry=2000.0,
        stop=1998.0,
        target=2002.0,
        r_gross=1.0,
        r_net=0.8,
        resolved_at=entry.decision_time + timedelta(hours=1),
    )


def append_at_once(database: Database, after: str, entries: list[PredictionEntry]) -> None:
    """Write what `Ledger.record` writes, without a query and a flush for each row."""
    rows = []
    for entry in entries:
        values = fields_of(entry)
        digest = PREDICTIONS.row_hash(values, after)
        rows.append({**values, "previous_hash": after, "row_hash": digest})
        after = digest
    with database.session() as session:
        session.execute(insert(PredictionRow), rows)


def loop_seconds() -> float:
    """How fast this machine is now: processor time of a loop of 20 million steps."""
    start = time.process_time()
    for _ in range(20_000_000):
        pass
    return time.process_time() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--url", default="", help="an empty database; a SQLite file if left out")
    args = parser.parse_args()
    random = np.random.default_rng(4)
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(
            args.url or f"sqlite:///{Path(folder) / 'orbcast.sqlite'}",
            checkpoints=Path(folder) / "ledger-heads.jsonl",
        )
        ledger = Ledger(database)
        entries = [prediction(number, random) for number in range(args.rows)]
        start = time.perf_counter()
        assert ledger.record(entries[:1_000]) == 1_000
        seconds_each = (time.perf_counter() - start) / 1_000
        print(f"     a prediction recorded in {seconds_each * 1e3:.2f} ms, a thousand in one call")
        append_at_once(database, ledger.head().row_hash, entries[1_000:])
        assert ledger.head().rows == args.rows
        for entry in entries[:: max(1, args.rows // 500)]:
            ledger.record_outcome(outcome(entry), entry.decision_time + timedelta(hours=2))

        walks = []
        for _ in range(3):
            start = time.process_time()
            assert ledger.verify().faults == ()
            walks.append(time.process_time() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        seconds = sorted(walks)[1]

        start = time.perf_counter()
        month = DAY0 + timedelta(days=args.rows // len(RANGES) - 30)
        rows = len(ledger.settled("MGC", first=month))
        recent = time.perf_counter() - start
        with database.session() as session:
            session.execute(
                text("UPDATE predictions SET p_up = 0.99 WHERE id = :n"), {"n": args.rows // 2}
            )
        assert len(ledger.verify().faults) == 1
        database.close()
    rows_a_second = args.rows / seconds
    good = rows_a_second >= LEAST_ROWS_A_SECOND
    print(
        f"{'ok  ' if good else 'SLOW'} {args.rows:,} predictions verified, median of 3: "
        f"{rows_a_second:,.0f} rows a second   at least {LEAST_ROWS_A_SECOND:,}"
    )
    print(f"     a loop of 20 million steps takes {loop_seconds():.2f} s here now")
    print(
        f"     the last {rows} predictions with outcomes in {recent * 1e3:.0f} ms; "
        f"peak of this process {peak:.2f} GB"
    )
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
