"""Alembic's environment: the engine is handed over, nothing is read from files."""

from __future__ import annotations

from alembic import context

from registry.tables.every import METADATA

engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
