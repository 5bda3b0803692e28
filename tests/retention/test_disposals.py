"""Lists: what is proposed and what is not, two signatures, what is really gone and what stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, undefer

from tests.attendance.paper import a_photo
from tests.retention.scene import DECEMBER, LATER, Stored, make_stored
from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.activities.rules import ActivityDraft, ShiftDraft
from timebank.activities.service import post_activity
from timebank.archives import service as archives
from timebank.attendance.models import Scan, ScanEvidence, SheetLook, SheetPhoto
from timebank.attendance.service import PhotoDestroyed, look_at_photo
from timebank.core import clock
from timebank.core.actor import SYSTEM
from timebank.core.errors import NotAllowed
from timebank.corrections.service import request_check
from timebank.members.models import MemberAccess
from timebank.members.service import unmask
from timebank.notices.models import Notice
from timebank.notices.service import mark_read
from timebank.reports.service import FindingDraft, SampleDraft, draw_sample, record_finding
from timebank.retention import queries, service
from timebank.retention.models import DESTROYED, DONE, DROPPED, PREPARED, PROPOSED, SPARED, DisposalItem
from timebank.retention.service import (
    AlreadyDecided,
    AlreadyHeld,
    ListChanged,
    NothingToHold,
    NotPrepared,
    NotTheSamePerson,
    NotYours,
    TermDraft,
    set_term,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def stored(session: Session) -> Stored:
    return make_stored(session)


def kinds(session: Session, stored: Stored) -> dict[str, int]:
    found = queries.find_proposed(session, stored.scene.branch.id)
    return dict(queries.count_by_kind(session, found.id)) if found else {}


def picture(session: Session, stored: Stored) -> bytes:
    session.expire_all()
    found = session.scalars(select(SheetPhoto).options(undefer(SheetPhoto.sealed))).one()
    return found.sealed


def test_what_is_past_its_term_is_proposed_and_nothing_else(session: Session, stored: Stored) -> None:
    stored.propose(DECEMBER)
    assert kinds(session, stored) == {}
    stored.propose()
    assert kinds(session, stored) == {"sheet_photos": 1, "scan_evidence": 1, "sheet_looks": 1}


def test_read_notices_and_looks_at_numbers_are_proposed_when_old(session: Session, stored: Stored) -> None:
    member = stored.scene.volunteers[0]
    mark_read(session, member.id, now=DECEMBER)
    phoned = make_member(session, stored.scene.branch, phone="13805741111")
    unmask(session, phoned.id, "phone", reason="联系", actor=stored.manager, now=DECEMBER)
    read = session.scalar(select(func.count()).select_from(Notice).where(Notice.read_at.is_not(None))) or 0
    assert read > 0
    stored.propose()
    assert kinds(session, stored)["notices"] == read
    assert kinds(session, stored)["member_looks"] == 1
    stored.sign(stored.prepared())
    assert session.scalar(select(func.count()).select_from(Notice).where(Notice.read_at.is_not(None))) == 0
    assert session.scalar(select(func.count()).select_from(MemberAccess)) == 0
    assert session.scalar(select(func.count()).select_from(Notice)) != 0  # who has not read keeps theirs


def test_the_next_night_replaces_what_nobody_prepared(session: Session, stored: Stored) -> None:
    first = stored.propose()
    assert first is not None
    second = stored.propose(LATER + timedelta(days=1))
    assert second is not None
    assert [one.id for one in queries.list_disposals(session, stored.scene.branch.id)] == [second.id]


def test_what_waits_for_a_signature_is_not_proposed_again(session: Session, stored: Stored) -> None:
    stored.prepared()
    assert stored.propose() is None


def test_two_people_destroy_and_the_list_stays(session: Session, stored: Stored) -> None:
    disposal = stored.prepared()
    with pytest.raises(NotTheSamePerson):
        stored.sign(disposal, actor=stored.manager)
    assert picture(session, stored)

    done = stored.sign(disposal)

    assert (done.state, done.destroyed, done.spared) == (DONE, 3, 0)
    assert stored.sign(disposal) is done
    items = session.scalars(select(DisposalItem)).all()
    assert {item.result for item in items} == {DESTROYED}
    assert [item.digest for item in items if item.kind == "sheet_photos"] == [a_photo().digest]


def test_a_destroyed_photo_leaves_its_row_and_hash(session: Session, stored: Stored) -> None:
    stored.sign(stored.prepared())
    assert picture(session, stored) == b""
    photo = session.scalars(select(SheetPhoto)).one()
    assert (photo.digest, photo.destroyed_at) == (a_photo().digest, LATER)
    with pytest.raises(PhotoDestroyed):
        look_at_photo(session, stored.sheet.number, photo.id, actor=stored.manager, keys=KEYS, now=LATER)


def test_evidence_goes_and_the_scan_stays(session: Session, stored: Stored) -> None:
    scans = session.scalar(select(func.count()).select_from(Scan))
    stored.sign(stored.prepared())
    assert session.scalar(select(func.count()).select_from(ScanEvidence)) == 0
    assert session.scalar(select(func.count()).select_from(SheetLook)) == 0
    assert session.scalar(select(func.count()).select_from(Scan)) == scans


def test_a_dropped_list_destroys_nothing(session: Session, stored: Stored) -> None:
    disposal = stored.prepared()
    service.drop_disposal(session, disposal.id, reason="再想想", actor=stored.deputy, now=LATER)
    assert disposal.state == DROPPED
    with pytest.raises(NotPrepared):
        stored.sign(disposal)
    assert picture(session, stored)
    assert stored.propose() is not None


def test_a_list_is_prepared_once(session: Session, stored: Stored) -> None:
    disposal = stored.prepared()
    again = stored.prepare(disposal)
    assert (again.state, again.prepared_by_id) == (PREPARED, stored.manager.member_id)
    with pytest.raises(AlreadyDecided):
        stored.prepare(disposal, actor=stored.deputy)


def test_inspectors_and_strangers_dispose_of_nothing(session: Session, stored: Stored) -> None:
    disposal = stored.prepared()
    stranger = actor_of(session, make_member(session, make_branch(session, "CX"), roles=("manager",)))
    for actor in (stored.inspector, stranger):
        with pytest.raises(NotAllowed):
            stored.sign(disposal, actor=actor)


def test_another_list_than_the_one_that_was_read_is_not_prepared(session: Session, stored: Stored) -> None:
    """SQLite gives the id and the number of a list that the night took back to the next one."""
    read = stored.propose()
    assert read is not None
    seen = queries.hash_now(session, read.id)
    mark_read(session, stored.scene.volunteers[0].id, now=DECEMBER)
    another = stored.propose()
    assert another is not None
    with pytest.raises(ListChanged):
        stored.prepare(another, seen=seen)
    assert another.state == PROPOSED
    stored.prepare(another)
    with pytest.raises(ListChanged):
        stored.sign(another, seen=seen)
    assert picture(session, stored)


# --- what is left alone --------------------------------------------------------------------------------------------


def _hold(session: Session, stored: Stored) -> None:
    service.place_hold(session, stored.scene.activity_id, reason="信访", actor=stored.inspector, now=LATER)


def _ask(session: Session, stored: Stored) -> None:
    record = stored.scene.volunteer_actors[0]
    entry = session.execute(text(f"SELECT entry_id FROM attendance WHERE member_id = {record.member_id}")).scalar()
    request_check(session, int(entry or 0), words="少了", form_key="ask", actor=record, now=LATER)


def _draw(session: Session, stored: Stored) -> None:
    draft = SampleDraft(branch_id=stored.scene.branch.id, month="2026-11", wanted=1, form_key="draw")
    draw_sample(session, draft, actor=stored.inspector, now=LATER)


@pytest.mark.parametrize(
    ("cause", "why"), [(_hold, "有人暂停了销毁"), (_ask, "有争议没有办完"), (_draw, "抽查抽到，还没有查")]
)
def test_what_is_held_disputed_or_to_be_checked_stays(
    session: Session, stored: Stored, cause: Callable[[Session, Stored], None], why: str
) -> None:
    disposal = stored.prepared()
    cause(session, stored)

    done = stored.sign(disposal)

    assert (done.destroyed, done.spared) == (0, 3)
    spared = session.scalars(select(DisposalItem).where(DisposalItem.result == SPARED)).all()
    assert {item.why for item in spared} == {why}
    assert picture(session, stored)
    stored.propose()
    assert kinds(session, stored) == {}


def test_what_got_a_longer_term_while_its_list_waited_stays(session: Session, stored: Stored) -> None:
    disposal = stored.prepared()
    day = clock.today(LATER) + timedelta(days=1)
    draft = TermDraft(kind="sheet_photos", months=120, valid_from=day, reason="留久一点", form_key="longer")
    admin = actor_of(session, make_member(session, stored.scene.branch, "管总", roles=("administrator",)))
    set_term(session, draft, actor=admin, now=LATER)

    done = stored.sign(disposal, now=LATER + timedelta(days=1))

    assert (done.destroyed, done.spared) == (2, 1)
    [spared] = session.scalars(select(DisposalItem).where(DisposalItem.result == SPARED)).all()
    assert (spared.kind, spared.why) == ("sheet_photos", "保管期限改长了")
    assert picture(session, stored)


def test_what_was_checked_may_go(session: Session, stored: Stored) -> None:
    _draw(session, stored)
    draft = FindingDraft(
        sample_id=session.execute(text("SELECT id FROM spot_sample")).scalar() or 0,
        activity_id=stored.scene.activity_id,
        result="fine",
        words="",
        form_key="found",
    )
    record_finding(session, draft, actor=stored.inspector, now=LATER)
    stored.propose()
    assert kinds(session, stored)["sheet_photos"] == 1


@pytest.mark.parametrize(("approved", "closed"), [(False, False), (True, False)])
def test_hours_that_are_not_booked_and_sealed_keep_their_evidence(
    session: Session, approved: bool, closed: bool
) -> None:
    stored = make_stored(session, approved=approved, closed=closed)
    stored.propose()
    assert kinds(session, stored) == {}


def test_a_guests_hours_that_their_own_branch_has_not_sealed_keep_the_evidence(
    session: Session, stored: Stored
) -> None:
    home = make_branch(session, "CX")
    stored.scene.volunteers[1].branch_id = home.id
    session.flush()
    stored.propose()
    assert kinds(session, stored) == {}
    archives.close_month(session, branch=home, month="2026-11", actor=SYSTEM, keys=KEYS, now=DECEMBER)
    stored.propose()
    assert kinds(session, stored)["sheet_photos"] == 1


def test_a_hold_is_lifted_by_whoever_placed_it_or_an_inspector(session: Session, stored: Stored) -> None:
    hold = service.place_hold(session, stored.scene.activity_id, reason="争议", actor=stored.manager, now=NOW)
    with pytest.raises(AlreadyHeld):
        _hold(session, stored)
    with pytest.raises(NotYours):
        service.lift_hold(session, hold.id, reason="没事了", actor=stored.deputy, now=NOW)
    service.lift_hold(session, hold.id, reason="没事了", actor=stored.inspector, now=NOW)
    assert service.lift_hold(session, hold.id, reason="别的", actor=stored.manager, now=NOW).lifted_why == "没事了"
    stored.propose()
    assert kinds(session, stored)["sheet_photos"] == 1


def test_a_draft_has_nothing_to_hold(session: Session, stored: Stored) -> None:
    shift = ShiftDraft(starts_at=LATER, ends_at=LATER + HOUR, capacity=1)
    draft = ActivityDraft(
        branch_id=stored.scene.branch.id, form_key="draft", shifts=[shift], title="草稿", category="other",
        content="还没想好", place="三号院", contact_name="周队长", contact_phone="0574-86780000", risk="low",
    )  # fmt: skip
    posted = post_activity(session, draft, actor=stored.scene.organiser_actor, now=NOW)
    with pytest.raises(NothingToHold):
        service.place_hold(session, posted.id, reason="信访", actor=stored.inspector, now=NOW)


def test_a_volunteer_holds_nothing(session: Session, stored: Stored) -> None:
    with pytest.raises(NotAllowed):
        service.place_hold(
            session, stored.scene.activity_id, reason="x", actor=stored.scene.volunteer_actors[0], now=NOW
        )
