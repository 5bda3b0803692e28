"""Packages made once, and what people with a zip program, a hex editor or a key of their own do to them."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from tests import databases
from tests.archives.months import NOVEMBER, packing_in, small_town
from tests.world import KEYS
from timebank.archives import service, signatures
from timebank.archives.package import Packing
from timebank.core.actor import SYSTEM
from timebank.core.keys import Keys

MONTHS = ("2026-08", "2026-09", "2026-10")
OURS = signatures.public_key(KEYS)
FORGER = Keys(b"somebody-else-0123456789-0123456789")
Files = dict[str, bytes]  # path inside the package's folder → content


def make_chain(folder: Path, keys: Keys = KEYS) -> dict[str, Path]:
    """Three months of a small town, closed and packed with ``keys``: month → package."""
    with databases.fresh("sqlite") as url:
        engine = databases.make_engine(url)
        with Session(engine) as session:
            branch = small_town(session)[0]
            packing = Packing(folder=folder, keys=keys) if keys is not KEYS else packing_in(folder)
            made = {}
            for month in MONTHS:
                service.close_month(session, branch=branch, month=month, actor=SYSTEM, keys=keys, now=NOVEMBER)
                made[month] = folder / service.make_package(session, branch=branch, month=month, packing=packing).name
        engine.dispose()
    return made


def files_of(package: Path) -> Files:
    """Everything in a package."""
    with zipfile.ZipFile(package) as bag:
        return {entry.partition("/")[2]: bag.read(entry) for entry in bag.namelist()}


def edited(
    package: Path, target: Path, edit: Callable[[Files], Any], *, recompute: bool = False, root: str = ""
) -> Path:
    """A copy of a package with its files edited; with ``recompute`` every checksum of BagIt is made to agree again."""
    files = files_of(package)
    edit(files)
    if recompute:
        recompute_checksums(files)
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bag:
        for name, content in files.items():
            bag.writestr(f"{root or package.stem}/{name}", content)
    return target


def recompute_checksums(files: Files) -> None:
    """What anybody can do with ``bagit.py`` or by hand."""
    payload = {name: content for name, content in files.items() if name.startswith("data/")}
    oxum = f"{sum(map(len, payload.values()))}.{len(payload)}"
    lines = files["bag-info.txt"].decode().splitlines()
    files["bag-info.txt"] = "".join(
        f"Payload-Oxum: {oxum}\n" if line.startswith("Payload-Oxum") else f"{line}\n" for line in lines
    ).encode()
    files["manifest-sha256.txt"] = _listed(payload)
    tags = {n: c for n, c in files.items() if not n.startswith("data/") and n != "tagmanifest-sha256.txt"}
    files["tagmanifest-sha256.txt"] = _listed(tags)


def _listed(files: Files) -> bytes:
    return "".join(f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in sorted(files.items())).encode()


def edit_manifest(files: Files, change: Callable[[Any], None]) -> None:
    """Rewrite the manifest, as somebody would who has no key."""
    manifest = json.loads(files["data/manifest.json"])
    change(manifest)
    files["data/manifest.json"] = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()


def sign_anew(files: Files, keys: Keys = FORGER) -> None:
    """Sign whatever is in there with a key of one's own, and list every file as it is now."""
    key = signatures.public_key(keys)
    files["data/public-key.pem"] = signatures.as_pem(key).encode()

    def change(manifest: Any) -> None:
        manifest["signature"].update(public_key=key, fingerprint=signatures.fingerprint(key))
        manifest["files"] = [
            {"path": n[5:], "bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()}
            for n, c in sorted(files.items())
            if n.startswith("data/") and n not in {"data/manifest.json", "data/manifest.sig"}
        ]

    edit_manifest(files, change)
    files["data/manifest.sig"] = signatures.sign(keys, files["data/manifest.json"])


def flipped(package: Path, target: Path, at: int) -> Path:
    """A copy with one byte turned over."""
    content = bytearray(package.read_bytes())
    content[at] ^= 0xFF
    target.write_bytes(content)
    return target


def offset_in(package: Path, name: str, at: int = 120) -> int:
    """Where in the zip a byte of one of its files lies."""
    with zipfile.ZipFile(package) as bag:
        return bag.getinfo(f"{package.stem}/{name}").header_offset + at


def copied(package: Path, target: Path) -> Path:
    """The same file under another name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(package, target))
