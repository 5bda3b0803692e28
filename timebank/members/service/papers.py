"""Documents that staff have seen: what somebody may do, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, Invalid, NotAllowed
from timebank.members.models import Qualification
from timebank.members.queries import get_member, get_paper
from timebank.members.queries.people import require_active
from timebank.members.rules.papers import PAPERS


@dataclass(frozen=True, kw_only=True)
class PaperDraft:
    """A document as staff read it. ``valid_until`` is its last day, empty where it names none."""

    kind: str
    valid_until: date | None
    note: str
    seen: bool
    form_key: str


def record_paper(session: Session, member_id: int, draft: PaperDraft, *, actor: Actor, now: datetime) -> Qualification:
    """Record a document that staff hold in their hands. The same form again finds the first.

    Raises Invalid, FormUsed, MemberNotActive.
    """
    member = get_member(session, member_id)
    actor.require("paper.record", branch_id=member.branch_id)
    if actor.member_id is None or actor.member_id == member_id:
        raise NotAllowed(permission="paper.record")  # nobody vouches for their own document
    require_active(member)
    faults = {}
    if draft.kind not in PAPERS:
        faults["kind"] = "请从列出的证书里选一种。"
    if draft.valid_until is not None and draft.valid_until < clock.today(now):
        faults["valid_until"] = "这份证书已经过期，不能登记。"
    if not draft.seen:
        faults["seen"] = "请看过证书原件再登记，并勾选。"
    if faults:
        raise Invalid(fields=faults)
    sent = session.scalars(select(Qualification).where(Qualification.form_key == draft.form_key)).one_or_none()
    if sent is not None:
        if (sent.member_id, sent.kind, sent.valid_until) != (member_id, draft.kind, draft.valid_until):
            raise FormUsed()
        return sent
    paper = Qualification(
        member_id=member_id,
        kind=draft.kind,
        valid_until=draft.valid_until,
        note=draft.note,
        seen_by_id=actor.member_id,
        seen_at=now,
        form_key=draft.form_key,
    )
    session.add(paper)
    session.flush()
    return paper


def withdraw_paper(session: Session, paper_id: int, *, actor: Actor, now: datetime) -> Qualification:
    """Let a document count no longer: revoked, or recorded by mistake. A repeat changes nothing."""
    paper = get_paper(session, paper_id)
    actor.require("paper.record", branch_id=get_member(session, paper.member_id).branch_id)
    if paper.withdrawn_at is None:
        paper.withdrawn_at, paper.withdrawn_by_id = now, actor.member_id
        session.flush()
    return paper
