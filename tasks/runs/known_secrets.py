"""Remove the secrets that this process was given from what it shows and logs."""

from __future__ import annotations

import base64
import os
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
_SHORTEST = 8
"""A shorter secret may be an ordinary word; it is hidden only where its position marks it."""


def hide_secrets(text: str) -> str:
    """Return text without secrets: those marked by their position, and those given here."""
    text = masked(text)
    for secret in _given():
        text = text.replace(secret, HIDDEN)
    return text


def _given() -> list[str]:
    """Return the environment's secrets in each form in which they may appear, longest first."""
    secrets = {os.environ.get(name, "") for name in _VALUES}
    for name in _LOGINS:
        login = os.environ.get(name, "")
        secrets |= {login.partition(":")[2], base64.b64encode(login.encode()).decode()}
    for name in _URLS:
        passwords = passwords_in(os.environ.get(name, ""))
        secrets |= {form for password in passwords for form in (password, unquote(password))}
    return sorted((one for one in secrets if len(one) >= _SHORTEST), key=len, reverse=True)
