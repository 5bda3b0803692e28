"""What only SQLite needs, for migrations."""

from __future__ import annotations

from sqlalchemy import Connection


def change_rule(connection: Connection, table: str, was: str, becomes: str) -> None:
    """Change a piece of a table's own text, such as a CHECK, in which it has to stand just once.

    SQLite keeps a table as the text that made it, and its manual lets one change that text like this where every
    stored row fits it. The other way, a copy of the table, would lose the triggers that guard it.
    """
    chosen = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    written = connection.exec_driver_sql(chosen, (table,)).scalar_one()
    if written.count(was) != 1:
        raise RuntimeError(f"{table} is not written as expected")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?", (written.replace(was, becomes), table)
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
