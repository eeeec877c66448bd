"""Groups markets by product: a question asked of one market counts for all of its family."""

from __future__ import annotations

import re

_SMALLER = {
    "ES": ("MES",),
    "NQ": ("MNQ",),
    "RTY": ("M2K",),
    "YM": ("MYM",),
    "GC": ("MGC", "1OZ", "QO"),
    "SI": ("SIL", "QI"),
    "HG": ("MHG", "QC"),
    "CL": ("MCL", "QM"),
    "NG": ("QG", "MNG"),
    "6E": ("M6E", "E7"),
    "6B": ("M6B",),
    "6A": ("M6A",),
    "6J": ("MJY", "J7"),
    "6C": ("MCD",),
    "BTC": ("MBT",),
    "ETH": ("MET",),
    "ZC": ("MZC",),
    "ZS": ("MZS",),
    "ZW": ("MZW",),
}
"""The smaller contracts of each full-size one, by the exchange's product codes (CME Group)."""

_FULL_SIZE = {code: full for full, codes in _SMALLER.items() for code in codes}
_ESCAPED = re.compile(r"\\([^A-Za-z0-9])")
_LITERAL = re.compile(r"[A-Za-z0-9_\-/]+(?![?*{])")


def full_size(root: str) -> str:
    """Return the full-size contract's product code; ``root`` itself if it is not a smaller one.

    >>> full_size("MGC"), full_size("NQ")
    ('GC', 'NQ')
    """
    return _FULL_SIZE.get(root.upper(), root.upper())


def family_of(symbol: str, contract_pattern: str) -> str:
    r"""Return the product of a market's contracts, from the text that their names begin with.

    A market copied under another symbol reads the same contracts and so has the same product; for
    a pattern that does not begin with plain text the symbol is returned.

    >>> family_of("MGC", r"MGC[FGHJKMNQUVXZ]\\d{1,2}"), family_of("GOLD15", r"GC[GJMQVZ]\d")
    ('GC', 'GC')
    """
    literal = _LITERAL.match(_ESCAPED.sub(r"\1", contract_pattern))
    return full_size(literal[0] if literal else symbol)
