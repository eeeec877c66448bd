"""Remove the secrets that this process was given from what it shows and logs."""

from __future__ import annotations

import base64
import os
from functools import lru_cache
from urllib.parse import unquote

from ml_core.secrets import HIDDEN, masked, passwords_in

_LOGINS = ("ORBCAST_AUTH", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING")
_URLS = (
    "ORBCAST_DATABASE_URL",
    "ORBCAST_STORE",
    "PREFECT_API_URL",
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
)
_VALUES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "ORBCAST_HEARTBEAT_URL",  # its path is often the secret
    "PREFECT_API_KEY",
    "PREFECT_API_DATABASE_PASSWORD",
    "PREFECT_SERVER_DATABASE_PASSWORD",
)
_NAMES = (_VALUES, _LOGINS, _URLS)
_SHORTEST = 8
"""A shorter secret may be an ordinary word; it is hidden only where its position marks it."""


def hide_secrets(text: str) -> str:
    """Return text without secrets: those marked by their position, and those given here."""
    text = masked(text)
    if len(text) < _SHORTEST:
        return text
    for secret in _forms_of(*(tuple(map(os.environ.get, names)) for names in _NAMES)):
        text = text.replace(secret, HIDDEN)
    return text


@lru_cache(maxsize=4)
def _forms_of(
    values: tuple[str | None, ...], logins: tuple[str | None, ...], urls: tuple[str | None, ...]
) -> list[str]:
    """Return secrets in each form in which they may appear, longest first."""
    secrets = {value or "" for value in values}
    for login in filter(None, logins):
        secrets |= {login.partition(":")[2], base64.b64encode(login.encode()).decode()}
    for url in filter(None, urls):
        passwords = passwords_in(url)
        secrets |= {form for password in passwords for form in (password, unquote(password))}
    return sorted((one for one in secrets if len(one) >= _SHORTEST), key=len, reverse=True)
