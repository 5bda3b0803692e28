"""``manifest.json``: what the package is about and the SHA-256 of every other file in it; its signature beside it.

Because the signed manifest lists every file, changed content is found even where all of BagIt's checksums were computed
anew. The signature and the manifest are all that it does not list.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from timebank import __version__
from timebank.archives import rules, signatures
from timebank.archives.package.books import Books
from timebank.archives.package.sources import Sources
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.masking import mask_name, mask_numbers

_NOTES = [
    "人员只有会员编号和隐去名字的姓名；保密的服务对象用代号。",
    "summary.pdf 和 summary.xlsx 是给人看的摘要；每张表的全部列在同名的 CSV 和 JSON 里，JSON 的格式见 schema 文件夹。",
    "CSV 里以 = + - @ 开头的文字前面加了一个单引号，防止表格软件当成公式；JSON 里是原文。",
    "账目按记账时间归月；迟到的记录记在下一个没结账的月份。",
    "已封签的月份不改；更正记在办理的月份，用负数或差额表示，并写明更正的是哪个月的哪一号分录。",
    "manifest.sig 是对 manifest.json 全部字节的 Ed25519 签名，public-key.pem 是公钥；公钥的指纹要与银行公布的核对。",
    "核对签名：openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in manifest.json -sigfile manifest.sig",
]


def write_manifest(sources: Sources, books: Books, statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write the public key, the manifest of everything that lies in the folder, and the signature over its bytes."""
    key = signatures.public_key(sources.packing.keys)
    (sources.folder / rules.KEY_FILE).write_text(signatures.as_pem(key), encoding="ascii")
    files = [_listed(sources.folder, path) for path in sorted(sources.folder.rglob("*")) if path.is_file()]
    manifest = _about(sources) | {
        "tables": [_described(books, table) for table in rules.TABLES],
        "pair_statements": list(statements),
        "seal": _seal(sources),
        "signature": {
            "algorithm": "Ed25519 (RFC 8032) over the bytes of manifest.json",
            "file": rules.SIGNATURE_FILE,
            "public_key": key,
            "fingerprint": signatures.fingerprint(key),
        },
        "files": files,
    }
    content = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()
    (sources.folder / rules.MANIFEST_FILE).write_bytes(content)
    (sources.folder / rules.SIGNATURE_FILE).write_bytes(signatures.sign(sources.packing.keys, content))
    return manifest


def closed_by(sources: Sources) -> str:
    """Who closed the month, as far as it leaves the bank."""
    name = sources.period.closed_by or ""
    return name if name == SYSTEM.name else mask_name(name)


def _about(sources: Sources) -> dict[str, Any]:
    branch, period, edition = sources.branch, sources.period, sources.edition
    before = {"month": clock.previous_month(period.month), "seal": period.previous_hash}
    return {
        "format": rules.FORMAT,
        "branch": {"code": branch.code, "name": mask_numbers(branch.name)},
        "month": period.month,
        "zone": str(clock.ZONE),
        "version": edition.version,
        "corrects": {"file": edition.before, "sha256": edition.before_hash} if edition.before else None,
        "corrected_because": mask_numbers(edition.reason) or None,
        "previous": before if period.previous_hash else None,
        "closed": {
            "at": clock.local(sources.closed_at).isoformat(timespec="seconds"),
            "by": closed_by(sources),
        },
        "program": {"name": "timebank", "version": __version__},
        "units": {"coin": "分钟；60 分钟 = 1 爱心币 = 1 小时服务", "point": "积分"},
        "notes": _NOTES,
    }


def _described(books: Books, table: rules.Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "files": [f"{table.name}.csv", f"{table.name}.json", "summary.xlsx"],
        "schema": rules.schema_file(table.name),
        "columns": [asdict(column) for column in table.columns],
        "totals": books.totals[table.name],
    }


def _seal(sources: Sources) -> dict[str, Any]:
    period = sources.period
    return {
        "algorithm": "SHA-256 over canonical rows and the previous seal; Ed25519 (RFC 8032) over the hash",
        "hash": period.hash,
        "previous_hash": period.previous_hash,
        "signature": period.signature,
        "public_key": period.public_key,
        "entries": period.entries,
        "transfers": period.transfer_count,
        "totals": period.totals,
    }


def _listed(folder: Path, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": digest}
