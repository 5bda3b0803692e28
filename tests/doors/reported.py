"""What is shown to those who check from outside, in the town of the doors: made after a month was closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from tests.world import KEYS, NOW, actor_of, make_member
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.members.models import Member
from timebank.members.service import unmask
from timebank.reports import service as reports
from timebank.retention import service as retention
from timebank.retention.queries import hash_now

LONG_AGO = datetime(2020, 1, 6, 2, 0, tzinfo=UTC)  # past every term


def make_reports(session: Session, home: Branch, members: Mapping[str, int], *, held: int) -> dict[str, Any]:
    """Figures, a sample, batches in every state, lists of what is destroyed; after a month was closed."""
    people = {name: session.get_one(Member, member_id) for name, member_id in members.items()}
    boss, chief = actor_of(session, people["manager@home"]), actor_of(session, people["administrator@home"])
    inspector = actor_of(session, people["inspector@home"])
    years = []
    for words, key in (("", "year"), ("又结了一个月", "year-2")):
        draft = reports.YearDraft(branch_id=home.id, year=2026, words=words, form_key=key)
        years.append(reports.prepare_year(session, draft, actor=boss, now=NOW))
        if not words:
            reports.publish_year(session, years[0].id, actor=chief, now=NOW)
    return {
        "year": 2026,
        "xlsx": "xlsx",
        "yearly": years[0].id,
        "yearly_draft": years[1].id,
        **_make_sample(session, home, inspector),
        **_make_batches(session, home, boss),
        **_make_lists(session, home, people["owner"], boss, chief),
        "hold": retention.place_hold(session, held, reason="信访", actor=inspector, now=NOW).id,
    }


def _make_sample(session: Session, home: Branch, inspector: Actor) -> dict[str, Any]:
    draft = reports.SampleDraft(branch_id=home.id, month="2026-11", wanted=1, form_key="sample")
    sample = reports.draw_sample(session, draft, actor=inspector, now=NOW)
    session.refresh(sample)
    return {"sample": sample.id, "sampled": sample.picks[0].activity_id}


def _make_batches(session: Session, home: Branch, boss: Actor) -> dict[str, Any]:
    """One submitted with everybody, one handed out and one prepared with a newcomer each; a newcomer is due."""
    things = {}
    for name in ("batch_submitted", "batch_handed", "batch"):
        draft = reports.BatchDraft(branch_id=home.id, reason="例行", form_key=name)
        made = reports.make_batch(session, draft, actor=boss, keys=KEYS, now=NOW)
        things[name] = made.id
        if name != "batch":
            reports.hand_out(session, made.id, lambda lines: b"file", actor=boss, keys=KEYS, now=NOW)
        if name == "batch_submitted":
            reports.submit_batch(session, made.id, actor=boss, now=NOW)
        make_member(session, home, now=NOW)
    return things


def _make_lists(session: Session, home: Branch, owner: Member, boss: Actor, chief: Actor) -> dict[str, Any]:
    things: dict[str, Any] = {}
    for name in ("disposal", "disposal_proposed"):
        unmask(session, owner.id, "phone", reason="联系", actor=chief, now=LONG_AGO)
        found = retention.propose_disposal(session, home, now=NOW)
        assert found is not None
        seen = hash_now(session, found.id)
        things |= {name: found.id, f"{name}_seen": seen}
        if name == "disposal":
            retention.prepare_disposal(session, found.id, words="过了期限", seen=seen, actor=boss, now=NOW)
    return things
