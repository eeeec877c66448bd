"""One name for the data behind a version or a study: bars, and news if features read it."""

from __future__ import annotations

_NEWS = "+news:"


def data_fingerprint(bars: str, news: str) -> str:
    """Return the fingerprint of bars and news, or of the bars alone if no feature reads news.

    Parameters
    ----------
    bars, news
        Hash of each; "" for no news.

    >>> data_fingerprint("b4", "9e")
    'b4+news:9e'
    """
    return f"{bars}{_NEWS}{news}" if news else bars


def parts_of(fingerprint: str) -> dict[str, str]:
    """Return the hashes in a fingerprint, by the kind of data.

    >>> parts_of("b4+news:9e"), parts_of("b4")
    ({'bars': 'b4', 'news': '9e'}, {'bars': 'b4'})
    """
    bars, _, news = fingerprint.partition(_NEWS)
    return {"bars": bars, **({"news": news} if news else {})}
