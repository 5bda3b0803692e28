"""Signing up, answering an offer, and leaving. A place that is freed is offered to the first in line at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from timebank.activities.models import (
    BY_OTHERS,
    BY_SELF,
    CONFIRMED,
    DECLINED,
    LEFT,
    OFFERED,
    PUBLISHED,
    SIGN_UP_STATUS_NAMES,
    WAITING,
    Shift,
    SignUp,
    SignUpParty,
)
from timebank.activities.queries import find_clash, find_limits, find_sign_up, list_hindrances
from timebank.activities.service.fitness import (
    NOTHING,
    Given,
    RiskUnread,
    closed_for,
    keep_overrides,
    refuse_unfit,
)
from timebank.activities.service.guardians import agree_as_guardian
from timebank.activities.service.line import admits, give_places_back, settle, take_places
from timebank.activities.service.locks import OnRequest, lock_member, lock_shift
from timebank.activities.service.telling import tell_signed
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.members.models import ACTIVE, Member
from timebank.members.queries import guardians_of, list_signable
from timebank.members.rules import is_minor


class NotOpen(Conflict):
    """The shift takes no sign-ups: a draft, or cancelled."""

    code = "activities.not_open"
    text = "“{title}”的这个班次没有在报名（未发布或已取消）。请看看别的活动。"


class ShiftStarted(Conflict):
    """The shift has begun."""

    code = "activities.shift_started"
    text = "“{title}”的这个班次已经开始，不能再报名。还想参加，请到现场问问组织者。"


class MemberNotActive(Conflict):
    """The member is not approved yet, or suspended."""

    code = "activities.member_not_active"
    text = "这位会员还没有通过审核或者已停用，不能报名。请联系网点工作人员。"


class ShiftsOverlap(Conflict):
    """The member has a place on another shift at the same time."""

    code = "activities.shifts_overlap"
    text = "时间冲突：同一时间已经报了“{title}”的班次。请先退出那一个，再报这个。"


class NotSignedUp(Conflict):
    """The member never signed up for this shift."""

    code = "activities.not_signed_up"
    text = "没有在这个班次报过名，不用退出。"


class NotYourTurn(Conflict):
    """Nothing was offered to the member yet."""

    code = "activities.not_your_turn"
    text = "“{title}”还没有轮到。有空出的名额时，会按顺序通知。"


class OnTheList(Conflict):
    """Somebody of the party is signed up already."""

    code = "activities.on_the_list"
    text = "{names}已经报过名或在候补了。请去掉以后，再一起报其他人。"


class PartyTooLarge(Conflict):
    """More people than the shift has places."""

    code = "activities.party_too_large"
    text = "这个班次一共只有 {capacity} 个名额，不够一起去。请少选几个人，或者分几个班次报。"


class TooLateToLeave(Conflict):
    """The shift has begun; what happened is judged from attendance."""

    code = "activities.too_late_to_leave"
    text = "“{title}”的这个班次已经开始，不能再退出。去不了请打电话告诉联系人。"


@dataclass(frozen=True, kw_only=True)
class Together:
    """Several people to sign up at once; ``form_key`` makes sending the form twice harmless."""

    member_ids: tuple[int, ...]
    form_key: str
    given: Given = NOTHING


def sign_up(
    session: Session, shift_id: int, *, member_id: int, actor: Actor, now: datetime, given: Given = NOTHING
) -> SignUp:
    """Give a member a place on a shift, or a place in its waiting line when it is full. Signing up twice is calm.

    Staff (``sign_up.others`` at the activity's branch), confirmed family, guardians and team leaders may do it for
    others, who are told. What stands against somebody is refused; staff may let some of it pass with a reason.
    """
    shift = lock_shift(session, shift_id)
    _require(session, actor, shift, [member_id], now=now)
    settle(session, shift, now=now)
    known = find_sign_up(session, shift_id, member_id)
    if known is not None and known.status != LEFT:
        return known
    _check_open(shift, now)
    [signed] = _join(session, shift, [member_id], given, actor=actor, now=now)
    return signed


def sign_up_together(
    session: Session, shift_id: int, together: Together, *, actor: Actor, now: datetime
) -> list[SignUp]:
    """Sign several people up who come together: places for all, or all of them wait together. Each is told.

    The same form again answers with what it did. Raises like ``sign_up``, and OnTheList, PartyTooLarge.
    """
    member_ids = tuple(dict.fromkeys(together.member_ids))
    shift = lock_shift(session, shift_id)
    _require(session, actor, shift, member_ids, now=now)
    sent = _sent_before(session, shift_id, together, actor)
    if sent:
        return sent
    settle(session, shift, now=now)
    _check_open(shift, now)
    if not member_ids:
        raise Invalid(fields={"who": "请至少选一个人。"})
    if len(member_ids) > shift.capacity:
        raise PartyTooLarge(capacity=shift.capacity)
    there = [one for one in (find_sign_up(session, shift_id, who) for who in member_ids) if one and one.status != LEFT]
    if there:
        raise OnTheList(names="、".join(one.member.alias for one in there))
    party = SignUpParty(
        shift_id=shift_id, signed_by_id=actor.member_id, form_key=_own_key(together, actor), created_at=now
    )
    session.add(party)
    session.flush()
    return _join(session, shift, member_ids, together.given, actor=actor, now=now, party=party)


def _own_key(together: Together, actor: Actor) -> str:
    return f"{actor.member_id}:{together.form_key}"[:80]


def _sent_before(session: Session, shift_id: int, together: Together, actor: Actor) -> list[SignUp]:
    key = _own_key(together, actor)
    party = session.scalars(select(SignUpParty).where(SignUpParty.form_key == key)).one_or_none()
    if party is None:
        return []
    if party.shift_id != shift_id:
        raise FormUsed()
    found = select(SignUp).where(SignUp.shift_id == shift_id, SignUp.member_id.in_(together.member_ids))
    return list(session.scalars(found.order_by(SignUp.id)))


def _join(  # noqa: PLR0913 - the parts of one verb
    session: Session,
    shift: Shift,
    member_ids: Sequence[int],
    given: Given,
    *,
    actor: Actor,
    now: datetime,
    party: SignUpParty | None = None,
) -> list[SignUp]:
    members = [check_member(session, shift, member_id) for member_id in sorted(member_ids)]
    others = [member for member in members if member.id != actor.member_id]
    by_staff = bool(others) and actor.may("sign_up.others", branch_id=shift.activity.branch_id)
    if shift.activity.risk == "high" and not given.risk_read:
        raise RiskUnread(fields={"risk_read": RiskUnread.text})
    along = {member.id for member in members} | ({actor.member_id} if actor.member_id else set())
    against = list_hindrances(session, shift, members, along=along)
    against += closed_for(session, shift, members, now=now)
    passed = refuse_unfit(against, given, by_staff=by_staff, named=len(members) > 1 or bool(others))
    _note_guardian(session, shift, others, actor=actor, now=now)
    placed = _place(session, shift, members, given, actor=actor, now=now, party=party)
    keep_overrides(session, shift, passed, given.override, actor=actor, now=now)
    for signed in placed:
        if signed.member_id != actor.member_id:
            kind = "sign_up.by_staff" if by_staff else "sign_up.by_family"
            tell_signed(
                session, signed, kind, now, by=_called(session, actor), state=SIGN_UP_STATUS_NAMES[signed.status]
            )
    return placed


def _called(session: Session, actor: Actor) -> str:
    """Whoever acts, by the name that other members see."""
    member = session.get(Member, actor.member_id) if actor.member_id else None
    return member.alias if member else "工作人员"


def _note_guardian(session: Session, shift: Shift, others: Sequence[Member], *, actor: Actor, now: datetime) -> None:
    """A guardian who signs a minor up has agreed to this activity; that is kept like any other consent."""
    for member in others:
        minor = is_minor(member.born_on, clock.today(shift.starts_at))
        if minor and actor.member_id in guardians_of(session, member.id):
            key = f"signing:{shift.id}:{member.id}:{now.timestamp():.3f}"
            agree_as_guardian(session, member.id, activity_id=shift.activity_id, form_key=key, actor=actor, now=now)


def _place(  # noqa: PLR0913
    session: Session,
    shift: Shift,
    members: Sequence[Member],
    given: Given,
    *,
    actor: Actor,
    now: datetime,
    party: SignUpParty | None,
) -> list[SignUp]:
    """Places for all of them, or all of them into the line."""
    taken = admits(session, shift, len(members)) and take_places(session, shift, len(members))
    placed = []
    for member in members:
        signed = find_sign_up(session, shift.id, member.id) or SignUp(shift_id=shift.id, member_id=member.id)
        signed.status = CONFIRMED if taken else WAITING
        signed.queued_at, signed.confirmed_at, signed.offered_until = now, now if taken else None, None
        signed.left_at, signed.left_how, signed.leave_reason, signed.late = None, "", "", False
        signed.signed_by_id = None if actor.member_id == member.id else actor.member_id
        signed.party_id, signed.passed = party.id if party else None, 0
        signed.risk_read_at = now if given.risk_read else None
        session.add(signed)
        placed.append(signed)
    session.flush()
    return placed


def leave(session: Session, shift_id: int, *, member_id: int, reason: str, actor: Actor, now: datetime) -> SignUp:
    """Give a place, an offered one, or a place in the line back, before the shift begins; the next in line is asked.

    Giving up a confirmed place needs a reason; shortly before the start it is marked as late. Leaving twice is calm.
    Whoever signed somebody up may take them off again.
    """
    shift = lock_shift(session, shift_id)
    _require(session, actor, shift, [member_id], now=now, leaving=True)
    if shift.activity.for_request:
        raise OnRequest()
    settle(session, shift, now=now)
    known = find_sign_up(session, shift_id, member_id)
    if known is None:
        raise NotSignedUp()
    if known.status == LEFT:
        return known
    _check_leaving(shift, [known], reason, now)
    _go(session, shift, known, reason=reason, actor=actor, now=now)
    settle(session, shift, now=now)
    return known


def leave_together(session: Session, shift_id: int, *, reason: str, actor: Actor, now: datetime) -> list[SignUp]:
    """Leave with everybody whom one has signed up in a party for this shift. Leaving twice is calm.

    Raises like ``leave``.
    """
    shift = lock_shift(session, shift_id)
    actor.require("sign_up.own", owner_id=actor.member_id)
    if shift.activity.for_request:
        raise OnRequest()
    settle(session, shift, now=now)
    own = select(SignUpParty.id).where(SignUpParty.shift_id == shift_id, SignUpParty.signed_by_id == actor.member_id)
    mine = or_(SignUp.party_id.in_(own), SignUp.member_id == actor.member_id)
    found = select(SignUp).where(SignUp.shift_id == shift_id, SignUp.status != LEFT, mine).order_by(SignUp.id)
    leaving = list(session.scalars(found))
    _check_leaving(shift, leaving, reason, now)
    for one in leaving:
        _go(session, shift, one, reason=reason, actor=actor, now=now)
    settle(session, shift, now=now)
    return leaving


def _check_leaving(shift: Shift, leaving: Sequence[SignUp], reason: str, now: datetime) -> None:
    if leaving and now >= shift.starts_at:
        raise TooLateToLeave(title=shift.activity.title)
    if any(one.status == CONFIRMED for one in leaving) and not reason:
        raise Invalid(fields={"reason": "请写一句原因，组织者好安排。"})


def _go(session: Session, shift: Shift, known: SignUp, *, reason: str, actor: Actor, now: datetime) -> None:
    before = known.status
    own = actor.member_id == known.member_id
    known.left_how = DECLINED if before == OFFERED and own else BY_SELF if own else BY_OTHERS
    notice = timedelta(hours=find_limits(session, shift.activity.branch_id).late_hours)
    known.late = before == CONFIRMED and shift.starts_at - now < notice
    known.status, known.left_at, known.leave_reason = LEFT, now, reason
    known.confirmed_at = known.offered_until = None
    session.flush()
    if not own:
        by_staff = actor.may("sign_up.others", branch_id=shift.activity.branch_id)
        kind = "sign_up.taken_off" if by_staff else "sign_up.taken_off_by_family"
        tell_signed(session, known, kind, now, reason=reason or "没有写", by=_called(session, actor))
    give_places_back(session, shift, int(before in {CONFIRMED, OFFERED}))


def accept_offer(session: Session, shift_id: int, *, member_id: int, actor: Actor, now: datetime) -> SignUp:
    """Take the place that was offered; one word is enough for all who came together. Accepting twice is calm.

    An offer that ran out has gone on to the next in line: the answer then says ``left``, which is no refusal, so that
    the line's move is kept. Raises NotSignedUp, NotYourTurn, ShiftsOverlap, DoesNotFit.
    """
    shift = lock_shift(session, shift_id)
    _require(session, actor, shift, [member_id], now=now, leaving=True)
    settle(session, shift, now=now)
    known = find_sign_up(session, shift_id, member_id)
    if known is None:
        raise NotSignedUp()
    if known.status == WAITING:
        raise NotYourTurn(title=shift.activity.title)
    if known.status == OFFERED:
        _accept(session, shift, _offered_together(session, known), actor=actor, now=now)
    return known


def _offered_together(session: Session, known: SignUp) -> list[SignUp]:
    if known.party_id is None:
        return [known]
    found = select(SignUp).where(SignUp.party_id == known.party_id, SignUp.status == OFFERED)
    return list(session.scalars(found.order_by(SignUp.member_id)))


def _accept(session: Session, shift: Shift, offered: Sequence[SignUp], *, actor: Actor, now: datetime) -> None:
    members = [check_member(session, shift, one.member_id) for one in offered]
    along = {member.id for member in members}
    against = [one for one in list_hindrances(session, shift, members, along=along) if one[1].blocks]
    refuse_unfit(against, NOTHING, by_staff=False, named=len(members) > 1)
    for one in offered:
        one.status, one.confirmed_at, one.offered_until = CONFIRMED, now, None
    session.flush()
    for one in offered:
        if one.member_id != actor.member_id:
            tell_signed(session, one, "sign_up.accepted_for", now, by=_called(session, actor))


def _require(
    session: Session,
    actor: Actor,
    shift: Shift,
    member_ids: Sequence[int],
    *,
    now: datetime,
    leaving: bool = False,
) -> None:
    others = {member_id for member_id in member_ids if member_id != actor.member_id}
    if not others:
        actor.require("sign_up.own", owner_id=actor.member_id)
        return
    if actor.may("sign_up.others", branch_id=shift.activity.branch_id) or actor.member_id is None:
        actor.require("sign_up.others", branch_id=shift.activity.branch_id)
        return
    own = {member.id for member in list_signable(session, actor.member_id, clock.today(now))}
    if leaving:
        signed = select(SignUp.member_id).where(SignUp.shift_id == shift.id, SignUp.signed_by_id == actor.member_id)
        own |= set(session.scalars(signed))
    if not others <= own:
        raise NotAllowed(permission="sign_up.others")
    actor.require("sign_up.own", owner_id=actor.member_id)


def _check_open(shift: Shift, now: datetime) -> None:
    title = shift.activity.title
    if shift.activity.for_request:
        raise OnRequest()
    if shift.activity.status != PUBLISHED or shift.cancelled_at is not None:
        raise NotOpen(title=title)
    if now >= shift.starts_at:
        raise ShiftStarted(title=title)


def check_member(session: Session, shift: Shift, member_id: int) -> Member:
    """The member, locked, if they may act and are free at that time. Raises MemberNotActive, ShiftsOverlap."""
    member = lock_member(session, member_id)
    if member is None or member.status != ACTIVE:
        raise MemberNotActive()
    clash = find_clash(session, member_id, shift)
    if clash is not None:
        raise ShiftsOverlap(title=clash.activity.title)
    return member
