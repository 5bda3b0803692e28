"""Issuing certificates: of what, for whom, how often, and how they are withdrawn by corrections."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.attendance.scene import make_scene
from tests.certificates.scene import issue, reissue, town_of
from tests.corrections.town import LATER, Town
from tests.requests.scene import Scene as Requests
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.certificates import queries, rules
from timebank.certificates.models import VALID, WITHDRAWN, Certificate, CertificateEntry
from timebank.certificates.rules import Period, period_of
from timebank.core.errors import FormUsed, NotAllowed
from timebank.ledger.queries import get_entry
from timebank.members.models import Member
from timebank.notices.queries import list_notices


@pytest.fixture
def town(session: Session) -> Town:
    return town_of(session)


def test_it_says_what_is_booked_and_names_the_entries_by_number(town: Town) -> None:
    made = issue(town)
    content = queries.content_of(made)
    entry = get_entry(town.session, town.entry(0))
    [service] = content["services"]
    assert (made.status, made.minutes, content["minutes"]) == (VALID, 120, 120)
    assert (service["title"], service["category"], service["place"]) == ("楼道清洁", "环境清洁", "三号院")
    assert (service["entry"], service["minutes"]) == (f"{entry.month}/{entry.number}", 120)
    assert (service["day"], service["hours"]) == ("2026-11-21", "09:00–11:00")
    assert content["branch"]["name"] == town.scene.branch.name
    assert queries.is_untouched(made, KEYS)
    listed = town.session.execute(select(CertificateEntry.entry_id, CertificateEntry.minutes)).all()
    assert [tuple(row) for row in listed] == [(entry.id, 120)]


def test_the_name_is_in_no_column_in_clear(town: Town) -> None:
    made = issue(town)
    name = town.member(0).name
    assert name not in made.content
    assert made.person_sealed != name
    assert queries.open_person(made, KEYS).name == name
    assert queries.content_of(made)["masked_name"] == f"{name[0]}{'*' * (len(name) - 1)}"


def test_the_end_of_the_document_is_printed_only_when_wanted_and_is_sealed(session: Session) -> None:
    town = town_of(session)
    with pytest.raises(rules.NoDocument), session.begin_nested():
        issue(town, document=True)
    number = "330206194803052263"
    member = town.member(0)
    member.id_number_sealed = KEYS.encrypt("id_number", number)
    session.flush()
    assert queries.open_person(issue(town), KEYS).document == ""
    made = issue(town, document=True)
    assert queries.open_person(made, KEYS).document == "居民身份证尾号 2263"
    assert "2263" not in made.content


def test_nothing_approved_is_nothing_to_certify(session: Session) -> None:
    scene = make_scene(session, 1)
    scene.attend(session, 0)
    scene.submit(session)
    waiting = Town(session=session, scene=scene, deputy=scene.manager_actor, inspector=scene.manager_actor)
    with pytest.raises(rules.NothingToCertify):
        issue(waiting)


def test_a_day_too_late_is_nothing_to_certify(town: Town) -> None:
    with pytest.raises(rules.NothingToCertify), town.session.begin_nested():
        issue(town, period=period_of("range", first=date(2026, 11, 22)))
    assert issue(town, period=period_of("range", first=date(2026, 11, 21), last=date(2026, 11, 21))).minutes == 120
    assert issue(town, period=period_of("year", year=2026)).minutes == 120


def test_a_branch_certifies_only_what_it_recorded(town: Town) -> None:
    other = make_branch(town.session, "XG")
    with pytest.raises(rules.NothingToCertify):
        issue(town, branch_id=other.id)


def test_who_asked_for_a_service_is_on_no_certificate(session: Session) -> None:
    scene = Requests(session)
    made = scene.done()
    volunteer = session.get_one(Member, made.volunteer_id)
    [served] = queries.list_served(session, volunteer.id)
    assert (served.title, served.place) == ("点单服务", "")
    assert served.minutes > 0


def test_one_form_makes_one_certificate(town: Town) -> None:
    first = issue(town, form_key="same")
    assert issue(town, form_key="same").id == first.id
    with pytest.raises(FormUsed):
        issue(town, 1, form_key="same")


def test_numbers_hashes_and_signatures_of_two_are_different(town: Town) -> None:
    one, other = issue(town), issue(town)
    assert one.number != other.number
    assert one.hash != other.hash
    assert one.signature != other.signature


def test_staff_issue_for_somebody_at_the_counter_and_the_person_is_told(town: Town) -> None:
    made = issue(town, actor=town.manager)
    assert (made.by_proxy, made.issued_by_id, made.member_id) == (True, town.manager.member_id, town.member(0).id)
    assert queries.content_of(made)["handler"] == "钱站长"
    assert "网点替您开了志愿服务证明" in [one.title for one in list_notices(town.session, town.member(0).id).items]


def test_neighbours_and_inspectors_and_strangers_among_staff_may_not(town: Town) -> None:
    foreign = actor_of(town.session, make_member(town.session, make_branch(town.session, "XG"), roles=("manager",)))
    for actor in (actor_of(town.session, town.member(1)), town.inspector, foreign):
        with pytest.raises(NotAllowed), town.session.begin_nested():
            issue(town, actor=actor)


def test_a_day_has_its_limit(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timebank.certificates.service.issuing.MOST_A_DAY", 2)
    issue(town)
    issue(town)
    with pytest.raises(rules.EnoughToday), town.session.begin_nested():
        issue(town)
    assert issue(town, 1).minutes == 120
    assert issue(town, now=LATER + timedelta(days=1)).minutes == 120


# --- corrections -----------------------------------------------------------------------------------------------------


def told(town: Town, number: int) -> list[str]:
    return [one.title for one in list_notices(town.session, town.member(number).id).items]


@pytest.mark.parametrize("minutes", [None, 90])
def test_a_correction_withdraws_every_certificate_that_lists_the_entry(town: Town, minutes: int | None) -> None:
    mine, twice, neighbours = issue(town), issue(town), issue(town, 1)
    done = town.ask(town.entry(0), minutes, reason="签退忘了")
    for one in (mine, twice):
        assert (one.status, one.withdrawn_for, one.withdrawn_for_id) == (WITHDRAWN, "correction", done.id)
        assert (one.withdrawn_reason, one.withdrawn_at) == ("签退忘了", LATER)
        assert queries.is_untouched(one, KEYS)
    assert neighbours.status == VALID
    assert f"您尾号 {mine.number[-4:]} 的服务证明已撤回" in told(town, 0)
    assert town.findings() == []


def test_a_correction_that_waits_withdraws_nothing_until_it_is_agreed(town: Town) -> None:
    made = issue(town)
    town.spend(0, 100)
    asked = town.ask(town.entry(0), None)
    assert (asked.status, made.status) == ("waiting", VALID)
    town.approve(asked)
    assert made.status == WITHDRAWN


def test_one_press_gives_a_new_one_about_what_is_right_now(town: Town) -> None:
    old = issue(town, period=period_of("year", year=2026))
    town.ask(town.entry(0), 90)
    new = reissue(town, old, form_key="again")
    assert (new.status, new.minutes, new.replaces_id) == (VALID, 90, old.id)
    assert queries.content_of(new)["period"] == queries.content_of(old)["period"]
    assert reissue(town, old, form_key="again").id == new.id
    with pytest.raises(rules.AlreadyReplaced):
        reissue(town, old)


def test_what_stands_is_not_replaced(town: Town) -> None:
    with pytest.raises(rules.StillValid):
        reissue(town, issue(town))


def test_nothing_is_left_to_certify_after_it_was_undone(town: Town) -> None:
    old = issue(town)
    town.ask(town.entry(0), None)
    with pytest.raises(rules.NothingToCertify):
        reissue(town, old)


def test_only_the_chosen_ones_are_listed_and_listed_again(town: Town) -> None:
    from tests.attendance.scene import make_shift
    from tests.corrections.test_service import book_minutes

    _, shift_id = make_shift(town.session, town.scene.branch, town.scene.organiser_actor)
    book_minutes(town, shift_id, 30)
    both = queries.list_served(town.session, town.member(0).id)
    assert sorted(one.minutes for one in both) == [30, 120]
    [short] = [one for one in both if one.minutes == 30]
    made = issue(town, records=frozenset({short.attendance_id}))
    assert (made.minutes, len(queries.content_of(made)["services"])) == (30, 1)
    town.ask(short.entry_id, 20)
    assert reissue(town, made).minutes == 20


def test_a_changed_row_does_not_pass(town: Town) -> None:
    """Not that the database lets anybody: but who gets at the file itself is found out."""
    made = issue(town)
    content = json.loads(made.content)
    content["minutes"] = 6_000
    forged = Certificate(
        content=rules.plain(content),
        person_sealed=made.person_sealed,
        hash=made.hash,
        signature=made.signature,
        public_key=made.public_key,
    )
    assert not queries.is_untouched(forged, KEYS)
    forged.hash = rules.digest(forged.content, queries.open_person(made, KEYS))
    assert not queries.is_untouched(forged, KEYS)
    other = type(KEYS)(b"another secret that is long enough 0123456789")
    signed = rules.sign(other.signing_key(), forged.hash)
    forged.signature, forged.public_key = signed.signature, signed.public_key
    assert not queries.is_untouched(forged, KEYS)


def test_the_period_holds_its_ends() -> None:
    period = Period(first=date(2026, 1, 1), last=date(2026, 1, 31))
    assert [period.holds(date(2026, 1, day)) for day in (1, 31)] == [True, True]
    assert not period.holds(date(2026, 2, 1))
