"""What the pages of certificates share: the blueprint, the sheet to print, one certificate as a page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, render_template, url_for
from sqlalchemy.orm import Session

from timebank.certificates import queries, service
from timebank.certificates.models import STATUS_NAMES, VALID, WITHDRAWN, Certificate
from timebank.certificates.rules import BILINGUAL, AlreadyWithdrawn, period_words
from timebank.core import clock, codes
from timebank.core.db import db, transaction
from timebank.core.minutes import hours
from timebank.members.models import Member
from timebank.web import print as paper
from timebank.web import qr
from timebank.web.downloads import pdf_file
from timebank.web.forms import form_key, saying_refusals
from timebank.web.guards import current_actor
from timebank.web.keyring import keys, lasting_base

blueprint = Blueprint("certificates", __name__)
ID = "int(max=2147483647)"
TONES = {VALID: "ok", WITHDRAWN: "bad"}
PUBLIC_PATH = "/certificates"


def address() -> str:
    """Where anybody looks certificates up, as it is printed. Raises AddressUnknown."""
    return f"{lasting_base()}{PUBLIC_PATH}"


def print_sheet(certificate: Certificate) -> Response:
    """The sheet as it was issued, byte for byte. Raises AlreadyWithdrawn: what does not count is not printed."""
    if certificate.status != VALID:
        raise AlreadyWithdrawn()
    content = queries.content_of(certificate)
    sheet = paper.pdf(f"certificate-{content['layout']}.typ", sheet_values(db.session(), certificate))
    return pdf_file(f"志愿服务证明-{certificate.number}", sheet)


def sheet_values(session: Session, certificate: Certificate) -> dict[str, Any]:
    """What the sheet wants: nothing but what was frozen."""
    content, person = queries.content_of(certificate), queries.open_person(certificate, keys())
    seal = queries.open_seal(session, certificate.seal_id, keys()) if certificate.seal_id is not None else b""
    where = f"{content['address']}/{certificate.number}"
    return {
        "name": person.name,
        "document": person.document,
        "member_number": content["member_number"],
        "number": codes.grouped(certificate.number),
        "branch": content["branch"],
        "period": period_words(*(date.fromisoformat(content[name]) for name in ("first", "last"))),
        "hours": hours(content["minutes"]),
        "count": len(content["services"]),
        "kinds": _kinds(content),
        "lines": [one | {"hours_served": hours(one["minutes"])} for one in content["services"]],
        "english": content["language"] == BILINGUAL,
        "hours_english": hours_english(content["minutes"]),
        "handler": content["handler"],
        "issued_on": content["issued_on"],
        "seal": list(seal),
        "hash": certificate.hash,
        "address": content["address"],
        "qr": qr.runs(qr.matrix(where)),
    }


def _kinds(content: dict[str, Any]) -> str:
    """What was done, the most of it first: 环境清洁 10 小时、助老陪伴 2 小时."""
    minutes: dict[str, int] = {}
    for one in content["services"]:
        minutes[one["category"]] = minutes.get(one["category"], 0) + one["minutes"]
    ordered = sorted(minutes.items(), key=lambda kind: (-kind[1], kind[0]))
    return "、".join(f"{name} {hours(total)}" for name, total in ordered)


def hours_english(minutes: int) -> str:
    """``150`` → ``2 h 30 min``."""
    whole, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{whole} h" if whole else "", f"{rest} min" if rest or not whole else "") if part
    )


def list_page(found: Sequence[Certificate], *, member: Member | None, may_issue: bool) -> str:
    """Certificates of the reader's own (``member`` None) or of a person at the counter, newest first."""
    ids = [one.id for one in found]
    return render_template(
        "certificates/mine.html",
        certificates=found,
        replaced=queries.replaced_ids(db.session(), ids),
        looks=queries.looks_of(db.session(), ids),
        statuses=STATUS_NAMES,
        tones=TONES,
        member=member,
        may_issue=may_issue,
    )


def show_page(certificate: Certificate, *, staff: bool) -> str:
    """One certificate: what it says, its code for others to scan, and what can be done with it."""
    session = db.session()
    content = queries.content_of(certificate)
    return render_template(
        "certificates/show.html",
        certificate=certificate,
        content=content,
        number=codes.grouped(certificate.number),
        link=f"{content['address']}/{certificate.number}",
        picture=qr.svg(f"{content['address']}/{certificate.number}", "查验码，别人扫了能查到这份证明"),
        replacement=queries.replacement_of(session, certificate.id),
        looks=queries.looks_of(session, [certificate.id]).get(certificate.id, 0),
        waiting=queries.find_waiting(session, certificate.id) if staff else None,
        may_withdraw=staff and current_actor().may("certificate.withdraw", branch_id=certificate.branch_id),
        may_issue=current_actor().may("certificate.issue", branch_id=certificate.member.branch_id),
        staff=staff,
        statuses=STATUS_NAMES,
        tones=TONES,
        form_key=form_key(),
    )


def replace_with_new(certificate_id: int, *, staff: bool) -> str:
    """One press: a new certificate in place of a withdrawn one. Returns where to go on."""
    page = "certificates.show_for_staff" if staff else "certificates.show_mine"
    goes_on = certificate_id
    with saying_refusals(), transaction() as session:
        sent = service.Sent(form_key=form_key(), address=address())
        made = service.reissue(session, certificate_id, sent, actor=current_actor(), keys=keys(), now=clock.now())
        goes_on = made.id
        flash("换开好了，这一份有效。原来那一份继续显示“已撤回”。", "success")
    return url_for(page, certificate_id=goes_on)
