"""First chapter: areas, branches, teams, and how people become members."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from timebank.activities.service import PaperConsent, record_paper_consent
from timebank.branches.service import AreaDraft, BranchDraft, add_area, open_branch
from timebank.core import clock
from timebank.core.actor import SYSTEM, Actor
from timebank.core.clock import instant
from timebank.demo.calendar import first_day
from timebank.demo.story import ADULT, Resident, Story
from timebank.demo.town.people import NEWCOMER, PEOPLE, SUSPENDED, Person
from timebank.demo.town.places import CITY, DAQI, DISTRICT, STREETS, TEAMS, XINQI, Street
from timebank.demo.town.requests import GRID_WORKER
from timebank.demo.town.sign_ins import PASSWORD, SIGN_INS, phone
from timebank.members.models import Member
from timebank.members.queries import get_member
from timebank.members.rules import PERSONAL_DATA, Place
from timebank.members.service import (
    NewMember,
    approve_member,
    create_team,
    grant_role,
    hash_password,
    is_adult,
    join_team,
    register,
    register_by_staff,
    set_leader,
    set_password,
    suspend_member,
)

MANAGERS: Final = {DAQI: "贺雅芬", XINQI: "顾旭东"}
# Beyond one sign-in per role: Daqi has a second organiser.
_ROLES: Final = (
    ("沃静波", "administrator", None),
    ("贺雅芬", "manager", DAQI),
    ("虞海波", "organiser", DAQI),
    ("俞晓岚", "organiser", DAQI),
    ("邬建明", "inspector", DAQI),
    (GRID_WORKER, "grid_worker", DAQI),
    ("顾旭东", "manager", XINQI),
    ("励佳宁", "organiser", XINQI),
    ("忻惠琴", "inspector", XINQI),
)
_KNOWN_PHONES: Final = {known.name: known.login for known in SIGN_INS}
_FIRST_OTHER_PHONE: Final = 101
_ONLINE_BELOW: Final = 35  # the younger half registers on the phone, the others at the counter
SUSPENDED_SINCE: Final = timedelta(days=19)
_SUSPENDED_BECAUSE: Final = "外出一年，本人申请暂停"


def open_town(story: Story) -> None:
    """Lay the areas and branches on the first day, and note when everybody comes."""
    opening = instant(first_day(story.now), time(8, 30))
    city = _add(story, CITY, None, opening)
    district = _add(story, DISTRICT, city, opening)
    for street in STREETS:
        _open_street(story, street, district, opening)
    story.staff = {name for name, role, _branch in _ROLES if role != "grid_worker"}
    for row, person in enumerate(PEOPLE):
        story.note(_arrival(story, person, row), _apply if person.state == NEWCOMER else _come, person, row)
    story.note(opening + timedelta(minutes=40), _give_roles)
    story.note(opening + timedelta(minutes=45), _found_teams)
    story.note(opening + timedelta(days=3), _choose_leaders)
    story.note(story.now - SUSPENDED_SINCE, _suspend)


def _open_street(story: Story, street: Street, district: int, at: datetime) -> None:
    area = _add(story, (street.code, street.name), district, at)
    for community in street.communities:
        inside = _add(story, (community.code, community.name), area, at)
        for number in range(1, community.grids + 1):
            grid = (f"{number:02d}", f"第 {number} 网格")
            story.grid_ids[street.branch_code, f"{community.name}-{number:02d}"] = _add(story, grid, inside, at)
    draft = BranchDraft(
        code=street.branch_code,
        name=street.branch_name,
        area_id=area,
        address=street.address,
        phone=street.phone,
    )
    story.branch_ids[street.branch_code] = open_branch(story.session, draft, actor=SYSTEM, now=at).id


def _add(story: Story, called: tuple[str, str], parent: int | None, at: datetime) -> int:
    draft = AreaDraft(code=called[0], name=called[1], parent_id=parent)
    return add_area(story.session, draft, actor=SYSTEM, now=at).id


def _arrival(story: Story, person: Person, row: int) -> datetime:
    """Staff open the counter, most come within the first two days, every fifth in the weeks after."""
    opening = instant(first_day(story.now), time(9, 0))
    if person.name in _KNOWN_PHONES or person.name in story.staff:
        return opening + timedelta(seconds=row)
    if person.state == NEWCOMER:
        return story.now - timedelta(hours=5 + 13 * (row % 4), minutes=row)
    if row % 5 == 0 and person.state != SUSPENDED:
        return opening + timedelta(days=5 + row * 7 % 40, minutes=row)
    return opening + timedelta(days=row % 2, hours=1, minutes=4 * row)


def _come(story: Story, person: Person, row: int, at: datetime) -> None:
    """Become a member: at the counter, or by phone and approved by the manager within the hour."""
    manager = _manager(story, person.branch)
    if person.age < _ONLINE_BELOW and person.phone and person.name not in story.staff:
        applied = _apply(story, person, row, at)
        member = approve_member(story.session, applied.id, actor=manager, now=at + timedelta(minutes=50))
    else:
        member = register_by_staff(
            story.session, _form(story, person, row), form_key=_key(row), actor=manager, keys=story.keys, now=at
        )
    if person.name in _KNOWN_PHONES:
        set_password(story.session, member.id, hash_password(PASSWORD), now=at)
    _settle(story, person, member, at)


def _apply(story: Story, person: Person, row: int, at: datetime) -> Member:
    form = _form(story, person, row)
    return register(story.session, form, password=hash_password(PASSWORD), form_key=_key(row), keys=story.keys, now=at)


def _settle(story: Story, person: Person, member: Member, at: datetime) -> None:
    assert member.coin_account_id is not None  # noqa: S101 - approved members have one
    story.residents[person.name] = Resident(
        person=person,
        member_id=member.id,
        branch_id=member.branch_id,
        coin_account_id=member.coin_account_id,
        eagerness=6 if person.name in _KNOWN_PHONES else story.one_of((1, 2, 2, 3, 3, 4, 6)),
    )
    if story.team_ids:
        _join_teams(story, person, at)
    if person.age <= ADULT:  # who is eighteen today was seventeen some weeks ago
        opening = instant(first_day(story.now), time(12, 0))
        story.note(max(at, opening), _bring_consent, person)


def _bring_consent(story: Story, person: Person, at: datetime) -> None:
    """A parent signs the paper at the counter."""
    member = get_member(story.session, story.residents[person.name].member_id)
    if not is_adult(member, at):
        paper = PaperConsent(
            guardian_name=f"{person.name[0]}建平", activity_id=None, seen=True, form_key=f"demo:consent:{person.name}"
        )
        manager = _manager(story, person.branch)
        record_paper_consent(story.session, member.id, paper, actor=manager, now=at)


def _form(story: Story, person: Person, row: int) -> NewMember:
    return NewMember(
        name=person.name,
        branch_id=story.branch_ids[person.branch],
        phone=_phone(person, row),
        sex=person.sex,
        born_on=_birthday(person, row, clock.today(story.now)),
        area_id=story.grid_ids[person.branch, person.home],
        skills=person.skills,
        free_times=person.free_times,
        consents=frozenset({PERSONAL_DATA}),
    )


def _phone(person: Person, row: int) -> str:
    if not person.phone:
        return ""
    return _KNOWN_PHONES.get(person.name) or phone(_FIRST_OTHER_PHONE + row)


def _birthday(person: Person, row: int, today: date) -> date:
    """A day in the past twelve months' worth of birthdays that makes them as old as the table says today."""
    since = today - timedelta(days=7 + row * 37 % 350)
    return since.replace(year=since.year - person.age, day=min(since.day, 28))


def _key(row: int) -> str:
    return f"demo:person:{row}"


def _manager(story: Story, branch: str) -> Actor:
    name = MANAGERS[branch]
    return story.actor(name) if story.team_ids else SYSTEM


def _give_roles(story: Story, at: datetime) -> None:
    for name, role, branch in _ROLES:
        place = Place(branch_id=story.branch_ids[branch] if branch else None)
        grant_role(story.session, story.residents[name].member_id, role, place, actor=SYSTEM, now=at)


def _found_teams(story: Story, at: datetime) -> None:
    for team in TEAMS:
        actor = story.actor(MANAGERS[team.branch])
        branch_id = story.branch_ids[team.branch]
        made = create_team(story.session, branch_id=branch_id, name=team.name, kind=team.kind, actor=actor, now=at)
        story.team_ids[team.branch, team.name] = made.id
    for resident in list(story.residents.values()):
        _join_teams(story, resident.person, at)


def _join_teams(story: Story, person: Person, at: datetime) -> None:
    actor = story.actor(MANAGERS[person.branch])
    for name in person.teams:
        member_id = story.residents[person.name].member_id
        join_team(story.session, story.team_ids[person.branch, name], member_id, actor=actor, now=at)


def _choose_leaders(story: Story, _at: datetime) -> None:
    """Each team is led by the first of the table who is no staff and leads no other."""
    leaders: dict[tuple[str, str], str] = {}
    for person in PEOPLE:
        if person.name in story.residents and person.name not in story.staff:
            led = [(person.branch, name) for name in person.teams if (person.branch, name) not in leaders]
            leaders.update(dict.fromkeys(led[:1], person.name))
    for (branch, name), leader in leaders.items():
        actor = story.actor(MANAGERS[branch])
        set_leader(story.session, story.team_ids[branch, name], story.residents[leader].member_id, actor=actor)


def _suspend(story: Story, at: datetime) -> None:
    for person in PEOPLE:
        if person.state == SUSPENDED:
            resident = story.residents.pop(person.name)
            actor = story.actor(MANAGERS[person.branch])
            suspend_member(story.session, resident.member_id, reason=_SUSPENDED_BECAUSE, actor=actor, now=at)
