"""Alembic's environment: the caller (``timebank.cli.database``) hands over the connection and the tables."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.types import TypeDecorator


def render_own_type(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write a column type of ours as ``Name()`` and import it; Alembic's own spelling would carry no import."""
    if kind != "type" or not isinstance(item, TypeDecorator) or not type(item).__module__.startswith("timebank."):
        return False
    autogen.imports.add(f"from {type(item).__module__} import {type(item).__name__}")
    return f"{type(item).__name__}()"


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render_own_type,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
