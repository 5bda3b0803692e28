"""What of a certificate is sealed, whether it still is what was issued, and what strangers may know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.certificates.models import Certificate
from timebank.certificates.queries.certificates import replacement_of
from timebank.certificates.rules import CertificateNotFound, Person, Signed, digest, is_signed, read_number
from timebank.core import clock
from timebank.core.keys import Keys

PERSON_PURPOSE = "certificate/person"


def open_person(certificate: Certificate, keys: Keys) -> Person:
    """The name and document that were printed."""
    return Person(**json.loads(keys.decrypt(PERSON_PURPOSE, certificate.person_sealed)))


def is_untouched(certificate: Certificate, keys: Keys) -> bool:
    """Whether the row still has the content that was hashed, and the hash the bank's own signature."""
    try:
        person = open_person(certificate, keys)
    except Exception:  # changed in whatever way: it does not open
        return False
    signed = Signed(certificate.signature, certificate.public_key)
    own = keys.signing_key().public_key().public_bytes_raw().hex()
    return (
        digest(certificate.content, person) == certificate.hash
        and certificate.public_key == own
        and is_signed(signed, certificate.hash)
    )


def stream_certificates(session: Session) -> Iterator[Certificate]:
    """Every certificate there is, in small batches."""
    yield from session.scalars(select(Certificate).order_by(Certificate.id).execution_options(yield_per=500))


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """All that strangers learn."""

    number: str
    masked_name: str
    minutes: int
    issuer: str
    issued_on: date
    status: str
    withdrawn_on: date | None
    replaced: bool
    hash: str
    untouched: bool


def find_shown(session: Session, typed: str, keys: Keys) -> Shown:
    """What strangers may know of the certificate with a number. Raises CertificateNotFound.

    An impossible number is looked for like any other, so that both take the same time.
    """
    found = session.scalar(select(Certificate).where(Certificate.number == read_number(typed)))
    if found is None:
        raise CertificateNotFound()
    content = content_of(found)
    return Shown(
        number=found.number,
        masked_name=content["masked_name"],
        minutes=content["minutes"],
        issuer=content["branch"]["name"],
        issued_on=date.fromisoformat(content["issued_on"]),
        status=found.status,
        withdrawn_on=clock.today(found.withdrawn_at) if found.withdrawn_at else None,
        replaced=replacement_of(session, found.id) is not None,
        hash=found.hash,
        untouched=is_untouched(found, keys),
    )


def find_id(session: Session, typed: str) -> int | None:
    """The certificate with a number."""
    return session.scalar(select(Certificate.id).where(Certificate.number == read_number(typed)))


def content_of(certificate: Certificate) -> dict[str, Any]:
    """What was frozen, as values."""
    content: dict[str, Any] = json.loads(certificate.content)
    return content
