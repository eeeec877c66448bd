"""Errors as text that may be stored and sent: without URLs, which can be secrets."""

from __future__ import annotations

import re

from tasks.runs.known_secrets import hide_secrets

_SECRETS = re.compile(r"[a-z][a-z0-9+.\-]*://\S+", re.IGNORECASE)


def named(error: BaseException) -> str:
    """Return what went wrong, without URLs."""
    return scrubbed(words_of(error))


def scrubbed(text: str) -> str:
    """Remove every URL from a text, since a webhook's URL is its password."""
    return hide_secrets(_SECRETS.sub("(url)", text))[:500]


def words_of(error: BaseException) -> str:
    """Return an error's class and message as they are; they may hold a secret."""
    # Prefect's own error keeps what was said in its log alone
    words = str(getattr(error, "log", "") or error)
    return f"{type(error).__name__}: {' '.join(words.split())}"
