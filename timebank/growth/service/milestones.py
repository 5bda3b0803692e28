"""Recording trainings, awards and evaluations, withdrawing them, and answering what their holders ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.growth.models import AWARD, EVALUATION, GRADE_NAMES, KIND_NAMES, TRAINING, Milestone, MilestoneQuestion
from timebank.growth.queries import MOST_TO_RECORD, MilestoneNotFound, get_milestone, get_question
from timebank.members.models import ACTIVE, Member
from timebank.notices.service import NoticeDraft, tell, tell_all

LONGEST_MINUTES: Final = 999 * 60
_CARD: Final = "/me/card#milestones"


class BadMilestone(Invalid):
    """Something about what is to be recorded is missing or cannot be."""

    code = "growth.bad_milestone"


class NotForOneself(NotAllowed):
    """Nobody records a training, an award or an evaluation of their own."""

    code = "growth.not_for_oneself"
    text = "培训、荣誉、评价不能自己给自己记，请另一位工作人员来记。"


class SecondPersonNeeded(NotAllowed):
    """Who recorded it does not withdraw it, and does not answer for it."""

    code = "growth.second_person_needed"
    text = "这一条是您记的，要另一位工作人员来办。"


class AlreadyWithdrawn(Conflict):
    """It was withdrawn before."""

    code = "growth.already_withdrawn"
    text = "这一条已经撤销了。"


class AlreadyAsked(Conflict):
    """A question about it waits already."""

    code = "growth.already_asked"
    text = "您问过了，网点还没有答复。答复以后会通知您。"


class AlreadyAnswered(Conflict):
    """The question was answered before."""

    code = "growth.already_answered"
    text = "这个问题已经有人答复了，请刷新页面看一看。"


@dataclass(frozen=True, kw_only=True)
class MilestoneDraft:
    """What is to stand on cards. ``length_minutes`` of a training, ``grade`` of an evaluation."""

    kind: str
    title: str
    giver: str
    on_day: date
    words: str
    form_key: str
    length_minutes: int | None = None
    grade: int | None = None


def permission_for(kind: str) -> str:
    """What somebody needs to record or withdraw this kind: awards are the manager's."""
    return "award.grant" if kind == AWARD else "milestone.record"


def record_milestones(
    session: Session, branch_id: int, draft: MilestoneDraft, member_ids: Sequence[int], *, actor: Actor, now: datetime
) -> list[Milestone]:
    """Record the same for one member of a branch or many. The same form again finds the first.

    Raises NotAllowed, NotForOneself, BadMilestone, FormUsed.
    """
    actor.require(permission_for(draft.kind), branch_id=branch_id)
    if actor.member_id is None or actor.member_id in member_ids:
        raise NotForOneself()
    lock_name(session, f"milestone:{draft.form_key}")
    chosen = list(dict.fromkeys(member_ids))
    sent = _sent(session, draft.form_key)
    if sent:
        same = all(_content(one) == _drafted(draft) for one in sent)
        if not same or {one.member_id for one in sent} != set(chosen):
            raise FormUsed()
        return sent
    _check(session, branch_id, draft, chosen, clock.today(now))
    made = [
        Milestone(
            branch_id=branch_id,
            member_id=member_id,
            recorded_by_id=actor.member_id,
            recorded_at=now,
            form_key=draft.form_key,
            **_drafted(draft),
        )
        for member_id in chosen
    ]
    session.add_all(made)
    session.flush()
    tell_all(session, chosen, _told(draft), now=now)
    return made


def _sent(session: Session, form_key: str) -> list[Milestone]:
    return list(session.scalars(select(Milestone).where(Milestone.form_key == form_key).order_by(Milestone.id)))


def _drafted(draft: MilestoneDraft) -> dict[str, object]:
    return {
        "kind": draft.kind,
        "title": draft.title,
        "giver": draft.giver,
        "on_day": draft.on_day,
        "words": draft.words,
        "length_minutes": draft.length_minutes,
        "grade": draft.grade,
    }


def _content(one: Milestone) -> dict[str, object]:
    names = ("kind", "title", "giver", "on_day", "words", "length_minutes", "grade")
    return {name: getattr(one, name) for name in names}


def _told(draft: MilestoneDraft) -> NoticeDraft:
    facts = {"kind": KIND_NAMES[draft.kind], "title": draft.title, "giver": draft.giver}
    return NoticeDraft(kind="growth.recorded", facts=facts, link=_CARD, key=f"milestone:{draft.form_key}")


def _check(session: Session, branch_id: int, draft: MilestoneDraft, chosen: Sequence[int], today: date) -> None:
    faults = _faults(draft, today)
    if not chosen:
        faults["members"] = "请至少勾选一位会员。"
    elif len(chosen) > MOST_TO_RECORD:
        faults["members"] = f"一次最多记 {MOST_TO_RECORD} 人，请分几次记。"
    else:
        here = select(Member.id).where(Member.id.in_(chosen), Member.branch_id == branch_id, Member.status == ACTIVE)
        if set(session.scalars(here)) != set(chosen):
            faults["members"] = "勾选的人里有的不是本网点的正式会员，请刷新页面再选。"
    if faults:
        raise BadMilestone(fields=faults)


def _faults(draft: MilestoneDraft, today: date) -> dict[str, str]:
    faults = {}
    if draft.kind not in KIND_NAMES:
        faults["kind"] = "请从列出的里面选一种。"
    if draft.on_day > today:
        faults["on_day"] = "还没有到的日子不能记。"
    for name in ("title", "giver", "words"):
        if not getattr(draft, name).strip():
            faults[name] = "此项必填。"
    length = draft.length_minutes
    if (draft.kind == TRAINING) != (length is not None) or (length is not None and not 0 < length <= LONGEST_MINUTES):
        faults["length"] = "请填培训一共多长时间。"
    if (draft.kind == EVALUATION) != (draft.grade in GRADE_NAMES):
        faults["grade"] = "请选评价的等次。"
    return faults


def withdraw_milestone(session: Session, milestone_id: int, *, reason: str, actor: Actor, now: datetime) -> Milestone:
    """Take something off a card, with a reason: done by somebody who did not record it and whose card it is not.

    The same words of the same person again find it done. Raises NotAllowed, NotForOneself, SecondPersonNeeded,
    AlreadyWithdrawn, BadMilestone.
    """
    one = get_milestone(session, milestone_id, lock=True)
    require_second(one, actor)
    if one.withdrawn_at is not None:
        if (one.withdrawn_by_id, one.withdrawn_reason) != (actor.member_id, reason.strip()):
            raise AlreadyWithdrawn()
        return one
    if not reason.strip():
        raise BadMilestone(fields={"reason": "请写明为什么撤销，会员看得到。"})
    one.withdrawn_at, one.withdrawn_by_id, one.withdrawn_reason = now, actor.member_id, reason.strip()
    session.flush()
    facts = {"kind": KIND_NAMES[one.kind], "title": one.title, "reason": one.withdrawn_reason}
    told = NoticeDraft(kind="growth.withdrawn", facts=facts, link=_CARD, key=f"withdrawn:{one.id}")
    tell_all(session, [one.member_id], told, now=now)
    return one


def require_second(one: Milestone, actor: Actor) -> None:
    """Refuse whoever may not take this back or answer for it. Raises NotAllowed, NotForOneself, SecondPersonNeeded."""
    actor.require(permission_for(one.kind), branch_id=one.branch_id)
    if actor.member_id is None or actor.member_id == one.member_id:
        raise NotForOneself()
    if actor.member_id == one.recorded_by_id:
        raise SecondPersonNeeded()


def ask_about(
    session: Session, milestone_id: int, *, words: str, form_key: str, actor: Actor, now: datetime
) -> MilestoneQuestion:
    """Say that something on one's own card is wrong. The same form again finds the first.

    Raises MilestoneNotFound (it is not one's own), AlreadyWithdrawn, AlreadyAsked, FormUsed.
    """
    one = get_milestone(session, milestone_id, lock=True)
    if actor.member_id is None or one.member_id != actor.member_id:
        raise MilestoneNotFound()
    actor.require("me.change", owner_id=one.member_id)
    asked = next((question for question in one.questions if question.form_key == form_key), None)
    if asked is not None:
        if asked.words != words:
            raise FormUsed()
        return asked
    if one.withdrawn_at is not None:
        raise AlreadyWithdrawn()
    if not words.strip():
        raise BadMilestone(fields={"words": "请写一句哪里不对。"})
    if any(question.answered_at is None for question in one.questions):
        raise AlreadyAsked()
    question = MilestoneQuestion(
        milestone_id=one.id, asked_by_id=actor.member_id, words=words.strip(), asked_at=now, form_key=form_key
    )
    try:
        with session.begin_nested():
            session.add(question)
    except IntegrityError as taken:
        raise FormUsed() from taken
    session.expire(one, ["questions"])
    return question


def answer_question(
    session: Session, question_id: int, *, answer: str, actor: Actor, now: datetime
) -> MilestoneQuestion:
    """Answer a member's question: somebody who did not record what it is about. Withdrawing is a press of its own.

    The same answer of the same person again is harmless. Raises NotAllowed, NotForOneself, SecondPersonNeeded,
    AlreadyAnswered, BadMilestone.
    """
    question = get_question(session, question_id, lock=True)
    require_second(question.milestone, actor)
    if question.answered_at is not None:
        if (question.answered_by_id, question.answer) != (actor.member_id, answer.strip()):
            raise AlreadyAnswered()
        return question
    if not answer.strip():
        raise BadMilestone(fields={"answer": "请写一句查下来怎么样。"})
    question.answer, question.answered_by_id, question.answered_at = answer.strip(), actor.member_id, now
    session.flush()
    tell(
        session,
        member_id=question.asked_by_id,
        kind="growth.answered",
        facts={"title": question.milestone.title, "answer": question.answer},
        link=_CARD,
        key=f"milestone_question:{question.id}",
        now=now,
    )
    return question
