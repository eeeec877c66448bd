"""A small separate disk: a file system in a file, mounted, whose power can be lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_MEGABYTES = 64
_OPTIONS = "loop,noauto_da_alloc,commit=300"
"""Nothing is synced unless requested: neither on a rename, nor every five seconds."""


class Disk:
    """An ext4 file system in a file, mounted at a folder.

    Parameters
    ----------
    image
        The image file to create.
    place
        The folder to mount it on.

    Raises
    ------
    subprocess.CalledProcessError
        The disk cannot be mounted here.
    """

    def __init__(self, image: Path, place: Path) -> None:
        self._image, self._place = image, place
        with image.open("wb") as file:
            file.truncate(_MEGABYTES << 20)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", image)
        place.mkdir(exist_ok=True)
        self._mount()
        shutil.rmtree(place / "lost+found")

    def keep_all(self) -> None:
        """Sync everything that was written to the disk."""
        _run("sync", "-f", self._place)

    def come_up_again(self) -> None:
        """Mount the disk again, as after a loss of power."""
        self.close()
        self._mount()

    def close(self) -> None:
        """Unmount the disk."""
        _run("umount", self._place)

    def _mount(self) -> None:
        _run("mount", "-t", "ext4", "-o", _OPTIONS, self._image, self._place)


def may_mount(folder: Path) -> bool:
    """Return whether such a disk can be mounted here."""
    try:
        Disk(folder / "tried", folder / "mounted").close()
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True)
