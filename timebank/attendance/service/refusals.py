"""Why a list is not sent, not approved, or not given back."""

from __future__ import annotations

from timebank.core.errors import Conflict, Invalid, NotAllowed


class StillRunning(Conflict):
    """The shift is not over."""

    code = "attendance.still_running"
    text = "班次还没有结束，{ends} 结束后才能提交审核。"


class StillPending(Conflict):
    """Somebody's record waits for a decision."""

    code = "attendance.still_pending"
    text = (
        "还有 {count} 人的时间不全，或者要核实。请逐个补记、更正，或者标为“不计”，再提交；"
        "也可以先送已经核对的，这几位以后再送。"
    )


class AlreadySubmitted(Conflict):
    """Sent before and not given back."""

    code = "attendance.already_submitted"
    text = "这个班次已经提交过了，正在等另一位工作人员审核。"


class NothingToSend(Conflict):
    """Everything that is reviewed is booked already."""

    code = "attendance.nothing_to_send"
    text = "没有可以提交的人：核对过的都已经入账，其余的还要先处理。"


class NotSubmitted(Conflict):
    """There is nothing to approve: not sent yet, or given back."""

    code = "attendance.not_submitted"
    text = "这个班次还没有提交审核，或者已经退回给组织者修改。请等组织者提交后再审核。"


class ChangedMeanwhile(Conflict):
    """What the approver saw is not what would be booked."""

    code = "attendance.changed_meanwhile"
    text = "这份名单在您打开以后又改过并重新提交。请再看一遍新的名单，然后审核。"


class NobodyChosen(Conflict):
    """Everybody was held back."""

    code = "attendance.nobody_chosen"
    text = "一个人也没有选。如果整份名单都要再核对，请用“退回修改”。"


class NoHeldReason(Invalid):
    """Somebody is held back without a reason."""

    code = "attendance.no_held_reason"
    text = "请写明为什么先不审核没有打勾的人，组织者要看着去核对。"


class BeyondShift(Conflict):
    """Somebody would get more than the whole shift."""

    code = "attendance.beyond_shift"
    text = "有 {count} 人的时长超过了整个班次（最多 {most}，加上确认过的加时）。请退回给组织者核对后重新提交。"


class FourEyes(NotAllowed):
    """The approver has a hand in it."""

    code = "attendance.four_eyes"
    text = "{why}，按规定要由另一位工作人员审核。请让别的组织者或网点管理员来办。"


class TwoPeople(NotAllowed):
    """One yes is too little for this round."""

    code = "attendance.two_people"
    text = "这份名单要两位工作人员先后同意才能入账。请另一位组织者或网点管理员也审核一次。"
