"""Forms filled in well, for every route that takes one: what somebody who may do it would send."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.attendance.paper import a_picture
from tests.doors.town import Town
from tests.world import PASSWORD
from timebank.core import clock
from timebank.members.rules import CONSENT_VERSION

NEW_PASSWORD = "大碶的桂花又开了"
_REASON = {"reason": "下雨路滑"}
_OFFER = {"form_key": "fresh", "title": "磨剪刀", "price_hours": "1", "price_minutes": "0"}
_ACTIVITY = {
    "form_key": "fresh",
    "title": "陪老人散步",
    "category": "elderly",
    "content": "在公园走一圈。",
    "place": "凤凰山公园",
    "contact_name": "李红梅",
    "contact_phone": "0574-86780000",
    "risk": "low",
    "shifts-0-date": "2026-12-05",
    "shifts-0-start": "09:00",
    "shifts-0-end": "10:00",
    "shifts-0-capacity": "5",
}
_PERSON = {"form_key": "fresh", "name": "陶桂花", "consent": "1", "consent_version": CONSENT_VERSION}

Filled = Mapping[str, str] | Callable[[Town], Mapping[str, Any]]
_FORMS: dict[str, Filled] = {
    "activities.backdated": _ACTIVITY
    | {"backdated_reason": "抢险回来才登记", "shifts-0-date": "2026-11-19", "then": "publish"},
    "activities.accept": {},
    "activities.agree_appeal": _REASON,
    "activities.agree_for": {"form_key": "fresh"},
    "activities.appeal_no_show": {"form_key": "fresh", "words": "我来了，手机没电"},
    "activities.ask_family": lambda town: {"number": town.number_of("volunteer@other")},
    "activities.change_sign_up_rules": {
        "form_key": "fresh",
        "offer_hours": "12",
        "late_hours": "24",
        "no_shows": "3",
        "no_show_days": "90",
        "popular_percent": "80",
        "reason": "网点会议决定",
    },
    "activities.confirm_family": {},
    "activities.decline_appeal": _REASON,
    "activities.end_consent": {},
    "activities.end_family": {},
    "activities.end_link": {},
    "activities.end_paper": {},
    "activities.join_together": {"form_key": "fresh"},
    "activities.lift": _REASON,
    "activities.link_member": lambda town: {"number": town.number_of("asker")},
    "activities.quit_for": _REASON,
    "activities.quit_together": _REASON,
    "activities.record_consent": {"form_key": "fresh", "guardian_name": "王大山", "seen": "1"},
    "activities.record_paper": {"form_key": "fresh", "kind": "first_aid", "seen": "1"},
    "activities.withdraw_agreement": {},
    "activities.accept_for": {},
    "activities.cancel": _REASON,
    "activities.cancel_one": _REASON,
    "activities.copy": {"form_key": "fresh"},
    "activities.discard": {},
    "activities.edit": _ACTIVITY,
    "activities.join": {},
    "activities.new": _ACTIVITY,
    "activities.publish_now": {},
    "activities.quit_shift": _REASON,
    "activities.roster": lambda town: {"who": town.number_of("volunteer@home")},
    "activities.take_off": _REASON,
    "archives.close": {},
    "attendance.approve": {},
    "attendance.close": {},
    "attendance.close_all": _REASON | {"out_at": "09:20"},
    "attendance.decide": lambda town: _REASON | {"case": str(town.things["case"]), "decision": "dismiss"},
    "attendance.kiosk_scan": lambda town: {"form_key": "fresh", "code": town.things["personal_code"]},
    "attendance.look": {},
    "attendance.open_here": {"form_key": "fresh"},
    "attendance.enter_list": lambda town: {
        "member": str(town.members["owner"]),
        "manual_hours": "0",
        "manual_minutes": "30",
        "reason": "照签到表",
    },
    "attendance.give_back": _REASON,
    "attendance.keep_person": _REASON,
    "attendance.person": _REASON | {"form": "manual", "manual_hours": "0", "manual_minutes": "30"},
    "attendance.photograph": lambda _: {"photo": (io.BytesIO(a_picture((900, 1300), "navy")), "page.jpg")},
    "attendance.make_new_poster": {"form_key": "fresh"},
    "attendance.mark_no_shows": lambda town: {f"mark-{town.members['owner']}": "absent"},
    "attendance.record": {"form_key": "fresh"},
    "attendance.restore_person": {},
    "attendance.scan_listed": {"form_key": "fresh"},
    "attendance.scan_person": lambda town: {"form_key": "fresh", "code": town.things["personal_code"]},
    "attendance.sheets": {"form_key": "fresh", "which": "list", "blank_lines": "3"},
    "attendance.submit": {},
    "attendance.take_poster_down": {},
    "attendance.type_code": lambda town: {"code": town.thing("venue_code")},
    "attendance.upload_scans": lambda town: {"batch": _batch(town)},
    "attendance.try_written": _ACTIVITY,
    "attendance.type_sheet": {
        "form_key": "fresh",
        "lines-0-line": "1",
        "lines-0-in_at": "900",
        "lines-0-out_at": "",
        "lines-0-who": "",
        "people": "1",
        "sum_hours": "",
        "sum_minutes": "",
    },
    "attendance.void_person": _REASON,
    "branches.close_area": {},
    "branches.new_area": {"code": "330300", "name": "温州市"},
    "branches.new_branch": {"code": "ZZ", "name": "新网点"},
    "branches.rename_area": {"name": "朝阳社区", "valid_from": "2026-11-21"},
    "branches.settings": {"name": "北仑红领站"},
    "corrections.approve": {"note": "已告诉本人"},
    "corrections.ask_check": {"form_key": "fresh", "words": "我待了三个小时"},
    "corrections.correct": _REASON | {"form_key": "fresh", "kind": "whole"},
    "corrections.decline": _REASON,
    "corrections.decline_request": _REASON,
    "corrections.withdraw": {},
    "desks.rotate": {"form_key": "fresh", "days": "30"},
    "exchange.accept_order": {"agreed_at": "2026-11-22T09:00", "reply": "好的"},
    "exchange.cancel_order": _REASON,
    "exchange.change_stock": {"stock": "7", "seen": "5"},
    "exchange.decline_order": _REASON,
    "exchange.edit_goods": _OFFER | {"category": "ticket"},
    "exchange.edit_offer": _OFFER | {"category": "haircut"},
    "exchange.find_voucher": lambda town: {"voucher": town.things["voucher"]},
    "exchange.fulfil": {},
    "exchange.new_goods": _OFFER | {"category": "ticket", "stock": "3"},
    "exchange.new_offer": _OFFER | {"category": "haircut"},
    "exchange.rate_order": {"score": "5", "words": "很好"},
    "exchange.request_order": {"form_key": "fresh", "quantity": "1"},
    "exchange.renew_offer": {},
    "exchange.turn_offer": {},
    "members.approve": {},
    "members.create_team": {"name": "银发乐队", "kind": "文艺"},
    "members.decline": _REASON,
    "members.edit_member": {"name": "王剪刀", "alias": "王师傅", "skills": "理发"},
    "members.end_role": {},
    "members.find_people": {"q": "王剪刀"},
    "members.identity": {"id_number": "330206195001011245", "identity_consent": "1"},
    "members.join_team": lambda town: {"member_id": str(town.members["asker"])},
    "members.leave_team": lambda town: {"member_id": str(town.members["owner"])},
    "members.new_member": lambda town: _PERSON | {"branch_id": str(town.things["branch"])},
    "members.new_password": {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD},
    "members.password": {"current": PASSWORD, "password": NEW_PASSWORD, "password_again": NEW_PASSWORD},
    "members.profile": {"alias": "小王"},
    "members.register": lambda town: (
        _PERSON
        | {
            "branch_id": str(town.things["branch"]),
            "phone": "13805749999",
            "password": NEW_PASSWORD,
            "password_again": NEW_PASSWORD,
        }
    ),
    "members.reissue_card": _REASON,
    "members.remove_identity": {},
    "members.replace_card": _REASON,
    "giving.agree_grant": {},
    "giving.ask_grant": lambda town: {
        "form_key": "fresh",
        "number": town.number_of("asker"),
        "amount_minutes": "5",
        "reason": "住院，暂时不能参加活动",
    },
    "giving.decline_grant": {"note": "先等一等"},
    "giving.gifts": lambda town: {
        "form_key": "fresh",
        "purse": "coin",
        "amount_minutes": "1",
        "number": town.number_of("volunteer@home"),
        "name": town.name_of("volunteer@home"),
        "words": "去理个发吧",
        "then": "give",
    },
    "giving.give_to_fund": {
        "form_key": "fresh",
        "purse": "coin",
        "amount_hours": "0",
        "amount_minutes": "30",
        "words": "给需要的老人",
        "then": "give",
    },
    "giving.withdraw_grant": {},
    "members.resume": {},
    "members.roles": lambda town: {"number": town.number_of("volunteer@home"), "role": "organiser", "place": "branch"},
    "members.set_leader": lambda town: {"member_id": str(town.members["owner"])},
    "members.set_pin": {},
    "members.sign_in": {"login": "13805740011", "password": PASSWORD},
    "members.sign_out": {},
    "members.suspend": _REASON,
    "members.unmask": _REASON | {"field": "phone"},
    "notices.read": {},
    "notices.read_all": {},
    "requests.claim": {"starts_at": "2026-11-24T09:00"},
    "requests.confirm": {},
    "requests.decline": _REASON,
    "requests.dispatch": {"source": "none", "length_hours": "1", "length_minutes": "0", "to_all": "1"},
    "requests.hand_over": lambda town: {"number": town.number_of("organiser@home")},
    "requests.invite": lambda town: {"who": str(town.members["owner"])},
    "requests.look": {},
    "requests.move": {"starts_at": "2026-11-27T09:00"},
    "requests.new_request": {
        "form_key": "fresh",
        "kind": "request",
        "category": "visit",
        "title": "陪我说说话",
        "first_day": "2026-11-22",
        "last_day": "2026-11-29",
        "length_hours": "1",
        "source": "none",
    },
    "requests.rate": {"score": "5", "words": "很好"},
    "requests.refuse": {},
    "requests.release": _REASON,
    "requests.take_up": {},
    "requests.withdraw": _REASON,
    "roster.put_away": {},
    "roster.run": {"consented": "1"},
    "roster.upload": lambda town: {"branch_id": str(town.things["branch"])},
    "rulebook.new_rule": {
        "form_key": "fresh",
        "valid_from": "2026-12-01",
        "points_per_hour": "12",
        "daily_cap_hours": "4",
        "reason": "网点会议决定",
        "then": "save",
    },
    "web.preferences": {"large": "1"},
}


def _batch(town: Town) -> str:
    """One scan of a phone, as a form sends it."""
    at = clock.now().isoformat()
    scan = {"key": "fresh-scan", "code": town.things["personal_code"], "at": at}
    return json.dumps({"sent_at": at, "device": "phone", "scans": [scan]})


def well_filled(endpoint: str, town: Town) -> dict[str, Any]:
    """The fields of a route's form. Raises KeyError for a form that nobody has filled in yet."""
    if endpoint not in _FORMS:
        raise KeyError(f"{endpoint}: fill its form in, in tests/doors/forms.py")
    filled = _FORMS[endpoint]
    return dict(filled(town) if callable(filled) else filled)
