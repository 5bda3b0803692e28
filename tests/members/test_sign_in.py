"""Signing in, passwords, one-time PINs: three steps as the page takes them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.databases import make_engine
from tests.world import KEYS, NOW, PASSWORD, actor_of, make_branch, make_member, sign_in
from timebank.core import clock
from timebank.core.actor import SYSTEM, Actor
from timebank.core.db import transaction, write_session
from timebank.core.errors import NotAllowed, Refusal
from timebank.members.models import Credential, Member, SignInAttempt
from timebank.members.queries import MemberNotActive
from timebank.members.rules import WeakPassword
from timebank.members.service import (
    OutOfReach,
    PinExpired,
    SignInAnswer,
    SignInRefused,
    TooManyAttempts,
    WrongPassword,
    begin_sign_in,
    change_password,
    check_sign_in,
    choose_password,
    confirm_password,
    decline_member,
    finish_sign_in,
    hash_password,
    new_pin,
    set_password,
    set_pin,
    suspend_member,
)
from timebank.members.service.sign_in import (
    MOST_FAILURES,
    ApplicationDeclined,
    MemberSuspended,
    NotApprovedYet,
    WhichMember,
)

PHONE = "13800138000"


def attempt(session: Session, login: str, password: str, *, now: object = NOW) -> SignInAnswer:
    begin_sign_in(session, login, keys=KEYS, now=now)  # type: ignore[arg-type]
    answer = check_sign_in(session, login, password, keys=KEYS, now=now)  # type: ignore[arg-type]
    finish_sign_in(session, login, keys=KEYS)
    return answer


def change(session: Session, current: str, password: str, actor: Actor) -> Credential:
    mark = confirm_password(session, current, actor=actor)
    return change_password(session, mark=mark, password=hash_password(password), actor=actor, keys=KEYS, now=NOW)


def give_pin(session: Session, member_id: int, *, actor: Actor, now: datetime) -> str:
    pin = new_pin()
    set_pin(session, member_id, pin, actor=actor, now=now)
    return pin.text


def make_known(session: Session, name: str = "张小红", password: str = PASSWORD, phone: str = PHONE) -> Member:
    member = make_member(session, make_branch(session), name, phone=phone)
    set_password(session, member.id, hash_password(password), now=NOW)
    return member


@pytest.mark.parametrize("spelling", ["13800138000", "138-0013-8000", "１３８００１３８０００", "+86 13800138000"])
def test_a_phone_signs_in_however_it_is_typed(session: Session, spelling: str) -> None:
    member = make_known(session)
    assert attempt(session, spelling, PASSWORD).member_id == member.id


def test_a_member_number_signs_in_however_it_is_typed(session: Session) -> None:
    member = make_known(session)
    for login in (member.number, member.number.lower(), member.number[2:]):
        assert attempt(session, login, PASSWORD).member_id == member.id


@pytest.mark.parametrize("login", ["", "13900139000", "张小红", "HL000000A", "x" * 10_000, "😀", "\x00"])
def test_an_unknown_name_and_a_wrong_password_sound_the_same(session: Session, login: str) -> None:
    make_known(session)
    with pytest.raises(SignInRefused) as unknown:
        attempt(session, login, PASSWORD)
    with pytest.raises(SignInRefused) as wrong:
        attempt(session, PHONE, "不是这个密码呀")
    assert unknown.value.message == wrong.value.message


def test_a_family_on_one_phone_is_told_apart_by_password(session: Session) -> None:
    make_known(session, "张大明", "daming-2026")
    red = make_known(session, "张小红", "xiaohong-2026")
    assert attempt(session, PHONE, "xiaohong-2026").member_id == red.id


def test_the_same_phone_and_password_asks_for_the_number(session: Session) -> None:
    make_known(session, "张大明")
    red = make_known(session, "张小红")
    with pytest.raises(WhichMember, match="会员号"):
        attempt(session, PHONE, PASSWORD)
    assert attempt(session, red.number, PASSWORD).member_id == red.id


def test_five_failures_close_a_name_for_a_quarter_of_an_hour(session: Session) -> None:
    make_known(session)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            attempt(session, PHONE, "不是这个密码呀")
    with pytest.raises(TooManyAttempts, match="15 分钟"):
        attempt(session, PHONE, PASSWORD)
    with pytest.raises(TooManyAttempts):
        attempt(session, "138 0013 8000", PASSWORD, now=NOW + timedelta(minutes=14))
    assert attempt(session, PHONE, PASSWORD, now=NOW + timedelta(minutes=15))


def test_getting_in_forgets_the_failures(session: Session) -> None:
    make_known(session)
    for _ in range(4):
        with pytest.raises(SignInRefused):
            attempt(session, PHONE, "不是这个密码呀")
    attempt(session, PHONE, PASSWORD)
    assert session.scalar(select(func.count()).select_from(SignInAttempt)) == 0


def test_attempts_name_nobody_in_clear(session: Session) -> None:
    with pytest.raises(SignInRefused):
        attempt(session, PHONE, PASSWORD)
    assert PHONE not in session.scalars(select(SignInAttempt.who_index)).one()


def test_who_may_not_act_is_told_why_only_after_the_password(session: Session) -> None:
    from tests.members.test_registration import apply

    branch = make_branch(session)
    waiting = apply(session, branch, password="binhelu-3")
    cases: list[tuple[str, type[Refusal], str]] = [("binhelu-3", NotApprovedYet, branch.name)]
    for password, refusal, said in cases:
        with pytest.raises(refusal, match=said):
            attempt(session, PHONE, password)
    with pytest.raises(SignInRefused):
        attempt(session, PHONE, "binhelu-4")
    decline_member(session, waiting.id, reason="电话打不通", actor=SYSTEM, now=NOW)
    with pytest.raises(ApplicationDeclined, match="电话打不通"):
        attempt(session, PHONE, "binhelu-3")


def test_who_was_suspended_is_told_why(session: Session) -> None:
    member = make_known(session)
    suspend_member(session, member.id, reason="长期联系不上", actor=SYSTEM, now=NOW)
    with pytest.raises(MemberSuspended, match="长期联系不上"):
        attempt(session, PHONE, PASSWORD)


def test_changing_the_password_signs_other_devices_out(session: Session) -> None:
    member = make_known(session)
    before = attempt(session, PHONE, PASSWORD).mark
    actor = actor_of(session, member)
    after = change(session, PASSWORD, "xinmima-2026", actor)
    assert after.session_mark != before
    assert attempt(session, PHONE, "xinmima-2026").mark == after.session_mark
    with pytest.raises(SignInRefused):
        attempt(session, PHONE, PASSWORD)


@pytest.mark.parametrize(
    ("current", "password", "refusal"),
    [("不是这个密码呀", "xinmima-2026", WrongPassword), (PASSWORD, "1", WeakPassword), (PASSWORD, PHONE, WeakPassword)],
)
def test_a_password_is_not_changed_to_anything(
    session: Session, current: str, password: str, refusal: type[Refusal]
) -> None:
    actor = actor_of(session, make_known(session))
    with pytest.raises(refusal):
        change(session, current, password, actor)


def test_a_pin_signs_in_once_and_only_to_choose_a_password(session: Session) -> None:
    member = make_known(session)
    pin = give_pin(session, member.id, actor=SYSTEM, now=NOW)
    assert len(pin) == 8
    assert pin.isdigit()
    with pytest.raises(SignInRefused):
        attempt(session, PHONE, PASSWORD)
    answer = attempt(session, PHONE, pin)
    assert answer.by_pin
    choose_password(session, member.id, mark=answer.mark, password=hash_password("xinmima-2026"), keys=KEYS, now=NOW)
    with pytest.raises(SignInRefused):
        attempt(session, PHONE, pin)
    assert not attempt(session, PHONE, "xinmima-2026").by_pin


def test_a_pin_runs_out_after_a_day(session: Session) -> None:
    member = make_known(session)
    pin = give_pin(session, member.id, actor=SYSTEM, now=NOW)
    mark = attempt(session, PHONE, pin, now=NOW + timedelta(hours=23)).mark
    with pytest.raises(SignInRefused):
        attempt(session, PHONE, pin, now=NOW + timedelta(hours=24))
    with pytest.raises(PinExpired):
        choose_password(
            session,
            member.id,
            mark=mark,
            password=hash_password("xinmima-2026"),
            keys=KEYS,
            now=NOW + timedelta(hours=24),
        )


def test_a_second_pin_ends_the_first(session: Session) -> None:
    member = make_known(session)
    mark = attempt(session, PHONE, give_pin(session, member.id, actor=SYSTEM, now=NOW)).mark
    give_pin(session, member.id, actor=SYSTEM, now=NOW)
    with pytest.raises(PinExpired):
        choose_password(session, member.id, mark=mark, password=hash_password("xinmima-2026"), keys=KEYS, now=NOW)


def test_who_may_set_a_pin(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    manager = actor_of(session, make_member(session, branch, roles=("manager",)))
    organiser = actor_of(session, make_member(session, branch, roles=("organiser",)))
    volunteer = make_member(session, branch)
    assert give_pin(session, volunteer.id, actor=manager, now=NOW)
    with pytest.raises(NotAllowed):
        give_pin(session, volunteer.id, actor=organiser, now=NOW)
    with pytest.raises(NotAllowed):
        give_pin(session, make_member(session, other).id, actor=manager, now=NOW)
    for role in ("administrator", "inspector"):
        with pytest.raises(OutOfReach):
            give_pin(session, make_member(session, branch, roles=(role,)).id, actor=manager, now=NOW)
    suspend_member(session, volunteer.id, reason="停用", actor=SYSTEM, now=NOW)
    with pytest.raises(MemberNotActive):
        give_pin(session, volunteer.id, actor=manager, now=NOW)


def test_a_pin_is_stored_hashed(session: Session) -> None:
    member = make_known(session)
    pin = give_pin(session, member.id, actor=SYSTEM, now=NOW)
    credential = session.get_one(Credential, member.id)
    assert credential.password_hash is None
    assert credential.pin_hash is not None
    assert pin not in credential.pin_hash


def test_guesses_sent_all_at_once_are_counted(fresh_database: str) -> None:
    engine = make_engine(fresh_database)

    def guess(_at: int) -> bool:
        try:
            with Session(engine) as session, write_session(session):
                begin_sign_in(session, PHONE, keys=KEYS, now=NOW)
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(24)))
    engine.dispose()
    assert answers.count(True) == MOST_FAILURES


def test_a_password_that_changed_since_it_was_confirmed_is_not_changed_again(session: Session) -> None:
    member = make_known(session)
    actor = actor_of(session, member)
    mark = confirm_password(session, PASSWORD, actor=actor)
    change(session, PASSWORD, "xinmima-2026", actor)
    with pytest.raises(WrongPassword):
        change_password(session, mark=mark, password=hash_password("bieren-2026"), actor=actor, keys=KEYS, now=NOW)


def test_a_password_is_hashed_before_anything_is_locked(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    with app.app_context(), transaction() as session:
        member_id = make_member(session, make_branch(session, now=now), now=now).id
    client = app.test_client()
    sign_in(client, member_id, now=now)
    open_now: list[bool] = []

    @contextmanager
    def watched() -> Iterator[Session]:
        open_now.append(True)
        with transaction() as session:
            yield session
        open_now.pop()

    class Hasher(PasswordHasher):
        def hash(self, *args: Any, **kwargs: Any) -> str:
            assert not open_now
            return super().hash(*args, **kwargs)

        def verify(self, *args: Any, **kwargs: Any) -> Literal[True]:
            assert not open_now
            return super().verify(*args, **kwargs)

    monkeypatch.setattr("timebank.members.views.mine.transaction", watched)
    monkeypatch.setattr("timebank.members.service.credentials._hasher", Hasher(2, 19 * 1024, 1))
    given = {"current": PASSWORD, "password": "xinmima-2026", "password_again": "xinmima-2026"}
    assert client.post("/me/password", data=given).status_code == 302
