"""Which code computed something: a hash of everything in ml_core."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import ml_core
from ml_core.files import sha256_of


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash what computes features, models and studies, as this process has it."""
    root = Path(ml_core.__path__[0])
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)} {sha256_of(path)}\n".encode())
    return digest.hexdigest()
