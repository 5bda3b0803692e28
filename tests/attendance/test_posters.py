"""The poster with a code that does not move: made, replaced, taken down; and what becomes of who scans it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import zxingcpp
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from tests.attendance.scene import AFTER, END, Scene, at, make_scene, make_shift
from tests.world import KEYS, PASSWORD, actor_of, make_branch, make_member, sign_in
from timebank.activities.models import Shift
from timebank.activities.service import cancel_shift
from timebank.attendance.models import PAPER, POSTER, SOURCE_NAMES, STAFF, VENUE, Scan, ShiftPoster
from timebank.attendance.queries import (
    PosterOutdated,
    PosterReplaced,
    SeenCode,
    code_of_poster,
    count_posters,
    find_poster,
    list_flags,
    list_lost_serials,
    list_pass_keys,
    present_code,
    read_code,
)
from timebank.attendance.rules import (
    MOST_POSTERS,
    CodeForOtherUse,
    CodeStale,
    CodeUnknown,
    CodeUnreadable,
    TooEarly,
    TooLate,
    poster_code,
    venue_code,
)
from timebank.attendance.service import NoPoster, ShiftOver, TooManyPosters, make_poster, revoke_poster
from timebank.attendance.service.shifts import ShiftNotHeld
from timebank.attendance.views.poster import _values
from timebank.core import clock, codes
from timebank.core.actor import SYSTEM
from timebank.core.db import db, transaction
from timebank.core.errors import FormUsed, NotAllowed
from timebank.members.queries import find_card
from timebank.members.rules import personal_pass
from timebank.members.service import hash_password, reissue_card, set_password
from timebank.rotation import models as rotation
from timebank.rotation.service import rotate_code_key
from timebank.web import print as paper


def hang_up(session: Session, scene: Scene, when: str = "08:30", key: str = "first") -> str:
    """The organiser makes a poster; returns its code."""
    made = make_poster(session, scene.shift_id, form_key=key, actor=scene.organiser_actor, now=at(when))
    return code_of_poster(session, KEYS, made)


def rotate(session: Session, purpose: str, *, minutes: int, when: str) -> None:
    rotate_code_key(
        session, purpose, overlap=timedelta(minutes=minutes), form_key=f"{purpose}-{when}", actor=SYSTEM, now=at(when)
    )


# --- the code --------------------------------------------------------------------------------------------------------


def test_a_poster_names_its_shift_for_as_long_as_the_door_is_open(session: Session) -> None:
    scene = make_scene(session)
    code = hang_up(session, scene)

    for when in ("08:00", "09:00", "11:59"):
        for typed in (code, code.lower(), f"https://bank.example/c/{code}"):
            assert read_code(session, KEYS, typed, now=at(when)) == SeenCode(shift_id=scene.shift_id, source=POSTER)
    with pytest.raises(TooEarly, match="08:00 开始"):
        read_code(session, KEYS, code, now=at("07:59"))
    with pytest.raises(TooLate, match="11:00 结束"):
        read_code(session, KEYS, code, now=at("12:00"))


def test_a_new_poster_makes_the_old_one_worthless(session: Session) -> None:
    scene = make_scene(session)
    old = hang_up(session, scene)
    new = hang_up(session, scene, "08:40", key="second")

    assert old != new
    assert read_code(session, KEYS, new, now=at("09:00")).source == POSTER
    with pytest.raises(PosterReplaced, match="停用或换成新的"):
        read_code(session, KEYS, old, now=at("09:00"))
    found = find_poster(session, scene.shift_id)
    assert found is not None
    assert found.number == 2


def test_a_poster_that_was_taken_down_is_refused(session: Session) -> None:
    scene = make_scene(session)
    code = hang_up(session, scene)
    revoke_poster(session, scene.shift_id, actor=scene.organiser_actor, now=at("09:00"))

    with pytest.raises(PosterReplaced):
        read_code(session, KEYS, code, now=at("09:01"))
    with pytest.raises(NoPoster):
        revoke_poster(session, scene.shift_id, actor=scene.organiser_actor, now=at("09:02"))


def test_a_poster_that_nobody_made_is_unknown(session: Session) -> None:
    scene = make_scene(session)
    with pytest.raises(CodeUnknown):
        read_code(session, KEYS, poster_code(KEYS, scene.shift_id, 1), now=at("09:00"))
    code = hang_up(session, scene)
    body = code[:-2] + ("A" if code[-2] != "A" else "B")
    with pytest.raises(CodeUnknown):
        read_code(session, KEYS, body + codes.check_character(body), now=at("09:00"))
    with pytest.raises(CodeUnreadable):
        read_code(session, KEYS, code[:-1], now=at("09:00"))
    with pytest.raises(CodeForOtherUse, match="个人码"):
        read_code(session, KEYS, personal_pass(KEYS, "ABCDEFG"), now=at("09:00"))


def test_a_poster_of_an_older_key_counts_for_the_overlap(session: Session) -> None:
    scene = make_scene(session)
    code = hang_up(session, scene)
    rotate(session, rotation.POSTER, minutes=30, when="09:00")

    assert read_code(session, KEYS, code, now=at("09:29")).shift_id == scene.shift_id
    with pytest.raises(PosterOutdated, match="已经换代"):
        read_code(session, KEYS, code, now=at("09:30"))
    found = find_poster(session, scene.shift_id)
    assert found is not None
    printed_anew = code_of_poster(session, KEYS, found)
    assert printed_anew != code
    assert read_code(session, KEYS, printed_anew, now=at("09:30")).source == POSTER


def test_the_screen_changes_to_the_new_key_and_the_old_code_ends_with_its_overlap(session: Session) -> None:
    scene = make_scene(session)
    before = present_code(session, KEYS, scene.shift_id, at("09:00"))
    rotate(session, rotation.VENUE, minutes=1, when="09:00")
    after = present_code(session, KEYS, scene.shift_id, at("09:00"))

    assert before == venue_code(KEYS, scene.shift_id, at("09:00"))
    assert after == venue_code(KEYS, scene.shift_id, at("09:00"), 1)
    soon = at("09:00") + timedelta(seconds=19)
    for code in (before, after):
        assert read_code(session, KEYS, code, now=soon) == SeenCode(shift_id=scene.shift_id, source=VENUE)
    rotate(session, rotation.VENUE, minutes=0, when="09:01")
    ended = venue_code(KEYS, scene.shift_id, at("09:01"), 1)
    with pytest.raises(CodeStale):
        read_code(session, KEYS, ended, now=at("09:01"))
    with pytest.raises(CodeUnknown):  # too old to be named
        read_code(session, KEYS, venue_code(KEYS, scene.shift_id, at("09:40"), 1), now=at("09:40"))


# --- making one ------------------------------------------------------------------------------------------------------


def test_the_same_form_again_makes_no_second_poster(session: Session) -> None:
    scene = make_scene(session)
    assert hang_up(session, scene) == hang_up(session, scene)
    _, other = make_shift(session, scene.branch, scene.organiser_actor)
    with pytest.raises(FormUsed):
        make_poster(session, other, form_key="first", actor=scene.organiser_actor, now=at("09:00"))


def test_posters_are_for_staff_of_the_branch(session: Session) -> None:
    scene = make_scene(session)
    elsewhere = actor_of(session, make_member(session, make_branch(session, "DX"), roles=("organiser",)))
    for actor in (scene.volunteer_actors[0], elsewhere):
        with pytest.raises(NotAllowed):
            make_poster(session, scene.shift_id, form_key="k", actor=actor, now=at("09:00"))
        with pytest.raises(NotAllowed):
            revoke_poster(session, scene.shift_id, actor=actor, now=at("09:00"))


def test_no_poster_after_the_door_has_closed_or_for_a_cancelled_shift(session: Session) -> None:
    scene = make_scene(session)
    with pytest.raises(ShiftOver):
        hang_up(session, scene, "12:00")
    cancel_shift(session, scene.shift_id, reason="下雨", actor=scene.organiser_actor, now=at("07:00"))
    with pytest.raises(ShiftNotHeld):
        hang_up(session, scene)


def test_a_shift_has_room_for_so_many_posters(session: Session) -> None:
    scene = make_scene(session)
    row = {"shift_id": scene.shift_id, "number": MOST_POSTERS, "made_at": at("08:00"), "form_key": "last"}
    session.execute(insert(ShiftPoster).values(**row))
    with pytest.raises(TooManyPosters):
        hang_up(session, scene)


def test_the_database_takes_one_poster_that_counts_for_a_shift(session: Session) -> None:
    scene = make_scene(session)
    hang_up(session, scene)
    for number, key in ((2, "another"), (1, "again"), (0, "none")):
        row = {"shift_id": scene.shift_id, "number": number, "made_at": at("08:00"), "form_key": key}
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(insert(ShiftPoster).values(**row))


def test_posters_that_may_hang_somewhere_are_counted(session: Session) -> None:
    scene = make_scene(session)
    assert count_posters(session, now=at("09:00")) == 0
    hang_up(session, scene)
    hang_up(session, scene, key="second")
    assert count_posters(session, now=at("09:00")) == 1
    assert count_posters(session, now=END) == 0


# --- scans from it ---------------------------------------------------------------------------------------------------


def test_who_scanned_the_poster_is_flagged_until_the_end(session: Session) -> None:
    scene = make_scene(session)
    scene.scan(session, 0, "09:00", source=POSTER, wanted="in")
    scene.scan(session, 1, "09:00", wanted="in")
    scene.scan(session, 1, "11:00", source=POSTER, wanted="out")
    scene.scan(session, 2, "12:30", source=POSTER)  # refused: too late

    flags = list_flags(session, scene.shift_id)
    poster_people = {scene.volunteer_actors[0].member_id, scene.volunteer_actors[1].member_id}
    assert flags.poster == poster_people
    assert "poster" in {kind.code for kind in flags.of(scene.volunteer_actors[0].member_id or 0)}
    assert "poster" not in {kind.code for kind in flags.of(scene.volunteer_actors[2].member_id or 0)}


def test_nobody_scans_the_poster_for_somebody_else(session: Session) -> None:
    scene = make_scene(session)
    with pytest.raises(NotAllowed):
        scene.scan(session, 0, "09:00", source=POSTER, member_id=scene.volunteer_actors[1].member_id)


def test_every_source_has_a_name_and_the_database_knows_no_other(session: Session) -> None:
    scene = make_scene(session)
    row = {
        "shift_id": scene.shift_id,
        "member_id": scene.organiser_actor.member_id,
        "kind": "in",
        "claimed_at": at("09:00"),
        "received_at": at("09:00"),
    }
    for source in SOURCE_NAMES:
        session.execute(insert(Scan).values(**row, source=source, key=source))
    assert {PAPER, STAFF} <= set(SOURCE_NAMES)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(insert(Scan).values(**row, source="magic", key="magic"))


def test_scans_stay_append_only_with_the_new_sources(session: Session) -> None:
    scene = make_scene(session)
    scene.scan(session, 0, "09:00", source=POSTER)
    for statement in ("UPDATE scan SET source = 'venue'", "DELETE FROM scan"):
        with pytest.raises(DBAPIError, match="never changed"), session.begin_nested():
            session.execute(text(statement))


# --- what a device without a network is given ------------------------------------------------------------------------


def test_a_door_is_given_public_keys_and_the_lost_cards_of_its_list_and_branch(session: Session) -> None:
    scene = make_scene(session)
    lost = [find_card(session, actor.member_id or 0) for actor in scene.volunteer_actors]
    for actor in scene.volunteer_actors[:2]:
        reissue_card(session, actor.member_id or 0, reason="卡丢了", actor=SYSTEM, now=at("08:00"))
    stranger = make_member(session, make_branch(session, "DX"))
    reissue_card(session, stranger.id, reason="卡丢了", actor=SYSTEM, now=at("08:00"))

    told = list_lost_serials(session, scene.shift_id, now=at("09:00"))
    assert set(told) == {card.serial for card in lost[:2] if card}
    rotate(session, rotation.PERSONAL, minutes=30, when="08:30")
    assert [key["generation"] for key in list_pass_keys(session, KEYS, now=at("08:45"))] == [1, 0]
    assert [key["generation"] for key in list_pass_keys(session, KEYS, now=at("09:00"))] == [1]
    assert list_lost_serials(session, scene.shift_id, now=at("09:00")) == []


# --- the pages -------------------------------------------------------------------------------------------------------


@pytest.fixture
def scene(app: Flask) -> Iterator[Scene]:
    """The committed scene; the clock stands at 09:02 of its day."""
    with app.app_context(), transaction() as session:
        made = make_scene(session)
        session.expunge_all()
    clock.move(at("09:02") - clock.now())
    yield made
    clock.put_right()


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def code_shown(page: str) -> str:
    found = re.search(r'class="door-text">([0-9A-Z-]+)<', page)
    assert found
    return found[1]


def make_on_page(client: FlaskClient, scene: Scene) -> str:
    """The organiser makes a poster on its page; returns the code as shown."""
    sign_in(client, scene.organiser.id)
    url = f"/organise/shifts/{scene.shift_id}/poster"
    page = client.get(url).text
    done = client.post(url, data={"form_key": hidden(page, "form_key")}, follow_redirects=True).text
    return code_shown(done)


def test_the_organiser_makes_prints_replaces_and_takes_down(app: Flask, client: FlaskClient, scene: Scene) -> None:
    url = f"/organise/shifts/{scene.shift_id}/poster"
    sign_in(client, scene.organiser.id)
    assert f'href="{url}"' in client.get(f"/organise/shifts/{scene.shift_id}/door").text
    assert "还没有海报" in client.get(url).text
    assert client.get(f"{url}.pdf").status_code == 404
    first = make_on_page(client, scene)
    assert "第 1 张" in client.get(url).text
    sheet = client.get(f"{url}.pdf")
    assert (sheet.content_type, sheet.data[:5]) == ("application/pdf", b"%PDF-")
    second = make_on_page(client, scene)
    assert first != second
    assert "以前的海报已经不能用" not in client.get(url).text  # said once
    visitor = app.test_client()
    answer = visitor.get(f"/c/{first}")
    assert (answer.status_code, "已经停用或换成新的" in answer.text) == (409, True)
    assert visitor.get(f"/c/{second}").status_code == 302
    assert "海报已停用" in client.post(f"{url}/revoke", follow_redirects=True).text
    assert "没有在用的签到海报" in client.post(f"{url}/revoke", follow_redirects=True).text
    assert visitor.get(f"/c/{second}").status_code == 409


def test_the_printed_sheet_holds_the_code_as_a_picture_and_in_letters(
    app: Flask, client: FlaskClient, scene: Scene
) -> None:
    code = make_on_page(client, scene)
    with app.test_request_context():
        shift = db.session.get_one(Shift, scene.shift_id)
        values = _values(shift, db.session.scalars(select(ShiftPoster)).one())
        values |= {"title": "很长" * 30}
        picture = Image.open(io.BytesIO(paper.png("check_in_poster.typ", values, ppi=72)))
        values["title"] = "短"
        paper.png("check_in_poster.typ", values)
    [found] = zxingcpp.read_barcodes(picture)
    assert found.text.endswith(f"/c/{code.replace('-', '')}")
    assert values["code"] == code
    assert values["window"] == "08:00–12:00"


def test_the_claim_of_a_poster_keeps_its_source_through_signing_in(
    app: Flask, client: FlaskClient, scene: Scene
) -> None:
    code = make_on_page(app.test_client(), scene)
    me = scene.volunteer_actors[0].member_id or 0
    with app.app_context(), transaction() as session:
        set_password(session, me, hash_password(PASSWORD), now=clock.now())
        number = session.get_one(type(scene.volunteers[0]), me).number
    assert client.get(f"/c/{code}").headers["Location"] == "/sign-in?next=/check-in"
    clock.move(at("09:12") - clock.now())
    sent = {"login": number, "password": PASSWORD, "next": "/check-in"}
    page = client.post("/sign-in", data=sent, follow_redirects=True).text
    assert "海报上的固定码" in page
    done = client.post("/check-in", data={"form_key": hidden(page, "form_key"), "wanted": "in"}, follow_redirects=True)
    assert "请再扫一次海报上的码签退" in done.text
    with app.app_context():
        scan = db.session.scalars(select(Scan)).one()
        assert (scan.source, scan.member_id) == (POSTER, me)
        assert abs(scan.claimed_at - at("09:02")) < timedelta(seconds=30)


def test_typing_the_letters_of_the_poster_does_the_same(app: Flask, client: FlaskClient, scene: Scene) -> None:
    code = make_on_page(app.test_client(), scene)
    sign_in(client, scene.volunteer_actors[0].member_id or 0)
    page = client.post("/check-in/code", data={"code": code.lower()}, follow_redirects=True).text
    assert "现在签到？" in page
    assert "海报上的固定码" in page


def test_a_claim_cannot_be_turned_from_paper_into_screen(app: Flask, client: FlaskClient, scene: Scene) -> None:
    code = make_on_page(app.test_client(), scene)
    sign_in(client, scene.volunteer_actors[0].member_id or 0)
    client.get(f"/c/{code}")
    cookie = client.get_cookie("claim", path="/check-in")
    assert cookie is not None
    client.set_cookie("claim", cookie.value.replace("poster", "venue"), path="/check-in")
    assert client.post("/check-in", data={"wanted": "in"}).headers["Location"] == "/check-in"
    with app.app_context():
        assert db.session.scalars(select(Scan)).all() == []


def test_the_review_and_the_approval_say_who_came_by_the_poster(app: Flask, client: FlaskClient, scene: Scene) -> None:
    with app.app_context(), transaction() as session:
        for number, source in ((0, POSTER), (1, VENUE)):
            scene.scan(session, number, "09:00", source=source, wanted="in")
            scene.scan(session, number, "11:00", source=source, wanted="out")
    clock.move(AFTER - clock.now())
    sign_in(client, scene.organiser.id)
    assert (
        client.get(f"/organise/shifts/{scene.shift_id}/review").text.count("扫海报签到") == 2
    )  # the filter and the one line
    me = scene.volunteer_actors[0].member_id
    assert "（扫海报码）" in client.get(f"/organise/shifts/{scene.shift_id}/review/{me}").text
    with app.app_context(), transaction() as session:
        scene.submit(session)
    sign_in(client, scene.manager.id)
    assert client.get(f"/organise/shifts/{scene.shift_id}/approve").text.count("扫海报签到") == 2


def test_after_the_shift_the_page_offers_no_poster(client: FlaskClient, scene: Scene) -> None:
    clock.move(AFTER - clock.now())
    sign_in(client, scene.organiser.id)
    url = f"/organise/shifts/{scene.shift_id}/poster"
    assert "签到时间已过" in client.get(url).text
    assert "不能再做海报" in client.post(url, data={"form_key": "late"}, follow_redirects=True).text


def test_early_and_late_people_are_told_before_they_sign_in(app: Flask, client: FlaskClient, scene: Scene) -> None:
    code = make_on_page(app.test_client(), scene)
    for when, says in (("07:30", "还没到签到时间"), ("12:30", "已经过了时间")):
        clock.move(at(when) - clock.now())
        answer = client.get(f"/c/{code}")
        assert (answer.status_code, says in answer.text) == (409, True)
        assert client.get_cookie("claim", path="/check-in") is None
