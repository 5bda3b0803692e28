"""What two branches refuse each other, and why."""

from __future__ import annotations

from timebank.core.errors import Conflict, Invalid, NotAllowed


class NotConnected(Conflict):
    """The two branches have not agreed to redeem at each other."""

    code = "clearing.not_connected"
    text = "{payer}和{payee}还没有开通互相兑换。需要的话，请告诉本网点的管理员。"


class PairFrozen(Conflict):
    """Something between the two does not agree; nothing moves until both have settled it."""

    code = "clearing.pair_frozen"
    text = "{payer}和{payee}之间的兑换暂停了，正在核对。冻结的爱心币没有动，恢复以后就能继续。"


class LineFull(Conflict):
    """The creditor's line has no room for it."""

    code = "clearing.line_full"
    text = (
        "{payee}给{payer}的额度用满了：额度 {line}，已用 {used}，这次要 {needed}。"
        "等{payee}的会员来{payer}兑换一些，或者网点商量调高额度以后，就可以兑换；也可以先看看本网点的。"
    )


class CeilingReached(Conflict):
    """The payer's own branch lets its members spend no more outside this month."""

    code = "clearing.ceiling_reached"
    text = "{payer}规定，这个月会员在{where}兑换合计不超过 {ceiling}，已用 {used}。下个月再来，或者先看看本网点的。"


class PairNotReady(Conflict):
    """It is not where this step begins."""

    code = "clearing.pair_not_ready"
    text = "这两个网点之间现在是“{status}”，不能这样办。请刷新页面再看一看。"


class SameBranch(Invalid):
    """A branch needs no agreement with itself."""

    code = "clearing.same_branch"
    text = "请选别的网点。"

    def __init__(self) -> None:
        super().__init__(fields={"peer": self.text})


class OneHandPair(NotAllowed):
    """The same person would decide for both branches."""

    code = "clearing.one_hand"
    text = "两个网点要各由一位管理员决定，不能由同一个人两边都办。请让对方网点的管理员来办。"


class BadLine(Invalid):
    """No whole number, or too much."""

    code = "clearing.bad_line"


class StillOwed(Conflict):
    """Something is owed or under way."""

    code = "clearing.still_owed"
    text = "两边还有 {owed} 没有两清，{open} 张清算单没有办完。都清零以后才能解除互通。"


class CasesOpen(Conflict):
    """A difference has not been settled."""

    code = "clearing.cases_open"
    text = "还有 {count} 件差异没有处理完，不能恢复。请两个网点先各自确认。"


class NotYours(NotAllowed):
    """Only the branch that paused it resumes it."""

    code = "clearing.not_yours"
    text = "是对方网点暂停的，要由对方恢复。"


class CaseSettled(Conflict):
    """This side has said its word."""

    code = "clearing.case_settled"
    text = "本网点已经确认过这件差异，不能再改。"


class WordsMissing(Invalid):
    """A decision between branches says why."""

    code = "clearing.words_missing"
    text = "请写一句说明，对方网点和监督员都要看。"

    def __init__(self) -> None:
        super().__init__(fields={"words": self.text})


class NotACircle(Conflict):
    """Not every branch owes the next as much as would be taken off."""

    code = "clearing.not_a_circle"
    text = "现在转一圈最少的一段只欠 {most}，轧不了 {minutes}。账已经变了，请按新的数重新提。"


class NettingEnded(Conflict):
    """It was settled or declined."""

    code = "clearing.netting_ended"
    text = "这次轧差已经有了结果，不能再改。请刷新页面再看一看。"


class ItemNotYours(NotAllowed):
    """The other branch has to act on it."""

    code = "clearing.item_not_yours"
    text = "这一项要由{branch}来办，请那边的管理员认领。"


class ItemSettled(Conflict):
    """There is nothing left to take."""

    code = "clearing.item_settled"
    text = "这一项已经了结，不用再认领。请刷新页面再看一看。"


class MonthRunning(Conflict):
    """What is not over is not sealed."""

    code = "clearing.month_running"
    text = "{month} 还没有过完，过完以后才能封存。"


class AlreadySealed(Conflict):
    """There is a statement."""

    code = "clearing.already_sealed"
    text = "{month} 的对账单已经封存，不用再签。"


class EarlierMonthFirst(Conflict):
    """Statements follow each other."""

    code = "clearing.earlier_month_first"
    text = "前面的 {month} 还没有封存，请先办那个月。"


class NothingToExcept(Conflict):
    """Both books agree and no case is open."""

    code = "clearing.nothing_to_except"
    text = "这个月两边已经一样，也没有没了结的差异。结账的时候会自动封存，不用签例外。"


class ExceptionMoved(Conflict):
    """What the signer has read is not any more what would be sealed."""

    code = "clearing.exception_moved"
    text = "您看过以后，差异的情况又变了，没有签。请看一看现在的内容，再签。"


class SideSigned(Conflict):
    """One signature for each side."""

    code = "clearing.side_signed"
    text = "本网点已经签过了，在等对方网点签。"
