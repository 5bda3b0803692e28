"""Agreements: one a year, both sides promise, two people sign; what was signed stays, in code and in the database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.agreements.scene import DAY, SIGNED_ON, TODAY, Scene, make_scene, terms
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.agreements import service
from timebank.agreements.models import DRAFT, DROPPED, ENDED, PROPOSED, SIGNED
from timebank.agreements.queries import AgreementNotFound, PromiseNotFound, get_agreement, get_promise, list_agreements
from timebank.agreements.service import (
    AgreementFinal,
    BadPromise,
    BadSigning,
    ChangeDecided,
    ChangeWaiting,
    NothingChanges,
    OneSided,
    SameHand,
    YearTaken,
)
from timebank.core.errors import FormUsed, Invalid, NotAllowed
from timebank.members.models import Member
from timebank.members.service import OrganisationClosed, close_organisation
from timebank.notices.queries import list_notices


@pytest.fixture
def scene(session: Session) -> Scene:
    return make_scene(session)


def titles(session: Session, member_id: int) -> list[str]:
    return [one.title for one in list_notices(session, member_id).items]


def test_one_agreement_a_year_begun_once(session: Session, scene: Scene) -> None:
    first = scene.draft()
    assert (first.status, first.branch_id) == (DRAFT, scene.branch_id)
    assert scene.draft().id == first.id
    with pytest.raises(FormUsed):
        scene.draft(year=2027)
    with pytest.raises(YearTaken, match="2026 年已经有一份协议"):
        scene.draft(key="again")
    scene.draft(year=2027, key="next")
    for year in (2024, 2028):
        with pytest.raises(Invalid):
            scene.draft(year=year, key="x")
    assert [one.year for one in list_agreements(session, scene.organisation_id)] == [2027, 2026]


def test_a_draft_is_reworded_and_struck_from_and_may_be_dropped(session: Session, scene: Scene) -> None:
    agreement = scene.draft()
    promise = scene.promise(agreement)
    assert scene.promise(agreement).id == promise.id
    with pytest.raises(FormUsed):
        scene.promise(agreement, quantity=11)
    service.reword_agreement(session, agreement.id, "新的总则", actor=scene.first)
    service.remove_promise(session, promise.id, actor=scene.first)
    assert scene.articles(agreement) == []
    with pytest.raises(Invalid):
        service.drop_agreement(session, agreement.id, " ", actor=scene.first, now=NOW)
    for _ in range(2):
        dropped = service.drop_agreement(session, agreement.id, "今年不签了", actor=scene.first, now=NOW)
        assert dropped.status == DROPPED
    scene.draft(key="again")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"side": "both"}, "side"),
        ({"category": "x"}, "category"),
        ({"words": " "}, "words"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": 100_001}, "quantity"),
        ({"unit": ""}, "unit"),
        ({"due_on": date(2027, 1, 1)}, "due_on"),
    ],
)
def test_promises_that_nobody_could_keep(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BadPromise) as refused:
        scene.promise(scene.draft(), **wrong)
    assert list(refused.value.fields) == [field]


def test_both_sides_promise_and_two_people_sign(session: Session, scene: Scene) -> None:
    agreement = scene.draft()
    scene.promise(agreement)
    with pytest.raises(OneSided):
        scene.propose(agreement)
    scene.promise(agreement, key="ours", side="branch")
    for _ in range(2):
        assert scene.propose(agreement).status == PROPOSED
    with pytest.raises(AgreementFinal):
        scene.propose(agreement, branch_signer="别人")
    assert titles(session, scene.second_id)[:1] == ["等您确认：和“北仑农商银行新碶支行”的 2026 年共建协议"]
    with pytest.raises(SameHand):
        service.confirm_agreement(session, agreement.id, actor=scene.first, now=NOW)
    for _ in range(2):
        signed = service.confirm_agreement(session, agreement.id, actor=scene.second, now=NOW)
        assert (signed.status, signed.signed_on, signed.confirmed_by_id) == (SIGNED, SIGNED_ON, scene.second_id)
    with pytest.raises(AgreementFinal):
        service.confirm_agreement(session, agreement.id, actor=scene.first, now=NOW)
    for told in (scene.first_id, scene.contact_id):
        assert titles(session, told)[0] == "和“北仑农商银行新碶支行”的 2026 年共建协议签订了"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"signed_on": TODAY + DAY}, "signed_on"),
        ({"signed_on": date(2024, 12, 31)}, "signed_on"),
        ({"branch_signer": " "}, "branch_signer"),
        ({"organisation_signer": ""}, "organisation_signer"),
    ],
)
def test_who_signed_when_can_be_so(scene: Scene, wrong: dict[str, Any], field: str) -> None:
    agreement = scene.draft()
    with pytest.raises(BadSigning) as refused:
        scene.propose(agreement, **wrong)
    assert list(refused.value.fields) == [field]


def test_the_second_person_sends_a_proposal_back(session: Session, scene: Scene) -> None:
    agreement = scene.draft()
    for side in ("branch", "organisation"):
        scene.promise(agreement, key=side, side=side)
    scene.propose(agreement)
    with pytest.raises(Invalid):
        service.send_back_agreement(session, agreement.id, "", actor=scene.second, now=NOW)
    service.send_back_agreement(session, agreement.id, "日期写错了", actor=scene.second, now=NOW)
    assert titles(session, scene.first_id)[0] == "和“北仑农商银行新碶支行”的 2026 年共建协议要改一改"
    assert scene.propose(agreement, signed_on=TODAY, actor=scene.second).proposed_by_id == scene.second_id
    service.confirm_agreement(session, agreement.id, actor=scene.first, now=NOW)


def test_what_was_signed_is_only_added_to(session: Session, scene: Scene) -> None:
    agreement, theirs, _ = scene.signed()
    for refused in (
        lambda: scene.promise(agreement, key="more"),
        lambda: service.remove_promise(session, theirs.id, actor=scene.first),
        lambda: service.reword_agreement(session, agreement.id, "x", actor=scene.first),
        lambda: service.drop_agreement(session, agreement.id, "x", actor=scene.first, now=NOW),
        lambda: service.send_back_agreement(session, agreement.id, "x", actor=scene.first, now=NOW),
    ):
        with pytest.raises(AgreementFinal, match="已签订"):
            refused()


def test_new_terms_need_two_people_and_then_count(session: Session, scene: Scene) -> None:
    agreement, theirs, _ = scene.signed()

    def ask(*, key: str = "change", reason: str = "疫情影响", **more: Any) -> Any:
        asked = terms(key=key, **more)
        return service.ask_change(session, theirs.id, asked, reason, actor=scene.first, now=NOW)

    asked = ask(quantity=6)
    assert ask(quantity=6).id == asked.id
    with pytest.raises(FormUsed):
        ask(quantity=7)
    with pytest.raises(ChangeWaiting):
        ask(key="other", quantity=7)
    assert scene.articles(agreement)[1].standing.promised == 10
    assert titles(session, scene.second_id)[0] == "等您确认：“北仑农商银行新碶支行”共建协议的变更"
    with pytest.raises(SameHand):
        service.decide_change(session, asked.id, agreed=True, actor=scene.first, now=NOW)
    for _ in range(2):
        service.decide_change(session, asked.id, agreed=True, actor=scene.second, now=NOW)
    with pytest.raises(ChangeDecided):
        service.decide_change(session, asked.id, agreed=False, actor=scene.second, now=NOW)
    [_, article] = scene.articles(agreement)
    assert (article.standing.promised, article.root.quantity, article.changes[0].reason) == (6, 10, "疫情影响")
    with pytest.raises(NothingChanges):
        ask(key="same", quantity=6)
    with pytest.raises(BadPromise):
        ask(key="why", quantity=5, reason="")
    with pytest.raises(PromiseNotFound):
        ask(key="side", quantity=5, side="branch")
    let_go = ask(key="zero", quantity=0)
    service.decide_change(session, let_go.id, agreed=True, actor=scene.second, now=NOW + DAY)
    assert scene.articles(agreement)[1].standing.state == "let_go"


def test_who_asked_takes_a_change_back_and_a_declined_one_leaves_the_terms(session: Session, scene: Scene) -> None:
    agreement, theirs, _ = scene.signed()
    for actor in (scene.first, scene.second):
        asked = service.ask_change(
            session, theirs.id, terms(key=f"by-{actor.member_id}", quantity=5), "太多", actor=scene.first, now=NOW
        )
        for _ in range(2):
            service.decide_change(session, asked.id, agreed=False, actor=actor, now=NOW)
    [_, article] = scene.articles(agreement)
    assert (article.asked, article.changes, article.standing.promised) == (None, (), 10)
    with pytest.raises(PromiseNotFound):
        service.decide_change(session, theirs.id, agreed=True, actor=scene.second, now=NOW)


def test_a_promise_more_counts_once_two_people_agreed(session: Session, scene: Scene) -> None:
    agreement, *_ = scene.signed()
    more = terms(key="more", words="捐一批书", unit="本", quantity=100, category="goods")
    asked = service.ask_promise(session, agreement.id, more, "单位主动提出", actor=scene.first, now=NOW)
    assert service.ask_promise(session, agreement.id, more, "单位主动提出", actor=scene.first, now=NOW).id == asked.id
    assert [one.counts for one in scene.articles(agreement)] == [True, True, False]
    service.decide_change(session, get_promise(session, asked.id).id, agreed=True, actor=scene.second, now=NOW)
    assert [(one.number, one.terms.words) for one in scene.articles(agreement)][-1] == (2, "捐一批书")
    with pytest.raises(BadPromise):
        service.ask_promise(session, agreement.id, terms(key="0", quantity=0), "x", actor=scene.first, now=NOW)


def test_a_signed_agreement_ends_early_with_a_reason(session: Session, scene: Scene) -> None:
    agreement, theirs, _ = scene.signed()
    with pytest.raises(Invalid):
        service.end_agreement(session, agreement.id, "", actor=scene.first, now=NOW)
    for _ in range(2):
        assert service.end_agreement(session, agreement.id, "单位搬走", actor=scene.first, now=NOW).status == ENDED
    assert [one.standing.state for one in scene.articles(agreement)] == ["over", "over"]
    with pytest.raises(AgreementFinal):
        service.ask_change(session, theirs.id, terms(key="late", quantity=1), "x", actor=scene.first, now=NOW)
    with pytest.raises(YearTaken):  # it was one
        scene.draft(key="again")


def test_who_left_signs_nothing_new(session: Session, scene: Scene) -> None:
    close_organisation(session, scene.organisation_id, reason="搬走了", actor=scene.first, now=NOW)
    with pytest.raises(OrganisationClosed):
        scene.draft()


def test_only_managers_of_the_branch(session: Session, scene: Scene) -> None:
    agreement, theirs, _ = scene.signed()
    foreign = make_member(session, make_branch(session, "XQ"), roles=("manager",))
    organiser = make_member(session, make_branch(session), roles=("organiser",))
    for who in (foreign, organiser, session.get_one(Member, scene.contact_id)):
        actor = actor_of(session, who)
        with pytest.raises(NotAllowed):
            service.end_agreement(session, agreement.id, "x", actor=actor, now=NOW)
        with pytest.raises(NotAllowed):
            service.ask_change(session, theirs.id, terms(key="x", quantity=1), "x", actor=actor, now=NOW)
    with pytest.raises(AgreementNotFound):
        get_agreement(session, 99)
    with pytest.raises(PromiseNotFound):
        get_promise(session, 99)


SIGNED_STAYS = [
    "DELETE FROM agreement",
    "UPDATE agreement SET words = 'x'",
    "UPDATE agreement SET status = 'draft', confirmed_at = NULL, confirmed_by_id = NULL",
    "UPDATE agreement SET year = 2027",
    "UPDATE agreement SET signed_on = '2026-04-01'",
    "UPDATE agreement SET status = 'ended', ended_at = confirmed_at, end_reason = 'x', branch_signer = 'x'",
    "DELETE FROM promise",
    "UPDATE promise SET quantity = 1",
    "UPDATE promise SET status = 'declined', decided_at = asked_at, decided_by_id = asked_by_id, reason = 'x'",
]


@pytest.mark.parametrize("statement", SIGNED_STAYS)
def test_the_database_keeps_what_was_signed(session: Session, scene: Scene, statement: str) -> None:
    scene.signed()
    with pytest.raises(DBAPIError, match="never changes"):
        session.execute(sa.text(statement))


@pytest.mark.parametrize("status", ["written", "agreed", "declined"])
def test_the_database_takes_nothing_into_a_signed_agreement_but_questions(
    session: Session, scene: Scene, status: str
) -> None:
    scene.signed()
    with pytest.raises(DBAPIError, match="never changes"):
        session.execute(
            sa.text(
                "INSERT INTO promise (agreement_id, side, category, words, quantity, unit, due_on, status, reason, "
                "asked_at, form_key) SELECT agreement_id, side, category, words, quantity, unit, due_on, "
                f"'{status}', 'x', asked_at, 'x' FROM promise WHERE form_key = 'ours'"
            )
        )


def test_the_database_refuses_an_agreement_that_begins_as_signed_or_skips_the_second_person(
    session: Session, scene: Scene
) -> None:
    agreement = scene.draft()
    skip = (
        "UPDATE agreement SET status = 'signed', confirmed_at = drafted_at, confirmed_by_id = :second, "
        "proposed_by_id = :first, signed_on = '2026-03-01', branch_signer = 'a', organisation_signer = 'b'"
    )
    with pytest.raises(DBAPIError, match="never changes"), session.begin_nested():
        session.execute(sa.text(skip), {"first": scene.first_id, "second": scene.second_id})
    assert get_agreement(session, agreement.id).status == DRAFT


def test_the_database_refuses_one_persons_yes(session: Session, scene: Scene) -> None:
    agreement = scene.draft()
    for side in ("branch", "organisation"):
        scene.promise(agreement, key=side, side=side)
    scene.propose(agreement)
    alone = "UPDATE agreement SET status = 'signed', confirmed_at = drafted_at, confirmed_by_id = proposed_by_id"
    with pytest.raises(DBAPIError, match="two_people"):
        session.execute(sa.text(alone))
