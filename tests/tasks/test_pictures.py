"""Pictures of notices are kept as long as a channel may send them, by the clock of the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.notices.channel_blocks import add_channel
from tasks.notices.pictures import picture_of, save_picture
from tasks.settings import current_settings, now

# Prefect's block for mail imports Apprise, and that a module of the standard library
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

DAY = 86_400.0


def test_only_pictures_older_than_a_notice_lives_are_removed(home: Path) -> None:
    home.mkdir()
    settings = current_settings()
    add_channel(settings.channels_file, "mail", "email", "mailto://a@b.example", now())
    for name in ("old", "young"):
        save_picture(settings, name, lambda: b"png")
    old, young = picture_of(settings, "old"), picture_of(settings, "young")
    assert old is not None
    assert young is not None
    for path, days in ((old, 30.0), (young, 0.5)):
        then = path.stat().st_mtime - days * DAY
        os.utime(path, (then, then))

    save_picture(settings, "new", lambda: b"png")

    assert picture_of(settings, "old") is None
    assert picture_of(settings, "young") == young
    assert picture_of(settings, "new") is not None
