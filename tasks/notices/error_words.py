"""Errors as text that may be stored and sent: without URLs, which may hold secrets."""

from __future__ import annotations

import re

from tasks.runs.known_secrets import hide_secrets

_SECRETS = re.compile(r"[a-z][a-z0-9+.\-]*://\S+", re.IGNORECASE)


def error_without_urls(error: BaseException) -> str:
    """Return an error as text without URLs."""
    return scrubbed(error_text(error))


def scrubbed(text: str) -> str:
    """Remove every URL from a text, since a webhook's URL is its password."""
    return hide_secrets(_SECRETS.sub("(url)", text))[:500]


def error_text(error: BaseException) -> str:
    """Return an error's class and message unchanged; they may contain a secret."""
    # for this Prefect error, the details are only in its log
    words = str(getattr(error, "log", "") or error)
    return f"{type(error).__name__}: {' '.join(words.split())}"
