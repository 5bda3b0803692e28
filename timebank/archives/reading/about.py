"""What a package says of itself, as far as it can be read, and what was found wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from timebank.archives import rules, signatures
from timebank.archives.reading.damage import Damage
from timebank.core.clock import is_month

_MOST_DAMAGES: Final = 200  # who reads further has a package that somebody made to be like that
_SEAL: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """Who, when, what, by the manifest; only as true as its signature."""

    branch_code: str
    branch_name: str
    month: str
    version: int
    closed_at: str
    closed_by: str
    program: str
    seal: str
    previous_seal: str | None
    key: str
    entries: int
    rows: dict[str, int]
    corrects: str

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key that signed."""
        return signatures.fingerprint(self.key)

    @property
    def file_name(self) -> str:
        """What the package is called where nobody renamed it."""
        return rules.package_name(self.branch_code, self.month, self.seal, self.version)


@dataclass(kw_only=True, slots=True)
class Report:
    """A package that was looked at: its file, its SHA-256, what it is about (None where unreadable), what is wrong.

    ``signed`` is whether the signature over its manifest holds, ``trusted`` whether by a known key (None: not asked).
    ``digests`` are those of the files as they are, ``listed`` those that were signed. Damages beyond the first few
    hundred are only counted, in ``further``.
    """

    name: str
    file_hash: str
    size: int
    about: About | None = None
    signed: bool = False
    trusted: bool | None = None
    files: int = 0
    unpacked: int = 0
    damages: list[Damage] = field(default_factory=list)
    further: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Nothing was found wrong."""
        return not self.damages

    def add(self, damage: Damage) -> None:
        """Note a damage, once."""
        if damage in self.damages:
            return
        if len(self.damages) < _MOST_DAMAGES:
            self.damages.append(damage)
        else:
            self.further += 1


def read_about(manifest: dict[str, Any]) -> About:
    """The manifest's answers. Raises what a manifest of another shape makes it raise."""
    seal, signature = manifest["seal"], manifest.get("signature") or {}
    if not is_month(str(manifest["month"])):
        raise ValueError("清单里的月份不是月份")
    if not all(_SEAL.fullmatch(str(one)) for one in (seal["hash"], seal["previous_hash"] or seal["hash"])):
        raise ValueError("清单里的封签不是封签")
    corrects = manifest.get("corrects")
    return About(
        branch_code=str(manifest["branch"]["code"]),
        branch_name=str(manifest["branch"]["name"]),
        month=str(manifest["month"]),
        version=int(manifest["version"]),
        closed_at=str(manifest["closed"]["at"]),
        closed_by=str(manifest["closed"]["by"]),
        program=f"{manifest['program']['name']} {manifest['program']['version']}",
        seal=str(seal["hash"]),
        previous_seal=None if seal["previous_hash"] is None else str(seal["previous_hash"]),
        key=str(signature.get("public_key", "")),
        entries=int(seal["entries"]),
        rows={str(table["title"]): int(table["totals"]["rows"]) for table in manifest["tables"]},
        corrects=str(corrects["file"]) if isinstance(corrects, dict) else str(corrects or ""),
    )


def name_of(path: Path) -> str:
    """What a file is called, without ``.zip``."""
    return path.name.removesuffix(".zip")
