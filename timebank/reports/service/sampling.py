"""Spot checks: activities drawn by lot, and what was found. Every draw stays, so nobody draws until it suits."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from timebank.core.actor import Actor
from timebank.core.errors import Conflict, FormUsed, NotAllowed, NotFound
from timebank.reports.models import SpotFinding, SpotPick, SpotSample
from timebank.reports.queries import get_sample, list_drum
from timebank.reports.rules import draw, drum_hash

_SEED_BYTES = 8


class NothingToDraw(Conflict):
    """No activity of the month has anything to check."""

    code = "reports.nothing_to_draw"
    text = "{month} 没有已经入账的活动，抽不出来。请换一个月。"


class NotPicked(NotFound):
    """The activity is not in this sample."""

    code = "reports.not_picked"
    text = "这个活动不在这次抽查里。"


class OwnActivity(NotAllowed):
    """Nobody checks what they led themselves."""

    code = "reports.own_activity"
    text = "这个活动是您自己组织的，请由别的监督员来查。"


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleDraft:
    """Of which branch and month, and how many."""

    branch_id: int
    month: str
    wanted: int
    form_key: str


def draw_sample(session: Session, draft: SampleDraft, *, actor: Actor, now: datetime) -> SpotSample:
    """Draw activities of a month; the seed comes from the machine. A repeat answers with the first.

    Raises NotAllowed, NothingToDraw, FormUsed.
    """
    actor.require("sample.draw", branch_id=draft.branch_id)
    first = session.scalar(select(SpotSample).where(SpotSample.form_key == draft.form_key))
    if first is not None:
        if (first.branch_id, first.month, first.wanted) != (draft.branch_id, draft.month, draft.wanted):
            raise FormUsed()
        return first
    drum = list_drum(session, draft.branch_id, draft.month)
    if not drum:
        raise NothingToDraw(month=draft.month)
    seed = secrets.token_hex(_SEED_BYTES)
    sample = SpotSample(
        branch_id=draft.branch_id,
        month=draft.month,
        seed=seed,
        wanted=draft.wanted,
        population=len(drum),
        population_hash=drum_hash(drum),
        drawn_by_id=actor.person("sample.draw"),
        drawn_at=now,
        form_key=draft.form_key,
    )
    session.add(sample)
    session.flush()
    picked = enumerate(draw(seed, drum, draft.wanted), start=1)
    session.add_all(SpotPick(sample_id=sample.id, activity_id=number, place=place) for place, number in picked)
    session.flush()
    return sample


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingDraft:
    """What was found about one picked activity: fine, or a remark with words."""

    sample_id: int
    activity_id: int
    result: str
    words: str
    form_key: str


def record_finding(session: Session, draft: FindingDraft, *, actor: Actor, now: datetime) -> SpotFinding:
    """Keep a finding; the newest of an activity holds. A repeat answers with the first.

    Raises SampleNotFound, NotAllowed, NotPicked, OwnActivity, FormUsed.
    """
    sample = get_sample(session, draft.sample_id)
    actor.require("sample.draw", branch_id=sample.branch_id)
    pick = session.get(SpotPick, (sample.id, draft.activity_id))
    if pick is None:
        raise NotPicked()
    if pick.activity.organiser_id == actor.member_id:
        raise OwnActivity()
    said = (draft.sample_id, draft.activity_id, draft.result, draft.words)
    first = session.scalar(select(SpotFinding).where(SpotFinding.form_key == draft.form_key))
    if first is not None:
        if (first.sample_id, first.activity_id, first.result, first.words) != said:
            raise FormUsed()
        return first
    finding = SpotFinding(
        sample_id=sample.id,
        activity_id=draft.activity_id,
        result=draft.result,
        words=draft.words,
        by_id=actor.person("sample.draw"),
        at=now,
        form_key=draft.form_key,
    )
    session.add(finding)
    session.flush()
    return finding
