"""``flask db``: Alembic by its own commands, on the application's engine.

The connection is handed over, so the address of the database is known in one place, and tests migrate theirs
by the very same code.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from flask.cli import AppGroup
from sqlalchemy import Engine

from timebank.core.db import Base, db

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

database_cli = AppGroup("db", help="数据库结构：升级、回退、检查、新建迁移。")


def run_alembic(engine: Engine, verb: Callable[..., Any], **arguments: Any) -> None:
    """Run one Alembic command in one transaction on ``engine`` and let its connections go afterwards.

    On SQLite a table is changed by copying it. With foreign keys kept, dropping the old copy would take the rows that
    point to it along; so they rest meanwhile and are counted at the end. Raises ``CommandError`` if one is broken.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    sqlite = engine.dialect.name == "sqlite"
    try:
        with engine.connect() as connection:
            if sqlite:
                connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")  # means nothing once BEGIN was said
            with connection.begin():
                config.attributes.update(connection=connection, metadata=Base.metadata)
                verb(config, **arguments)
                if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                    raise CommandError(f"foreign keys broken by the migration: {broken[:5]}")
    finally:
        engine.dispose()  # the foreign keys come back with fresh connections; psycopg warns about open ones


@database_cli.command("upgrade")
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """升级到最新（或指定）版本。"""
    run_alembic(db.engine, command.upgrade, revision=revision)


@database_cli.command("downgrade")
@click.argument("revision")
def downgrade(revision: str) -> None:
    """回退到指定版本，-1 为上一个。"""
    run_alembic(db.engine, command.downgrade, revision=revision)


@database_cli.command("check")
def check() -> None:
    """检查模型与迁移是否一致。"""
    run_alembic(db.engine, command.check)


@database_cli.command("revision")
@click.option("-m", "message", required=True)
def revision(message: str) -> None:
    """按模型的变化新建一个迁移文件。"""
    run_alembic(db.engine, command.revision, message=message, autogenerate=True)
