"""What two branches refuse each other, and why."""

from __future__ import annotations

from timebank.clearing.rules import LONGEST_OVERLAP
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


class BadOverlap(Invalid):
    """Older keys are believed for no time or some weeks, not for ever."""

    code = "clearing.bad_overlap"
    text = "旧密钥再用的天数，请填 0 到 {most} 天；0 天就是马上作废。"

    def __init__(self) -> None:
        most = LONGEST_OVERLAP.days
        super().__init__(fields={"days": self.text.format(most=most)}, most=most)


class KeyLost(Conflict):
    """The instance's secret is not the one that the branch's key was made from."""

    code = "clearing.key_lost"
    text = (
        "{branch}的签名密钥和登记的对不上，多半是系统的 SECRET_KEY 换过。"
        "请{branch}的管理员在“网点互通”里换密钥，换好就能继续。"
    )


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


class UnevenCircle(Conflict):
    """Between two of a circle a minute is not a minute; taken off all round, somebody would lose by it."""

    code = "clearing.uneven_circle"
    text = "这一圈里有两个网点之间要折算，同样的分钟数对两边不一样多，不能轧差。"


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


class RateWaiting(Conflict):
    """One at a time."""

    code = "clearing.rate_waiting"
    text = "已经有一个折算在等答复。请先答复或者撤回，再提新的。"


class RateAnswered(Conflict):
    """It was answered or withdrawn."""

    code = "clearing.rate_answered"
    text = "这次折算已经有了结果，不能再改。要改，请重新提出。"


class RateTooLate(Conflict):
    """The day from which it was to hold has come before both had agreed."""

    code = "clearing.rate_too_late"
    text = "说好从 {day} 起算，现在同意已经晚了：折算要提前一天定下来。请对方重新提一个日期。"


class BadRate(Invalid):
    """No whole numbers, or too uneven; or not from a later day on."""

    code = "clearing.bad_rate"


class StillParked(Conflict):
    """A case about coins that wait is settled by paying them or sending them back."""

    code = "clearing.still_parked"
    text = "这笔款还挂在待处理账户里。请到“待处理款”里付给人或者退回，这件差异就跟着了结。"


class ParkedEnded(Conflict):
    """It waits no more."""

    code = "clearing.parked_ended"
    text = "这笔待处理款已经有了去处，不能再办。请刷新页面再看一看。"


class ParkedPaidOut(Conflict):
    """What found no taker was paid to somebody since."""

    code = "clearing.parked_paid_out"
    text = "这一笔当时挂在待处理账户，后来已经付出去了，不能再整笔退回。请先和收到的人商量好。"


class MoveWaiting(Conflict):
    """One at a time."""

    code = "clearing.move_waiting"
    text = "已经有人提出了办法，在等另一位管理员。请先等结果，或者请提出的人撤回。"


class MoveDecided(Conflict):
    """It was decided or taken back."""

    code = "clearing.move_decided"
    text = "这个办法已经有了结果，不能再改。请刷新页面再看一看。"


class DueStillClosed(Conflict):
    """The account it was for takes nothing."""

    code = "clearing.due_still_closed"
    text = "原来的账户还停用着，存不进去。可以存给本人的另一个会员号，或者转入爱心基金。"


class BadTaker(Invalid):
    """Number and name do not go together, or belong to nobody of this branch who may hold coins."""

    code = "clearing.bad_taker"
    text = "会员号和姓名对不上，或者不是本网点正常的会员。请照着成长卡输入。"

    def __init__(self) -> None:
        super().__init__(fields={"number": self.text})


class OwnCoinsParked(NotAllowed):
    """Nobody decides about their own coins."""

    code = "clearing.own_coins_parked"
    text = "这笔款会到您自己的账户，要请别的管理员来办。"


class OneHandParked(NotAllowed):
    """The two people who decide are one."""

    code = "clearing.one_hand_parked"
    text = "要由两个人决定：提出的人和同意的人不能是同一位。请另一位管理员来办。"
