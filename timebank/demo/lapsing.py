"""Last but one chapter: papers that staff have seen, and an offer that ends within days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from timebank.core.clock import today
from timebank.demo.calendar import waking
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI
from timebank.exchange.service import OfferDraft, post_offer
from timebank.members.service import PaperDraft, record_paper

# Who, which paper, in how many days it ends.
_PAPERS: Final = (("杨旭峰", "electrician", 16), ("史海燕", "doctor", 700), ("张亚君", "first_aid", 25))
_ENDS_IN: Final = timedelta(days=6)


def let_things_end(story: Story) -> None:
    """Note when papers were shown, and when the offer was made."""
    for row, (name, kind, days) in enumerate(_PAPERS):
        story.note(waking(story.now - timedelta(days=30 - row)), _show_paper, name, kind, days)
    story.note(waking(story.now - timedelta(days=21)), _offer)


def _show_paper(story: Story, name: str, kind: str, days: int, at: datetime) -> None:
    holder = story.residents.get(name)
    if holder is None:
        return
    ends = today(story.now) + timedelta(days=days)
    draft = PaperDraft(kind=kind, valid_until=ends, note="", seen=True, form_key=f"demo:paper:{name}")
    record_paper(story.session, holder.member_id, draft, actor=story.actor(MANAGERS[DAQI]), now=at)


def _offer(story: Story, at: datetime) -> None:
    if "卢海涛" not in story.residents:
        return
    draft = OfferDraft(
        category="repair",
        title="手机清理、照片备份",
        price_minutes=60,
        description="带上手机和数据线，教您把照片存到电脑或者优盘，顺便删掉没用的。",
        place="学苑社区 邻里中心",
        valid_until=today(story.now) + _ENDS_IN,
    )
    post_offer(story.session, draft, form_key="demo:offer:ending", actor=story.actor("卢海涛"), now=at)
