"""Paper to take along: certificates, one of them withdrawn, the news of monthly statements, a passbook printed once."""

from __future__ import annotations

import io
import math
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from PIL import Image, ImageDraw

from timebank.certificates import service
from timebank.certificates.models import Certificate
from timebank.certificates.rules import NothingToCertify
from timebank.core.photos import read_photo
from timebank.demo.calendar import waking
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI
from timebank.passbooks import service as passbooks
from timebank.passbooks.rules import NothingYet

# The address at which ``make run`` serves: the codes on demo certificates lead there.
_ADDRESS: Final = "http://127.0.0.1:8000/certificates"
_SELF, _MISTAKEN, _DOUBTED = "胡菊芬", "周阿明", "励国良"
_RED: Final = (176, 36, 27)
_SIDE: Final = 480


def certify(story: Story) -> None:
    """Note when the stamp is scanned, certificates are issued, looked at, and withdrawn."""
    day = timedelta(days=1)
    story.note(waking(story.now - 20 * day), _scan_stamp)
    story.note(waking(story.now - 12 * day), _issue, _SELF, 3)
    story.note(waking(story.now - 9 * day), _withdraw)
    story.note(waking(story.now - 4 * day), _issue_at_the_counter)
    story.note(waking(story.now - 2 * day), _doubt)
    story.note(waking(story.now - 10 * day), _print_passbook)
    story.note(waking(story.now - day), _tell_statements)


def _scan_stamp(story: Story, at: datetime) -> None:
    service.keep_seal(
        story.session,
        story.branch_ids[DAQI],
        read_photo(_stamp(), longest=_SIDE),
        actor=story.actor(MANAGERS[DAQI]),
        keys=story.keys,
        now=at,
    )


def _stamp() -> bytes:
    """A ring and a star, as no real stamp looks."""
    picture = Image.new("RGB", (_SIDE, _SIDE), "white")
    draw, middle = ImageDraw.Draw(picture), _SIDE / 2
    draw.ellipse((12, 12, _SIDE - 12, _SIDE - 12), outline=_RED, width=14)
    draw.polygon([_corner(middle, 42 if at % 2 else 108, at) for at in range(10)], fill=_RED)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _corner(middle: float, radius: float, at: int) -> tuple[float, float]:
    return middle + radius * math.sin(math.pi * at / 5), middle - radius * math.cos(math.pi * at / 5)


def _issue(story: Story, name: str, looks: int, at: datetime) -> Certificate | None:
    """For somebody, by themselves or, without a sign-in, by the manager; none where nothing was booked yet."""
    holder = story.residents.get(name)
    if holder is None:
        return None
    draft = service.CertificateDraft(
        member_id=holder.member_id,
        branch_id=story.branch_ids[DAQI],
        form_key=f"demo:certificate:{name}",
        address=_ADDRESS,
    )
    actor = story.actor(name if holder.person.phone else MANAGERS[DAQI])
    try:
        made = service.issue(story.session, draft, actor=actor, keys=story.keys, now=at)
    except NothingToCertify:
        return None
    for _ in range(looks):
        service.count_look(story.session, made.number, now=at)
    return made


def _issue_at_the_counter(story: Story, at: datetime) -> None:
    without = [one for one, resident in story.residents.items() if not resident.person.phone]
    for name in without:
        if story.residents[name].branch_id == story.branch_ids[DAQI] and _issue(story, name, 0, at) is not None:
            return


def _withdraw(story: Story, at: datetime) -> None:
    """Two people withdraw one."""
    made = _issue(story, _MISTAKEN, 1, at)
    if made is None:
        return
    asked = service.ask_withdrawal(
        story.session,
        made.id,
        reason="本人要的是分年度的，这份开错了",
        form_key="demo:withdrawal:mistaken",
        actor=story.actor(MANAGERS[DAQI]),
        now=at + timedelta(minutes=5),
    )
    second = story.actor("沃静波")
    service.agree_withdrawal(story.session, asked.id, actor=second, now=at + timedelta(minutes=20))


def _doubt(story: Story, at: datetime) -> None:
    """One whose withdrawal waits for the second person."""
    made = _issue(story, _DOUBTED, 0, at)
    if made is not None:
        service.ask_withdrawal(
            story.session,
            made.id,
            reason="本人来电，说要换成只写家电维修的",
            form_key="demo:withdrawal:doubted",
            actor=story.actor("沃静波"),
            now=at + timedelta(minutes=10),
        )


def _print_passbook(story: Story, at: datetime) -> None:
    """Somebody without a phone brings their booklet; what came since is still to be printed."""
    for resident in story.residents.values():
        if resident.person.phone or resident.branch_id != story.branch_ids[DAQI]:
            continue
        draft = passbooks.PrintDraft(member_id=resident.member_id, whole=False, form_key="demo:passbook")
        with suppress(NothingYet):
            passbooks.print_passbook(story.session, draft, actor=story.actor(MANAGERS[DAQI]), now=at)
            return


def _tell_statements(story: Story, at: datetime) -> None:
    for branch_id in story.branch_ids.values():
        passbooks.tell_statements(story.session, branch_id, now=at, at_most=len(story.residents))
