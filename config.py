"""Settings from the environment, each documented here; nothing secret has a default outside the demo.

DATABASE_URL   SQLAlchemy URL. Default: SQLite file ``timebank.db`` in TIMEBANK_DATA.
               PostgreSQL: ``postgresql+psycopg://user:password@host/name``.
SECRET_KEY     At least 32 characters. Every key (cookies, codes, field encryption, signatures) is derived from it:
               keep it as safe as the database, and apart from it. If unset, one is made once and kept in
               TIMEBANK_DATA/secret_key with mode 0600, so that the demo needs no preparation.
TIMEBANK_DATA  Folder for the database file, the archives and the made key. Default: ``./var``.
TIMEBANK_DEMO  ``1``: demo sign-ins are printed and shown on the sign-in page. Never set it with real people inside.
TIMEBANK_URL   Public address that QR codes and posters carry, e.g. ``https://bank.example.org``. Default: as requested;
               certificates and cards in numbers want it set, but at localhost and in a demo.
TIMEBANK_PROXY ``1``: trust one reverse proxy's X-Forwarded-For/-Proto/-Host. Default: off.
PORT           Where ``make run`` serves on 127.0.0.1. Default: 8000.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
MIN_SECRET_LENGTH = 32


def from_environment(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The app's settings. Raises ValueError when a SECRET_KEY is given but too short."""
    folder = Path(environ.get("TIMEBANK_DATA") or ROOT / "var").resolve()
    return {
        "TIMEBANK_DATA": str(folder),
        "DATABASE_URL": environ.get("DATABASE_URL") or f"sqlite:///{folder / 'timebank.db'}",
        "SECRET_KEY": environ.get("SECRET_KEY") or _made_secret(folder),
        "TIMEBANK_DEMO": environ.get("TIMEBANK_DEMO") == "1",
        "TIMEBANK_URL": (environ.get("TIMEBANK_URL") or "").rstrip("/"),
        "TIMEBANK_PROXY": environ.get("TIMEBANK_PROXY") == "1",
    }


def _made_secret(folder: Path) -> str:
    """The key kept in the data folder, made on first use by whichever process comes first."""
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f"secret_key.{secrets.token_hex(4)}"
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(made, path)  # fails where another process was first: then its key counts
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text().strip()
