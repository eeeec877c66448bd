"""SQL that is compiled once for all databases of a test run.

SQLAlchemy compiles each statement once for an engine. A process of Orbcast has one engine; nearly each
test opens a database of its own, and a fifth of its time was spent on compiling the same statements.
"""

from __future__ import annotations

from sqlalchemy import Engine, util
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.default import DefaultDialect

_COMPILED = util.LRUCache(5_000)


def _same_kind(dialect: Dialect, other: object) -> bool:
    return type(dialect) is type(other)


def _kind(dialect: Dialect) -> int:
    return hash(type(dialect))


def pytest_configure() -> None:
    """Give all engines one cache, whose keys contain the dialect: equal if of one kind."""
    Engine._compiled_cache = property(lambda _: _COMPILED, lambda _, __: None)
    DefaultDialect.__eq__, DefaultDialect.__hash__ = _same_kind, _kind
