"""The identity of the code that computed something: a hash of everything in ml_core."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import ml_core
from ml_core.files import sha256_of_code
from tasks.settings import Settings


def installed_code(settings: Settings) -> str:
    """Hash the code that computes features, models and studies, including own features.

    A study counts only for the code that made it, and own features are part of that code.
    """
    own = sorted(f"{feature.name} {feature.code}" for feature in settings.catalogue().own())
    return (
        hashlib.sha256("\n".join([code_hash(), *own]).encode()).hexdigest() if own else code_hash()
    )


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash the code that computes features, models and studies, as this process loaded it."""
    return sha256_of_code(Path(ml_core.__path__[0]) / "__init__.py")
