"""A BagIt 1.0 bag (RFC 8493, SHA-256) as one plain zip, byte for byte the same from the same files.

Two processes that pack one month at once must write the same file, so every zip entry carries the instant of the seal
instead of the time of packing, and no entry carries who wrote it or where.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_CHUNK = 1 << 20
_MODE = 0o100644 << 16  # a plain file that everybody may read
_LEVEL = 6  # named, because a default may change with the version of Python


def write_bag(
    target: Path, name: str, files: Iterable[tuple[str, Path]], *, info: Mapping[str, str], stamp: datetime
) -> None:
    """Pack ``files`` (path inside ``data/``, file on disk) into ``target`` as the bag ``name``.

    ``info`` becomes ``bag-info.txt``; ``stamp`` is the wall-clock time every entry carries.
    """
    sums: dict[str, str] = {}
    total = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as bag:
        for path, source in sorted(files):
            digest, size = _add_file(bag, _entry(f"{name}/data/{path}", stamp), source)
            sums[f"data/{path}"] = digest
            total += size
        tags = {
            "bagit.txt": DECLARATION,
            "bag-info.txt": info_text(info, total=total, files=len(sums)),
            "manifest-sha256.txt": _manifest(sums),
        }  # fmt: skip
        tags["tagmanifest-sha256.txt"] = _manifest({
            path: hashlib.sha256(text.encode()).hexdigest() for path, text in tags.items()
        })  # fmt: skip
        for path, text in sorted(tags.items()):
            bag.writestr(_entry(f"{name}/{path}", stamp), text)


def _entry(path: str, stamp: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, stamp.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = _MODE
    entry.create_system = 3  # the same on every system
    return entry


def _add_file(bag: zipfile.ZipFile, entry: zipfile.ZipInfo, source: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as file, bag.open(entry, "w", force_zip64=True) as out:
        while chunk := file.read(_CHUNK):
            out.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def info_text(info: Mapping[str, str], *, total: int, files: int) -> str:
    """``bag-info.txt``: what ``info`` says, and how many bytes and files the payload has."""
    lines = {**info, "Payload-Oxum": f"{total}.{files}"}
    return "".join(f"{term}: {text}\n" for term, text in lines.items())


def _manifest(sums: Mapping[str, str]) -> str:
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(sums.items()))
