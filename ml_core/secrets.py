"""Removes secrets from text that is shown, logged or stored."""

from __future__ import annotations

import re

HIDDEN = "***"

_LOGIN = re.compile(r"([a-z][a-z0-9+.\-]{0,30}://)(?!/)(?:([^\s/?#@:]*):)?(\S*)@", re.IGNORECASE)
"""The name and password of a URL, up to its last @: an earlier one may be part of a password."""

_NAMED = re.compile(
    r"([\w.\-]{0,40}"
    r"(?:password|passwd|pwd|passphrase|secret|token|api_?key|access_?key|auth|sig|signature)"
    r"=)([^&\s'\"]+)",
    re.IGNORECASE,
)
"""A value with the name of a secret, in a URL's query or a list of options."""


def masked(text: str) -> str:
    """Return text without URL passwords and values named as secrets.

    In doubt it hides too much: a password that contains @, / or ? (instead of %40, %2F or %3F) is
    hidden completely.

    >>> masked("postgresql://ann:p@ss/w@db/orbcast?sslmode=require&password=open")
    'postgresql://ann:***@db/orbcast?sslmode=require&password=***'
    >>> masked("http://token@host/api and http://127.0.0.1:4200/api")
    'http://***@host/api and http://127.0.0.1:4200/api'
    """
    without = _LOGIN.sub(lambda login: f"{login[1]}{_name(login[2])}{HIDDEN}@", text)
    return _NAMED.sub(rf"\g<1>{HIDDEN}", without)


def passwords_in(text: str) -> set[str]:
    """Return the secrets that :func:`masked` hides in a text.

    >>> sorted(passwords_in("postgresql://ann:one@db/orbcast?password=two"))
    ['one', 'two']
    """
    return {login[3] for login in _LOGIN.finditer(text)} | {
        named[2] for named in _NAMED.finditer(text)
    }


def _name(user: str | None) -> str:
    return f"{user}:" if user is not None else ""
