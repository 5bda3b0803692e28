"""What a certificate says and how it is frozen, numbered, hashed and signed. Pure.

A number is C1, thirteen random letters of 31 and a check character: 31¹³ ≈ 2.4 · 10¹⁹, more than 64 bits. The check
character only catches slips of the finger: a number proves nothing by itself, the row behind it does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from timebank.core import codes, tags
from timebank.core.errors import Conflict, Invalid, NotAllowed, NotFound

NUMBER_RANDOM: Final = 13
_NUMBER_LENGTH: Final = len(tags.CERTIFICATE) + NUMBER_RANDOM + 1
NO_NUMBER: Final = tags.CERTIFICATE + "0" * (NUMBER_RANDOM + 1) + "-"  # looked for where nothing sensible was typed
MOST_SERVICES: Final = 1_000
MOST_A_DAY: Final = 20
_DOCUMENT_TAIL: Final = 4
_SIGNED_AS: Final = "timebank-certificate-1"

ALL, YEAR, RANGE = "all", "year", "range"
PERIOD_NAMES: Final = {ALL: "全部", YEAR: "一个自然年", RANGE: "自己选日期"}
CHINESE, BILINGUAL = "zh", "zh-en"
LANGUAGE_NAMES: Final = {CHINESE: "中文", BILINGUAL: "中文，标题带英文"}


class NothingToCertify(Invalid):
    """No booked service in what was asked for."""

    code = "certificates.nothing_to_certify"
    text = "这段时间没有已入账的服务记录，开不了证明。服务审核入账以后就可以开；刚参加的，请过几天再来。"


class NothingChosen(Invalid):
    """No record was ticked."""

    code = "certificates.nothing_chosen"
    text = "一次服务也没有勾。请勾上要写进证明的服务。"

    def __init__(self) -> None:
        super().__init__(fields={"records": self.text})


class TooManyServices(Invalid):
    """More lines than a certificate takes."""

    code = "certificates.too_many"
    text = "一份证明最多列 {most} 次服务，请选短一点的时间，分几份开。"


class EnoughToday(Conflict):
    """As many were issued today as can be needed."""

    code = "certificates.enough_today"
    text = "今天已经开了 {most} 份证明，请明天再开。开过的可以随时再下载，不用重开。"


class NoDocument(Invalid):
    """No document number is registered, so its end cannot be printed."""

    code = "certificates.no_document"
    text = "网点没有登记证件号，证明上印不了尾号。请不选这一项，或者先到网点登记。"


class OwnCertificate(NotAllowed):
    """Nobody withdraws a certificate about themselves, or decides on it."""

    code = "certificates.own"
    text = "这是您自己的证明，要由别的管理员来办。"


class AlreadyWithdrawn(Conflict):
    """It does not count any more."""

    code = "certificates.already_withdrawn"
    text = "这份证明已经撤回了。需要的话，请开一份新的。"


class StillValid(Conflict):
    """It counts; nothing has to replace it."""

    code = "certificates.still_valid"
    text = "这份证明有效，不用重开。可以直接再下载一次。"


class AlreadyReplaced(Conflict):
    """Another one has taken its place."""

    code = "certificates.already_replaced"
    text = "这份证明已经换开过新的，请用新的那一份。"


class WithdrawalWaits(Conflict):
    """Somebody asked before."""

    code = "certificates.withdrawal_waits"
    text = "这份证明已经有人提出撤回，正等第二人决定。"


class WithdrawalEnded(Conflict):
    """It was decided or taken back."""

    code = "certificates.withdrawal_ended"
    text = "这个撤回已经办完了，请刷新页面看结果。"


class SameHand(NotAllowed):
    """Who asked does not decide."""

    code = "certificates.same_hand"
    text = "这个撤回是您提出的，要由另一位管理员来决定。"


class NotAsker(Conflict):
    """Only who asked takes it back."""

    code = "certificates.not_asker"
    text = "只有提出的人可以收回。不同意的话，请选“不同意”并写明原因。"


class CertificateNotFound(NotFound):
    """No such certificate, or not for this actor. Unknown and impossible numbers are told the same."""

    code = "certificates.not_found"
    text = "没有这个编号的证明。请对照证明右上角的编号再看一遍。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Which days are wanted, both ends included; None is open."""

    kind: str = ALL
    first: date | None = None
    last: date | None = None

    def holds(self, day: date) -> bool:
        """Whether a day lies within."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


EVER: Final = Period()


def period_of(kind: str, *, year: int | None = None, first: date | None = None, last: date | None = None) -> Period:
    """The period that was chosen."""
    if kind == YEAR and year is not None:
        return Period(kind=YEAR, first=date(year, 1, 1), last=date(year, 12, 31))
    return Period(kind=RANGE, first=first, last=last) if kind == RANGE else EVER


def period_words(first: date, last: date) -> str:
    """The days a certificate is about: 2026-01-01 至 2026-11-27."""
    return f"{first} 至 {last}" if first != last else f"{first}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """One booked service as a certificate lists it."""

    attendance_id: int
    entry_id: int
    branch_id: int
    day: date
    hours: str
    title: str
    category: str
    place: str
    minutes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What of a certificate is sealed: the name, and the end of a document's number where the person wants it."""

    name: str = field(repr=False)
    document: str = field(default="", repr=False)


def choose(served: Sequence[Served], *, branch_id: int, period: Period, only: Collection[int] = ()) -> list[Served]:
    """What a certificate of a branch about a period lists, oldest first; ``only`` these records where any are named.

    Raises NothingToCertify, TooManyServices.
    """
    wanted = [one for one in served if one.branch_id == branch_id and period.holds(one.day)]
    if only:
        wanted = [one for one in wanted if one.attendance_id in only]
    if not wanted:
        raise NothingToCertify()
    if len(wanted) > MOST_SERVICES:
        raise TooManyServices(most=MOST_SERVICES)
    return wanted


def document_words(id_number: str) -> str:
    """How a document is named on paper: the last digits only."""
    return f"居民身份证尾号 {id_number[-_DOCUMENT_TAIL:]}" if id_number else ""


def number_of(random: str) -> str:
    """A certificate's number from its random letters."""
    body = tags.CERTIFICATE + random
    return body + codes.check_character(body)


def read_number(typed: str) -> str:
    """The number somebody typed or scanned; NO_NUMBER for what cannot be one, so that it takes the same way."""
    tidied = codes.tidy(typed[:60])
    fits = len(tidied) == _NUMBER_LENGTH and tidied.startswith(tags.CERTIFICATE) and codes.is_valid(tidied)
    return tidied if fits else NO_NUMBER


def plain(content: Mapping[str, Any]) -> str:
    """Content as canonical JSON: keys sorted, no spaces."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def digest(content: str, person: Person) -> str:
    """SHA-256 over the canonical content together with what is sealed about the person, hex."""
    whole = json.loads(content) | {"person": {"name": person.name, "document": person.document}}
    return hashlib.sha256(plain(whole).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Signed:
    """An Ed25519 signature and the key to check it with, both hex."""

    signature: str
    public_key: str


def sign(key: Ed25519PrivateKey, hash_: str) -> Signed:
    """The signature over a certificate's hash. What it is about is bound, so that no other signature passes for it."""
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return Signed(key.sign(_message(hash_)).hex(), public.hex())


def is_signed(signed: Signed, hash_: str) -> bool:
    """Whether the signature holds for this hash."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.public_key))
        key.verify(bytes.fromhex(signed.signature), _message(hash_))
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(hash_: str) -> bytes:
    return f"{_SIGNED_AS}\n{hash_}".encode()
