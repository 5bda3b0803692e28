"""单位 of a branch, and their people."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from timebank.core.errors import NotFound
from timebank.core.keys import Keys
from timebank.core.masking import mask_phone
from timebank.members.models import CONTACT, Organisation, OrganisationAccess, OrganisationMember

PHONE_PURPOSE = "phone"  # sealed like members' phones


class OrganisationNotFound(NotFound):
    """No such organisation."""

    code = "members.organisation_not_found"
    text = "没有找到这家单位。"


def find_organisation(session: Session, organisation_id: int) -> Organisation | None:
    """The organisation, if there is one."""
    return session.get(Organisation, organisation_id)


def get_organisation(session: Session, organisation_id: int, *, lock: bool = False) -> Organisation:
    """The organisation; with ``lock``, kept from changing until the transaction ends. Raises OrganisationNotFound."""
    how = {"key_share": True} if lock else None
    found = session.get(Organisation, organisation_id, with_for_update=how, populate_existing=lock)
    if found is None:
        raise OrganisationNotFound()
    return found


def find_organisation_by_key(session: Session, form_key: str) -> Organisation | None:
    """The organisation that a form registered."""
    return session.scalars(select(Organisation).where(Organisation.form_key == form_key)).one_or_none()


def list_organisations(session: Session, branch_id: int, *, closed: bool = False) -> Sequence[Organisation]:
    """The organisations of a branch by name: those that are there, or with ``closed`` those that left."""
    there = Organisation.closed_at.is_not(None) if closed else Organisation.closed_at.is_(None)
    mine = select(Organisation).where(Organisation.branch_id == branch_id, there)
    return session.scalars(mine.order_by(Organisation.name, Organisation.id)).all()


def list_organisation_people(
    session: Session, organisation_id: int, *, left: bool = False
) -> Sequence[OrganisationMember]:
    """Who belongs to an organisation now, contacts first; with ``left``, also who did before."""
    people = (
        select(OrganisationMember)
        .options(joinedload(OrganisationMember.member))
        .where(OrganisationMember.organisation_id == organisation_id)
        .order_by(OrganisationMember.role != CONTACT, OrganisationMember.joined_at, OrganisationMember.id)
    )
    if not left:
        people = people.where(OrganisationMember.left_at.is_(None))
    return session.scalars(people).all()


def find_organisation_of(session: Session, member_id: int) -> OrganisationMember | None:
    """Where a person belongs now, with the organisation."""
    mine = select(OrganisationMember).where(
        OrganisationMember.member_id == member_id, OrganisationMember.left_at.is_(None)
    )
    return session.scalars(mine.options(joinedload(OrganisationMember.organisation))).one_or_none()


def list_contact_looks(session: Session, organisation_id: int, *, limit: int = 50) -> Sequence[OrganisationAccess]:
    """Who looked at the contact's whole phone number, newest first."""
    looked = select(OrganisationAccess).where(OrganisationAccess.organisation_id == organisation_id)
    return session.scalars(
        looked.order_by(OrganisationAccess.at.desc(), OrganisationAccess.id.desc()).limit(limit)
    ).all()


def is_contact(session: Session, organisation_id: int, member_id: int) -> bool:
    """Whether a person speaks for an organisation now, which has not left."""
    found = (
        select(OrganisationMember.id)
        .join(OrganisationMember.organisation)
        .where(
            OrganisationMember.organisation_id == organisation_id,
            OrganisationMember.member_id == member_id,
            OrganisationMember.role == CONTACT,
            OrganisationMember.left_at.is_(None),
            Organisation.closed_at.is_(None),
        )
    )
    return session.scalar(found) is not None


def contact_phone(organisation: Organisation, keys: Keys) -> str:
    """The contact's phone number or an empty text. Whoever shows it whole records that (``service.see_contact``)."""
    sealed = organisation.contact_phone_sealed
    return keys.decrypt(PHONE_PURPOSE, sealed) if sealed else ""


def masked_contact_phone(organisation: Organisation, keys: Keys) -> str:
    """The contact's phone number as pages show it, or an empty text."""
    whole = contact_phone(organisation, keys)
    return mask_phone(whole) if whole else ""
