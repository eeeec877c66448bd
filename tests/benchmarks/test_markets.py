"""The markets of the benchmark of many: each has hours of its own and one common minute."""

from __future__ import annotations

from pathlib import Path

from benchmarks.markets.served import scheduled_at
from benchmarks.markets.world import COMMON, HOURS, MarketWorld, market_text, symbol_of
from deployments.shared_schedules import deployments_together
from tasks.settings import Settings


def test_every_market_has_one_range_of_the_common_minute_and_one_run_predicts_it(
    tmp_path: Path,
) -> None:
    settings = Settings(home=tmp_path)
    settings.own_markets_dir.mkdir(parents=True)
    world = MarketWorld(tmp_path, settings, markets=2 * len(HOURS), years=1.0)
    for number, name in enumerate(world.names):
        (settings.own_markets_dir / f"{name}.toml").write_text(market_text(number), "utf-8")
    slots = dict(world.common_slots())
    assert list(slots) == list(world.names) == [symbol_of(n).lower() for n in range(8)]
    assert {slot.decision for slot in slots.values()} == {COMMON}

    markets = {name: world.market(name) for name in world.names}
    due = scheduled_at(deployments_together(markets, COMMON.year), COMMON)

    assert [name for name, _ in due] == ["predict-together/orbcast"] * 3
    started = [
        (market, names) for _, arguments in due for market, names in arguments["ranges"].items()
    ]
    assert sorted(started) == [(name, [slots[name].opening_range]) for name in world.names]
