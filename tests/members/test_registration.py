"""Becoming known to the bank, and the branch's decision; each refusal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests import databases
from tests.world import CONSENTS, KEYS, NOW, PASSWORD, actor_of, make_branch, make_member
from timebank.branches.models import Branch
from timebank.core.actor import SYSTEM
from timebank.core.db import write_session
from timebank.core.errors import FormUsed, Invalid, NotAllowed, Refusal
from timebank.members import queries
from timebank.members.models import ACTIVE, DECLINED, PENDING, SUSPENDED, Card, Consent, Member
from timebank.members.rules import CONSENT_VERSION, GUARDIAN, PERSONAL_DATA
from timebank.members.service import (
    AlreadyDecided,
    AlreadyRegistered,
    IdNumberTaken,
    LastAdministrator,
    NeedsGuardian,
    NewMember,
    NoConsent,
    OutOfReach,
    approve_member,
    decline_member,
    hash_password,
    register,
    register_by_staff,
    resume_member,
    suspend_member,
)
from timebank.members.service.registration import BadBirthday, ConsentOutdated, NoIdentityConsent

ID = "11010519491231002X"


def person(branch: Branch, **more: object) -> NewMember:
    given: dict[str, object] = {"name": "张小红", "phone": "13800138000", "branch_id": branch.id, "consents": CONSENTS}
    return NewMember(**(given | more))  # type: ignore[arg-type]


def apply(session: Session, branch: Branch, *, key: str = "k1", password: str = "binhelu-3", **more: object) -> Member:
    return register(session, person(branch, **more), password=hash_password(password), form_key=key, keys=KEYS, now=NOW)


def test_who_registers_waits_for_the_branch(session: Session) -> None:
    member = apply(session, make_branch(session))
    assert (member.status, member.coin_account_id) == (PENDING, None)
    assert (member.phone_tail, member.alias, member.registered_by) == ("8000", "张**", "self")
    assert "13800138000" not in str(vars(member))
    assert queries.open_field(member, "phone", KEYS) == "13800138000"


def test_the_consent_names_its_text_and_moment(session: Session) -> None:
    member = apply(session, make_branch(session))
    (consent,) = queries.list_consents(session, member.id)
    assert (consent.kind, consent.text_version, consent.given_at) == (PERSONAL_DATA, CONSENT_VERSION, NOW)
    assert consent.recorded_by_id is None


def test_the_same_form_twice_registers_once(session: Session) -> None:
    branch = make_branch(session)
    assert apply(session, branch).id == apply(session, branch).id
    assert session.scalar(select(func.count()).select_from(Consent)) == 1


def test_an_id_number_fills_in_birthday_and_sex_and_is_sealed(session: Session) -> None:
    member = apply(session, make_branch(session), id_number=ID.lower())
    assert (member.born_on, member.sex, member.alias) == (date(1949, 12, 31), "f", "张女士")
    assert ID not in str(vars(member))
    assert {consent.kind for consent in queries.list_consents(session, member.id)} == {"personal_data", "identity"}


def test_an_id_number_is_registered_once(session: Session) -> None:
    branch = make_branch(session)
    apply(session, branch, id_number=ID)
    with pytest.raises(IdNumberTaken, match="已经登记过"):
        apply(session, branch, key="k2", name="李四光", phone="13900139000", id_number=ID)


def test_a_family_shares_a_phone_but_one_name_under_it_is_one_person(session: Session) -> None:
    branch = make_branch(session)
    apply(session, branch)
    assert apply(session, branch, key="k2", name="张大明").phone_tail == "8000"
    with pytest.raises(AlreadyRegistered):
        apply(session, branch, key="k3")


def test_who_was_declined_may_apply_again(session: Session) -> None:
    branch = make_branch(session)
    first = apply(session, branch)
    decline_member(session, first.id, reason="电话打不通", actor=SYSTEM, now=NOW)
    assert apply(session, branch, key="k2").id != first.id


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"consents": frozenset()}, NoConsent),
        ({"consent_version": "1999-01"}, ConsentOutdated),
        ({"id_number": ID, "consents": frozenset({PERSONAL_DATA})}, NoIdentityConsent),
        ({"born_on": date(2012, 11, 22)}, NeedsGuardian),
        ({"born_on": date(2027, 1, 1)}, BadBirthday),
        ({"born_on": date(1890, 1, 1)}, BadBirthday),
    ],
)
def test_what_keeps_somebody_from_registering(
    session: Session, given: dict[str, object], refusal: type[Refusal]
) -> None:
    branch = make_branch(session)
    with pytest.raises(refusal):
        apply(session, branch, **given)
    assert session.scalar(select(func.count()).select_from(Member)) == 0


def test_all_that_is_wrong_is_said_at_once(session: Session) -> None:
    branch = make_branch(session)
    with pytest.raises(Invalid) as refused:
        apply(session, branch, name="张3", phone="12", id_number="x", consents=frozenset(), password="1")
    assert set(refused.value.fields) == {"name", "phone", "id_number", "password", "consent"}


def test_who_signs_in_needs_a_phone(session: Session) -> None:
    branch = make_branch(session)
    with pytest.raises(Invalid) as refused:
        apply(session, branch, phone="")
    assert "网点" in refused.value.fields["phone"]


def test_staff_register_somebody_without_a_phone(session: Session) -> None:
    branch = make_branch(session)
    manager = make_member(session, branch, roles=("manager",))
    actor = actor_of(session, manager)
    member = register_by_staff(session, person(branch, phone=""), form_key="s1", actor=actor, keys=KEYS, now=NOW)
    assert member.status == ACTIVE
    assert queries.find_card(session, member.id) is not None
    (consent,) = queries.list_consents(session, member.id)
    assert consent.recorded_by_id == manager.id
    again = register_by_staff(session, person(branch, phone=""), form_key="s1", actor=actor, keys=KEYS, now=NOW)
    assert again.id == member.id


def test_a_child_comes_with_a_guardian(session: Session) -> None:
    branch = make_branch(session)
    child = person(branch, name="张小宝", phone="", born_on=date(2016, 6, 1))
    with pytest.raises(NeedsGuardian) as refused:
        register_by_staff(session, child, form_key="c1", actor=SYSTEM, keys=KEYS, now=NOW)
    assert "guardian" in refused.value.fields
    accompanied = replace(child, guardian="张大明 13800138000", consents=CONSENTS | {GUARDIAN})
    member = register_by_staff(session, accompanied, form_key="c1", actor=SYSTEM, keys=KEYS, now=NOW)
    assert member.guardian_sealed
    assert "张大明" not in member.guardian_sealed
    assert GUARDIAN in {consent.kind for consent in queries.list_consents(session, member.id)}


def test_staff_register_at_their_own_branch(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    for role in ("manager", "organiser"):
        actor = actor_of(session, make_member(session, branch, roles=(role,)))
        with pytest.raises(NotAllowed):
            register_by_staff(session, person(other), form_key=role, actor=actor, keys=KEYS, now=NOW)


def test_approval_opens_accounts_and_a_card_once(session: Session) -> None:
    member = apply(session, make_branch(session))
    for _ in range(2):
        approve_member(session, member.id, actor=SYSTEM, now=NOW)
    assert member.status == ACTIVE
    assert member.coin_account_id
    assert member.point_account_id
    assert session.scalar(select(func.count()).select_from(Card)) == 1
    assert actor_of(session, member).roles == {"volunteer"}


def test_nobody_acts_before_approval_or_after_suspension(session: Session) -> None:
    member = apply(session, make_branch(session))
    assert actor_of(session, member).grants == ()
    approve_member(session, member.id, actor=SYSTEM, now=NOW)
    suspend_member(session, member.id, reason="长期联系不上", actor=SYSTEM, now=NOW)
    assert actor_of(session, member).grants == ()
    resume_member(session, member.id, actor=SYSTEM, now=NOW)
    assert actor_of(session, member).roles == {"volunteer"}


def test_only_active_people_are_in_pick_lists(session: Session) -> None:
    branch = make_branch(session)
    waiting = apply(session, branch)
    active = make_member(session, branch)
    gone = make_member(session, branch)
    suspend_member(session, gone.id, reason="停用", actor=SYSTEM, now=NOW)
    assert [one.id for one in queries.list_active_members(session, branch_id=branch.id)] == [active.id]
    assert waiting.id not in {one.id for one in queries.list_active_members(session, branch_id=branch.id)}


def test_decisions_are_not_taken_back_by_the_wrong_button(session: Session) -> None:
    branch = make_branch(session)
    member = apply(session, branch)
    for verb in (resume_member,):
        with pytest.raises(AlreadyDecided):
            verb(session, member.id, actor=SYSTEM, now=NOW)
    with pytest.raises(AlreadyDecided):
        suspend_member(session, member.id, reason="停用", actor=SYSTEM, now=NOW)
    approve_member(session, member.id, actor=SYSTEM, now=NOW)
    with pytest.raises(AlreadyDecided):
        decline_member(session, member.id, reason="不行", actor=SYSTEM, now=NOW)
    suspend_member(session, member.id, reason="停用", actor=SYSTEM, now=NOW)
    with pytest.raises(AlreadyDecided):
        approve_member(session, member.id, actor=SYSTEM, now=NOW)
    assert member.status == SUSPENDED


def test_a_declined_application_may_still_be_approved(session: Session) -> None:
    member = apply(session, make_branch(session))
    for _ in range(2):
        decline_member(session, member.id, reason="电话打不通", actor=SYSTEM, now=NOW)
    assert (member.status, member.status_reason) == (DECLINED, "电话打不通")
    approve_member(session, member.id, actor=SYSTEM, now=NOW)
    assert (member.status, member.status_reason) == (ACTIVE, "")


def test_only_the_branchs_managers_decide(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    member = apply(session, branch)
    for at, role in ((branch, "organiser"), (branch, "inspector"), (other, "manager")):
        actor = actor_of(session, make_member(session, at, roles=(role,)))
        with pytest.raises(NotAllowed):
            approve_member(session, member.id, actor=actor, now=NOW)
        with pytest.raises(NotAllowed):
            decline_member(session, member.id, reason="不行", actor=actor, now=NOW)


def test_a_manager_does_not_suspend_an_administrator(session: Session) -> None:
    branch = make_branch(session)
    manager = actor_of(session, make_member(session, branch, roles=("manager",)))
    administrator = make_member(session, branch, roles=("administrator",))
    with pytest.raises(OutOfReach):
        suspend_member(session, administrator.id, reason="停用", actor=manager, now=NOW)


def test_the_last_administrator_is_not_suspended(session: Session) -> None:
    branch = make_branch(session)
    first = make_member(session, branch, roles=("administrator",))
    with pytest.raises(LastAdministrator):
        suspend_member(session, first.id, reason="停用", actor=SYSTEM, now=NOW)
    make_member(session, branch, roles=("administrator",))
    suspend_member(session, first.id, reason="停用", actor=SYSTEM, now=NOW)
    assert first.status == SUSPENDED


def test_people_are_found_by_name_number_and_phone(session: Session) -> None:
    branch = make_branch(session)
    wanted = make_member(session, branch, "𠮷野正子", phone="13911112222")
    make_member(session, branch, "张小红", phone="13800138000")

    def found(text: str, status: str = "") -> list[int]:
        chosen = queries.MemberFilter(text=text, status=status)
        return [
            one.id
            for one in queries.list_members(session, branch_id=branch.id, chosen=chosen, keys=KEYS, number=1).items
        ]

    for text in ("𠮷野", wanted.number, wanted.number[2:].lower(), "2222", "139-1111-2222"):
        assert found(text) == [wanted.id]
    for text in ("没有这个人", "%", "_", "😀", "x" * 60, "0000"):
        assert found(text) == []
    assert found("", PENDING) == []
    assert len(found("", ACTIVE)) == 2


def test_those_who_wait_come_first(session: Session) -> None:
    branch = make_branch(session)
    make_member(session, branch, "阿一")
    waiting = apply(session, branch, name="最后一位")
    page = queries.list_members(session, branch_id=branch.id, chosen=queries.MemberFilter(), keys=KEYS, number=1)
    assert page.items[0].id == waiting.id
    assert queries.count_pending(session, [branch.id]) == queries.count_pending(session, None) == 1
    assert queries.count_by_status(session, branch.id) == {PENDING: 1, ACTIVE: 1, DECLINED: 0, SUSPENDED: 0}


def test_simultaneous_registrations_get_numbers_of_their_own_and_one_id_number_once(fresh_database: str) -> None:
    engine = databases.make_engine(fresh_database)
    with Session(engine) as session, write_session(session):
        branch_id = make_branch(session).id

    def attempt(at: int) -> str:
        given = NewMember(
            name=f"张{'一二三四五六七八九十甲乙'[at]}", branch_id=branch_id, id_number=ID, consents=CONSENTS
        )
        other = NewMember(name="李" + "一二三四五六七八九十甲乙"[at], branch_id=branch_id, consents=CONSENTS)
        said = ""
        for one, key in ((given, f"id-{at}"), (other, f"no-{at}")):
            try:
                with Session(engine) as session, write_session(session):
                    register_by_staff(session, one, form_key=key, actor=SYSTEM, keys=KEYS, now=NOW)
            except IdNumberTaken:
                said = "taken"
        return said

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(12)))
    with Session(engine) as session:
        numbers = session.scalars(select(Member.number)).all()
    engine.dispose()
    assert answers.count("taken") == 11
    assert len(numbers) == len(set(numbers)) == 13


def test_two_administrators_do_not_end_each_other(fresh_database: str) -> None:
    engine = databases.make_engine(fresh_database)
    with Session(engine) as session, write_session(session):
        branch = make_branch(session)
        ids = [make_member(session, branch, roles=("administrator",)).id for _ in range(2)]

    def suspend(member_id: int) -> bool:
        try:
            with Session(engine) as session, write_session(session):
                suspend_member(session, member_id, reason="停用", actor=SYSTEM, now=NOW + timedelta(seconds=member_id))
        except LastAdministrator:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(suspend, ids)) == [False, True]
    engine.dispose()


def test_passwords_are_hashed(session: Session) -> None:
    from timebank.members.models import Credential

    member = apply(session, make_branch(session), password=PASSWORD + "一二")
    credential = session.get_one(Credential, member.id)
    assert credential.password_hash is not None
    assert credential.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_form_sent_again_for_somebody_else_shows_nobody(session: Session) -> None:
    branch = make_branch(session)
    apply(session, branch)
    for other in ({"name": "李小红"}, {"phone": "13900139000"}, {"born_on": date(1960, 1, 1)}):
        with pytest.raises(FormUsed):
            apply(session, branch, **other)


def test_one_person_at_two_doors_at_once_registers_once(fresh_database: str) -> None:
    engine = databases.make_engine(fresh_database)
    with Session(engine) as session, write_session(session):
        branch_id = make_branch(session).id
    password = hash_password("binhelu-3")
    twin = NewMember(name="张小红", phone="13800138000", branch_id=branch_id, consents=CONSENTS)

    def attempt(at: int) -> bool:
        try:
            with Session(engine) as session, write_session(session):
                register(session, twin, password=password, form_key=f"door-{at}", keys=KEYS, now=NOW)
        except AlreadyRegistered:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(16)))
    engine.dispose()
    assert answers.count(True) == 1
