"""Commands: ``flask db|bank|branches|members|keys|ledger|certificates|archive|jobs|demo``. Doors without a browser."""

from __future__ import annotations

from flask import Flask

from timebank.cli.archive import archive_cli
from timebank.cli.bank import bank_cli
from timebank.cli.branches import branches_cli
from timebank.cli.certificates import certificates_cli
from timebank.cli.database import database_cli
from timebank.cli.demo import demo_cli
from timebank.cli.jobs import jobs_cli
from timebank.cli.keys import keys_cli
from timebank.cli.ledger import ledger_cli
from timebank.cli.members import members_cli

GROUPS = (
    database_cli,
    bank_cli,
    branches_cli,
    members_cli,
    keys_cli,
    ledger_cli,
    certificates_cli,
    archive_cli,
    jobs_cli,
    demo_cli,
)


def init_app(app: Flask) -> None:
    """Give the ``flask`` command its groups."""
    for group in GROUPS:
        app.cli.add_command(group)
