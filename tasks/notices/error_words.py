"""What went wrong in words that may be kept and sent: without addresses, which can be secrets."""

from __future__ import annotations

import re

from tasks.runs.known_secrets import hide_secrets

_SECRETS = re.compile(r"[a-z][a-z0-9+.\-]*://\S+", re.IGNORECASE)


def named(error: BaseException) -> str:
    """Return what went wrong, without URLs."""
    return scrubbed(words_of(error))


def scrubbed(text: str) -> str:
    """Leave out every URL, since a webhook's is its password."""
    return hide_secrets(_SECRETS.sub("(url)", text))[:500]


def words_of(error: BaseException) -> str:
    """Return an error's kind and words as they stand, which may have a secret in them."""
    # Prefect's own error keeps what was said in its log alone
    words = str(getattr(error, "log", "") or error)
    return f"{type(error).__name__}: {' '.join(words.split())}"
