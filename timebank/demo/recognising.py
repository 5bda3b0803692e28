"""Sixth chapter: stars by rules of the branch's own, trainings, awards and evaluations, and who is to be commended."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy import select

from timebank.core.clock import instant, local, today
from timebank.demo.agreeing import SECOND
from timebank.demo.calendar import first_day
from timebank.demo.settling import MANAGERS
from timebank.demo.story import Story
from timebank.demo.town.places import DAQI
from timebank.growth import service
from timebank.growth.models import AWARD, EVALUATION, TRAINING, Milestone
from timebank.growth.queries import list_candidates
from timebank.growth.rules import Recognition
from timebank.members.service import let_be_named

_HOUR: Final = 60
RULES: Final = Recognition(
    one_star_minutes=10 * _HOUR,
    two_star_minutes=25 * _HOUR,
    three_star_minutes=60 * _HOUR,
    four_star_minutes=150 * _HOUR,
    five_star_minutes=300 * _HOUR,
    award_title="红领优秀志愿者",
    award_minutes=10 * _HOUR,
    award_activities=5,
    award_grade=0,
)
_TEAM: Final = "蓝色健康服务队"
_OPEN_TO_NAMES: Final = ("胡菊芬", "张亚君", "史海燕", "乐惠珍")
_COMMENDED: Final = 3


def recognise(story: Story) -> None:
    """Note what is recorded of whom, and the list that waits."""
    opening = instant(first_day(story.now), time(9, 30))
    story.note(opening, _set_rules)
    story.note(opening + timedelta(days=6), _be_named)
    story.note(opening + timedelta(days=20), _train)
    story.note(opening + timedelta(days=25), _award)
    story.note(story.now - timedelta(days=6), _evaluate)
    story.note(story.now - timedelta(days=5), _mistake)
    story.note(story.now - timedelta(days=4), _put_right)
    story.note(story.now - timedelta(days=1), _wonder)
    story.note(story.now - timedelta(hours=20), _propose)


def _ids(story: Story, *, team: str = "", names: tuple[str, ...] = ()) -> list[int]:
    found = [one for one in story.residents.values() if team in one.person.teams or one.person.name in names]
    return [one.member_id for one in found]


def _set_rules(story: Story, at: datetime) -> None:
    draft = service.RecognitionDraft(
        branch_id=story.branch_ids[DAQI],
        valid_from=today(at) + timedelta(days=1),
        settings=RULES,
        reason="网点刚起步，第一次会议商定先把星级定低一点，一年后再看",
        form_key="demo:recognition",
    )
    service.add_recognition(story.session, draft, actor=story.actor(MANAGERS[DAQI]), now=at)


def _be_named(story: Story, at: datetime) -> None:
    for name in _OPEN_TO_NAMES:
        let_be_named(story.session, named=True, actor=story.actor(name), now=at)


def _record(story: Story, by: str, draft: service.MilestoneDraft, ids: list[int], at: datetime) -> None:
    actor = story.actor(by)
    others = [member_id for member_id in ids if member_id != actor.member_id]
    service.record_milestones(story.session, story.branch_ids[DAQI], draft, others, actor=actor, now=at)


def _train(story: Story, at: datetime) -> None:
    draft = service.MilestoneDraft(
        kind=TRAINING,
        title="急救和量血压培训",
        giver="大碶街道社区卫生服务中心",
        on_day=local(at).date(),
        length_minutes=3 * _HOUR,
        words="心肺复苏、量血压、测血糖，当场考核；看过签到表。",
        form_key="demo:training",
    )
    _record(story, "虞海波", draft, _ids(story, team=_TEAM), at)


def _award(story: Story, at: datetime) -> None:
    draft = service.MilestoneDraft(
        kind=AWARD,
        title="街道最美志愿者",
        giver="大碶街道办事处",
        on_day=local(at).date(),
        words="连续多年为老人量血压；看过证书原件。",
        form_key="demo:award",
    )
    _record(story, MANAGERS[DAQI], draft, _ids(story, names=("胡菊芬", "周阿明")), at)


def _evaluate(story: Story, at: datetime) -> None:
    for grade, names in ((4, ("胡菊芬", "励国良", "张亚君")), (3, ("周阿明", "乐惠珍"))):
        draft = service.MilestoneDraft(
            kind=EVALUATION,
            title="下半年评价",
            giver="大碶红领之家",
            on_day=local(at).date(),
            grade=grade,
            words="按准时、态度、服务对象的反映评定，第四季度队长会议通过。",
            form_key=f"demo:evaluation:{grade}",
        )
        _record(story, "虞海波", draft, _ids(story, names=names), at)


def _mistake(story: Story, at: datetime) -> None:
    draft = service.MilestoneDraft(
        kind=TRAINING,
        title="电梯困人救援讲座",
        giver="区消防救援大队",
        on_day=local(at).date(),
        length_minutes=2 * _HOUR,
        words="看过签到表。",
        form_key="demo:mistake",
    )
    _record(story, "虞海波", draft, _ids(story, names=("胡菊芬", "曹国强")), at)


def _milestone(story: Story, key: str, name: str) -> Milestone:
    mine = Milestone.member_id == story.residents[name].member_id
    return story.session.scalars(select(Milestone).where(Milestone.form_key == key, mine)).one()


def _put_right(story: Story, at: datetime) -> None:
    wrong = _milestone(story, "demo:mistake", "胡菊芬")
    reason = "签到表上是另一位胡女士，她那天没有去"
    service.withdraw_milestone(story.session, wrong.id, reason=reason, actor=story.actor(MANAGERS[DAQI]), now=at)


def _wonder(story: Story, at: datetime) -> None:
    about = _milestone(story, "demo:training", "张亚君")
    service.ask_about(
        story.session,
        about.id,
        words="那天我一早就到了，前后是半天，能不能写 4 小时？",
        form_key="demo:question",
        actor=story.actor("张亚君"),
        now=at,
    )


def _propose(story: Story, at: datetime) -> None:
    """The list waits for the second person; there is none while nobody fits yet."""
    branch_id, actor = story.branch_ids[DAQI], story.actor(MANAGERS[DAQI])
    others = {actor.member_id, story.actor(SECOND).member_id}
    fits = [fit for fit in list_candidates(story.session, branch_id, local(at).year, today(at)) if fit.fits]
    chosen = [fit.member.id for fit in fits if fit.member.id not in others][:_COMMENDED]
    if chosen:
        draft = service.CommendationDraft(
            branch_id=branch_id, year=local(at).year, member_ids=chosen, form_key="demo:commendation"
        )
        service.propose_commendation(story.session, draft, actor=actor, now=at)
