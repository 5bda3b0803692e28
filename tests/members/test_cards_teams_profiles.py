"""Cards and personal codes, teams, changes of what is known, and looking at what is sealed."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from tests.world import KEYS, NOW, actor_of, make_branch, make_member
from timebank.core import codes
from timebank.core.actor import SYSTEM
from timebank.core.errors import NotAllowed
from timebank.members import queries
from timebank.members.models import DOCUMENT_SEEN, UNVERIFIED, Card
from timebank.members.queries import BadPersonalCode, CardRevoked, MemberNotActive, find_member_by_code
from timebank.members.rules import BadIdNumber, BadName, BadPhone, personal_code
from timebank.members.service import (
    Document,
    IdNumberTaken,
    MemberChange,
    OutOfReach,
    ProfileChange,
    TeamNameTaken,
    change_member,
    change_profile,
    create_team,
    issue_card,
    join_team,
    leave_team,
    record_identity,
    reissue_card,
    remove_identity,
    set_leader,
    suspend_member,
    unmask,
)
from timebank.members.service.profiles import NothingSealed
from timebank.members.service.registration import BadBirthday, NoIdentityConsent
from timebank.members.service.teams import NotInTeam, OtherBranch

ID = "11010519491231002X"


def code_of(session: Session, member_id: int) -> str:
    card = queries.find_card(session, member_id)
    assert card is not None
    return personal_code(KEYS, card.serial)


# --- cards ----------------------------------------------------------------------------------------------------------


def test_a_personal_code_finds_its_member(session: Session) -> None:
    member = make_member(session, make_branch(session))
    code = code_of(session, member.id)
    for text in (code, codes.grouped(code).lower(), f"https://bank.example/c/{code}"):
        assert find_member_by_code(session, KEYS, text, at=NOW).id == member.id


def test_a_replaced_card_no_longer_counts(session: Session) -> None:
    member = make_member(session, make_branch(session))
    old = code_of(session, member.id)
    reissue_card(session, member.id, reason="卡丢了", actor=SYSTEM, now=NOW)
    with pytest.raises(CardRevoked, match="作废"):
        find_member_by_code(session, KEYS, old, at=NOW)
    assert find_member_by_code(session, KEYS, code_of(session, member.id), at=NOW).id == member.id


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "请扫描"),
        ("P1ABC", "16 位"),
        ("V1ABCDEFGH", "不是个人码"),
        ("https://evil.example/", "不是个人码"),
        ("x" * 10_000, "不是个人码"),
        ("😀𠮷", "不是个人码"),
    ],
)
def test_what_is_no_personal_code_says_what_to_do(session: Session, text: str, why: str) -> None:
    with pytest.raises(BadPersonalCode, match=why):
        find_member_by_code(session, KEYS, text, at=NOW)


def test_a_forged_code_is_refused(session: Session) -> None:
    member = make_member(session, make_branch(session))
    code = code_of(session, member.id)
    body = code[:-2] + ("A" if code[-2] != "A" else "B")
    with pytest.raises(BadPersonalCode, match="不是本系统发出的"):
        find_member_by_code(session, KEYS, body + codes.check_character(body), at=NOW)
    with pytest.raises(BadPersonalCode, match="没有找到"):
        find_member_by_code(session, KEYS, personal_code(KEYS, "0000000"), at=NOW)


def test_the_code_of_a_suspended_member_is_refused(session: Session) -> None:
    member = make_member(session, make_branch(session))
    code = code_of(session, member.id)
    suspend_member(session, member.id, reason="停用", actor=SYSTEM, now=NOW)
    with pytest.raises(MemberNotActive):
        find_member_by_code(session, KEYS, code, at=NOW)


def test_people_replace_their_own_card_and_staff_that_of_their_branch(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    member = make_member(session, branch)
    first = queries.find_card(session, member.id)
    assert reissue_card(session, member.id, reason="卡丢了", actor=actor_of(session, member), now=NOW) != first
    for at, role in ((branch, "organiser"), (other, "manager")):
        stranger = actor_of(session, make_member(session, at, roles=(role,)))
        with pytest.raises(NotAllowed):
            reissue_card(session, member.id, reason="卡丢了", actor=stranger, now=NOW)


def test_a_person_has_one_valid_card(session: Session) -> None:
    member = make_member(session, make_branch(session))
    card = queries.find_card(session, member.id)
    assert isinstance(card, Card)
    assert issue_card(session, member.id, now=NOW).id == card.id


# --- teams ----------------------------------------------------------------------------------------------------------


def test_a_team_has_members_and_one_leader(session: Session) -> None:
    branch = make_branch(session)
    one, two = make_member(session, branch), make_member(session, branch)
    team = create_team(session, branch_id=branch.id, name="理发服务队", kind="助老", actor=SYSTEM, now=NOW)
    for member in (one, two, one):
        join_team(session, team.id, member.id, actor=SYSTEM, now=NOW)
    set_leader(session, team.id, one.id, actor=SYSTEM)
    set_leader(session, team.id, two.id, actor=SYSTEM)
    assert {m.member_id: m.is_leader for m in team.members} == {one.id: False, two.id: True}
    for _ in range(2):
        leave_team(session, team.id, one.id, actor=SYSTEM)
    assert [m.member_id for m in team.members] == [two.id]
    assert [m.team.name for m in queries.list_teams_of(session, two.id)] == ["理发服务队"]
    with pytest.raises(NotInTeam):
        set_leader(session, team.id, one.id, actor=SYSTEM)


def test_a_team_name_is_used_once_in_a_branch(session: Session) -> None:
    branch = make_branch(session)
    given = {"branch_id": branch.id, "name": "理发服务队", "actor": SYSTEM, "now": NOW}
    first = create_team(session, kind="助老", **given)
    assert create_team(session, kind="助老", **given).id == first.id
    with pytest.raises(TeamNameTaken):
        create_team(session, kind="环保", **given)


def test_who_may_not_join(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    team = create_team(session, branch_id=branch.id, name="理发服务队", kind="", actor=SYSTEM, now=NOW)
    with pytest.raises(OtherBranch):
        join_team(session, team.id, make_member(session, other).id, actor=SYSTEM, now=NOW)
    gone = make_member(session, branch)
    suspend_member(session, gone.id, reason="停用", actor=SYSTEM, now=NOW)
    with pytest.raises(MemberNotActive):
        join_team(session, team.id, gone.id, actor=SYSTEM, now=NOW)


def test_teams_are_changed_by_their_branchs_managers(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    team = create_team(session, branch_id=branch.id, name="理发服务队", kind="", actor=SYSTEM, now=NOW)
    member = make_member(session, branch)
    for at, role in ((branch, "organiser"), (other, "manager")):
        actor = actor_of(session, make_member(session, at, roles=(role,)))
        with pytest.raises(NotAllowed):
            create_team(session, branch_id=branch.id, name="别的队", kind="", actor=actor, now=NOW)
        with pytest.raises(NotAllowed):
            join_team(session, team.id, member.id, actor=actor, now=NOW)
        with pytest.raises(NotAllowed):
            leave_team(session, team.id, member.id, actor=actor)
        with pytest.raises(NotAllowed):
            set_leader(session, team.id, member.id, actor=actor)


# --- what is known --------------------------------------------------------------------------------------------------


def test_people_change_their_own_contact(session: Session) -> None:
    member = make_member(session, make_branch(session), "张小红", phone="13800138000")
    change = ProfileChange(alias="张阿姨", phone="13900139000", skills="理发", free_times="周末白天")
    change_profile(session, change, actor=actor_of(session, member), keys=KEYS)
    assert (member.alias, member.phone_tail, member.skills) == ("张阿姨", "9000", "理发")
    with pytest.raises(BadPhone):
        change_profile(session, ProfileChange(phone="12"), actor=actor_of(session, member), keys=KEYS)


def test_staff_correct_but_not_over_the_document(session: Session) -> None:
    branch = make_branch(session)
    manager = actor_of(session, make_member(session, branch, roles=("manager",)))
    member = make_member(session, branch, "张小红", id_number=ID, phone="13800138000")
    change = MemberChange(name="张晓红", sex="m", born_on=date(1950, 1, 1), alias="")
    change_member(session, member.id, change, actor=manager, keys=KEYS, now=NOW)
    assert (member.name, member.sex, member.born_on, member.phone_tail) == ("张晓红", "f", date(1949, 12, 31), "8000")


def test_what_staff_may_not_change(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    manager = actor_of(session, make_member(session, branch, roles=("manager",)))
    member = make_member(session, branch)

    def change(member_id: int, **given: object) -> None:
        wanted = MemberChange(**({"name": "张小红"} | given))  # type: ignore[arg-type]
        change_member(session, member_id, wanted, actor=manager, keys=KEYS, now=NOW)

    with pytest.raises(BadName):
        change(member.id, name="1")
    with pytest.raises(BadBirthday):
        change(member.id, born_on=date(2030, 1, 1))
    with pytest.raises(NotAllowed):
        change(make_member(session, other).id)
    with pytest.raises(OutOfReach):
        change(make_member(session, branch, roles=("administrator",)).id)


def test_an_id_number_is_recorded_with_a_consent_of_its_own(session: Session) -> None:
    branch = make_branch(session)
    manager = actor_of(session, make_member(session, branch, roles=("manager",)))
    member = make_member(session, branch)
    with pytest.raises(NoIdentityConsent):
        record_identity(session, member.id, Document(number=ID, consented=False), actor=manager, keys=KEYS, now=NOW)
    document = Document(number=ID, consented=True)
    record_identity(session, member.id, document, actor=manager, keys=KEYS, now=NOW)
    assert (member.identity_state, member.born_on) == (DOCUMENT_SEEN, date(1949, 12, 31))
    assert "identity" in {consent.kind for consent in queries.list_consents(session, member.id)}
    with pytest.raises(IdNumberTaken):
        record_identity(session, make_member(session, branch).id, document, actor=manager, keys=KEYS, now=NOW)
    man = make_member(session, branch, sex="m")
    with pytest.raises(BadIdNumber, match="性别"):
        record_identity(session, man.id, document, actor=manager, keys=KEYS, now=NOW)


def test_the_consent_to_an_id_number_can_be_withdrawn(session: Session) -> None:
    member = make_member(session, make_branch(session), id_number=ID)
    for _ in range(2):
        remove_identity(session, actor=actor_of(session, member), now=NOW)
    assert (member.id_number_sealed, member.id_number_index, member.identity_state) == (None, None, UNVERIFIED)
    withdrawn = {consent.kind: consent.withdrawn_at for consent in queries.list_consents(session, member.id)}
    assert withdrawn == {"identity": NOW, "personal_data": None}


def test_who_looks_is_written_down(session: Session) -> None:
    branch = make_branch(session)
    manager = make_member(session, branch, roles=("manager",))
    member = make_member(session, branch, phone="13800138000")
    seen = unmask(session, member.id, "phone", reason="活动改期", actor=actor_of(session, manager), now=NOW)
    assert queries.open_field(seen, "phone", KEYS) == "13800138000"
    (access,) = queries.list_accesses(session, member.id)
    assert (access.seen_by_id, access.field, access.reason, access.at) == (manager.id, "phone", "活动改期", NOW)


def test_who_may_not_look(session: Session) -> None:
    branch, other = make_branch(session, "BL"), make_branch(session, "DX")
    member = make_member(session, branch, phone="13800138000")
    for at, role in ((branch, "organiser"), (branch, "inspector"), (other, "manager")):
        actor = actor_of(session, make_member(session, at, roles=(role,)))
        with pytest.raises(NotAllowed):
            unmask(session, member.id, "phone", reason="看看", actor=actor, now=NOW)
    for field in ("id_number", "password", ""):
        with pytest.raises(NothingSealed):
            unmask(session, member.id, field, reason="看看", actor=SYSTEM, now=NOW)
    assert queries.list_accesses(session, member.id) == []
