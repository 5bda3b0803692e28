"""The ministry's record: the columns of the order, only who agreed, handed out once, answered record by record."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.corrections.town import Town, make_town
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.members.models import Consent, MemberAccess
from timebank.members.service import Document, record_identity
from timebank.reports import queries, service
from timebank.reports.models import ACCEPTED, CANCELLED, PERSON, REJECTED, SERVICE, MinistryBatch
from timebank.reports.queries import Line
from timebank.reports.rules import PERSON_COLUMNS, SERVICE_COLUMNS, Answer
from timebank.reports.service import (
    AlreadyAnswered,
    AlreadyHanded,
    BatchDraft,
    NotHanded,
    NothingDue,
    RecordsChanged,
    UnknownNumber,
)

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ID_NUMBER = "330206194803052263"


@pytest.fixture
def town(session: Session) -> Town:
    return make_town(session, 2)


def make(session: Session, town: Town, *, actor: Actor | None = None, **more: str) -> MinistryBatch:
    given = {"reason": "例行上报", "form_key": "batch"} | more
    draft = BatchDraft(branch_id=town.scene.branch.id, **given)
    return service.make_batch(session, draft, actor=actor or town.manager, keys=KEYS, now=NOON)


def take(session: Session, batch: MinistryBatch, town: Town) -> list[Line]:
    taken: list[Line] = []

    def write(lines: object) -> bytes:
        taken.extend(lines)  # type: ignore[arg-type]
        return b"file"

    service.hand_out(session, batch.id, write, actor=town.manager, keys=KEYS, now=NOON)
    return taken


def sent(session: Session, town: Town, **more: str) -> MinistryBatch:
    batch = make(session, town, **more)
    take(session, batch, town)
    return service.submit_batch(session, batch.id, actor=town.manager, now=NOON)


def answer(session: Session, batch: MinistryBatch, town: Town, *answers: Answer) -> int:
    return service.answer_records(session, batch.id, answers, actor=town.manager, now=NOON)


def accept_all(session: Session, batch: MinistryBatch, town: Town) -> None:
    answer(session, batch, town, *(Answer(number, True, "") for number in queries.list_answers(session, batch.id)))


def due(session: Session, town: Town) -> list[tuple[str, int, bool]]:
    return [(one.line.kind, one.line.member_id, one.new) for one in queries.list_due(session, town.scene.branch, KEYS)]


def test_lines_have_the_columns_of_the_order(session: Session, town: Town) -> None:
    lines = list(queries.make_lines(session, town.scene.branch, KEYS, full=True))
    people = [line for line in lines if line.kind == PERSON]
    records = [line for line in lines if line.kind == SERVICE]
    assert {len(line.cells) for line in people} == {len(PERSON_COLUMNS)}
    assert {len(line.cells) for line in records} == {len(SERVICE_COLUMNS)}
    said = dict(zip(SERVICE_COLUMNS, records[0].cells, strict=True))
    assert said["活动名称"] == "楼道清洁"
    assert said["服务日期"] == "2026-11-21"
    assert said["服务地点"] == "三号院"
    assert said["服务时间（小时）"] == "2.00"
    assert said["活动负责人"] == said["记录人"] == "周队长"
    assert said["活动组织单位"] == town.scene.branch.name


def test_numbers_are_whole_only_in_the_file_and_whose_is_written_down(session: Session, town: Town) -> None:
    member = town.member(0)
    document = Document(number=ID_NUMBER, consented=True)
    record_identity(session, member.id, document, actor=town.manager, keys=KEYS, now=NOON)
    shown = [one.line.cells for one in queries.list_due(session, town.scene.branch, KEYS)]
    assert not [cells for cells in shown if ID_NUMBER in cells or member.name in cells]

    lines = take(session, make(session, town), town)

    [person] = [line.cells for line in lines if line.kind == PERSON and line.member_id == member.id]
    assert person[4:6] == ("居民身份证", ID_NUMBER)
    looked = session.scalars(select(MemberAccess).where(MemberAccess.member_id == member.id)).all()
    assert [(look.field, look.seen_by_id) for look in looked] == [("id_number", town.manager.member_id)]
    assert "例行上报" in looked[0].reason


def test_a_file_is_handed_out_once(session: Session, town: Town) -> None:
    batch = make(session, town)
    take(session, batch, town)
    with pytest.raises(AlreadyHanded):
        take(session, batch, town)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text("UPDATE ministry_batch SET handed_hash = 'other'"))


def test_a_repeat_makes_one_batch_and_nothing_due_makes_none(session: Session, town: Town) -> None:
    first = make(session, town)
    assert make(session, town) is first
    with pytest.raises(FormUsed):
        make(session, town, reason="别的")
    with pytest.raises(NothingDue):
        make(session, town, form_key="again")


def test_who_did_not_agree_stays_out_with_all_their_records(session: Session, town: Town) -> None:
    member_id = town.member(0).id
    for consent in session.scalars(select(Consent).where(Consent.member_id == member_id)):
        consent.withdrawn_at = NOON
    session.flush()
    assert member_id not in {whose for _, whose, _ in due(session, town)}
    [problem] = [one for one in queries.list_problems(session, town.scene.branch) if "没有同意" in one.what]
    assert problem.people == 1


def test_what_was_accepted_is_due_again_only_when_it_is_different(session: Session, town: Town) -> None:
    accept_all(session, sent(session, town), town)
    assert due(session, town) == []
    town.set_right(town.entry(0), 60)
    assert due(session, town) == [(SERVICE, town.member(0).id, False)]
    town.member(1).skills = "理发"
    session.flush()
    assert (PERSON, town.member(1).id, False) in due(session, town)


def test_an_undone_record_that_was_accepted_is_sent_as_nothing(session: Session, town: Town) -> None:
    accept_all(session, sent(session, town), town)
    town.set_right(town.entry(0), None)
    [one] = queries.list_due(session, town.scene.branch, KEYS)
    assert one.line.cells[8] == "0.00"


def test_what_was_undone_before_it_was_sent_is_never_sent(session: Session, town: Town) -> None:
    town.set_right(town.entry(0), None)
    assert [whose for kind, whose, _ in due(session, town) if kind == SERVICE] == [town.member(1).id]


def test_what_was_sent_back_is_due_again_with_its_reason(session: Session, town: Town) -> None:
    batch = sent(session, town)
    number = town.member(0).number
    assert answer(session, batch, town, Answer(number, False, "证件号不符")) == 1
    assert answer(session, batch, town, Answer(number, False, "证件号不符")) == 0
    record = queries.list_answers(session, batch.id)[number]
    assert (record.state, record.words) == (REJECTED, "证件号不符")
    assert due(session, town) == [(PERSON, town.member(0).id, True)]
    with pytest.raises(AlreadyAnswered):
        answer(session, batch, town, Answer(number, True, ""))


def test_what_was_accepted_once_is_a_change_even_after_the_change_was_sent_back(session: Session, town: Town) -> None:
    accept_all(session, sent(session, town), town)
    town.member(1).skills = "理发"
    session.flush()
    again = sent(session, town, form_key="again")
    answer(session, again, town, Answer(town.member(1).number, False, "格式不对"))
    assert due(session, town) == [(PERSON, town.member(1).id, False)]


def test_numbers_are_opened_for_the_file_only(session: Session, town: Town) -> None:
    document = Document(number=ID_NUMBER, consented=True)
    member = town.member(0)
    record_identity(session, member.id, document, actor=town.manager, keys=KEYS, now=NOON)
    member.id_number_sealed = KEYS.encrypt("something_else", ID_NUMBER)
    session.flush()
    assert len(due(session, town)) > 1
    lines = take(session, make(session, town), town)
    with pytest.raises(InvalidTag):
        [line.cells for line in lines]


def test_lines_that_were_read_before_go_into_one_batch_only(session: Session, town: Town) -> None:
    lines = list(queries.make_lines(session, town.scene.branch, KEYS))
    draft = BatchDraft(branch_id=town.scene.branch.id, reason="例行上报", form_key="other")
    make(session, town)
    with pytest.raises(NothingDue):
        service.make_batch(session, draft, lines, actor=town.manager, keys=KEYS, now=NOON)


def test_answers_are_taken_whole_or_not_at_all(session: Session, town: Town) -> None:
    batch = sent(session, town)
    number = town.member(0).number
    with pytest.raises(UnknownNumber, match="FW999"):
        answer(session, batch, town, Answer(number, True, ""), Answer("FW999", True, ""))
    assert queries.count_states(session, [batch.id])[batch.id].keys() == {"submitted"}


def test_the_steps_come_in_their_order(session: Session, town: Town) -> None:
    batch = make(session, town)
    with pytest.raises(NotHanded):
        service.submit_batch(session, batch.id, actor=town.manager, now=NOON)
    with pytest.raises(NotHanded):
        answer(session, batch, town, Answer(town.member(0).number, True, ""))


def test_a_record_that_changed_after_the_batch_is_not_handed_out(session: Session, town: Town) -> None:
    batch = make(session, town)
    town.set_right(town.entry(0), 60)
    with pytest.raises(RecordsChanged, match="1 条"):
        take(session, batch, town)
    assert session.scalar(select(func.count()).select_from(MemberAccess)) == 0


def test_a_cancelled_batch_lets_its_records_go(session: Session, town: Town) -> None:
    before = due(session, town)
    batch = make(session, town)
    assert due(session, town) == []
    service.cancel_batch(session, batch.id, reason="文件丢了", actor=town.deputy, now=NOON)
    assert due(session, town) == before
    assert set(queries.count_states(session, [batch.id])[batch.id]) == {CANCELLED}
    with pytest.raises(AlreadyAnswered):
        take(session, batch, town)


def test_an_answered_batch_is_not_cancelled(session: Session, town: Town) -> None:
    batch = sent(session, town)
    answer(session, batch, town, Answer(town.member(0).number, True, ""))
    with pytest.raises(AlreadyAnswered):
        service.cancel_batch(session, batch.id, reason="算了", actor=town.manager, now=NOON)


def test_an_inspector_an_organiser_and_a_stranger_send_nothing(session: Session, town: Town) -> None:
    other = make_branch(session, "CX")
    stranger = actor_of(session, make_member(session, other, roles=("manager",)))
    for actor in (town.inspector, town.scene.organiser_actor, stranger):
        with pytest.raises(NotAllowed):
            make(session, town, actor=actor)


def test_the_database_keeps_a_record_as_it_was_and_its_answer(session: Session, town: Town) -> None:
    batch = sent(session, town)
    answer(session, batch, town, Answer(town.member(0).number, True, ""))
    record = queries.list_answers(session, batch.id)[town.member(0).number]
    assert record.state == ACCEPTED
    for change in ("state = 'submitted', answered_at = NULL, answered_by_id = NULL", "digest = 'other'"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE ministry_record SET {change} WHERE id = {record.id}"))


def test_batches_are_numbered_by_branch(session: Session, town: Town) -> None:
    accept_all(session, sent(session, town), town)
    town.set_right(town.entry(1), 60)
    assert make(session, town, form_key="next").number == 2
