"""Withdrawing by two people of the staff, what the database keeps, and what strangers are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.attendance.paper import a_photo
from tests.certificates.scene import issue, key, reissue, town_of
from tests.corrections.town import LATER, Town
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.certificates import queries, rules, service
from timebank.certificates.models import VALID, WAITING, WITHDRAWN, CertificateWithdrawal
from timebank.core.actor import Actor
from timebank.core.errors import FormUsed, NotAllowed
from timebank.notices.queries import list_notices


@pytest.fixture
def town(session: Session) -> Town:
    return town_of(session)


def ask(town: Town, certificate_id: int, *, actor: Actor | None = None, form_key: str = "") -> CertificateWithdrawal:
    return service.ask_withdrawal(
        town.session,
        certificate_id,
        reason="开错了单位",
        form_key=form_key or key(),
        actor=actor or town.manager,
        now=LATER,
    )


def agree(town: Town, asked: CertificateWithdrawal, actor: Actor | None = None) -> CertificateWithdrawal:
    return service.agree_withdrawal(town.session, asked.id, actor=actor or town.deputy, now=LATER)


def test_nothing_happens_before_the_second_person_agrees(town: Town) -> None:
    made = issue(town)
    asked = ask(town, made.id)
    assert (asked.status, made.status) == (WAITING, VALID)
    [told] = list_notices(town.session, town.deputy.member_id or 0).items
    assert (told.title, told.link) == (
        f"等您决定：撤回尾号 {made.number[-4:]} 的服务证明",
        f"/branch/certificates?branch={made.branch_id}",
    )
    with pytest.raises(rules.SameHand), town.session.begin_nested():
        agree(town, asked, town.manager)
    agree(town, asked)
    assert (made.status, made.withdrawn_for, made.withdrawn_for_id) == (WITHDRAWN, "decision", asked.id)
    assert agree(town, asked).id == asked.id
    [first, *_] = list_notices(town.session, made.member_id).items
    assert "开错了单位" in first.text
    assert reissue(town, made).minutes == 120


def test_a_withdrawal_is_asked_for_once_and_ends_once(town: Town) -> None:
    made = issue(town)
    asked = ask(town, made.id, form_key="one")
    assert ask(town, made.id, form_key="one").id == asked.id
    with pytest.raises(FormUsed), town.session.begin_nested():
        ask(town, issue(town, 1).id, form_key="one")
    with pytest.raises(rules.WithdrawalWaits), town.session.begin_nested():
        ask(town, made.id)
    with pytest.raises(rules.NotAsker), town.session.begin_nested():
        service.take_back_withdrawal(town.session, asked.id, actor=town.deputy, now=LATER)
    service.take_back_withdrawal(town.session, asked.id, actor=town.manager, now=LATER)
    with pytest.raises(rules.WithdrawalEnded), town.session.begin_nested():
        agree(town, asked)
    assert ask(town, made.id).id != asked.id


def test_the_second_person_says_no_and_why(town: Town) -> None:
    made = issue(town)
    asked = ask(town, made.id)
    for _ in range(2):
        service.decline_withdrawal(town.session, asked.id, reason="单位没有错", actor=town.deputy, now=LATER)
    assert made.status == VALID
    [told] = list_notices(town.session, town.manager.member_id or 0).items
    assert "单位没有错" in told.text


def test_nobody_withdraws_their_own_and_no_stranger_or_inspector_any(town: Town) -> None:
    own = issue(town, actor=town.deputy)
    foreign = actor_of(town.session, make_member(town.session, make_branch(town.session, "XG"), roles=("manager",)))
    for actor in (foreign, town.inspector, actor_of(town.session, town.member(0))):
        with pytest.raises(NotAllowed), town.session.begin_nested():
            ask(town, own.id, actor=actor)


def test_whose_it_is_neither_asks_nor_decides(town: Town) -> None:
    made = issue(town)
    holder = replace(town.manager, member_id=made.member_id)  # as if the volunteer were a manager as well
    with pytest.raises(rules.OwnCertificate), town.session.begin_nested():
        ask(town, made.id, actor=holder)
    with pytest.raises(rules.OwnCertificate), town.session.begin_nested():
        agree(town, ask(town, made.id), holder)


def test_what_was_corrected_meanwhile_is_withdrawn_already(town: Town) -> None:
    made = issue(town)
    asked = ask(town, made.id)
    town.ask(town.entry(0), 90)
    with pytest.raises(rules.AlreadyWithdrawn), town.session.begin_nested():
        agree(town, asked)
    with pytest.raises(rules.AlreadyWithdrawn), town.session.begin_nested():
        ask(town, made.id)


# --- the database itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE certificate SET minutes = 6000", "never changes"),
        ("UPDATE certificate SET content = '{}'", "never changes"),
        ("DELETE FROM certificate", "never changes"),
        ("UPDATE certificate_entry SET minutes = 1", "never"),
        ("DELETE FROM certificate_entry", "never"),
        (
            "UPDATE certificate SET status = 'withdrawn', withdrawn_at = issued_at, withdrawn_reason = 'x',"
            " withdrawn_for = 'decision', withdrawn_for_id = 1",
            "by two people",
        ),
        (
            "UPDATE certificate SET status = 'withdrawn', withdrawn_at = issued_at, withdrawn_reason = 'x',"
            " withdrawn_for = 'correction', withdrawn_for_id = 1",
            "by two people",
        ),
    ],
)
def test_the_database_lets_nobody_change_what_was_issued(town: Town, statement: str, said: str) -> None:
    issue(town)
    with pytest.raises(DBAPIError, match=said if "DELETE FROM certificate_entry" not in statement else ".*"):
        town.session.execute(sa.text(statement))


def test_the_database_withdraws_for_no_correction_of_somebody_elses_record(town: Town) -> None:
    made = issue(town)
    other = town.ask(town.entry(1), None)
    with pytest.raises(DBAPIError, match="by two people"):
        town.session.execute(
            sa.text(
                "UPDATE certificate SET status = 'withdrawn', withdrawn_at = issued_at, withdrawn_reason = 'x',"
                f" withdrawn_for = 'correction', withdrawn_for_id = {other.id} WHERE id = {made.id}"
            )
        )


def test_the_database_lets_a_withdrawn_one_never_count_again(town: Town) -> None:
    issue(town)
    town.ask(town.entry(0), None)
    with pytest.raises(DBAPIError, match="never changes"):
        town.session.execute(
            sa.text(
                "UPDATE certificate SET status = 'valid', withdrawn_at = NULL, withdrawn_reason = '',"
                " withdrawn_for = NULL, withdrawn_for_id = NULL"
            )
        )


def test_the_database_corrects_nothing_that_a_standing_certificate_lists(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever forgets to withdraw is stopped."""
    issue(town)
    monkeypatch.setattr("timebank.certificates.service.withdrawing.list_listing", lambda *_: [])
    with pytest.raises(DBAPIError, match="withdraw it first"):
        town.ask(town.entry(0), 90)


def test_the_database_lists_no_entry_that_was_reversed(town: Town) -> None:
    entry_id = town.entry(0)
    town.ask(entry_id, 90)
    made = issue(town)
    with pytest.raises(DBAPIError, match="no entry that was reversed"):
        town.session.execute(
            sa.text("INSERT INTO certificate_entry VALUES (:certificate, :entry, :record, 120)"),
            {
                "certificate": made.id,
                "entry": entry_id,
                "record": next(iter(queries.records_of(town.session, made.id))),
            },
        )


# --- strangers -------------------------------------------------------------------------------------------------------


def test_strangers_learn_the_masked_name_hours_issuer_and_state(town: Town) -> None:
    made = issue(town)
    shown = queries.find_shown(town.session, made.number, KEYS)
    assert (shown.masked_name, shown.minutes) == (queries.content_of(made)["masked_name"], 120)
    assert (shown.issuer, shown.status, shown.withdrawn_on, shown.replaced) == (
        town.scene.branch.name,
        VALID,
        None,
        False,
    )
    assert (shown.hash, shown.untouched) == (made.hash, True)
    town.ask(town.entry(0), 90)
    reissue(town, made)
    shown = queries.find_shown(town.session, f" {made.number[:4].lower()}-{made.number[4:]} ", KEYS)
    assert (shown.status, shown.replaced, shown.untouched) == (WITHDRAWN, True, True)


@pytest.mark.parametrize("typed", ["", "C1", "C1" + "0" * 14, "HL000123K", "✗" * 80, "C1" + "0" * 13])
def test_unknown_and_impossible_numbers_are_told_the_same(town: Town, typed: str) -> None:
    with pytest.raises(rules.CertificateNotFound):
        queries.find_shown(town.session, typed, KEYS)


def test_looks_are_counted_by_the_day(town: Town) -> None:
    made = issue(town)
    for days in (0, 0, 1):
        service.count_look(town.session, made.number, now=LATER + timedelta(days=days))
    service.count_look(town.session, "C1NOBODY", now=LATER)
    assert queries.looks_of(town.session, [made.id]) == {made.id: 3}


# --- seal images -----------------------------------------------------------------------------------------------------


def test_a_seal_is_kept_sealed_and_a_certificate_keeps_its_own(town: Town) -> None:
    branch_id = town.scene.branch.id
    given = {"actor": town.manager, "keys": KEYS, "now": LATER}
    first = service.keep_seal(town.session, branch_id, a_photo("red"), **given)
    assert service.keep_seal(town.session, branch_id, a_photo("red"), **given).id == first.id
    made = issue(town)
    second = service.keep_seal(town.session, branch_id, a_photo("maroon"), **given)
    assert queries.find_seal(town.session, branch_id) == second
    assert made.seal_id == first.id
    assert queries.open_seal(town.session, first.id, KEYS) == a_photo("red").jpeg
    service.remove_seal(town.session, branch_id, actor=town.manager, now=LATER)
    service.remove_seal(town.session, branch_id, actor=town.manager, now=LATER)
    assert queries.find_seal(town.session, branch_id) is None
    assert issue(town).seal_id is None
    with pytest.raises(NotAllowed):
        service.keep_seal(town.session, branch_id, a_photo("red"), **given | {"actor": town.inspector})
