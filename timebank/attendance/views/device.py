"""What a scanning device asks for and sends: the masked roster, people by name, and batches of scans."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import g, jsonify, request
from flask_wtf.csrf import generate_csrf
from marshmallow import ValidationError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from timebank.activities.models import Shift
from timebank.attendance.queries import (
    RosterLine,
    UploadAnswer,
    door_counts,
    list_roster,
    policy_of,
    search_members,
)
from timebank.attendance.rules import (
    UPLOAD_REFUSALS,
    Held,
    Timing,
    closes_at,
    expires_at,
    held_text,
    opens_at,
    read_held,
    salted,
)
from timebank.attendance.schemas import MOST_SECONDS, BatchSchema, UploadedScanSchema
from timebank.attendance.service import Batch, UploadedScan, record_batch
from timebank.attendance.views.base import blueprint, is_cancelled, reached
from timebank.core import clock
from timebank.core.db import db, transaction
from timebank.core.errors import Invalid
from timebank.core.masking import mask_name
from timebank.core.minutes import hours
from timebank.members.queries import list_cards, list_revoked_serials
from timebank.members.rules import pass_keys, personal_code
from timebank.rotation.models import PERSONAL
from timebank.rotation.queries import list_generations
from timebank.rotation.rules import accepted, accepted_since
from timebank.web.filters import clocktime, span
from timebank.web.forms import tidy_text
from timebank.web.guards import current_actor, guard
from timebank.web.keyring import keys
from timebank.web.limits import CODE_LIMIT, limiter

_LONGEST_SEARCH = 60


class NoBatch(Invalid):
    """Not a batch of scans."""

    code = "attendance.no_batch"
    text = "送来的不是扫码记录。"


@blueprint.get("/organise/shifts/<int:shift_id>/roster.json")
@guard("check_in.others")
@limiter.exempt  # a gate of many phones behind one address; it is behind a sign-in
def device_roster(shift_id: int) -> Response:
    """What a device judges by without a network: masked names, no phone numbers, nothing to make a code from."""
    session, now = db.session(), clock.now()
    shift = reached(session, shift_id, "check_in.others")
    policy, actor = policy_of(shift, shift.activity), current_actor()
    roster = list_roster(session, shift_id)
    generations = list_generations(session, PERSONAL)
    member_ids = [line.member_id for line in roster]
    return jsonify(
        {
            "id": shift_id,
            "title": shift.activity.title,
            "when": span(shift.starts_at, shift.ends_at),
            "opens": _iso(opens_at(policy)),
            "ends": _iso(policy.ends_at),
            "closes": _iso(closes_at(policy)),
            "cancelled": is_cancelled(shift),
            "walk_ins": shift.activity.walk_ins,
            "now": _iso(now),
            "expires": _iso(expires_at(policy, now)),
            "me": {"id": actor.member_id, "name": actor.name},
            "proof": held_text(keys(), Held(shift_id, actor.member_id or 0, now)),
            "csrf": generate_csrf(),
            "keys": pass_keys(keys(), generations, now),
            "revoked": list_revoked_serials(
                session,
                branch_id=shift.activity.branch_id,
                member_ids=member_ids,
                since=accepted_since(generations, now),
            ),
            "counts": _counts(session, shift_id),
        }
        | _people(session, roster, [one.number for one in accepted(generations, now)])
    )


def _people(session: Session, roster: Sequence[RosterLine], generations: Sequence[int]) -> dict[str, Any]:
    salt = secrets.token_hex(8)
    cards = list_cards(session, [line.member_id for line in roster])
    return {"salt": salt, "people": [_masked(line, salt, cards.get(line.member_id), generations) for line in roster]}


def _masked(line: RosterLine, salt: str, serial: str | None, generations: Sequence[int]) -> dict[str, Any]:
    typed = [personal_code(keys(), serial, one) for one in generations] if serial else []
    return {
        "id": line.member_id,
        "alias": line.alias,
        "name": mask_name(line.name),
        "tail": line.number[-4:],
        "card": salted(salt, serial) if serial else "",
        "typed": [salted(salt, code) for code in typed],
        "listed": line.signed_up,
        "in": _iso(line.in_at),
        "out": _iso(line.out_at),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _counts(session: Session, shift_id: int) -> dict[str, int]:
    counts = door_counts(session, shift_id)
    return {"expected": counts.expected, "here": counts.here, "gone": counts.gone, "missing": counts.missing}


@blueprint.get("/organise/shifts/<int:shift_id>/people.json")
@guard("check_in.others")
def device_people(shift_id: int) -> Response:
    """People by part of a name, member number or the last four of the phone: those on the list, then others."""
    session = db.session()
    shift = reached(session, shift_id, "check_in.others")
    wanted = tidy_text(request.args.get("q", ""))[:_LONGEST_SEARCH]
    if not wanted:
        return jsonify({"found": []})
    roster = list_roster(session, shift_id)
    upper = wanted.upper()
    listed = [
        line
        for line in roster
        if any(upper in (text or "").upper() for text in (line.name, line.alias, line.number, line.phone_tail))
    ]
    without = [line.member_id for line in roster]
    others = search_members(session, wanted, branch_id=shift.activity.branch_id, without=without)
    found = [_shown(line.member_id, line.name, line.number, line.signed_up) for line in listed[:20]]
    found += [_shown(member.id, member.name, member.number, False) for member in others]
    states = {line.member_id: {"in": _iso(line.in_at), "out": _iso(line.out_at)} for line in listed}
    return jsonify({"found": [one | states.get(one["id"], {"in": None, "out": None}) for one in found]})


def _shown(member_id: int, name: str, number: str, listed: bool) -> dict[str, Any]:
    return {"id": member_id, "name": name, "tail": number, "listed": listed}


@blueprint.post("/organise/shifts/<int:shift_id>/scans")
@guard("check_in.others")
@limiter.limit(CODE_LIMIT, deduct_when=lambda response: response.status_code == 422 or g.get("unread_codes", False))
def upload_scans(shift_id: int) -> tuple[Response, int]:
    """Take a batch; answers scan by scan what became of it, the same each time it is sent."""
    shift = reached(db.session(), shift_id, "check_in.others")
    now = clock.now()
    try:
        batch, wrong = _read_batch(shift_id, now)
    except Invalid as refusal:
        return jsonify({"message": refusal.message}), refusal.status
    with transaction() as session:
        answers = record_batch(session, batch, actor=current_actor(), keys=keys(), now=now) if batch.scans else []
    shift = reached(db.session(), shift_id, "check_in.others")
    g.unread_codes = any(answer.state == "unread" for answer in answers)
    return jsonify(
        {
            "answers": [_told(answer, shift) for answer in answers] + wrong,
            "counts": _counts(db.session(), shift_id),
            "now": _iso(now),
        }
    ), 200


def _read_batch(shift_id: int, now: datetime) -> tuple[Batch, list[dict[str, Any]]]:
    """The batch, and an answer for every scan that cannot be read: one bad scan never holds up the others."""
    given = request.get_json(silent=True) if request.is_json else _from_form()
    try:
        sent = BatchSchema().load(given if isinstance(given, dict) else {})
    except ValidationError as wrong:
        raise NoBatch() from wrong
    offset = _seconds(now, sent["sent_at"])
    scans, refused = [], []
    for one in sent["scans"]:
        try:
            scans.append(_scan(UploadedScanSchema().load(one), shift_id, offset))
        except ValidationError:
            refused.append({"key": str(one.get("key", ""))[:64], "state": "bad", "word": "没有收下", "tone": "bad"})
    device = keys().index("device", sent["device"]) if sent["device"] else ""
    return Batch(shift_id=shift_id, scans=scans, device=device), refused


def _from_form() -> object:
    """A batch in a form's field ``batch``, as a page that is being closed can still send it."""
    try:
        return json.loads(request.form.get("batch", ""))
    except ValueError:
        return None


def _seconds(now: datetime, device_now: datetime) -> int:
    return max(-MOST_SECONDS, min(MOST_SECONDS, round((now - device_now).total_seconds())))


def _scan(given: dict[str, Any], shift_id: int, offset: int) -> UploadedScan:
    held = read_held(keys(), given["roster"])
    proven = held is not None and held.shift_id == shift_id
    return UploadedScan(
        key=given["key"],
        code=given["code"],
        member_id=given["member_id"],
        wanted=given["wanted"],
        timing=Timing(device_at=given["at"], loaded_offset=given["loaded_offset"], sent_offset=offset),
        roster_by_id=held.member_id if held and proven else None,
        roster_at=held.at if held and proven else None,
    )


def _told(answer: UploadAnswer, shift: Shift) -> dict[str, Any]:
    """The answer for people (a word, a name, a detail, a tone) and for the device (state, times)."""
    word, detail, tone = _words(answer, shift)
    return {
        "key": answer.key,
        "state": answer.state,
        "kind": answer.kind,
        "word": word,
        "detail": detail,
        "tone": tone,
        "name": answer.name,
        "id": answer.member_id,
        "in": _iso(answer.in_at),
        "out": _iso(answer.out_at),
        "walk_in": answer.walk_in,
    }


def _words(answer: UploadAnswer, shift: Shift) -> tuple[str, str, str]:
    if answer.state == "unread":
        return "没有认出来", answer.why, "bad"
    if answer.state == "void":
        return "不计", "组织者已把这个人标为“不计”。扫码留着。", "bad"
    if answer.state == "case":
        if answer.decided:
            return "不计", "组织者已决定这一条不计。", "bad"
        return "已留下，要核实", _reason(answer.refused, shift), "bad"
    if answer.kind == "out":
        if answer.in_at is None:
            return "已签退", f"{_clock(answer.out_at)}，没有签到记录，组织者会核对", "calm"
        return "已签退", f"{_clock(answer.out_at)}，记 {hours(answer.minutes)}", "ok"
    guest = "，现场加入" if answer.walk_in else ""
    return "已签到", f"{_clock(answer.in_at)}{guest}", "calm" if answer.kind == "again" else "ok"


def _reason(code: str, shift: Shift) -> str:
    policy = policy_of(shift, shift.activity)
    opens, ends = clock.local(opens_at(policy)), clock.local(policy.ends_at)
    return UPLOAD_REFUSALS[code](opens=f"{opens:%m-%d %H:%M}", ends=f"{ends:%H:%M}").message


def _clock(at: datetime | None) -> str:
    return clocktime(at) if at else ""
