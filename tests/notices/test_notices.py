"""Notices: told once, read by their owner only, unread first."""

from __future__ import annotations

from datetime import timedelta
from string import Formatter

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.world import NOW, make_branch, make_member, sign_in
from timebank.core.db import transaction
from timebank.notices.queries import count_unread, list_notices, list_unread, sentence
from timebank.notices.rules import SENTENCES
from timebank.notices.service import NoticeDraft, mark_read, tell, tell_all

FACTS = {"title": "陪独居老人聊天", "start": NOW, "end": NOW, "place": "向阳社区"}


def tell_one(session: Session, member_id: int, key: str, hours: int = 0) -> None:
    tell(
        session,
        member_id=member_id,
        kind="sign_up.moved_up",
        facts=FACTS,
        link="/activities/1",
        key=key,
        now=NOW + timedelta(hours=hours),
    )


@pytest.mark.parametrize("kind", sorted(SENTENCES))
def test_every_kind_can_be_said(kind: str) -> None:
    facts: dict[str, object] = {}
    for _text, name, spec, _conversion in Formatter().parse(SENTENCES[kind]):
        if name:
            facts[name] = NOW.isoformat() if spec == "moment" else 90 if spec else "某某"
    title, text = sentence(kind, facts)
    assert title
    assert "{" not in title + text


def test_kinds_are_kept_sorted() -> None:
    assert list(SENTENCES) == sorted(SENTENCES)


def test_facts_are_read_in_words(session: Session) -> None:
    branch = make_branch(session)
    member = make_member(session, branch)
    tell_one(session, member.id, "a")
    [notice] = list_notices(session, member.id).items
    assert notice.title == "候补成功：“陪独居老人聊天”"
    assert notice.text.startswith("名额轮到您了：2026-11-21 周六 09:00，地点：向阳社区。")
    assert notice.unread


def test_braces_in_what_people_typed_are_only_text(session: Session) -> None:
    member = make_member(session, make_branch(session))
    draft = NoticeDraft(kind="sign_up.moved_up", facts=FACTS | {"title": "{place}{0!r}\n%s"}, key="x")
    tell_all(session, [member.id], draft, now=NOW)
    assert list_notices(session, member.id).items[0].title == "候补成功：“{place}{0!r}\n%s”"


def test_the_same_event_is_told_once_to_each(session: Session) -> None:
    branch = make_branch(session)
    one, two = make_member(session, branch), make_member(session, branch)
    draft = NoticeDraft(kind="sign_up.moved_up", facts=FACTS, key="event")
    tell_all(session, [one.id], draft, now=NOW)
    tell_all(session, [one.id, two.id], draft, now=NOW)
    assert [count_unread(session, one.id), count_unread(session, two.id)] == [1, 1]
    tell_all(session, [], draft, now=NOW)


def test_a_kind_without_a_sentence_is_a_mistake_of_the_caller(session: Session) -> None:
    member = make_member(session, make_branch(session))
    with pytest.raises(KeyError):
        tell(session, member_id=member.id, kind="no.such", facts={}, link="", key="k", now=NOW)


def test_unread_stand_first_then_the_newest(session: Session) -> None:
    member = make_member(session, make_branch(session))
    for at, key in enumerate("abc"):
        tell_one(session, member.id, key, hours=at)
    newest = list_notices(session, member.id).items[0]
    assert mark_read(session, member.id, now=NOW, notice_id=newest.id) == 1
    session.expire_all()
    hours = [(notice.created_at - NOW).seconds // 3600 for notice in list_notices(session, member.id).items]
    assert hours == [1, 0, 2]
    assert [told.id for told in list_unread(session, member.id, most=1)] != [newest.id]


def test_nobody_reads_for_others(session: Session) -> None:
    branch = make_branch(session)
    one, two = make_member(session, branch), make_member(session, branch)
    tell_one(session, one.id, "a")
    theirs = list_notices(session, one.id).items[0]
    assert mark_read(session, two.id, now=NOW, notice_id=theirs.id) == 0
    assert mark_read(session, two.id, now=NOW) == 0
    assert count_unread(session, one.id) == 1


def test_the_page_marks_and_leads_on(app: Flask, client: FlaskClient) -> None:
    assert client.get("/me/notices").status_code == 302
    with app.app_context(), transaction() as session:
        member_id = make_member(session, make_branch(session)).id
    sign_in(client, member_id)
    assert "还没有通知" in client.get("/me/notices").text
    with app.app_context(), transaction() as session:
        for key in "ab":
            tell_one(session, member_id, key)
        first, second = (notice.id for notice in list_notices(session, member_id).items)
    page = client.get("/me/notices")
    assert page.text.count("候补成功") == 2
    assert "2 条还没看过" in page.text
    assert client.post(f"/me/notices/{first}/read", data={"go": "1"}).location == "/activities/1"
    assert client.post(f"/me/notices/{first}/read").location == "/me/notices"
    assert "1 条还没看过" in client.get("/me/notices").text
    client.post("/me/notices/read")
    client.post("/me/notices/read")
    assert "还没看过" not in client.get("/me/notices?page=99").text
    assert client.post("/me/notices/999999/read", data={"go": "1"}).status_code == 404
    assert second
