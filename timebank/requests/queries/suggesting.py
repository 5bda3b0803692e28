"""Who could take a request, and who must not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, or_, select
from sqlalchemy.orm import Session

from timebank.exchange.rules import Score
from timebank.members.models import ACTIVE, Member
from timebank.members.queries import find_open_link, list_family
from timebank.requests.models import CLAIMED, FUND, HelpInvitation, HelpRequest
from timebank.requests.queries.one import score_of
from timebank.requests.rules import can_do, helpful_words, is_free_then

_LOOKED_AT = 200
_MOST_DAYS = 14


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """Somebody who could be asked, and what speaks for it, in words."""

    member: Member
    reasons: tuple[str, ...]
    score: Score
    running: int  # requests they have taken and not finished


def why_unsuitable(session: Session, request: HelpRequest, member: Member) -> str:
    """Why somebody must not take a request; empty where nothing stands against it."""
    if member.status != ACTIVE:
        return "会员资格还没有通过审核，或者已经停用"
    if member.branch_id != request.branch_id:
        return "不是本网点的会员"
    if member.id == request.recipient_id:
        return "是服务对象本人"
    if member.id == request.coordinator_id:
        return "是派这一单的人"
    if request.source == FUND and member.id == request.asked_by_id:
        return "是点这一单的人，由爱心基金出的不能自己接"
    link = find_open_link(session, member.id, request.recipient_id)
    if link is not None and link.confirmed_at is not None:
        return "是服务对象的家人，家人之间的照顾不算志愿服务"
    return ""


def list_suggestions(session: Session, request: HelpRequest, *, most: int = 8) -> list[Suggestion]:
    """Volunteers of the branch who could do it: by skill, area and free time, the likeliest first; none twice."""
    asked = select(HelpInvitation.member_id).where(HelpInvitation.request_id == request.id)
    out = {
        request.recipient_id,
        request.coordinator_id,
        *(one.other.id for one in list_family(session, request.recipient_id) if one.confirmed),
    }
    out |= {request.asked_by_id} if request.source == FUND else set()
    skilled = or_(*(Member.skills.contains(word) for word in helpful_words(request.category)), Member.id < 0)
    near = Member.area_id == request.recipient.area_id
    found = session.scalars(
        select(Member)
        .where(Member.branch_id == request.branch_id, Member.status == ACTIVE)
        .where(Member.id.not_in(out - {None}), Member.id.not_in(asked))
        .order_by(case((skilled, 0), else_=1), case((near, 0), else_=1), Member.id)
        .limit(_LOOKED_AT)
    ).all()
    weighed = [(*_reasons(request, member), member) for member in found]
    likely = sorted((one for one in weighed if one[0]), key=lambda one: (-one[0], one[2].id))[:most]
    ids = [member.id for _, _, member in likely]
    scores, running = score_of(session, ids), _running(session, ids)
    return [
        Suggestion(
            member=member,
            reasons=reasons,
            score=scores.get(member.id, Score()),
            running=running.get(member.id, 0),
        )
        for _, reasons, member in likely
    ]


def _reasons(request: HelpRequest, member: Member) -> tuple[int, tuple[str, ...]]:
    """What speaks for somebody, and how much: a skill more than living near, and that more than a free evening."""
    length = min((request.last_day - request.first_day).days, _MOST_DAYS) + 1
    days = [request.first_day + timedelta(days=at) for at in range(length)]
    near = member.area_id is not None and member.area_id == request.recipient.area_id and not request.confidential
    told = (
        (4, can_do(member.skills, request.category), f"会：{member.skills}"),
        (2, near, "住得近"),
        (1, is_free_then(member.free_times, request.part_of_day, days), f"有空：{member.free_times}"),
    )
    return sum(weight for weight, holds, _ in told if holds), tuple(words for _, holds, words in told if holds)


def _running(session: Session, member_ids: Sequence[int]) -> dict[int, int]:
    taken = session.scalars(
        select(HelpRequest.volunteer_id).where(HelpRequest.volunteer_id.in_(member_ids), HelpRequest.status == CLAIMED)
    ).all()
    return {member_id: taken.count(member_id) for member_id in set(taken) if member_id is not None}
