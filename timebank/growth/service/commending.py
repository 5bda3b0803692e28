"""Yearly commendations by rule: one manager proposes people who fit, another grants all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from timebank.branches.queries import get_branch
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.db import lock_name
from timebank.core.errors import Conflict, FormUsed, Invalid, NotAllowed
from timebank.core.minutes import hours
from timebank.growth.models import (
    AWARD,
    DECLINED,
    GRANTED,
    KIND_NAMES,
    WAITING,
    Commendation,
    CommendationCandidate,
    Milestone,
)
from timebank.growth.queries import (
    Fit,
    already_commended,
    find_commendation_by_key,
    get_commendation,
    weigh_people,
    year_rule,
)
from timebank.growth.rules import version_words
from timebank.members.models import ACTIVE, Member
from timebank.notices.service import NoticeDraft, tell_each

FIRST_YEAR: Final = 2000


class BadCommendation(Invalid):
    """Nobody was chosen, or the year is not one there can be."""

    code = "growth.bad_commendation"


class DoNotFit(Conflict):
    """People on the list do not fit the rule, or not any more, or were commended for the year already."""

    code = "growth.do_not_fit"
    text = "{names} 现在不符合评优条件，或者这一年已经授予过。请刷新名单再办。"


class OwnName(NotAllowed):
    """Nobody proposes or grants a list on which they stand."""

    code = "growth.own_name"
    text = "名单里有您本人，要由名单以外的两位管理员来办。"


class SecondManagerNeeded(NotAllowed):
    """Who proposed a list does not decide it."""

    code = "growth.second_manager_needed"
    text = "这份名单是您提出的，要另一位管理员来决定。"


class ListWaiting(Conflict):
    """A list of this year waits already."""

    code = "growth.list_waiting"
    text = "这一年已经有一份名单在等第二人决定，请先办完那一份。"


class AlreadyDecided(Conflict):
    """The list was decided before, otherwise."""

    code = "growth.already_decided"
    text = "这份名单已经有人决定了，请刷新页面看一看。"


@dataclass(frozen=True, kw_only=True)
class CommendationDraft:
    """Whom somebody proposes for a year; ``form_key`` makes sending it twice harmless."""

    branch_id: int
    year: int
    member_ids: Sequence[int]
    form_key: str


def propose_commendation(session: Session, draft: CommendationDraft, *, actor: Actor, now: datetime) -> Commendation:
    """Put people who fit the year's rule on a list for a second manager. The same form again finds the first.

    Raises NotAllowed, OwnName, FormUsed, BadCommendation, DoNotFit, ListWaiting.
    """
    actor.require("award.grant", branch_id=draft.branch_id)
    chosen = set(draft.member_ids)
    if actor.member_id is None or actor.member_id in chosen:
        raise OwnName()
    lock_name(session, f"commendation:{draft.form_key}")
    first = find_commendation_by_key(session, draft.form_key)
    if first is not None:
        if (first.branch_id, first.year, {one.member_id for one in first.people}) != (
            draft.branch_id,
            draft.year,
            chosen,
        ):
            raise FormUsed()
        return first
    today = clock.today(now)
    if not chosen:
        raise BadCommendation(fields={"members": "请至少勾选一位会员。"})
    if not FIRST_YEAR <= draft.year <= today.year:
        raise BadCommendation(fields={"year": "请选今年或以前的年份。"})
    get_branch(session, draft.branch_id)
    fits = _fitting(session, draft.branch_id, draft.year, sorted(chosen), today)
    return _add(session, draft, fits, actor.member_id, now)


def _add(session: Session, draft: CommendationDraft, fits: Sequence[Fit], by_id: int, now: datetime) -> Commendation:
    rule = year_rule(session, draft.branch_id, draft.year, clock.today(now))
    proposed = Commendation(
        branch_id=draft.branch_id,
        year=draft.year,
        title=rule.award_title,
        rule_name=rule.name,
        proposed_by_id=by_id,
        proposed_at=now,
        status=WAITING,
        form_key=draft.form_key,
    )
    try:
        with session.begin_nested():
            session.add(proposed)
    except IntegrityError as taken:
        raise ListWaiting() from taken
    session.add_all(
        CommendationCandidate(
            commendation_id=proposed.id,
            member_id=fit.member.id,
            minutes=fit.year.minutes,
            activities=fit.year.activities,
            absences=fit.year.absences,
            grade=fit.year.grade,
        )
        for fit in fits
    )
    session.flush()
    session.expire(proposed, ["people"])
    return proposed


def _fitting(session: Session, branch_id: int, year: int, member_ids: Sequence[int], today: date) -> list[Fit]:
    """These people beside the rule, all of whom fit. Raises DoNotFit."""
    rule = year_rule(session, branch_id, year, today)
    people = list(session.scalars(select(Member).where(Member.id.in_(member_ids), Member.branch_id == branch_id)))
    fits = weigh_people(session, people, year, rule)
    done = already_commended(session, member_ids, year)
    wrong = [fit.member.name for fit in fits if not fit.fits or fit.member.status != ACTIVE or fit.member.id in done]
    if wrong or len(people) != len(set(member_ids)):
        raise DoNotFit(names="、".join(wrong) or "名单里有的人")
    return fits


def grant_commendation(session: Session, commendation_id: int, *, actor: Actor, now: datetime) -> Commendation:
    """Agree to a list: everybody on it is given the award at once, or, where somebody does not fit any more, nobody.

    A repeat by the same person finds it done. Raises NotAllowed, SecondManagerNeeded, OwnName, AlreadyDecided,
    DoNotFit.
    """
    proposed = get_commendation(session, commendation_id, lock=True)
    by_id = require_decider(proposed, actor)
    if proposed.status == GRANTED and proposed.decided_by_id == by_id:
        return proposed
    if proposed.status != WAITING:
        raise AlreadyDecided()
    people = [one.member_id for one in proposed.people]
    fits = _fitting(session, proposed.branch_id, proposed.year, people, clock.today(now))
    proposed.status, proposed.decided_by_id, proposed.decided_at = GRANTED, by_id, now
    session.flush()
    branch = get_branch(session, proposed.branch_id)
    try:
        with session.begin_nested():
            session.add_all(_award(proposed, fit, branch.name, now) for fit in fits)
    except IntegrityError as taken:  # another branch's list was granted meanwhile, with somebody who moved
        raise DoNotFit(names="名单里有的人") from taken
    facts = {"kind": KIND_NAMES[AWARD], "title": f"{proposed.year} {proposed.title}", "giver": branch.name}
    told = NoticeDraft(kind="growth.recorded", facts=facts, link="/me/card", key=f"commendation:{proposed.id}")
    tell_each(session, [(member_id, told) for member_id in people], now=now)
    return proposed


def _award(proposed: Commendation, fit: Fit, giver: str, now: datetime) -> Milestone:
    return Milestone(
        branch_id=proposed.branch_id,
        member_id=fit.member.id,
        kind=AWARD,
        title=f"{proposed.year} {proposed.title}",
        giver=giver,
        on_day=clock.today(now),
        words=(
            f"{proposed.year} 年服务 {hours(fit.year.minutes)}，参加 {fit.year.activities} 次；"
            f"按{version_words(proposed.rule_name)}评选。"
        ),
        recorded_by_id=proposed.proposed_by_id,
        recorded_at=now,
        agreed_by_id=proposed.decided_by_id,
        commendation_id=proposed.id,
        commended_year=proposed.year,
        form_key=f"commendation:{proposed.id}",
    )


def decline_commendation(
    session: Session, commendation_id: int, *, reason: str, actor: Actor, now: datetime
) -> Commendation:
    """Say no to a list, with a reason. The same words of the same person again are harmless.

    Raises NotAllowed, SecondManagerNeeded, OwnName, AlreadyDecided, BadCommendation.
    """
    proposed = get_commendation(session, commendation_id, lock=True)
    by_id = require_decider(proposed, actor)
    if proposed.status != WAITING:
        if (proposed.status, proposed.decided_by_id, proposed.note) != (DECLINED, by_id, reason.strip()):
            raise AlreadyDecided()
        return proposed
    if not reason.strip():
        raise BadCommendation(fields={"reason": "请写明为什么不同意。"})
    proposed.status, proposed.decided_by_id, proposed.decided_at = DECLINED, by_id, now
    proposed.note = reason.strip()
    session.flush()
    return proposed


def require_decider(proposed: Commendation, actor: Actor) -> int:
    """Refuse whoever may not decide a list; the decider's id. Raises NotAllowed, SecondManagerNeeded, OwnName."""
    actor.require("award.grant", branch_id=proposed.branch_id)
    if actor.member_id is None or actor.member_id == proposed.proposed_by_id:
        raise SecondManagerNeeded()
    if actor.member_id in {one.member_id for one in proposed.people}:
        raise OwnName()
    return actor.member_id
