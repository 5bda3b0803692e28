"""Paper through the services: printed lines, photos on record, typing, conflicts, control, four eyes; both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, undefer

from tests.attendance.paper import a_photo, line, printed, typed
from tests.attendance.scene import Scene, at, find_attendance, make_scene
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.activities.service import cancel_shift, leave
from timebank.attendance.models import PAPER, Attendance, Scan, Sheet, SheetLook, SheetPhoto, SheetTyping
from timebank.attendance.queries import SheetNotFound, get_sheet, list_flags, list_pages, list_papers, list_sheets
from timebank.attendance.service import (
    FourEyes,
    LinesWrong,
    NothingToPrint,
    PageTyped,
    PhotoDraft,
    PhotoMissing,
    PhotosFull,
    ReviewClosed,
    SheetDraft,
    approve_shift,
    keep_photo,
    look_at_photo,
    print_sheet,
    rejudge,
)
from timebank.core.errors import FormUsed, Invalid, NotAllowed, Refusal
from timebank.members.service import suspend_member


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session, walk_ins=True)


@pytest.fixture
def sheet(session: Session, scene: Scene) -> Sheet:
    return printed(session, scene)


def line_of(session: Session, sheet: Sheet, scene: Scene, number: int) -> int:
    """The line on which a volunteer is printed."""
    session.expire_all()
    return next(one.line for one in sheet.lines if one.member_id == scene.volunteers[number].id)


def record(session: Session, scene: Scene, number: int = 0) -> Attendance | None:
    session.expire_all()
    return find_attendance(session, scene.shift_id, scene.volunteer_actors[number].member_id or 0)


def counted(session: Session, table: Any) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


# --- printing --------------------------------------------------------------------------------------------------------


def test_a_sheet_carries_aliases_and_tails_of_numbers_and_fills_its_page(
    session: Session, scene: Scene, sheet: Sheet
) -> None:
    lines = get_sheet(session, sheet.number).lines
    assert [one.line for one in lines] == list(range(1, 15))
    listed = [one for one in lines if one.member_id]
    assert {(one.shown, one.tail) for one in listed} == {(v.alias, v.number[-5:]) for v in scene.volunteers}
    assert [one.shown for one in listed] == sorted(v.alias for v in scene.volunteers)
    assert not {v.name for v in scene.volunteers} & {one.shown for one in listed}


def test_the_lines_stay_as_printed_when_the_list_changes(session: Session, scene: Scene, sheet: Sheet) -> None:
    before = [(one.line, one.member_id) for one in sheet.lines]
    leave(
        session,
        scene.shift_id,
        member_id=scene.volunteers[0].id,
        actor=scene.volunteer_actors[0],
        now=at("08:40"),
        reason="腿疼",
    )
    session.expire_all()
    assert [(one.line, one.member_id) for one in get_sheet(session, sheet.number).lines] == before


def test_the_same_form_prints_one_sheet_and_is_nobody_elses(session: Session, scene: Scene, sheet: Sheet) -> None:
    again = printed(session, scene, photo=False)
    assert (again.id, counted(session, Sheet)) == (sheet.id, 1)
    draft = SheetDraft(shift_id=scene.shift_id, listed=True, blank_lines=1, form_key="sheet")
    with pytest.raises(FormUsed):
        print_sheet(session, draft, actor=scene.manager_actor, now=at("08:30"))


def test_a_blank_sheet_names_nobody(session: Session, scene: Scene) -> None:
    blank = printed(session, scene, listed=False, blank=15, key="blank", photo=False)
    assert (blank.pages, len(blank.lines), {one.member_id for one in blank.lines}) == (2, 28, {None})
    [card] = list_sheets(session, scene.shift_id)
    assert (card.listed, card.pages, card.photographed, card.typed) == (0, 2, 0, 0)


@pytest.mark.parametrize("blank", [0, 701])
def test_a_sheet_without_lines_or_without_end_is_not_printed(session: Session, scene: Scene, blank: int) -> None:
    with pytest.raises(NothingToPrint):
        printed(session, scene, listed=False, blank=blank, photo=False)


def test_who_may_not_keep_the_list_prints_none(session: Session, scene: Scene) -> None:
    stranger = make_member(session, make_branch(session, "CX"), roles=("manager",))
    draft = SheetDraft(shift_id=scene.shift_id, listed=True, blank_lines=1, form_key="x")
    for actor in (scene.volunteer_actors[0], actor_of(session, stranger)):
        with pytest.raises(NotAllowed):
            print_sheet(session, draft, actor=actor, now=at("08:30"))


def test_a_number_that_is_none_is_not_found(session: Session, sheet: Sheet) -> None:
    for number in ("", "F1", "F1AAAAAAA", sheet.number[:-1], "x" * 99):
        with pytest.raises(SheetNotFound):
            get_sheet(session, number)


# --- photos ----------------------------------------------------------------------------------------------------------


def keep(session: Session, scene: Scene, number: str, page: int = 1, colour: str = "white") -> SheetPhoto:
    draft = PhotoDraft(number=number, page=page, photo=a_photo(colour))
    return keep_photo(session, draft, actor=scene.organiser_actor, keys=KEYS, now=at("11:10"))


def test_a_photo_is_kept_sealed_once_with_its_hash(session: Session, scene: Scene, sheet: Sheet) -> None:
    again = keep(session, scene, sheet.number)
    assert counted(session, SheetPhoto) == 1
    sealed = session.scalars(select(SheetPhoto).options(undefer(SheetPhoto.sealed))).one().sealed
    assert again.digest == a_photo().digest
    assert a_photo().jpeg[:64] not in sealed
    assert b"JFIF" not in sealed


def test_each_look_at_a_photo_is_written_down(session: Session, scene: Scene, sheet: Sheet) -> None:
    inspector = make_member(session, scene.branch, "查监督", roles=("inspector",))
    [photo] = list_pages(session, sheet)[0].photos
    for actor in (scene.manager_actor, actor_of(session, inspector)):
        seen = look_at_photo(session, sheet.number, photo.id, actor=actor, keys=KEYS, now=at("12:00"))
        assert seen == a_photo().jpeg
    looks = session.scalars(select(SheetLook).order_by(SheetLook.id)).all()
    assert [one.by_id for one in looks] == [scene.manager.id, inspector.id]


def test_volunteers_and_staff_elsewhere_see_no_photo(session: Session, scene: Scene, sheet: Sheet) -> None:
    stranger = make_member(session, make_branch(session, "CX"), roles=("manager", "inspector"))
    [photo] = list_pages(session, sheet)[0].photos
    for actor in (scene.volunteer_actors[0], actor_of(session, stranger)):
        with pytest.raises(NotAllowed):
            look_at_photo(session, sheet.number, photo.id, actor=actor, keys=KEYS, now=at("12:00"))
    assert counted(session, SheetLook) == 0


def test_a_photo_moved_to_another_page_cannot_be_opened(session: Session, scene: Scene) -> None:
    two = printed(session, scene, listed=False, blank=20, photo=False)
    kept = keep(session, scene, two.number)
    about = f"{two.number}/2/{kept.digest}"
    with pytest.raises(InvalidTag):
        KEYS.unseal("sheet/photo", kept.sealed, about)


def test_a_photo_of_another_sheet_is_not_found(session: Session, scene: Scene, sheet: Sheet) -> None:
    other = printed(session, scene, key="other", photo=False)
    [photo] = list_pages(session, sheet)[0].photos
    with pytest.raises(SheetNotFound):
        look_at_photo(session, other.number, photo.id, actor=scene.manager_actor, keys=KEYS, now=at("12:00"))
    with pytest.raises(SheetNotFound):
        keep(session, scene, sheet.number, page=2)


def test_a_page_takes_six_photos(session: Session, scene: Scene, sheet: Sheet) -> None:
    for colour in ("red", "green", "blue", "gray", "black"):
        keep(session, scene, sheet.number, colour=colour)
    with pytest.raises(PhotosFull):
        keep(session, scene, sheet.number, colour="yellow")


# --- typing ----------------------------------------------------------------------------------------------------------


def test_a_typed_page_is_recorded_and_judged(session: Session, scene: Scene, sheet: Sheet) -> None:
    first, second = (line_of(session, sheet, scene, number) for number in (0, 1))
    done = typed(
        session,
        sheet,
        line(first, "09:00", "11:00"),
        line(second, "09:10", "10:40"),
        minutes=210,
        actor=scene.organiser_actor,
    )
    assert (done.round, done.people, done.repeated) == (1, 2, False)
    kept = record(session, scene, 1)
    assert kept is not None
    assert (kept.in_at, kept.out_at, kept.signed_minutes, kept.manual_minutes) == (at("09:10"), at("10:40"), 90, 0)
    scans = session.scalars(select(Scan).order_by(Scan.id)).all()
    assert {(one.source, one.reason, one.refused, one.actor_id) for one in scans} == {
        (PAPER, "", "", scene.organiser.id)
    }
    assert scans[0].key.endswith(f"{sheet.number}-{first}-in")
    assert record(session, scene, 2) is None


def test_typing_the_same_page_again_is_harmless(session: Session, scene: Scene, sheet: Sheet) -> None:
    here = line_of(session, sheet, scene, 0)
    typed(session, sheet, line(here, "09:00", "11:00"), actor=scene.organiser_actor)
    again = typed(session, sheet, line(here, "09:30", "10:00"), actor=scene.organiser_actor)
    assert (again.repeated, counted(session, Scan), counted(session, SheetTyping)) == (True, 2, 1)


def test_without_a_photo_nothing_is_typed(session: Session, scene: Scene) -> None:
    bare = printed(session, scene, photo=False)
    with pytest.raises(PhotoMissing):
        typed(session, bare, line(1, "09:00"), actor=scene.organiser_actor)


@pytest.mark.parametrize(("people", "minutes", "field"), [(2, None, "people"), (0, None, "people"), (1, 90, "sum")])
def test_a_wrong_check_total_writes_nothing(
    session: Session, scene: Scene, sheet: Sheet, people: int, minutes: int | None, field: str
) -> None:
    here = line(line_of(session, sheet, scene, 0), "09:00", "11:00")
    with pytest.raises(Invalid) as refused:
        typed(session, sheet, here, people=people, minutes=minutes, actor=scene.organiser_actor)
    assert list(refused.value.fields) == [field]
    assert counted(session, Scan) == counted(session, SheetTyping) == 0


WRONG_TIMES = {
    ("07:30", "11:00"): ("in_at", "到场时间要在 08:00 到 11:00 之间。"),
    ("11:05", ""): ("in_at", "到场时间要在 08:00 到 11:00 之间。"),
    ("09:00", "12:30"): ("out_at", "离开时间要在 08:00 到 12:00 之间。"),
    ("10:00", "09:00"): ("out_at", "离开时间要晚于到场时间。"),
    ("10:00", "10:00"): ("out_at", "离开时间要晚于到场时间。"),
    ("09:00", "11:30"): ("out_at", "这个时间还没有到。"),
    ("", "10:00"): ("in_at", "没有到场时间，也没有扫过码。请补上到场时间；纸上没写的，问清楚再填。"),
}


@pytest.mark.parametrize("times", WRONG_TIMES)
def test_a_time_that_cannot_be_is_told_at_its_box(
    session: Session, scene: Scene, sheet: Sheet, times: tuple[str, str]
) -> None:
    field, says = WRONG_TIMES[times]
    good = line(line_of(session, sheet, scene, 1), "09:00", "10:00")
    bad = line(line_of(session, sheet, scene, 0), *times)
    with pytest.raises(LinesWrong) as refused:
        typed(session, sheet, good, bad, actor=scene.organiser_actor)
    assert refused.value.fields == {f"lines-1-{field}": says}
    assert counted(session, Scan) == 0


def test_every_mistake_of_a_page_is_told_at_once(session: Session, scene: Scene, sheet: Sheet) -> None:
    with pytest.raises(LinesWrong) as refused:
        typed(
            session,
            sheet,
            line(1, "07:00"),
            line(13, "09:00", who="没有这个人"),
            line(14, "09:00"),
            line(99, "09:00"),
            actor=scene.organiser_actor,
        )
    assert sorted(refused.value.fields) == ["lines-0-in_at", "lines-1-who", "lines-2-who", "lines-3-in_at"]


def test_walk_ins_are_typed_by_number_name_or_not_at_all(session: Session, scene: Scene, sheet: Sheet) -> None:
    guest, other = make_member(session, scene.branch, "路过的"), make_member(session, scene.branch, "也路过")
    typed(
        session,
        sheet,
        line(12, "09:00", "10:00", who=guest.number.lower()),
        line(13, "09:30", "10:30", who="也路过"),
        actor=scene.organiser_actor,
    )
    for member in (guest, other):
        kept = find_attendance(session, scene.shift_id, member.id)
        assert kept is not None
        assert (kept.walk_in, kept.signed_minutes) == (True, 60)


def test_somebody_printed_is_not_typed_again_on_a_blank_line(session: Session, scene: Scene, sheet: Sheet) -> None:
    own = line_of(session, sheet, scene, 0)
    with pytest.raises(LinesWrong) as refused:
        typed(session, sheet, line(13, "09:00", who=scene.volunteers[0].number), actor=scene.organiser_actor)
    assert refused.value.fields == {"lines-0-who": f"这个人已经在第 {own} 行。请把时间录到第 {own} 行。"}


def test_a_walk_in_is_refused_where_the_activity_takes_none(session: Session) -> None:
    scene = make_scene(session, walk_ins=False)
    sheet, guest = printed(session, scene), make_member(session, scene.branch, "路过的")
    with pytest.raises(LinesWrong) as refused:
        typed(session, sheet, line(13, "09:00", who=guest.number), actor=scene.organiser_actor)
    assert "不接受现场加入" in refused.value.fields["lines-0-who"]


def test_a_suspended_member_is_refused_at_their_line(session: Session, scene: Scene, sheet: Sheet) -> None:
    suspend_member(session, scene.volunteers[0].id, reason="核实", actor=scene.manager_actor, now=at("08:50"))
    with pytest.raises(LinesWrong) as refused:
        typed(session, sheet, line(line_of(session, sheet, scene, 0), "09:00"), actor=scene.organiser_actor)
    assert "停用" in refused.value.fields["lines-0-in_at"]


def test_paper_counts_like_another_device_and_corrects_nothing(session: Session, scene: Scene, sheet: Sheet) -> None:
    """Earliest in, latest out, whichever was recorded first; a correction by staff stands above both."""
    scene.scan(session, 0, "09:05", wanted="in")
    scene.scan(session, 0, "10:30", wanted="out")
    scene.scan(session, 1, "09:00", wanted="in")
    scene.scan(session, 1, "11:00", wanted="out")
    typed(
        session,
        sheet,
        line(line_of(session, sheet, scene, 0), "09:00", "10:50"),
        line(line_of(session, sheet, scene, 1), "09:20", "10:00"),
        actor=scene.organiser_actor,
    )
    wider, narrower = record(session, scene, 0), record(session, scene, 1)
    assert wider is not None
    assert narrower is not None
    assert (wider.in_at, wider.out_at) == (at("09:00"), at("10:50"))
    assert (narrower.in_at, narrower.out_at) == (at("09:00"), at("11:00"))
    rejudge(session, scene.shift_id)
    again = record(session, scene, 0)
    assert again is not None
    assert (again.in_at, again.out_at) == (at("09:00"), at("10:50"))


def test_a_leaving_on_paper_completes_a_scan_of_coming(session: Session, scene: Scene, sheet: Sheet) -> None:
    scene.scan(session, 0, "09:05", wanted="in")
    typed(session, sheet, line(line_of(session, sheet, scene, 0), "", "10:45"), actor=scene.organiser_actor)
    kept = record(session, scene)
    assert kept is not None
    assert (kept.in_at, kept.out_at, kept.signed_minutes) == (at("09:05"), at("10:45"), 100)


def test_a_page_is_not_typed_into_a_list_that_was_sent(session: Session, scene: Scene, sheet: Sheet) -> None:
    scene.attend(session, 0)
    scene.submit(session)
    with pytest.raises(ReviewClosed):
        typed(session, sheet, line(line_of(session, sheet, scene, 1), "09:00"), actor=scene.organiser_actor)


def test_paper_found_after_the_first_round_counts_for_who_was_not_in_it(
    session: Session, scene: Scene, sheet: Sheet
) -> None:
    scene.attend(session, 0)
    scene.submit(session)
    scene.approve(session)
    booked, missing = (line_of(session, sheet, scene, number) for number in (0, 1))
    lines = (line(booked, "09:00", "10:00"), line(missing, "09:00", "11:00"))
    done = typed(session, sheet, *lines, actor=scene.organiser_actor)
    assert (done.people, done.booked) == (2, 1)
    stays = record(session, scene, 0)
    assert stays is not None
    assert (stays.status, stays.signed_minutes) == ("approved", 120)
    kept = record(session, scene, 1)
    assert kept is not None
    assert (kept.status, kept.signed_minutes) == ("ready", 120)
    scene.submit(session)
    assert scene.approve(session).minutes == 120


def test_a_cancelled_shift_takes_no_paper(session: Session, scene: Scene, sheet: Sheet) -> None:
    cancel_shift(session, scene.shift_id, reason="下雨", actor=scene.organiser_actor, now=at("08:40"))
    with pytest.raises(Refusal) as refused:
        typed(session, sheet, line(1, "09:00"), actor=scene.organiser_actor)
    assert refused.value.code == "attendance.not_held"


def test_paper_makes_no_flag_of_a_shared_phone(session: Session, scene: Scene, sheet: Sheet) -> None:
    both = [line(line_of(session, sheet, scene, number), "09:00") for number in (0, 1)]
    typed(session, sheet, *both, actor=scene.organiser_actor)
    assert list_flags(session, scene.shift_id).shared_device == frozenset()


# --- control and approval --------------------------------------------------------------------------------------------


def test_a_second_person_types_a_control_that_records_nothing(session: Session, scene: Scene, sheet: Sheet) -> None:
    here = line_of(session, sheet, scene, 0)
    typed(session, sheet, line(here, "09:00", "11:00"), actor=scene.organiser_actor)
    control = typed(session, sheet, line(here, "09:00", "10:00"), actor=scene.manager_actor)
    assert (control.round, control.differences) == (2, [(here, "第一次：09:00 到 11:00；复核：09:00 到 10:00")])
    assert counted(session, Scan) == 2
    [paper] = list_papers(session, scene.shift_id)
    assert (paper.people, paper.by, paper.checked_by, paper.differences) == (1, "周队长", "钱站长", 1)
    third = make_member(session, scene.branch, roles=("organiser",))
    with pytest.raises(PageTyped):
        typed(session, sheet, line(here, "09:00"), actor=actor_of(session, third))


def test_a_control_is_possible_after_the_list_was_sent(session: Session, scene: Scene, sheet: Sheet) -> None:
    here = line_of(session, sheet, scene, 0)
    typed(session, sheet, line(here, "09:00", "11:00"), actor=scene.organiser_actor)
    scene.submit(session)
    assert typed(session, sheet, line(here, "9:00", "11:00"), actor=scene.manager_actor).differences == []
    assert scene.approve(session).people == 1  # who checked the paper has typed nothing that counts


def test_nobody_approves_paper_that_they_typed(session: Session, scene: Scene, sheet: Sheet) -> None:
    here = line_of(session, sheet, scene, 0)
    typed(session, sheet, line(here, "09:00", "11:00"), actor=scene.manager_actor)
    scene.submit(session)
    with pytest.raises(FourEyes, match="照纸录入"):
        scene.approve(session)
    other = make_member(session, scene.branch, roles=("manager",))
    done = approve_shift(session, scene.shift_id, actor=actor_of(session, other), now=at("13:00"))
    assert (done.people, done.minutes) == (1, 120)


def test_the_database_refuses_an_approval_by_the_typist(session: Session, scene: Scene, sheet: Sheet) -> None:
    here = line_of(session, sheet, scene, 0)
    typed(session, sheet, line(here, "09:00", "11:00"), actor=scene.manager_actor)
    scene.submit(session)
    approve = text("UPDATE shift_approval SET approved_by_id = :by, approved_at = submitted_at WHERE shift_id = :shift")
    with (
        pytest.raises(DBAPIError, match="nobody approves minutes of their own or that they typed"),
        session.begin_nested(),
    ):
        session.execute(approve, {"by": scene.manager.id, "shift": scene.shift_id})


@pytest.mark.parametrize("table", ["sheet", "sheet_line", "sheet_photo", "sheet_typing", "sheet_look"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET sheet_id = 1", "DELETE FROM {}"])
def test_the_database_keeps_paper_as_it_was(
    session: Session, scene: Scene, sheet: Sheet, table: str, verb: str
) -> None:
    typed(session, sheet, line(line_of(session, sheet, scene, 0), "09:00"), actor=scene.organiser_actor)
    [photo] = list_pages(session, sheet)[0].photos
    look_at_photo(session, sheet.number, photo.id, actor=scene.manager_actor, keys=KEYS, now=at("12:00"))
    column = {"sheet": "pages", "sheet_look": "by_id"}.get(table, "sheet_id")
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(verb.format(table).replace("sheet_id = 1", f"{column} = {column}")))


def test_the_window_follows_the_shift_as_it_is_now(session: Session, scene: Scene, sheet: Sheet) -> None:
    from timebank.activities.models import Shift

    session.execute(update(Shift).where(Shift.id == scene.shift_id).values(ends_at=at("11:00") + timedelta(hours=2)))
    done = typed(
        session,
        sheet,
        line(line_of(session, sheet, scene, 0), "11:05", "13:00"),
        actor=scene.organiser_actor,
        now=at("13:10"),
    )
    assert done.people == 1
