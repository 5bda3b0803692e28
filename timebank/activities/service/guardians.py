"""A guardian's consent that a minor takes part: who, when, how; for one activity or for all that are safe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.activities.models import ACCOUNT, PAPER, GuardianConsent
from timebank.activities.queries import find_consent, get_activity, get_consent
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, Invalid, NotAllowed
from timebank.members.queries import get_member, guardians_of
from timebank.members.service import is_adult


class NotTheGuardian(NotAllowed):
    """Only who staff recorded as the guardian agrees for a minor."""

    code = "activities.not_the_guardian"
    text = "只有登记过的监护人才能同意。请带证件和孩子一起到网点登记监护关系。"


@dataclass(frozen=True, kw_only=True)
class PaperConsent:
    """A paper that staff have seen. ``activity_id`` None: it holds for every activity."""

    guardian_name: str
    activity_id: int | None
    seen: bool
    form_key: str


def agree_as_guardian(
    session: Session, member_id: int, *, activity_id: int | None, form_key: str, actor: Actor, now: datetime
) -> GuardianConsent:
    """Agree with one's own account, for one activity or (None) for all. Agreeing twice is calm.

    Raises NotTheGuardian.
    """
    guardian = actor.member_id
    if guardian is None or guardian not in guardians_of(session, member_id):
        raise NotTheGuardian()
    actor.require("family.own", owner_id=guardian)
    if not is_adult(get_member(session, guardian), now):
        raise NotTheGuardian()
    known = find_consent(session, member_id, activity_id)
    if known is not None:
        return known
    if activity_id is not None:
        get_activity(session, activity_id)
    given = GuardianConsent(
        member_id=member_id,
        activity_id=activity_id,
        how=ACCOUNT,
        guardian_id=guardian,
        guardian_name=get_member(session, guardian).name,
        given_at=now,
        form_key=f"account:{guardian}:{form_key}",
    )
    session.add(given)
    session.flush()
    return given


def record_paper_consent(
    session: Session, member_id: int, draft: PaperConsent, *, actor: Actor, now: datetime
) -> GuardianConsent:
    """Record a guardian's consent on paper. The same form again finds the first.

    Raises Invalid, FormUsed, ActivityNotFound.
    """
    member = get_member(session, member_id)
    actor.require("guardian.record", branch_id=member.branch_id)
    if actor.member_id is None:
        raise NotAllowed(permission="guardian.record")
    faults = {}
    if len(draft.guardian_name) < 2:
        faults["guardian_name"] = "请填写签字的监护人姓名。"
    if not draft.seen:
        faults["seen"] = "请看过签了字的同意书再登记，并勾选。"
    if is_adult(member, now):
        faults["guardian_name"] = "这位已满 18 周岁，不用监护人同意。"
    if faults:
        raise Invalid(fields=faults)
    sent = session.scalars(select(GuardianConsent).where(GuardianConsent.form_key == draft.form_key)).one_or_none()
    if sent is not None:
        if (sent.member_id, sent.guardian_name) != (member_id, draft.guardian_name):
            raise FormUsed()
        return sent
    if draft.activity_id is not None:
        get_activity(session, draft.activity_id)
    given = GuardianConsent(
        member_id=member_id,
        activity_id=draft.activity_id,
        how=PAPER,
        guardian_name=draft.guardian_name,
        seen_by_id=actor.member_id,
        given_at=now,
        form_key=draft.form_key,
    )
    session.add(given)
    session.flush()
    return given


def withdraw_consent(session: Session, consent_id: int, *, actor: Actor, now: datetime) -> GuardianConsent:
    """Take a consent back: its guardian, the minor's other guardian, or staff. A repeat changes nothing.

    Places that were given stay; the organiser is the one to talk to.
    """
    given = get_consent(session, consent_id)
    if actor.member_id not in guardians_of(session, given.member_id):
        actor.require("guardian.record", branch_id=get_member(session, given.member_id).branch_id)
    # One may stand on paper beside the one given by account: taking it back means both.
    same = select(GuardianConsent).where(
        GuardianConsent.member_id == given.member_id,
        GuardianConsent.activity_id.is_not_distinct_from(given.activity_id),
        GuardianConsent.withdrawn_at.is_(None),
    )
    for standing in session.scalars(same):
        standing.withdrawn_at, standing.withdrawn_by_id = now, actor.member_id
    session.flush()
    return given
