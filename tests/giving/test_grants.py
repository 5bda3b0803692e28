"""Grants from the fund: asked for by one, decided by another, never for oneself or one's family, never below zero."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.exchange.scene import coins_of, give
from tests.rulebook.saving import save_rule
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.giving import queries, service
from timebank.giving.models import DECLINED, GRANTED, WITHDRAWN, FundGrant
from timebank.growth.queries import get_statement
from timebank.ledger import queries as ledger
from timebank.ledger.models import Entry
from timebank.ledger.service import Reversal, reverse
from timebank.members.models import FAMILY, Member
from timebank.members.queries import MemberNotActive
from timebank.members.service import link_by_staff, suspend_member
from timebank.notices.models import Notice

DAY = timedelta(days=1)


class House:
    """A fund of five coins, two managers, and somebody in need."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.branch = make_branch(session)
        self.first = make_member(session, self.branch, "钱站长", roles=("manager",))
        self.second = make_member(session, self.branch, "贺站长", roles=("manager",))
        self.needy = make_member(session, self.branch, "陈秀兰")
        giver = make_member(session, self.branch, "李秀英")
        give(session, giver, 300)
        donation = service.Donation(purse="coin", minutes=300, words="", form_key="fund")
        service.donate(session, donation, actor=actor_of(session, giver), now=NOW)

    def actor(self, member: Member) -> Actor:
        return actor_of(self.session, member)

    def ask(self, **more: Any) -> FundGrant:
        actor = self.actor(more.pop("by", self.first))
        known = {"branch_id": self.branch.id, "number": self.needy.number, "minutes": 120, "reason": "住院"}
        draft = service.GrantDraft(**(known | {"form_key": "form-1"} | more))
        return service.ask_grant(self.session, draft, actor=actor, now=NOW)

    def decide(self, grant: FundGrant, agreed: bool = True, *, by: Member | None = None, note: str = "") -> FundGrant:
        actor = self.actor(by or self.second)
        return service.decide_grant(self.session, grant.id, agreed=agreed, note=note, actor=actor, now=NOW)

    @property
    def fund(self) -> int:
        return ledger.balance(self.session, queries.fund_account(self.session, self.branch.id))


def told(session: Session, member: Member) -> list[str]:
    return list(session.scalars(sa.select(Notice.kind).where(Notice.member_id == member.id)))


@pytest.fixture
def house(session: Session) -> House:
    return House(session)


def test_nothing_moves_on_one_persons_word(session: Session, house: House) -> None:
    grant = house.ask()
    assert (house.fund, coins_of(session, house.needy)[0]) == (300, 0)
    assert told(session, house.second) == ["grant.asked"]
    for _ in range(2):
        assert house.decide(grant).status == GRANTED
    assert (house.fund, coins_of(session, house.needy)[0]) == (180, 120)
    assert get_statement(session, house.needy).lines[0].text == "收到 2 币 · 爱心基金帮扶"
    assert told(session, house.needy) == ["grant.given"]


def test_who_asked_does_not_agree_and_the_same_form_asks_once(house: House) -> None:
    grant = house.ask()
    assert house.ask().id == grant.id
    assert house.ask(number=house.needy.number.removeprefix("HL")).id == grant.id
    for other in ({"minutes": 60}, {"reason": "别的"}, {"number": house.second.number}):
        with pytest.raises(FormUsed):
            house.ask(**other)
    with pytest.raises(service.Involved):
        house.decide(grant, by=house.first)


def test_not_for_oneself_and_not_for_ones_family(session: Session, house: House) -> None:
    with pytest.raises(service.Involved):
        house.ask(number=house.first.number)
    link_by_staff(session, house.needy.id, house.second.number, kind=FAMILY, actor=house.actor(house.first), now=NOW)
    with pytest.raises(service.Involved):
        house.ask(by=house.second)
    with pytest.raises(service.Involved):
        house.decide(house.ask())


def test_a_no_has_a_reason_and_moves_nothing(session: Session, house: House) -> None:
    grant = house.ask()
    with pytest.raises(service.BadGrant):
        house.decide(grant, agreed=False)
    assert house.decide(grant, agreed=False, note="先走低保").status == DECLINED
    assert house.fund == 300
    with pytest.raises(service.GrantDecided):
        house.decide(grant)
    assert told(session, house.first) == ["grant.declined"]


def test_who_asked_takes_it_back_and_nobody_else(session: Session, house: House) -> None:
    grant = house.ask()
    with pytest.raises(NotAllowed):
        service.withdraw_grant(session, grant.id, actor=house.actor(house.second), now=NOW)
    for _ in range(2):
        back = service.withdraw_grant(session, grant.id, actor=house.actor(house.first), now=NOW)
        assert back.status == WITHDRAWN
    with pytest.raises(service.GrantDecided):
        house.decide(grant)


def test_the_fund_gives_no_more_than_it_has(house: House) -> None:
    with pytest.raises(service.FundShort):
        house.ask(minutes=301)
    first, second = house.ask(minutes=200), house.ask(minutes=200, form_key="form-2")
    house.decide(first)
    with pytest.raises(service.FundShort, match="现在可用 1 币 40 分"):
        house.decide(second)
    assert house.fund == 100


@pytest.mark.parametrize("more", [{"minutes": 0}, {"minutes": -1}, {"reason": " "}])
def test_an_amount_and_a_reason_are_needed(house: House, more: dict[str, Any]) -> None:
    with pytest.raises(service.BadGrant):
        house.ask(**more)


def test_only_managers_for_active_members_of_their_branch(session: Session, house: House) -> None:
    stranger = make_member(session, make_branch(session, "XQ"), roles=("manager",))
    organiser = make_member(session, house.branch, roles=("organiser",))
    for by in (stranger, organiser, house.needy):
        with pytest.raises(NotAllowed):
            house.ask(by=by)
    with pytest.raises(service.GrantFor):
        house.ask(number=stranger.number)
    grant = house.ask()
    suspend_member(session, house.needy.id, reason="失联", actor=house.actor(house.first), now=NOW)
    with pytest.raises(MemberNotActive):
        house.ask(form_key="form-2")
    with pytest.raises(MemberNotActive):
        house.decide(grant)


def test_nobody_is_granted_more_than_they_may_hold(session: Session, house: House) -> None:
    save_rule(session, house.branch.id, NOW, now=NOW - DAY, holding_cap_minutes=100)
    with pytest.raises(service.MemberFull):
        house.ask()


ALONE = "UPDATE fund_grant SET status = 'granted', decided_by_id = asked_by_id, decided_at = asked_at"


@pytest.mark.parametrize(
    "statement",
    [
        ALONE,
        "UPDATE fund_grant SET status = 'granted', decided_by_id = member_id, decided_at = asked_at",
        "UPDATE fund_grant SET minutes = 9999",
        "UPDATE fund_grant SET member_id = asked_by_id",
        "DELETE FROM fund_grant",
        "INSERT INTO fund_grant (branch_id, member_id, minutes, reason, asked_by_id, asked_at, status, decided_by_id, "
        "decided_at, note, form_key) SELECT branch_id, member_id, 5, 'x', asked_by_id, asked_at, 'granted', "
        "(SELECT max(id) FROM member), asked_at, '', 'y' FROM fund_grant",
    ],
)
def test_the_database_itself_wants_two_people(session: Session, house: House, statement: str) -> None:
    house.ask()
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(sa.text(statement))


def test_a_decided_grant_is_final(session: Session, house: House) -> None:
    house.decide(house.ask(), agreed=False, note="先走低保")
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(sa.text("UPDATE fund_grant SET note = 'x'"))


def test_figures_of_the_fund(session: Session, house: House) -> None:
    house.decide(house.ask())
    figures = queries.fund_figures(session, house.branch.id, since=NOW - DAY)
    assert (figures.balance, figures.came, figures.went, figures.helped) == (180, 300, 120, 1)


def test_a_grant_and_a_gift_that_were_undone_count_no_more(session: Session, house: House) -> None:
    grant = house.decide(house.ask())
    gift = service.GiftDraft(
        purse="coin", minutes=100, words="", number=house.first.number, name=house.first.name, form_key="gift"
    )
    given = service.give(session, gift, actor=house.actor(house.needy), now=NOW)
    for source, document in ((queries.GIFT_SOURCE, given.id), (queries.GRANT_SOURCE, grant.id)):
        chosen = sa.select(Entry.id).where(Entry.source_type == source, Entry.source_id == document)
        back = Reversal(key=f"back:{source}", reason="点错了", actor_id=None)
        reverse(session, session.scalars(chosen).one(), back, now=NOW)
    assert queries.fund_figures(session, house.branch.id, since=NOW - DAY).helped == 0
    assert queries.sum_given(session, house.needy.id, NOW - DAY, NOW + DAY) == 0
