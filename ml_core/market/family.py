"""Which markets trade one product: a question asked of one of them is asked of all."""

from __future__ import annotations

import re

_FULL_SIZE = {
    "MES": "ES",
    "MNQ": "NQ",
    "M2K": "RTY",
    "MYM": "YM",
    "MGC": "GC",
    "1OZ": "GC",
    "QO": "GC",
    "SIL": "SI",
    "QI": "SI",
    "MHG": "HG",
    "QC": "HG",
    "MCL": "CL",
    "QM": "CL",
    "QG": "NG",
    "MNG": "NG",
    "M6E": "6E",
    "E7": "6E",
    "M6B": "6B",
    "M6A": "6A",
    "MJY": "6J",
    "J7": "6J",
    "MCD": "6C",
    "MBT": "BTC",
    "MET": "ETH",
    "MZC": "ZC",
    "MZS": "ZS",
    "MZW": "ZW",
}
"""The full-size contract of each smaller one, by the exchange's product codes (CME Group)."""

_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")
_LITERAL = re.compile(r"[A-Za-z0-9_\-/]+(?![?*{])")


def full_size(root: str) -> str:
    """Return the product code of the full-size contract; the code itself where it is none smaller.

    >>> full_size("MGC"), full_size("NQ")
    ('GC', 'NQ')
    """
    return _FULL_SIZE.get(root.upper(), root.upper())


def family_of(symbol: str, contract_pattern: str) -> str:
    r"""Return the product that a market's contracts are of, by the text their names begin with.

    A market that was copied under another symbol reads the same contracts, and so has the same
    product; a pattern that begins with no plain text leaves the symbol.

    >>> family_of("MGC", r"MGC[FGHJKMNQUVXZ]\\d{1,2}"), family_of("GOLD15", r"GC[GJMQVZ]\d")
    ('GC', 'GC')
    """
    literal = _LITERAL.match(_ESCAPED.sub(r"\1", contract_pattern))
    return full_size(literal[0] if literal else symbol)
