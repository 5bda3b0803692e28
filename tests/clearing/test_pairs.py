"""Connecting branches, their lines, pausing and parting."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.clearing.scene import Between, key
from tests.world import NOW, actor_of, make_branch, make_member
from timebank.branches.models import Branch
from timebank.branches.service import BranchDraft, open_branch
from timebank.clearing import queries, service
from timebank.clearing.models import ASKED, CLOSED, DECLINED, FROZEN, OPEN
from timebank.core.actor import SYSTEM
from timebank.core.errors import FormUsed, NotAllowed, Refusal
from timebank.ledger import service as ledger
from timebank.members.rules import EVERYWHERE
from timebank.members.service import grant_role
from timebank.notices.models import Notice


@pytest.fixture
def between(session: Session) -> Between:
    return Between(session)


def told(between: Between, at: int) -> list[str]:
    chosen = select(Notice.kind).where(Notice.member_id == between.managers[at].id).order_by(Notice.id)
    return list(between.session.scalars(chosen))


def ask(between: Between, one: int = 0, other: int = 2, **more: object) -> int:
    word = between.word(one, **{"minutes": 120} | more)
    return service.ask_pair(between.session, between.branches[other].id, word, actor=between.boss(one), now=NOW).id


def test_one_branch_asks_and_the_other_agrees(between: Between) -> None:
    pair_id = ask(between)
    assert queries.get_pair(between.session, pair_id).status == ASKED
    assert told(between, 2) == ["clearing.asked"]
    word = between.word(2, minutes=90)
    pair = service.agree_pair(between.session, pair_id, word, actor=between.boss(2), now=NOW)
    assert pair.status == OPEN
    lines = [queries.gauge_of(between.session, pair, creditor_id=between.branches[at].id).line for at in (0, 2)]
    assert lines == [120, 90]
    assert told(between, 0)[-1] == "clearing.opened"


def test_a_form_that_says_something_else_is_not_the_same_form(between: Between) -> None:
    form = key()
    for _ in range(2):
        ask(between, form_key=form)
    with pytest.raises(FormUsed), between.session.begin_nested():
        ask(between, form_key=form, minutes=90)
    line = between.word(0, form_key=form, minutes=60)
    for _ in range(2):
        service.set_line(between.session, between.pair.id, line, actor=between.boss(0), now=NOW)
    with pytest.raises(FormUsed), between.session.begin_nested():
        service.set_line(between.session, between.pair.id, replace(line, minutes=90), actor=between.boss(0), now=NOW)


def test_a_ceiling_form_counts_once(between: Between) -> None:
    first = service.Ceiling(branch_id=between.branches[0].id, peer_id=None, minutes=60, form_key=key())
    for _ in range(2):
        service.set_ceiling(between.session, first, actor=between.boss(0), now=NOW)
    with pytest.raises(FormUsed), between.session.begin_nested():
        service.set_ceiling(between.session, replace(first, minutes=None), actor=between.boss(0), now=NOW)
    assert queries.ceiling_of(between.session, between.branches[0].id, None) == 60


def test_nobody_agrees_for_the_branch_that_asked(between: Between) -> None:
    pair_id = ask(between)
    with pytest.raises(service.PairNotReady), between.session.begin_nested():
        service.agree_pair(between.session, pair_id, between.word(0), actor=between.boss(0), now=NOW)


def test_one_person_does_not_decide_for_both(between: Between) -> None:
    both = make_member(between.session, between.branches[0], roles=("manager",))
    grant_role(between.session, both.id, "administrator", EVERYWHERE, actor=SYSTEM, now=NOW)
    actor = actor_of(between.session, both)
    pair = service.ask_pair(between.session, between.branches[2].id, between.word(0), actor=actor, now=NOW)
    with pytest.raises(service.OneHandPair), between.session.begin_nested():
        service.agree_pair(between.session, pair.id, between.word(2), actor=actor, now=NOW)


def test_a_no_has_a_reason_and_may_be_asked_again(between: Between) -> None:
    pair_id = ask(between)
    with pytest.raises(service.WordsMissing):
        service.decline_pair(between.session, pair_id, between.word(2, words=" "), actor=between.boss(2), now=NOW)
    pair = service.decline_pair(between.session, pair_id, between.word(2), actor=between.boss(2), now=NOW)
    assert pair.status == DECLINED
    ask(between, 2, 0)
    assert pair.status == ASKED


def test_asking_twice_is_asking_once(between: Between) -> None:
    form = key()
    assert ask(between, form_key=form) == ask(between, form_key=form)
    with pytest.raises(service.PairNotReady), between.session.begin_nested():
        ask(between)


def test_a_branch_is_not_connected_with_itself(between: Between) -> None:
    with pytest.raises(service.SameBranch):
        ask(between, 0, 0)


@pytest.mark.parametrize("minutes", [-1, 100_000 * 60 + 1])
def test_a_line_is_within_reason(between: Between, minutes: int) -> None:
    with pytest.raises(service.BadLine):
        ask(between, minutes=minutes)


def test_managers_of_other_branches_have_no_say(between: Between) -> None:
    pair_id = ask(between)
    for verb in (service.agree_pair, service.decline_pair, service.set_line, service.freeze_pair):
        with pytest.raises(NotAllowed), between.session.begin_nested():
            verb(between.session, pair_id, between.word(2), actor=between.boss(1), now=NOW)
        with pytest.raises(queries.PairNotFound), between.session.begin_nested():
            verb(between.session, pair_id, between.word(1), actor=between.boss(1), now=NOW)


def test_volunteers_have_no_say(between: Between) -> None:
    actor = actor_of(between.session, between.members[0])
    with pytest.raises(NotAllowed):
        service.ask_pair(between.session, between.branches[2].id, between.word(0), actor=actor, now=NOW)


def test_the_creditor_changes_its_line(between: Between) -> None:
    word = between.word(1, minutes=45)
    for _ in range(2):
        service.set_line(between.session, between.pair.id, word, actor=between.boss(1), now=NOW)
    assert between.owed() == (0, 0, 45)
    assert told(between, 0)[-1] == "clearing.line"
    assert between.findings() == set()


def test_only_who_paused_resumes(between: Between) -> None:
    def pause(verb: object, at: int) -> None:
        verb(between.session, between.pair.id, between.word(at), actor=between.boss(at), now=NOW)  # type: ignore[operator]

    pause(service.freeze_pair, 1)
    assert between.pair.status == FROZEN
    with pytest.raises(service.NotYours), between.session.begin_nested():
        pause(service.resume_pair, 0)
    pause(service.resume_pair, 1)
    assert between.pair.status == OPEN
    with pytest.raises(service.PairNotReady), between.session.begin_nested():
        pause(service.resume_pair, 1)


def test_who_owes_or_has_something_under_way_does_not_part(between: Between) -> None:
    proposal = between.propose(30)

    def part() -> None:
        service.close_pair(between.session, between.pair.id, between.word(0), actor=between.boss(0), now=NOW)

    with pytest.raises(service.StillOwed), between.session.begin_nested():
        part()
    service.settle(between.session, proposal.id, between.settlement(30), now=NOW)
    with pytest.raises(service.StillOwed), between.session.begin_nested():
        part()
    between.pay(30, payer=1, payee=0, source_id=2)
    part()
    assert between.pair.status == CLOSED
    assert [between.owed(creditor=at)[2] for at in (0, 1)] == [0, 0]
    with pytest.raises(service.NotConnected), between.session.begin_nested():
        between.propose(30)


def test_parted_branches_may_connect_again(between: Between) -> None:
    service.close_pair(between.session, between.pair.id, between.word(0), actor=between.boss(0), now=NOW)
    between.connect(1, 0)
    assert (between.pair.status, between.owed()[2]) == (OPEN, 300)
    assert between.pay(60).status == "settled"


def test_a_new_branch_begins_with_a_small_line_to_the_one_above(session: Session) -> None:
    head = make_branch(session, "HD")
    grid = open_branch(session, BranchDraft(code="NEW", name="新站", area_id=head.area_id), actor=SYSTEM, now=NOW)
    assert service.join_branches(session, now=NOW) == 1
    assert service.join_branches(session, now=NOW) == 0
    [view] = queries.list_pairs(session, grid.id)
    assert (view.peer.code, view.pair.status, view.owing.line, view.owed.line) == ("HD", OPEN, 600, 600)


def test_the_branch_at_the_top_has_none_above(session: Session) -> None:
    make_branch(session, "HD")
    assert service.join_branches(session, now=NOW) == 0


def case_of(between: Between) -> int:
    from timebank.clearing.service.cases import Found, open_case

    found = Found(kind="difference", facts="余额不相抵", key="case")
    return open_case(between.session, between.pair, found, now=NOW).id


def test_a_case_is_settled_when_both_sides_have_said_so_and_only_then_it_goes_on(between: Between) -> None:
    case_id = case_of(between)
    assert between.pair.status == FROZEN
    assert [told(between, at)[-1] for at in (0, 1)] == ["clearing.case", "clearing.case"]

    def settle(at: int, words: str = "核对过了") -> None:
        service.settle_case(
            between.session,
            case_id,
            branch_id=between.branches[at].id,
            words=words,
            actor=between.boss(at),
            now=NOW,
        )

    settle(0)
    with pytest.raises(service.CasesOpen), between.session.begin_nested():
        service.resume_pair(between.session, between.pair.id, between.word(0), actor=between.boss(0), now=NOW)
    settle(0)
    with pytest.raises(service.CaseSettled):
        settle(0, "别的话")
    settle(1)
    assert queries.get_case(between.session, case_id).settled_at == NOW
    service.resume_pair(between.session, between.pair.id, between.word(0), actor=between.boss(0), now=NOW)
    assert between.pair.status == OPEN


@pytest.mark.parametrize(("at", "words", "refusal"), [(0, " ", service.WordsMissing), (2, "好", queries.PairNotFound)])
def test_a_word_about_a_case_is_refused(between: Between, at: int, words: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        service.settle_case(
            between.session,
            case_of(between),
            branch_id=between.branches[at].id,
            words=words,
            actor=between.boss(at),
            now=NOW,
        )


def test_the_ceiling_is_the_managers(between: Between) -> None:
    ceiling = service.Ceiling(branch_id=between.branches[0].id, peer_id=None, minutes=5, form_key="c")
    with pytest.raises(NotAllowed):
        service.set_ceiling(between.session, ceiling, actor=between.boss(1), now=NOW)


def test_what_waits_is_counted(between: Between) -> None:
    ask(between)
    case_of(between)
    assert [queries.count_waiting(between.session, branch.id) for branch in between.branches] == [1, 1, 1]


def test_clearing_accounts_are_opened_once(between: Between) -> None:
    here: Branch = between.branches[0]
    code = f"clearing:{between.branches[1].code}"
    again = ledger.open_account(between.session, book_id=here.id, code=code, kind="clearing", unit="coin")
    assert again == between.pair.account_of(here.id)
