"""SQL that is compiled once for all databases of a test run.

SQLAlchemy compiles each statement once for an engine. A process of Orbcast has one engine; nearly
each test opens its own database, and a fifth of its time would pass in compiling the same.
"""

from __future__ import annotations

from sqlalchemy import Engine, util
from sqlalchemy.engine.default import DefaultDialect

_COMPILED = util.LRUCache(5_000)


def _same_kind(dialect: object, other: object) -> bool:
    return type(dialect) is type(other)


def _kind(dialect: object) -> int:
    return hash(type(dialect))


def pytest_configure() -> None:
    """Let all engines share one cache, whose keys contain the dialect: equal if of one kind."""
    Engine._compiled_cache = property(lambda _: _COMPILED, lambda _, __: None)
    DefaultDialect.__eq__, DefaultDialect.__hash__ = _same_kind, _kind
