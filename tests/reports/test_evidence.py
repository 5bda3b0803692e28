"""The evidence of an activity: everything that was recorded, named only when asked for, each making on record."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.attendance.paper import a_photo, printed
from tests.attendance.scene import AFTER, Scene, make_scene
from tests.tampering import lift_guards
from tests.world import KEYS, actor_of, make_branch, make_member
from timebank.activities.models import ActivityChange
from timebank.activities.queries import get_activity
from timebank.attendance.models import SheetLook
from timebank.core.actor import SYSTEM
from timebank.core.errors import FormUsed, NotAllowed
from timebank.ledger import queries as ledger
from timebank.reports import packing, service
from timebank.reports.models import EvidencePack
from timebank.reports.queries.evidence import Evidence
from timebank.reports.rules import EVIDENCE_TABLES
from timebank.reports.service import PackDraft, PackFinished, PackMade


@pytest.fixture
def scene(session: Session) -> Scene:
    """Two of three came, one scanned too late, a sheet was photographed, the list was booked."""
    made = make_scene(session)
    made.attend(session, 0)
    made.attend(session, 1, left="10:30")
    made.scan(session, 2, "05:00")
    printed(session, made)
    made.submit(session)
    made.approve(session)
    return made


def evidence_of(session: Session, scene: Scene, **how: bool) -> Evidence:
    return Evidence(session, get_activity(session, scene.activity_id), **how)


def test_who_to_call_is_masked_in_what_was_changed_unless_names_are_wanted(session: Session, scene: Scene) -> None:
    items = [
        {"what": "contact_name", "old": "周队长", "new": "吴队长", "shift_id": None},
        {"what": "contact_phone", "old": "13805741111", "new": "13905742222", "shift_id": None},
        {"what": "place", "old": "三号院", "new": "四号院", "shift_id": None},
    ]
    change = ActivityChange(activity_id=scene.activity_id, actor_id=None, at=AFTER, changes={"items": items})
    session.add(change)
    session.flush()
    masked = str(evidence_of(session, scene).table("changes"))
    assert not [said for said in ("周队长", "吴队长", "13805741111", "13905742222") if said in masked]
    assert all(said in masked for said in ("吴**", "139****2222", "四号院"))
    assert "13905742222" in str(evidence_of(session, scene, named=True).table("changes"))


def draft_of(scene: Scene, **more: object) -> PackDraft:
    given = {"reason": "区里抽查", "named": False, "pictured": False, "form_key": "pack"} | more
    return PackDraft(activity_id=scene.activity_id, **given)  # type: ignore[arg-type]


MADE = PackMade(photos=0, file_hash="a" * 64, file_size=1)


def begin(session: Session, scene: Scene, **more: object) -> EvidencePack:
    return service.begin_pack(session, draft_of(scene, **more), actor=scene.manager_actor, now=AFTER)


def keep(session: Session, scene: Scene, **more: object) -> EvidencePack:
    return service.finish_pack(session, begin(session, scene, **more).id, MADE, actor=scene.manager_actor)


def test_every_scan_is_there_with_its_refusal(session: Session, scene: Scene) -> None:
    rows = evidence_of(session, scene).table("scans")
    assert len(rows) == 5
    refused = [row[10] for row in rows if row[10]]
    assert refused == ["还没到时间"]
    assert {row[5] for row in rows} == {"扫现场码"}


def test_records_and_approvals_say_who(session: Session, scene: Scene) -> None:
    evidence = evidence_of(session, scene, named=True)
    booked = [row for row in evidence.table("records") if row[13] == "已入账"]
    assert sorted(row[6] for row in booked) == [90, 120]
    [sent] = evidence.table("rounds")
    assert scene.organiser.name in sent[2]
    assert scene.manager.name in sent[6]


def test_entries_carry_their_number_and_the_seal_of_their_month(session: Session, scene: Scene) -> None:
    rows = evidence_of(session, scene).table("entries")
    coins = [row for row in rows if row[6] == "coin"]
    assert sorted(row[9] for row in coins) == [90, 120]
    entry = ledger.get_entry(session, scene_entry(session, scene))
    assert (entry.month, entry.number) in {(row[2], row[3]) for row in coins}
    assert {row[10] for row in rows} == {"还没有封签"}


def scene_entry(session: Session, scene: Scene) -> int:
    from tests.attendance.scene import find_attendance

    record = find_attendance(session, scene.shift_id, scene.volunteers[0].id)
    assert record is not None
    assert record.entry_id is not None
    return record.entry_id


def test_names_are_masked_unless_they_were_asked_for(session: Session, scene: Scene) -> None:
    names = {member.name for member in (*scene.volunteers, scene.organiser, scene.manager)}

    def shown(**how: bool) -> str:
        evidence = evidence_of(session, scene, **how)
        return json.dumps([evidence.table(table.name) for table in EVIDENCE_TABLES], default=str, ensure_ascii=False)

    masked, whole = shown(), shown(named=True)
    assert not [name for name in names if name in masked]
    assert [name for name in names if name in whole] == list(names)


def test_rows_fit_their_columns(session: Session, scene: Scene) -> None:
    evidence = evidence_of(session, scene)
    for table in EVIDENCE_TABLES:
        for row in evidence.table(table.name):
            assert len(row) == len(table.columns), table.name


def test_a_photo_is_listed_by_its_hash_and_opened_on_record_only(session: Session, scene: Scene) -> None:
    evidence = evidence_of(session, scene)
    assert [row[3] for row in evidence.table("photos")] == [a_photo().digest]
    assert session.scalar(select(func.count()).select_from(SheetLook)) == 0

    begin(session, scene, pictured=True)
    opened = service.open_photos(session, evidence, actor=scene.manager_actor, keys=KEYS)

    assert [hashlib.sha256(picture).hexdigest() for picture in opened.values()] == [a_photo().digest]
    looked = session.scalars(select(SheetLook)).one()
    assert looked.by_id == scene.manager.id


def test_a_pack_is_a_bag_whose_list_of_hashes_holds(session: Session, scene: Scene, tmp_path: Path) -> None:
    evidence = evidence_of(session, scene, pictured=True)
    photos = service.open_photos(session, evidence, actor=scene.manager_actor, keys=KEYS)
    parts = packing.Parts(
        name="evidence-BL-1-1",
        about={"reason": "区里抽查"},
        tables={table.name: evidence.table(table.name) for table in EVIDENCE_TABLES},
        files={"summary.pdf": b"%PDF", **photos},
        branch="北仑",
        made_at=AFTER,
    )
    with zipfile.ZipFile(packing.write_pack(parts, tmp_path)) as bag:
        listed = bag.read("evidence-BL-1-1/manifest-sha256.txt").decode().splitlines()
        for line in listed:
            digest, name = line.split("  ", 1)
            assert hashlib.sha256(bag.read(f"evidence-BL-1-1/{name}")).hexdigest() == digest
        rows = list(csv.reader(io.StringIO(bag.read("evidence-BL-1-1/data/scans.csv").decode("utf-8-sig"))))
        about = json.loads(bag.read("evidence-BL-1-1/data/pack.json"))
    assert len(rows) == 1 + 5
    assert about["tables"]["records"]["signed"] == 210
    assert any(line.endswith(".jpg") for line in listed)


def test_packs_are_numbered_and_each_making_stays(session: Session, scene: Scene) -> None:
    assert keep(session, scene).number == 1
    second = keep(session, scene, form_key="again")
    assert second.number == 2
    for statement in ("UPDATE evidence_pack SET reason = 'none'", "DELETE FROM evidence_pack"):
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(statement))


def test_the_same_form_makes_no_second_pack(session: Session, scene: Scene) -> None:
    keep(session, scene)
    with pytest.raises(FormUsed):
        begin(session, scene)


def test_a_volunteer_an_organiser_and_strangers_make_no_pack(session: Session, scene: Scene) -> None:
    other = make_branch(session, "CX")
    stranger = actor_of(session, make_member(session, other, roles=("manager",)))
    for actor in (scene.volunteer_actors[0], scene.organiser_actor, stranger):
        with pytest.raises(NotAllowed):
            service.begin_pack(session, draft_of(scene), actor=actor, now=AFTER)
    with pytest.raises(NotAllowed):  # nor the machine: somebody has to answer for it
        service.begin_pack(session, draft_of(scene), actor=SYSTEM, now=AFTER)
    assert session.scalar(select(func.count()).select_from(EvidencePack)) == 0


def test_a_pack_whose_making_was_broken_off_says_so_and_is_finished_once(session: Session, scene: Scene) -> None:
    begun = begin(session, scene)
    assert (begun.number, begun.file_hash) == (1, "")
    assert keep(session, scene, form_key="again").number == 2
    with pytest.raises(NotAllowed):
        service.finish_pack(session, begun.id, MADE, actor=scene.organiser_actor)
    service.finish_pack(session, begun.id, MADE, actor=scene.manager_actor)
    with pytest.raises(PackFinished):
        service.finish_pack(session, begun.id, MADE, actor=scene.manager_actor)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text("UPDATE evidence_pack SET file_hash = 'b', file_size = 2"))


def test_a_destroyed_photo_is_listed_as_such_and_not_as_a_file(session: Session, scene: Scene) -> None:
    lift_guards(session)
    session.execute(text("UPDATE sheet_photo SET destroyed_at = :at, sealed = :none"), {"at": str(AFTER), "none": b""})
    session.expire_all()
    evidence = evidence_of(session, scene, pictured=True)
    assert [row[6] for row in evidence.table("photos")] == ["已按清单销毁"]
    begin(session, scene, pictured=True)
    assert service.open_photos(session, evidence, actor=scene.manager_actor, keys=KEYS) == {}
    assert session.scalar(select(func.count()).select_from(SheetLook)) == 0
