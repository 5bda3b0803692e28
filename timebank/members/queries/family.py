"""Who belongs to whose family, whom somebody may sign up, and which documents somebody has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from timebank.core.errors import NotFound
from timebank.members.models import (
    ACTIVE,
    FAMILY,
    GUARDIAN_OF,
    FamilyLink,
    Member,
    Qualification,
    TeamMembership,
)
from timebank.members.rules import is_minor


class FamilyLinkNotFound(NotFound):
    """No such link, or not for this actor."""

    code = "members.family_link_not_found"
    text = "没有找到这条家人关系，可能已经解除了。"


class PaperNotFound(NotFound):
    """No such document."""

    code = "members.paper_not_found"
    text = "没有找到这份证书的登记。"


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """One link as one of its two sees it: who the other is, and what waits for whom."""

    link: FamilyLink
    other: Member
    asked_by_me: bool

    @property
    def confirmed(self) -> bool:
        """Whether both, or staff, said yes."""
        return self.link.confirmed_at is not None

    @property
    def word(self) -> str:
        """What the other is to me."""
        if self.link.kind == FAMILY:
            return "家人"
        return "监护的孩子" if self.other.id == self.link.relative_id else "监护人"

    @property
    def my_ward(self) -> bool:
        """Whether I am the guardian of the other."""
        return self.confirmed and self.link.kind == GUARDIAN_OF and self.other.id == self.link.relative_id


def get_family_link(session: Session, link_id: int, *, lock: bool = False) -> FamilyLink:
    """A link; with ``lock``, kept from changing until the transaction ends. Raises FamilyLinkNotFound."""
    found = session.get(FamilyLink, link_id, with_for_update=lock or None)
    if found is None:
        raise FamilyLinkNotFound()
    return found


def find_open_link(session: Session, one_id: int, other_id: int) -> FamilyLink | None:
    """The link of two people that was not ended, whoever asked."""
    either = or_(
        and_(FamilyLink.member_id == one_id, FamilyLink.relative_id == other_id),
        and_(FamilyLink.member_id == other_id, FamilyLink.relative_id == one_id),
    )
    return session.scalars(select(FamilyLink).where(either, FamilyLink.ended_at.is_(None)).limit(1)).first()


def count_asked(session: Session, member_id: int) -> int:
    """How many people a member has asked who have not answered."""
    waiting = select(func.count()).where(
        FamilyLink.asked_by_id == member_id, FamilyLink.confirmed_at.is_(None), FamilyLink.ended_at.is_(None)
    )
    return session.scalar(waiting) or 0


def list_family(session: Session, member_id: int) -> list[Relation]:
    """A member's family, those confirmed first."""
    found = session.scalars(
        select(FamilyLink)
        .where(
            or_(FamilyLink.member_id == member_id, FamilyLink.relative_id == member_id), FamilyLink.ended_at.is_(None)
        )
        .options(joinedload(FamilyLink.member), joinedload(FamilyLink.relative))
        .order_by(FamilyLink.confirmed_at.is_(None), FamilyLink.id)
    )
    return [
        Relation(
            link=link,
            other=link.relative if link.member_id == member_id else link.member,
            asked_by_me=link.asked_by_id == member_id,
        )
        for link in found
    ]


def list_led(session: Session, member_id: int) -> list[Member]:
    """The active people of the teams that a member leads, by name, without the leader."""
    led = select(TeamMembership.team_id).where(TeamMembership.member_id == member_id, TeamMembership.is_leader)
    found = (
        select(Member)
        .join(TeamMembership, TeamMembership.member_id == Member.id)
        .where(TeamMembership.team_id.in_(led), Member.id != member_id, Member.status == ACTIVE)
        .distinct()
        .order_by(Member.name, Member.id)
    )
    return list(session.scalars(found))


def list_signable(session: Session, member_id: int, today: date) -> list[Member]:
    """Whom a member may sign up besides themselves: confirmed family, wards, and the people of teams they lead.

    A guardian's word ends when the ward is of age; who goes on together is family, which both say.
    """
    links = [one for one in list_family(session, member_id) if one.confirmed]
    family = [
        one.other for one in links if one.link.kind == FAMILY or (one.my_ward and is_minor(one.other.born_on, today))
    ]
    people = {member.id: member for member in [*family, *list_led(session, member_id)] if member.status == ACTIVE}
    return list(people.values())


def guardians_of(session: Session, member_id: int) -> frozenset[int]:
    """The guardians of a member, as staff recorded them."""
    found = select(FamilyLink.member_id).where(
        FamilyLink.relative_id == member_id,
        FamilyLink.kind == GUARDIAN_OF,
        FamilyLink.confirmed_at.is_not(None),
        FamilyLink.ended_at.is_(None),
    )
    return frozenset(session.scalars(found))


def papers_on(session: Session, member_ids: Collection[int], day: date) -> dict[int, frozenset[str]]:
    """Which documents these people have that are valid on a day."""
    found = session.execute(
        select(Qualification.member_id, Qualification.kind).where(
            Qualification.member_id.in_(member_ids),
            Qualification.withdrawn_at.is_(None),
            or_(Qualification.valid_until.is_(None), Qualification.valid_until >= day),
        )
    )
    papers: dict[int, set[str]] = {}
    for row in found:
        papers.setdefault(row.member_id, set()).add(row.kind)
    return {member_id: frozenset(kinds) for member_id, kinds in papers.items()}


def list_papers(session: Session, member_id: int) -> Sequence[Qualification]:
    """A member's documents that were not withdrawn, newest first."""
    mine = select(Qualification).where(Qualification.member_id == member_id, Qualification.withdrawn_at.is_(None))
    return session.scalars(mine.order_by(Qualification.id.desc())).all()


def get_paper(session: Session, paper_id: int) -> Qualification:
    """A document. Raises PaperNotFound."""
    found = session.get(Qualification, paper_id)
    if found is None:
        raise PaperNotFound()
    return found
