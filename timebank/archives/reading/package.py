"""One package held against its own lists."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from timebank.archives.reading.damage import Damage

_CHUNK = 1 << 20
# All that zipfile, zlib and json are known to raise over a file that somebody or something changed.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, LookupError, ValueError, EOFError, OSError, RuntimeError, TypeError,
    AttributeError,
)  # fmt: skip


def verify_package(path: Path) -> list[Damage]:
    """Every disagreement of a package with its checksums and control totals; an empty list means it is sound."""
    found: list[Damage] = []
    try:
        with zipfile.ZipFile(path) as bag:
            for disagreement in _disagreements(bag):
                found.append(disagreement)
    except _BROKEN as broken:
        found.append(Damage("not_a_package", "", str(broken)))
    return found


def read_json(path: Path, name: str) -> Any:
    """One JSON file of the payload, such as ``members.json``. Raises KeyError when it is not there."""
    with zipfile.ZipFile(path) as bag:
        return json.loads(bag.read(f"{_root(bag)}/data/{name}"))


def _root(bag: zipfile.ZipFile) -> str:
    [root] = {name.split("/", 1)[0] for name in bag.namelist()}
    return root


def _disagreements(bag: zipfile.ZipFile) -> Iterator[Damage]:
    root = _root(bag)
    names = bag.namelist()
    twice = sorted({name for name in names if names.count(name) > 1})
    yield from (Damage("dangerous", name, "在包里出现了不止一次") for name in twice)
    for tag in ("tagmanifest-sha256.txt", "manifest-sha256.txt"):
        lines = [line.split("  ", 1) for line in bag.read(f"{root}/{tag}").decode().splitlines()]
        listed = {name: digest for digest, name in lines}
        if tag.startswith("tag"):
            tags = {name.removeprefix(f"{root}/") for name in names if not name.startswith(f"{root}/data/")}
            yield from (Damage("extra_file", name, "不在清单里") for name in sorted(tags - set(listed) - {tag}))
        for name, digest in listed.items():
            if _digest(bag, f"{root}/{name}") != digest:
                yield Damage("changed_file", name, "与校验值不符")
        if tag == "manifest-sha256.txt":
            inside = {name.removeprefix(f"{root}/") for name in bag.namelist() if name.startswith(f"{root}/data/")}
            yield from (Damage("extra_file", name, "不在清单里") for name in sorted(inside - set(listed)))
            yield from (Damage("missing_file", name, "清单里有，包里没有") for name in sorted(set(listed) - inside))
    yield from _wrong_totals(bag, root)


def _digest(bag: zipfile.ZipFile, name: str) -> str:
    if name not in bag.NameToInfo:
        return ""
    digest = hashlib.sha256()
    try:
        with bag.open(name) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except _BROKEN:
        return ""
    return digest.hexdigest()


def _wrong_totals(bag: zipfile.ZipFile, root: str) -> Iterator[Damage]:
    for table in json.loads(bag.read(f"{root}/data/manifest.json"))["tables"]:
        rows = json.loads(bag.read(f"{root}/data/{table['name']}.json"))
        for name, total in table["totals"].items():
            found = len(rows) if name == "rows" else sum(row[name] or 0 for row in rows)
            if found != total:
                yield Damage("wrong_total", f"{table['title']} {name}", f"清单写 {total}，逐行相加是 {found}")
