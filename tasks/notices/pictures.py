"""Pictures of notices: drawn once, and kept as files while a channel may still send them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from ml_core.files import remove_older, written_atomically
from monitoring.notices import NOTICE_LIFETIME
from registry.notices import is_kept
from tasks.notices.channels import channels
from tasks.settings import Settings

ATTACHING = ("email", "apprise")
"""Kinds of channels that accept a picture; the others get the text only."""

_KEPT = NOTICE_LIFETIME + timedelta(days=1)


def save_picture(settings: Settings, key: str, draw: Callable[[], bytes | None]) -> None:
    """Draw the picture of a new notice if a channel would send it."""
    if not any(channel.kind in ATTACHING for channel in channels(settings.channels_file)):
        return
    if is_kept(settings.database(), key):
        return
    png, path = draw(), _path(settings, key)
    if png is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_atomically(path) as temporary:
        temporary.write_bytes(png)
    remove_older(path, _KEPT)


def picture_of(settings: Settings, key: str) -> Path | None:
    """Return the file of a notice's picture; None if there is none."""
    path = _path(settings, key)
    return path if path.is_file() else None


def _path(settings: Settings, key: str) -> Path:
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return settings.home / "pictures" / f"{name}.png"
