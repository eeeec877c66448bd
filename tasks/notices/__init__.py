"""Notices for people, the channels that deliver them, and events for other programs."""

from typing import TYPE_CHECKING

from ml_core.on_demand import modules_of

if TYPE_CHECKING:
    from tasks.notices import channel_blocks as channel_blocks
    from tasks.notices import channels as channels
    from tasks.notices import delivery as delivery
    from tasks.notices import events as events
    from tasks.notices import notify as notify
else:
    __getattr__ = modules_of(__name__)
