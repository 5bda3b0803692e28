"""``/branch``: one queue of what waits for a decision, and how the branch stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

from flask import render_template, url_for
from sqlalchemy.orm import Session

from timebank.activities.queries import list_open_appeals
from timebank.agreements.queries import list_waiting_agreements
from timebank.archives import queries as archives
from timebank.attendance.queries import (
    ShiftCard,
    list_unrecorded,
    list_waiting_approval,
    list_waiting_review,
    month_totals,
)
from timebank.branches.models import Branch
from timebank.branches.views import choose_branch
from timebank.certificates.queries import count_waiting as count_waiting_withdrawals
from timebank.clearing.queries import count_items, count_waiting, list_unsigned, oldest_item
from timebank.core import clock
from timebank.core.actor import Actor
from timebank.core.clock import month_name
from timebank.core.db import db
from timebank.core.workdays import deadline, first_in_time
from timebank.corrections.queries import count_open
from timebank.desks.views import blueprint
from timebank.disputes.queries import list_open as list_open_disputes
from timebank.disputes.views.base import due_of
from timebank.exchange.queries import BranchCounts, count_for_branch, list_unchecked, redemption_capacity
from timebank.giving.queries import list_waiting_grants
from timebank.growth.queries import count_open_questions, list_waiting_commendations
from timebank.ledger import queries as ledger
from timebank.members.models import ACTIVE
from timebank.members.queries import count_by_status, count_pending
from timebank.requests.queries import count_desk
from timebank.watch.words import list_alarm_words
from timebank.web.filters import span
from timebank.web.guards import current_actor, guard


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """One line of the queue: how many, of what, and where it is decided."""

    count: int
    title: str
    text: str
    url: str


@blueprint.get("/branch")
@guard("branch.read")
def branch_desk() -> str:
    """The desk of a branch."""
    choice, session, now = choose_branch("branch.read"), db.session(), clock.now()
    branch, actor = choice.branch, current_actor()
    counts = count_for_branch(session, branch.id, now=now, today=clock.today(now))
    return render_template(
        "desks/branch.html",
        choice=choice,
        branch=branch,
        waiting=[*list_queue(session, branch, counts, actor, now), *_preview(session, branch, actor, now)],
        audit=archives.latest_audit(session, branch.id),
        alarms=list_alarm_words(session, now=now) if actor.may("jobs.read", branch_id=branch.id) else [],
        unclosed=archives.find_unclosed(session, branch.id, now=now),
        month=clock.month_of(now),
        totals=month_totals(session, frozenset({branch.id}), clock.month_of(now)),
        members=count_by_status(session, branch.id)[ACTIVE],
        outstanding=ledger.outstanding(session, branch.id),
        fund=ledger.get_account(session, ledger.find_house_account(session, branch.id, "fund")).balance,
        capacity=redemption_capacity(session, branch.id, today=clock.today(now)),
        counts=counts,
        links=_links(branch, actor),
    )


def list_queue(session: Session, branch: Branch, counts: BranchCounts, actor: Actor, now: datetime) -> list[Waiting]:
    """What waits at a branch for a decision that this actor may take."""
    here = frozenset({branch.id})
    found: list[Waiting] = []
    pending = count_pending(session, here)
    if pending and actor.may("member.approve", branch_id=branch.id):
        url = url_for("members.members", branch=branch.id, status="pending")
        found.append(Waiting(count=pending, title="等待审核的会员", text="核对身份后通过，才能报名和兑换", url=url))
    appeals = len(list_open_appeals(session, here))
    if appeals and actor.may("no_show.decide", branch_id=branch.id):
        url = url_for("activities.no_shows", branch=branch.id)
        found.append(Waiting(count=appeals, title="缺席申诉", text="由没有经手的人决定", url=url))
    if actor.may("attendance.approve", branch_id=branch.id):
        found += [
            Waiting(
                count=card.attended,
                title=f"审批时长：{card.title}",
                text=f"{span(card.starts_at, card.ends_at)} · {card.attended} 人 · {_asks(card, now)}",
                url=url_for("attendance.approval", shift_id=card.shift_id),
            )
            for card in list_waiting_approval(session, here)
        ]
    reviews = list_waiting_review(session, here, now=now)
    if reviews and actor.may("attendance.review", branch_id=branch.id):
        first = reviews[0]
        words = deadline(first.ends_at, now).words
        text = f"最早的是 {span(first.starts_at, first.ends_at)} “{first.title}”，{words}"
        found.append(
            Waiting(count=len(reviews), title="等待核对名单的班次", text=text, url=url_for("attendance.approvals"))
        )
    found += _late(session, branch, actor, now)
    found += _corrections(session, branch, actor)
    found += _certificates(session, branch, actor)
    found += _disputes(session, branch, actor, now)
    found += _grants(session, branch, actor)
    found += _agreements(session, branch, actor)
    found += _recognition(session, branch, actor)
    found += _licences(session, branch, actor, now)
    found += _orders(branch, counts, actor)
    found += _requests(session, branch, actor, now)
    found += _clearing(session, branch, actor, now)
    found += _months(session, branch, actor, now)
    return found


def _asks(card: ShiftCard, now: datetime) -> str:
    """Who sent a round, who agreed already, and how long it may still wait."""
    agreed = f"，{card.first_approved_by}已同意，还差一位" if card.first_approved_by else ""
    return f"{card.submitted_by} 提交{agreed} · {deadline(card.ends_at, now).words}"


def _late(session: Session, branch: Branch, actor: Actor, now: datetime) -> list[Waiting]:
    if not actor.may("attendance.review", branch_id=branch.id):
        return []
    before = clock.instant(first_in_time(clock.today(now)), time())
    late = list_unrecorded(session, frozenset({branch.id}), now=now, ended_before=before)
    url = url_for("attendance.overdue", branch=branch.id)
    text = "结束后 10 个工作日还没有入账，要尽快核对、审核"
    return [Waiting(count=len(late), title="逾期未入账的班次", text=text, url=url)] if late else []


def _corrections(session: Session, branch: Branch, actor: Actor) -> list[Waiting]:
    if not actor.may("books.correct", branch_id=branch.id):
        return []
    counts, url = count_open(session, branch.id), url_for("corrections.desk", branch=branch.id)
    lines = (
        (counts.waiting, "等第二人决定的更正", "更正以后有人会欠币，要另一位管理员同意"),
        (counts.requests, "会员申请核对的记录", "查清后更正，或者说明为什么没有错"),
    )
    return [Waiting(count=count, title=title, text=text, url=url) for count, title, text in lines if count]


def _certificates(session: Session, branch: Branch, actor: Actor) -> list[Waiting]:
    count = count_waiting_withdrawals(session, branch.id)
    if not count or not actor.may("certificate.withdraw", branch_id=branch.id):
        return []
    url = url_for("certificates.desk", branch=branch.id)
    return [Waiting(count=count, title="等第二人决定的证明撤回", text="同意以后，别人查到的是“已撤回”", url=url)]


def _disputes(session: Session, branch: Branch, actor: Actor, now: datetime) -> list[Waiting]:
    waiting = list_open_disputes(session, branch.id)
    if not waiting or not actor.may("dispute.read", branch_id=branch.id):
        return []
    text = f"最急的是“{waiting[0].order.offer.title}”，{due_of(waiting[0], now).words}"
    url = url_for("disputes.desk", branch=branch.id)
    return [Waiting(count=len(waiting), title="等决定的争议", text=text, url=url)]


def _grants(session: Session, branch: Branch, actor: Actor) -> list[Waiting]:
    if not actor.may("fund.grant", branch_id=branch.id):
        return []
    count = len(list_waiting_grants(session, branch.id))
    url = url_for("giving.fund_desk", branch=branch.id)
    return [Waiting(count=count, title="等第二人同意的帮扶", text="从爱心基金给会员", url=url)] if count else []


def _agreements(session: Session, branch: Branch, actor: Actor) -> list[Waiting]:
    if not actor.may("organisation.change", branch_id=branch.id):
        return []
    return [
        Waiting(
            count=1,
            title=f"共建协议等第二人：{one.organisation.name}",
            text=f"{one.year} 年 · {what}",
            url=url_for("agreements.agreement", agreement_id=one.id),
        )
        for one, what in list_waiting_agreements(session, branch.id)
    ]


def _recognition(session: Session, branch: Branch, actor: Actor) -> list[Waiting]:
    found = []
    questions = count_open_questions(session, branch.id)
    if questions and actor.may("milestone.record", branch_id=branch.id):
        url = f"{url_for('growth.milestones', branch=branch.id)}#questions"
        text = "由没有记那一条的人核对、答复"
        found.append(Waiting(count=questions, title="会员对成长卡的提问", text=text, url=url))
    if actor.may("award.grant", branch_id=branch.id):
        found += [
            Waiting(
                count=1,
                title=f"等第二人同意的评优名单：{one.year} 年",
                text=one.title,
                url=f"{url_for('growth.commendations', branch=branch.id, year=one.year)}#list-{one.id}",
            )
            for one in list_waiting_commendations(session, branch.id)
        ]
    return found


def _licences(session: Session, branch: Branch, actor: Actor, now: datetime) -> list[Waiting]:
    if not actor.may("offer.branch", branch_id=branch.id):
        return []
    count = len(list_unchecked(session, branch.id, clock.today(now)))
    url = f"{url_for('exchange.branch_offers', branch=branch.id)}#unchecked"
    text = "看过原件、登记有效期，邻居才看得到"
    return [Waiting(count=count, title="待核验的从业证书", text=text, url=url)] if count else []


def _orders(branch: Branch, counts: BranchCounts, actor: Actor) -> list[Waiting]:
    if not actor.may("order.fulfil", branch_id=branch.id):
        return []
    url = url_for("exchange.branch_orders", branch=branch.id, status="open")
    lines = (
        (counts.to_pick_up, "等会员来领的物品", "会员出示兑换券后核销", url),
        (counts.unanswered, "还没有人接的服务请求", "可以帮提供者答复，或者打电话提醒", url),
        (counts.low_stock, "快兑完的物品", "补货或者下架", url_for("exchange.branch_offers", branch=branch.id)),
    )
    return [Waiting(count=count, title=title, text=text, url=to) for count, title, text, to in lines if count]


def _requests(session: Session, branch: Branch, actor: Actor, now: datetime) -> list[Waiting]:
    if not actor.may("request.check", branch_id=branch.id):
        return []
    counts = count_desk(session, branch.id, today=clock.today(now))
    lines = (
        (counts.asked, "等受理的点单", "核对以后派单，或者说明为什么不行", "asked"),
        (counts.soon_over, "快到期还没人接的点单", "打电话问一问合适的志愿者", "open"),
    )
    return [
        Waiting(count=count, title=title, text=text, url=url_for("requests.desk", branch=branch.id, part=part))
        for count, title, text, part in lines
        if count
    ]


def _clearing(session: Session, branch: Branch, actor: Actor, now: datetime) -> list[Waiting]:
    if not actor.may("clearing.change", branch_id=branch.id):
        return []
    found = []
    if count := count_waiting(session, branch.id) + len(list_unsigned(session, branch.id)):
        url = url_for("clearing.network", branch=branch.id)
        text = "别的网点提出的、要核对的差异、等同意的折算和轧差、等签的对账单"
        found.append(Waiting(count=count, title="网点互通", text=text, url=url))
    oldest = oldest_item(session, branch.id)
    if oldest is not None:
        days = (clock.today(now) - clock.today(oldest)).days
        text = f"夜里核对没有对上，要本网点补记、冲回或者答复；最早的{f'等了 {days} 天' if days else '是今天发现的'}"
        url = url_for("clearing.branch_items", branch=branch.id)
        found.append(Waiting(count=count_items(session, branch.id), title="网点之间的差异", text=text, url=url))
    return found


def _months(session: Session, branch: Branch, actor: Actor, now: datetime) -> list[Waiting]:
    months = archives.list_unfinished(session, branch.id, now=now)
    if not months or not actor.may("archive.close", branch_id=branch.id):
        return []
    text = "、".join(month_name(month) for month in months[:3])
    url = url_for("archives.month", code=branch.code, month=months[0])
    return [Waiting(count=len(months), title="可以结账的月份", text=text, url=url)]


def _preview(session: Session, branch: Branch, actor: Actor, now: datetime) -> list[Waiting]:
    """What would keep the present month from closing, while there is time to mend it; one that is late goes first."""
    late = archives.find_unclosed(session, branch.id, now=now)
    if late or not actor.may("archive.close", branch_id=branch.id):
        return []
    preview = archives.preview_running(session, branch, now=now)
    if not preview.is_urgent:
        return []
    failing, warnings = len(preview.failing), len(preview.warnings)
    says = f"现在结账有 {failing} 项过不了" if failing else "现在结账能过"
    left = f"，{warnings} 项要留意" if warnings else ""
    text = f"{says}{left}；离月底还有 {preview.days_left} 天"
    url = url_for("archives.month", code=branch.code, month=preview.month)
    return [Waiting(count=failing + warnings, title=f"{month_name(preview.month)}月底预检", text=text, url=url)]


def _links(branch: Branch, actor: Actor) -> list[tuple[str, str, str, str]]:
    """(address, title, text, icon) of everything else at this branch that the actor may open."""
    places = (
        ("member.read", url_for("members.members", branch=branch.id), "会员", "名单、登记、导入名册", "users"),
        ("team.change", url_for("members.teams", branch=branch.id), "服务队", "队伍和队员", "heart"),
        (
            "organisation.read",
            url_for("agreements.organisations", branch=branch.id),
            "驻区单位",
            "共建协议、承诺、时长",
            "building",
        ),
        ("card.print", url_for("growth.cards", branch=branch.id), "批量打印成长卡", "很多人一份 PDF", "card"),
        (
            "milestone.read",
            url_for("growth.milestones", branch=branch.id),
            "培训、荣誉、评价",
            "记在成长卡上，可以一批人一起记",
            "edit",
        ),
        ("member.read", url_for("growth.stars", branch=branch.id), "新晋星级", "这个月谁得了星，证书", "star"),
        (
            "member.read",
            url_for("growth.points_table", branch=branch.id),
            "积分表",
            "网点、服务队、社区、街道",
            "chart",
        ),
        (
            "commendation.read",
            url_for("growth.commendations", branch=branch.id),
            "评优名单",
            "按规则列出，两人同意",
            "check-circle",
        ),
        ("role.grant", url_for("members.roles", branch=branch.id), "身份", "组织者、管理员、监督员", "key"),
        ("offer.branch", url_for("exchange.branch_offers", branch=branch.id), "物品与服务", "上架、库存", "gift"),
        ("order.read", url_for("exchange.branch_orders", branch=branch.id), "兑换单", "查找、核销", "ticket"),
        ("desk.open", url_for("partners.desks", branch=branch.id), "合作单位核销台", "开台、关台", "scan"),
        ("slip.read", url_for("partners.slips", branch=branch.id), "合作单位对账单", "每月换走了什么，可打印", "list"),
        ("request.read", url_for("requests.desk", branch=branch.id), "点单和派单", "受理、派单、跟进", "bell"),
        ("activity.post", url_for("activities.organise"), "组织活动", "发布、现场、核对", "hand"),
        ("clearing.read", url_for("clearing.network", branch=branch.id), "网点互通", "额度、对账单、差异", "share"),
        ("archive.read", url_for("archives.months", branch=branch.id), "月度归档", "结账、下载归档包", "archive"),
        ("books.read", url_for("desks.trial_balance", branch=branch.id), "监督", "试算平衡、分录、自检", "scale"),
        ("jobs.read", url_for("jobs.jobs"), "定时任务", "谁在值守、每次运行的结果", "clock"),
        ("books.read", url_for("desks.liability", branch=branch.id), "爱心币家底", "还有多少没有兑换", "coin"),
        ("fund.read", url_for("giving.fund_desk", branch=branch.id), "爱心基金", "捐赠、帮扶、两人同意", "heart"),
        ("dispute.read", url_for("disputes.desk", branch=branch.id), "争议", "双方说明、期限、决定", "scale"),
        ("rules.read", url_for("rulebook.rules", branch=branch.id), "存币规则", "积分、上限、过期，每次修改", "book"),
        (
            "rules.read",
            url_for("growth.recognition", branch=branch.id),
            "星级和评优规则",
            "几小时一颗星，怎样评优",
            "book",
        ),
        (
            "certificate.read",
            url_for("certificates.desk", branch=branch.id),
            "服务证明",
            "开过的、撤回、印章图片",
            "file",
        ),
        ("books.read", url_for("corrections.desk", branch=branch.id), "更正", "等决定的、核对申请、经过", "edit"),
        ("branch.change", url_for("branches.settings", branch=branch.id), "网点设置", "名称、地址、电话", "settings"),
        ("area.read", url_for("branches.areas"), "区域", "市、区、街道、社区、网格", "tree"),
    )
    return [place[1:] for place in places if actor.may(place[0], branch_id=branch.id)]
