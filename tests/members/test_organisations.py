"""Organisations: taken in once, with a code that can exist; whose people are whose, and since when, stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.branches.models import Branch
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, Invalid, NotAllowed
from timebank.members import queries, service
from timebank.members.models import CONTACT, ORGANISATION_STAFF, Member, Organisation, OrganisationAccess
from timebank.members.rules.credit_codes import BadCreditCode, read_credit_code
from timebank.members.service import (
    InAnotherOrganisation,
    NoContactPhone,
    NoSuchPerson,
    OrganisationClosed,
    OrganisationDraft,
    OrganisationFacts,
    OrganisationTaken,
)

CODE = "91350100M000100Y43"  # the sample of GB 32100-2015
DAY = timedelta(days=1)


@pytest.fixture
def branch(session: Session) -> Branch:
    return make_branch(session)


@pytest.fixture
def manager(session: Session, branch: Branch) -> Actor:
    return actor_of(session, make_member(session, branch, roles=("manager",)))


KNOWN = {
    "name": "北仑农商银行新碶支行",
    "kind": "company",
    "credit_code": CODE,
    "contact_name": "郑建军",
    "contact_phone": "0574-86781234",
}


def facts(**more: Any) -> OrganisationFacts:
    return OrganisationFacts(**KNOWN | more)


def take_in(session: Session, branch: Branch, actor: Actor, *, key: str = "form-1", **more: Any) -> Organisation:
    draft = OrganisationDraft(**KNOWN | more, branch_id=branch.id, form_key=key)
    return service.register_organisation(session, draft, actor=actor, keys=KEYS, now=NOW)


def join(session: Session, organisation: Organisation, member: Member, actor: Actor, role: str = CONTACT) -> Any:
    return service.join_organisation(session, organisation.id, member.number, role, actor=actor, now=NOW)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (CODE, CODE),
        (" 91350100m000100y43 ", CODE),
        ("９１３５０１００Ｍ０００１００Ｙ４３", CODE),
        ("91110000600037341L", "91110000600037341L"),
        ("", ""),
    ],
)
def test_codes_that_can_exist(typed: str, read: str) -> None:
    assert read_credit_code(typed) == read


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (CODE[:-1], "18 位"),
        ("9135010OM000100Y43", "不会出现的字符"),
        ("91350100M000100Y44", "校验不符"),
        ("91530100M000100Y43", "校验不符"),
    ],
)
def test_codes_that_cannot_exist(typed: str, why: str) -> None:
    with pytest.raises(BadCreditCode, match=why) as refused:
        read_credit_code(typed)
    assert "credit_code" in refused.value.fields


def test_an_organisation_is_taken_in_once(session: Session, branch: Branch, manager: Actor) -> None:
    first = take_in(session, branch, manager)
    assert (first.name, first.credit_code, first.joined_at) == ("北仑农商银行新碶支行", CODE, NOW)
    assert take_in(session, branch, manager).id == first.id
    with pytest.raises(FormUsed):
        take_in(session, branch, manager, name="别家")
    for same in ({"credit_code": ""}, {"name": "换一个名字"}):
        with pytest.raises(OrganisationTaken):
            take_in(session, branch, manager, key="form-2", **same)
    assert [one.id for one in queries.list_organisations(session, branch.id)] == [first.id]


def test_another_branch_may_know_it_too_and_small_groups_have_no_code(
    session: Session, branch: Branch, manager: Actor
) -> None:
    take_in(session, branch, manager)
    take_in(session, branch, manager, key="a", name="阳光书法社", credit_code="")
    take_in(session, branch, manager, key="b", name="晨光合唱团", credit_code="")
    other = make_branch(session, "XQ")
    take_in(session, other, actor_of(session, make_member(session, other, roles=("manager",))), key="c")


def test_phones_are_sealed_and_looking_at_one_is_written_down(session: Session, branch: Branch, manager: Actor) -> None:
    bank = take_in(session, branch, manager)
    assert "86781234" not in (bank.contact_phone_sealed or "")
    assert queries.masked_contact_phone(bank, KEYS) == "057****1234"
    seen = service.see_contact(session, bank.id, reason="约签约时间", actor=manager, keys=KEYS, now=NOW)
    assert seen == "057486781234"
    [look] = session.scalars(sa.select(OrganisationAccess))
    assert (look.seen_by_id, look.reason) == (manager.member_id, "约签约时间")
    with pytest.raises(Invalid):
        service.see_contact(session, bank.id, reason=" ", actor=manager, keys=KEYS, now=NOW)
    service.change_organisation(session, bank.id, facts(contact_phone=""), actor=manager, keys=KEYS)
    with pytest.raises(NoContactPhone):
        service.see_contact(session, bank.id, reason="约签约时间", actor=manager, keys=KEYS, now=NOW)


def test_changing_keeps_the_phone_unless_one_is_typed(session: Session, branch: Branch, manager: Actor) -> None:
    bank = take_in(session, branch, manager)
    changed = service.change_organisation(
        session, bank.id, facts(words="就在社区门口", contact_phone=None), actor=manager, keys=KEYS
    )
    assert (changed.words, queries.contact_phone(changed, KEYS)) == ("就在社区门口", "057486781234")
    other = take_in(session, branch, manager, key="b", name="阳光书法社", credit_code="")
    with pytest.raises(OrganisationTaken):
        service.change_organisation(session, other.id, facts(credit_code=""), actor=manager, keys=KEYS)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"kind": "x"}, "kind"),
        ({"contact_phone": "123"}, "contact_phone"),
        ({"credit_code": "1"}, "credit_code"),
    ],
)
def test_what_cannot_be_known_about_one(
    session: Session, branch: Branch, manager: Actor, wrong: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        take_in(session, branch, manager, **wrong)
    assert list(refused.value.fields) == [field]


def test_who_leaves_keeps_its_row_and_loses_its_people(session: Session, branch: Branch, manager: Actor) -> None:
    bank, member = take_in(session, branch, manager), make_member(session, branch)
    join(session, bank, member, manager)
    with pytest.raises(Invalid):
        service.close_organisation(session, bank.id, reason="", actor=manager, now=NOW)
    for _ in range(2):
        service.close_organisation(session, bank.id, reason="搬走了", actor=manager, now=NOW + DAY)
    assert queries.find_organisation_of(session, member.id) is None
    assert list(queries.list_organisations(session, branch.id)) == []
    assert [one.id for one in queries.list_organisations(session, branch.id, closed=True)] == [bank.id]
    with pytest.raises(OrganisationClosed):
        join(session, bank, member, manager)
    with pytest.raises(OrganisationClosed):
        service.change_organisation(session, bank.id, facts(), actor=manager, keys=KEYS)
    service.reopen_organisation(session, bank.id, actor=manager)
    assert join(session, bank, member, manager).left_at is None


def test_a_person_belongs_to_one_organisation_at_a_time(session: Session, branch: Branch, manager: Actor) -> None:
    bank, member = take_in(session, branch, manager), make_member(session, branch, "王建国")
    school = take_in(session, branch, manager, key="b", name="新碶小学", credit_code="")
    first = join(session, bank, member, manager)
    assert queries.is_contact(session, bank.id, member.id)
    assert join(session, bank, member, manager, ORGANISATION_STAFF).id == first.id
    assert not queries.is_contact(session, bank.id, member.id)
    with pytest.raises(InAnotherOrganisation, match="王建国现在登记在“北仑农商银行新碶支行”"):
        join(session, school, member, manager)
    for _ in range(2):
        service.leave_organisation(session, bank.id, member.id, actor=manager, now=NOW + DAY)
    join(session, school, member, manager)
    assert list(queries.list_organisation_people(session, bank.id)) == []
    [before] = queries.list_organisation_people(session, bank.id, left=True)
    assert (before.left_at, before.left_by_id) == (NOW + DAY, manager.member_id)


def test_people_are_of_the_branch_and_known(session: Session, branch: Branch, manager: Actor) -> None:
    bank, stranger = take_in(session, branch, manager), make_member(session, make_branch(session, "XQ"))
    for number in (stranger.number, "HL000000X", ""):
        with pytest.raises(NoSuchPerson):
            service.join_organisation(session, bank.id, number, CONTACT, actor=manager, now=NOW)
    with pytest.raises(Invalid):
        join(session, bank, make_member(session, branch), manager, "boss")


def test_only_managers_of_the_branch(session: Session, branch: Branch, manager: Actor) -> None:
    bank, member = take_in(session, branch, manager), make_member(session, branch)
    foreign = make_member(session, make_branch(session, "XQ"), roles=("manager",))
    for who in (member, foreign, make_member(session, branch, roles=("organiser",))):
        actor = actor_of(session, who)
        with pytest.raises(NotAllowed):
            take_in(session, branch, actor, key="x")
        with pytest.raises(NotAllowed):
            join(session, bank, member, actor)
        with pytest.raises(NotAllowed):
            service.close_organisation(session, bank.id, reason="x", actor=actor, now=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM organisation_member",
        "UPDATE organisation_member SET joined_at = left_at",
        "UPDATE organisation_member SET left_at = NULL",
        "DELETE FROM organisation_access",
        "UPDATE organisation_access SET reason = 'x'",
    ],
)
def test_the_database_keeps_who_belonged_and_who_looked(
    session: Session, branch: Branch, manager: Actor, statement: str
) -> None:
    bank, member = take_in(session, branch, manager), make_member(session, branch)
    join(session, bank, member, manager)
    service.leave_organisation(session, bank.id, member.id, actor=manager, now=NOW + DAY)
    service.see_contact(session, bank.id, reason="约时间", actor=manager, keys=KEYS, now=NOW)
    with pytest.raises(DBAPIError, match="never change"):
        session.execute(sa.text(statement))
