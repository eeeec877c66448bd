"""The product to which a market's contracts belong."""

from __future__ import annotations

import pytest

from ml_core.market.family import family_of


@pytest.mark.parametrize(
    ("symbol", "pattern", "family"),
    [
        ("MGC", r"MGC[FGHJKMNQUVXZ]\d{1,2}", "GC"),
        ("MNQ", r"MNQ[HMUZ]\d{1,2}", "NQ"),
        ("MES", r"mes.*", "ES"),
        ("NQ", r"NQ.", "NQ"),
        ("BTCUSDT", "BTCUSDT", "BTCUSDT"),
        ("BTC-USD", r"BTC\-USD", "BTC-USD"),
        ("GOLD", r"(?:M?GC)[GJMQVZ]\d", "GOLD"),
        ("6E", r"6E[HMUZ]\d", "6E"),
    ],
)
def test_it_is_read_from_what_its_contracts_names_begin_with(
    symbol: str, pattern: str, family: str
) -> None:
    assert family_of(symbol, pattern) == family
