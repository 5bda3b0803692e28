"""How a package, or a seal printed on paper, stands to this bank's own books; and the keys this bank signs with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.archives.models import Archive
from timebank.archives.queries.months import list_versions
from timebank.archives.reading import Report
from timebank.archives.signatures import fingerprint
from timebank.branches.models import Branch
from timebank.ledger import queries as ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class BankKey:
    """A public key of this bank: with it seals and packages were signed, from when to when (None: not yet)."""

    public_key: str
    fingerprint: str
    first_at: datetime | None
    last_at: datetime | None
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSeal:
    """A seal that stands in the books here, with the versions of its package."""

    branch_code: str
    branch_name: str
    seal: ledger.SealView
    versions: tuple[Archive, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What this bank says of a package: a stable code, a sentence, and whether it is good news (``ok``) or not."""

    code: str
    text: str
    ok: bool


def list_bank_keys(session: Session, current: str) -> list[BankKey]:
    """The key that signs now (``current``), then those that signed before, the newest first."""
    used = {key.public_key: key for key in ledger.list_signing_keys(session)}
    return [
        BankKey(
            public_key=key,
            fingerprint=fingerprint(key),
            first_at=used[key].first_at if key in used else None,
            last_at=used[key].last_at if key in used else None,
            current=key == current,
        )
        for key in dict.fromkeys([current, *used])
    ]


def find_known_seal(session: Session, seal_hash: str) -> KnownSeal | None:
    """What the books here say of a seal."""
    seal = ledger.find_seal(session, seal_hash)
    if seal is None:
        return None
    branch = session.get_one(Branch, seal.book_id)
    versions = tuple(list_versions(session, branch.id, seal.month))
    return KnownSeal(branch_code=branch.code, branch_name=branch.name, seal=seal, versions=versions)


def standing_of(session: Session, report: Report) -> Standing:
    """How a package that was looked through compares with this bank's own."""
    about = report.about
    if about is None:
        return Standing("unreadable", "读不出是哪个月的包，没法和本银行的存档比。", False)
    kept = session.scalars(select(Archive).where(Archive.file_hash == report.file_hash)).first()
    known = find_known_seal(session, about.seal)
    if kept is not None:
        return _kept(kept, list_versions(session, kept.branch_id, kept.month)[-1].version)
    if report.trusted is False or (known is None and not report.signed):
        return Standing("not_ours", "不是用本银行的密钥签的，本银行不能为它作证。", False)
    if known is None or (known.branch_code, known.seal.month) != (about.branch_code, about.month):
        return Standing("unknown_seal", "密钥是本银行的，但本银行的账上没有这个封签。请拿着它到网点核实。", False)
    newest = known.versions[-1].version if known.versions else about.version
    if about.version < newest:
        return Standing("superseded", _superseded(about.version, newest), False)
    if not report.sound:
        return Standing("differs", "封签是本银行的，但这个文件和存档不一样，以存档为准。", False)
    return Standing("repacked", "封签和内容是本银行的；压缩包本身重新打包过，不是存档的那一个文件，内容没有变。", True)


def _kept(kept: Archive, newest: int) -> Standing:
    if kept.version < newest:
        return Standing("superseded", _superseded(kept.version, newest), False)
    return Standing("same", "和本银行存档的文件逐个字节相同，是这个月最新的一版。", True)


def _superseded(version: int, newest: int) -> str:
    return f"这是第 {version} 版，已经由第 {newest} 版代替。账目没有变，名称等有更正；请用第 {newest} 版。"
