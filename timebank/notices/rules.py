"""What notices say. A kind's sentence takes plain facts; how a fact is read stands behind its colon.

``{start:moment}`` an instant as ISO text → 2026-11-21 周六 09:00 · ``{minutes:coins}`` → 2 币 30 分 ·
``{minutes:hours}`` → 2 小时 30 分钟 · ``{amount:points}`` → 1,200 分.
"""

from __future__ import annotations

from typing import Final

# Kept sorted. A kind is "feature.event"; its first line is the title, the rest says why and what to do.
SENTENCES: Final[dict[str, str]] = {
    "activity.cancelled": (
        "“{title}”取消了\n原定 {start:moment} 的班次取消，原因：{reason}。您不用来了，欢迎看看别的活动。"
    ),
    "activity.changed": (
        "“{title}”的时间或地点变了\n"
        "现在是 {start:moment} 到 {end:moment}，地点：{place}。去不了请尽早退出，让给下一位。"
    ),
    "agreement.change_asked": (
        "等您确认：“{organisation}”共建协议的变更\n{by} 提出，理由：{reason}。内容：{words}。请到协议页同意或者不同意。"
    ),
    "agreement.change_decided": ("“{organisation}”共建协议的变更有了结果\n{by} {outcome}您提出的变更。内容：{words}。"),
    "agreement.proposed": (
        "等您确认：和“{organisation}”的 {year} 年共建协议\n{by} 说双方已经签字。请对照纸质协议看一遍，再确认签订。"
    ),
    "agreement.sent_back": (
        "和“{organisation}”的 {year} 年共建协议要改一改\n{by} 退回，意见：{reason}。改好以后请再提交。"
    ),
    "agreement.signed": (
        "和“{organisation}”的 {year} 年共建协议签订了\n双方的承诺和兑现情况，在单位的页面上随时能看。"
    ),
    "archive.unclosed": ("{month}还没有结账：{branch}\n{why}原因排除以后会自动再试，也可以到“月度归档”里手工结。"),
    "attendance.approved": (
        "“{title}”的服务已入账，存入 {minutes:coins}\n{start:moment} 的服务已经审核。谢谢您的付出，明细在“我的流水”里。"
    ),
    "attendance.approved_in_parts": (
        "“{title}”的服务已入账，存入 {minutes:coins}\n"
        "{start:moment} 的服务共 {served:hours}，已经审核。{aside}。明细在“我的流水”里。"
    ),
    "attendance.held": (
        "“{title}”有 {count} 人的时长要再核对\n"
        "{start:moment} 的班次，审核人的意见：{reason}。核对后请再提交，其余的人照常审核入账。"
    ),
    "attendance.returned": (
        "“{title}”的名单被退回\n{start:moment} 的班次，原因：{reason}。请核对后重新提交，入账前大家的时长都还没有存入。"
    ),
    "certificate.issued_for": (
        "网点替您开了志愿服务证明\n{by} 经手，共 {minutes:hours}。在“我的 › 服务证明”里随时能看、能再下载。"
        "不是您要开的，请告诉网点。"
    ),
    "certificate.withdrawal_asked": (
        "等您决定：撤回尾号 {tail} 的服务证明\n{by} 提出，原因：{reason}。请到“网点 › 服务证明”里同意或者不同意。"
    ),
    "certificate.withdrawal_declined": ("尾号 {tail} 的证明没有撤回\n{by} 没有同意，原因：{reason}。证明仍然有效。"),
    "certificate.withdrawn_correction": (
        "您尾号 {tail} 的服务证明已撤回\n"
        "里面有一条记录更正了，原因：{reason}。别人查这个编号会看到“已撤回”。请打开它，按一下就能换开新的，免费。"
    ),
    "certificate.withdrawn_decision": (
        "您尾号 {tail} 的服务证明已撤回\n"
        "经两位工作人员决定，原因：{reason}。别人查这个编号会看到“已撤回”。有疑问请问网点；需要的话，打开它可以换开新的。"
    ),
    "clearing.asked": "{peer}想和本网点互相兑换\n附言：{words}。请到“网点互通”里看一看，同意或者说明原因。",
    "clearing.case": (
        "和{peer}之间有一件差异要核对\n{what}。两个网点之间的兑换先暂停，冻结的爱心币没有动。请到“网点互通”里处理。"
    ),
    "clearing.closed": "{peer}解除了和本网点的互通\n原因：{words}。两边已经两清。",
    "clearing.declined": "{peer}没有同意互通\n原因：{words}。",
    "clearing.excepted": (
        "和{peer}的 {month}对账单签了例外，封存了\n没有了结的差异写在对账单里，两边的一样。以后了结了，会写进下一张。"
    ),
    "clearing.exception": (
        "等本网点签：和{peer}的 {month}对账单\n"
        "还有差异没有了结，对方已经签了例外。请看清内容，同意就签，两边都签了才封存。"
    ),
    "clearing.filling": (
        "{debtor}在{creditor}的额度用到了 {level}%\n现在欠 {minutes:coins}。"
        "用满以后，{debtor}的会员就不能再去{creditor}兑换；可以多请对方会员过来，或者商量调高额度。"
    ),
    "clearing.frozen": "{peer}暂停了和本网点的互通\n原因：{words}。已经冻结的爱心币没有动。",
    "clearing.items": (
        "和{peer}之间有 {count} 项没有对上，要本网点来办\n"
        "夜里两边核对时发现的。请到“网点互通 → 差异”里认领，查清以后补记或者冲回。"
    ),
    "clearing.keyed": "{peer}换了和本网点往来用的签名密钥\n{words}。往来照常，不用做什么；新密钥的指纹在“网点互通”里。",
    "clearing.line": "{peer}把给本网点的额度改成了 {minutes:coins}\n本网点最多可以欠{peer}这么多。",
    "clearing.netting_asked": (
        "等您同意：几个网点之间轧掉 {minutes:coins}\n转一圈互相欠的一起减掉，谁的币都不动。请到“网点互通”里决定。"
    ),
    "clearing.netting_declined": "网点之间的轧差没有成\n原因：{words}。账没有动。",
    "clearing.netting_settled": (
        "网点之间轧掉了 {minutes:coins}\n几个网点都同意了，互相欠的都少了这么多，谁的币都没有动。"
    ),
    "clearing.opened": "{peer}同意和本网点互相兑换\n附言：{words}。会员现在可以在两边兑换了。",
    "clearing.parked_asked": (
        "等您同意：一笔待处理款怎么办\n和{peer}之间有 {minutes:coins} 没有人收。"
        "另一位管理员提出了办法，请到“待处理款”里决定。"
    ),
    "clearing.rate_agreed": "{peer}同意了折算\n{day} 起，{rate}。",
    "clearing.rate_asked": (
        "{peer}想改两边的折算\n{day} 起，{rate}。附言：{words}。请在那天以前到“网点互通”里同意，或者说明为什么不行。"
    ),
    "clearing.rate_declined": "{peer}没有同意折算\n原因：{words}。还照原来的算。",
    "clearing.resumed": "和{peer}的互通恢复了\n附言：{words}。",
    "clearing.unparked": (
        "补给您 {minutes:coins}\n和{peer}之间的一笔爱心币以前没有能存进账户，现在补上了。明细在“我的流水”里。"
    ),
    "coins.expired": (
        "{minutes:coins} 过期了\n存入满 {months} 个月没有用，按本网点的规则过期。明细在“我的流水”里，有疑问请问网点。"
    ),
    "correction.agreed": (
        "您提出的更正已办理\n{by} 同意了对 {month} 第 {number} 号分录的更正，账已经改好。附言：{note}。"
    ),
    "correction.booked": (
        "您的一笔记录更正了：{title}\n爱心币变动 {coins:coins}，积分变动 {points:points}。原因：{reason}。"
        "明细在“我的流水”里；有疑问，可以在那里申请核对。"
    ),
    "correction.booked_giveaway": (
        "您的一笔记录更正了：{title}\n"
        "可赠币变动 {giveaway:coins}，爱心币变动 {coins:coins}，积分变动 {points:points}。原因：{reason}。"
        "明细在“我的流水”里；有疑问，可以在那里申请核对。"
    ),
    "correction.declined": (
        "您提出的更正没有同意\n{by} 没有同意对 {month} 第 {number} 号分录的更正。原因：{reason}。账没有变。"
    ),
    "correction.request_corrected": (
        "您申请核对的记录已更正\n{title}：爱心币变动 {coins:coins}，积分变动 {points:points}。{reason}。"
    ),
    "correction.request_corrected_giveaway": (
        "您申请核对的记录已更正\n"
        "{title}：可赠币变动 {giveaway:coins}，爱心币变动 {coins:coins}，积分变动 {points:points}。{reason}。"
    ),
    "correction.request_declined": ("您申请核对的记录没有改动\n{title}：{reason}。如果还有疑问，请到网点当面核对。"),
    "dispute.answered": "“{title}”的争议有新的说明\n{by} 说了话。请打开看看，有要补充的也可以说。",
    "dispute.decided": (
        "“{title}”的争议有结果了：{outcome}\n这一单最后算 {minutes:coins}。理由：{reason}。打开可以看全部经过。"
    ),
    "dispute.due": "“{title}”的争议快到期了\n{until} 以前要作决定。请看双方的说明，由没有关系的人决定。",
    "dispute.no_longer_waits": "“{title}”的争议撤回了\n{by} 撤回了争议，不用再决定。",
    "dispute.opened": (
        "{by} 对“{title}”有不同意见\n"
        "请打开看看，说说您那边的情况，{until} 以前都可以说。由没有关系的工作人员决定；有结果以前，这一单先不动。"
    ),
    "dispute.overdue": "“{title}”的争议逾期了\n应在 {until} 以前决定，双方还在等。请尽快办。",
    "dispute.second_declined": (
        "“{title}”的争议决定没有同意\n{by} 没有同意您的决定，原因：{reason}。争议还在等决定，账没有动。"
    ),
    "dispute.second_wanted": (
        "等您同意：“{title}”的争议决定\n"
        "决定是“{outcome}”，理由：{reason}。有一方的币已经用掉，这样决定会欠着，要您一起同意才算数。"
    ),
    "dispute.waits": "“{title}”有争议，等人决定\n{by} 提出的。{until} 以前要有决定，由没有关系的人来办。",
    "dispute.withdrawn": "“{title}”的争议撤回了\n{by} 不再提了。这一单照原来的办。",
    "gift.given": ("谢谢您捐出 {minutes:coins}\n已经转入{branch}爱心基金，用来帮助不方便参加服务的邻居。"),
    "gift.received": "{giver} 送给您 {minutes:coins}\n留言：{words}。已经存入，可以用来兑换。",
    "gift.sent": "您送给 {receiver} {minutes:coins}\n留言：{words}。如果不是您本人办的，请马上改密码并联系网点。",
    "grant.asked": "等您决定：从爱心基金帮扶 {minutes:coins}\n{by} 申请，理由：{reason}。请到“爱心基金”里决定。",
    "grant.declined": "您申请的 {minutes:coins} 帮扶没有同意\n原因：{reason}。基金没有动。",
    "grant.given": "{branch}爱心基金给您 {minutes:coins}\n已经存入，可以用来兑换服务和物品。有疑问请问网点。",
    "growth.answered": "网点答复了您的问题：“{title}”\n{answer}",
    "growth.recorded": "您的成长卡上记了一条{kind}：“{title}”\n由{giver}给出。如果哪里不对，可以在成长卡上提出来。",
    "growth.withdrawn": "成长卡上的{kind}“{title}”撤销了\n原因：{reason}。有疑问请联系网点。",
    "need.found": "有人能帮您：“{title}”\n您在找“{words}”，{giver} 刚发布了这一项，看看合不合适。",
    "need.wanted": "{member} 在找：“{words}”\n您发布的“{title}”正合适，对方也看得到。等对方来兑换就行。",
    "no_show.appeal_declined": (
        "“{title}”的缺席记录没有改动\n您对 {start:moment} 那次缺席的申诉看过了，理由：{reason}。有疑问请到网点当面说。"
    ),
    "no_show.counted": (
        "“{title}”记了一次缺席\n"
        "{start:moment} 的班次您报了名，没有来，也没有说。{days} 天内满 {most} 次，热门班次会暂时不能自己报名；"
        "时长和爱心币不受影响。不同意可以申诉，由没有经手的人决定。"
    ),
    "no_show.lifted": ("“{title}”的缺席记录不算了\n{start:moment} 那次缺席已经解除，理由：{reason}。"),
    "offer.lapsed": "“{title}”到期了，邻居现在看不到\n截止日期是 {until}。还愿意提供的话，打开它点一下“再续三个月”。",
    "offer.lapsing": "“{title}”快到期了\n{until} 以后邻居就看不到了。还愿意提供的话，打开它点一下“再续三个月”。",
    "offer.licence_ending": (
        "“{title}”的从业证书快到期了\n网点登记的有效期到 {until}，过了邻居就看不到这一项。请带新的证书到网点登记。"
    ),
    "offer.to_check": "{member} 发布了“{title}”，等您核对证书\n写的是：{licence}。请看过原件登记，邻居才看得到。",
    "order.accepted": "“{title}”约好了\n{provider} 约在 {agreed_at:moment}。留言：{reply}。完成后请出示兑换券。",
    "order.booked": "“{title}”订好了\n{at:moment} 开始，地点：{place}。到时候请出示兑换券；用不上请早点取消。",
    "order.cancelled": "您兑换的“{title}”被取消了\n原因：{reason}。冻结的爱心币已经退回，可以再选别的。",
    "order.cancelled_by_branch": "“{title}”的兑换由网点取消了\n原因：{reason}。您不用去了，有疑问请联系网点。",
    "order.cancelled_by_member": "{member} 取消了“{title}”的兑换\n原因：{reason}。您不用去了。",
    "order.comes": "“{title}”由 {who} 来做\n{team}安排了 {who}。做完后请向 {who} 出示兑换券。",
    "order.declined": "“{title}”对方没有接\n原因：{reason}。冻结的爱心币已经退回，可以再选别的。",
    "order.earned": "“{title}”完成，存入 {minutes:coins}\n感谢您为 {member} 服务。欢迎写一句评价。",
    "order.earned_in_parts": ("“{title}”完成，存入 {minutes:coins}\n感谢您为 {member} 服务。{aside}。欢迎写一句评价。"),
    "order.expired": "“{title}”的兑换过期了\n过了期限，冻结的爱心币已经退回。需要的话请重新兑换。",
    "order.fulfilled": "“{title}”已完成，用了 {minutes:coins}\n感谢您的参与，请给对方一个评价。",
    "order.fulfilled_in_part": (
        "“{title}”做了{done}，用了 {minutes:coins}\n"
        "其余 {rest:coins} 已经退回您的账户。说明：{reason}。不对的话，打开这一单，点“有不对的地方”。"
    ),
    "order.moved": (
        "“{title}”改了时间\n{provider} 改约在 {agreed_at:moment}。留言：{reply}。不方便的话，打开这一单，点“换个时间”。"
    ),
    "order.not_done": (
        "“{title}”的兑换过期了\n约好以后过了期限没有核销，{member} 的爱心币已经退回。如果其实已经完成，请联系网点。"
    ),
    "order.ready": "“{title}”已为您留好\n请在 {until:moment} 前到{place}领取，出示兑换券。",
    "order.requested": "{member} 想请您帮忙：“{title}”\n请在兑换单上写的日期前答复，约一个时间；不方便也请说一声。",
    "order.sent": "{team}请您去做：“{title}”\n{member} 兑换的，打开看时间和留言。做完扫对方的兑换券，币存到您这里。",
    "order.time_asked": (
        "{member} 想换个时间：“{title}”\n想约在 {meet_at:moment}。留言：{words}。请打开这一单，答应或者另约一个时间。"
    ),
    "order.unanswered": (
        "“{title}”的请求过期了\n{member} 的请求过了期限没有答复，已经退回。暂时不方便的话，可以先暂停这项服务。"
    ),
    "promise.due": (
        "“{organisation}”共建协议有 {count} 项{side}承诺快到期\n"
        "{until} 到期：{words}。做完了请网点记一笔；来不及，请早些和对方商量。"
    ),
    "promise.overdue": (
        "“{organisation}”共建协议有 {count} 项{side}承诺逾期了\n"
        "应在 {until} 以前完成：{words}。做完了请网点补记；做不了，请和对方商量变更。"
    ),
    "request.asked_for": (
        "{by} 替您点了一单：“{title}”\n网点受理以后会找志愿者，有人接单会告诉您。不需要的话，您可以打开它撤回。"
    ),
    "request.assigned": "您答应的“{title}”登记好了\n约在 {start:moment}。去不了，请尽早打开它退单，写一句原因。",
    "request.claimed": "“{title}”有人接单了\n{volunteer} 约在 {start:moment}。时间不合适，请打网点电话。",
    "request.declined": "“{title}”网点没有受理\n原因：{reason}。有疑问请联系网点。",
    "request.dispatched": "“{title}”已受理，正在找志愿者\n有人接单，马上告诉您。",
    "request.done": "“{title}”完成了\n一共服务 {minutes:hours}，{paid}。请打开它，给志愿者一个评价。",
    "request.expired": "“{title}”到期了，没有人接\n过了最晚的日子。冻结的爱心币已经退回，还需要请重新点一单。",
    "request.handed_over": "“{title}”换了负责人\n{by} 把这一单移交给 {name}，以后由 {name} 负责。",
    "request.invited": "网点想请您帮忙：“{title}”\n{days}。来得了，请打开它选个时间；来不了，也请说一声。",
    "request.moved": "“{title}”改了时间\n现在约在 {start:moment}。不方便，请打网点电话。",
    "request.not_taken_up": "“{title}”还没有受理\n点单已经超过一天，请到“网点 › 点单”里受理。",
    "request.refused": "{member} 这次来不了：“{title}”\n可以再请别的志愿者。",
    "request.released": "“{title}”要重新找人\n原来的志愿者来不了，原因：{reason}。网点会再找一位。",
    "request.soon_over": "“{title}”快到期了，还没有人接\n最晚是 {until}。请打电话问一问合适的志愿者。",
    "request.to_check": "有新的点单等受理：“{title}”\n请到“网点 › 点单”里看一看，受理、派单，或者说明为什么不行。",
    "request.tomorrow": "明天有人来：“{title}”\n{volunteer} 约在 {start:moment}。不方便，请打网点电话。",
    "request.unserved": "“{title}”这次没有服务成\n没有用币，网点会重新找人。有疑问请联系网点。",
    "request.wish_asked": (
        "“{title}”实现了吗？\n{volunteer} 认领了这个微心愿。实现了，请打开它点“心愿达成”；还没有，请打网点电话。"
    ),
    "request.wish_call": (
        "请打个电话：“{title}”认领了，还没有人说实现了\n"
        "{volunteer} 认领的。问一问两边：实现了，替他们点“心愿达成”；没有办成，退回重新找人。"
    ),
    "request.wish_assigned": "您答应的微心愿登记好了：“{title}”\n办不了，请尽早打开它退单，写一句原因。",
    "request.wish_claimed": "“{title}”有人认领了\n{volunteer} 认领了这个微心愿。实现以后，请打开它点“心愿达成”。",
    "request.wish_done": "“{title}”心愿达成\n谢谢您，让邻居的一个小心愿成真。",
    "request.wish_unsaid": "您认领的“{title}”还没有人确认\n办好了，请提醒对方点“心愿达成”；办不了，请打开它退单。",
    "request.withdrawn": "“{title}”撤回了\n原因：{reason}。不用去了。",
    "service.due": (
        "“{title}”的服务还剩 {left} 个工作日入账\n"
        "{start:moment} 的班次，{until} 以前要核对并审核入账{calendar}。现在{where}。"
    ),
    "service.due_today": (
        "“{title}”的服务今天到期\n{start:moment} 的班次，今天（{until}）以内要审核入账{calendar}。现在{where}。"
    ),
    "service.overdue": (
        "“{title}”的服务记录逾期了\n"
        "{start:moment} 的班次，应在 {until} 以前入账{calendar}，现在还在{where}。"
        "组织者是{organiser}，请催一催，或者帮着办完。"
    ),
    "service.overdue_weekly": (
        "还有 {count} 个班次的服务记录逾期\n最久的逾期 {days} 个工作日。请到“逾期未入账”里逐个办完。"
    ),
    "shift.expected": (
        "“{title}”有 {count} 人来\n{start:moment}，地点：{place}。名单、电话和签到都在名单页，记得带好签到码。"
    ),
    "shift.soon": ("“{title}”快开始了\n{start:moment}，地点：{place}。{bring}找不到地方，请打 {phone} 找{contact}。"),
    "shift.tomorrow": (
        "别忘了：“{title}”\n{start:moment}，地点：{place}。{bring}去不了请现在退出，写一句原因，名额让给别人。"
    ),
    "sign_up.accepted_for": (
        "“{title}”的名额定下了\n{by} 替您答应了：{start:moment}，地点：{place}。去不了，您可以自己退出。"
    ),
    "sign_up.by_family": (
        "{by} 替您报名了“{title}”\n{start:moment}，地点：{place}，现在是“{state}”。不想去，您可以自己退出。"
    ),
    "sign_up.by_staff": ("工作人员替您报名了“{title}”\n{start:moment}，地点：{place}。去不了请尽早退出，让给下一位。"),
    "sign_up.moved_up": (
        "候补成功：“{title}”\n名额轮到您了：{start:moment}，地点：{place}。去不了请尽早退出，让给下一位。"
    ),
    "sign_up.offer_lapsed": (
        "“{title}”的名额让给下一位了\n"
        "{start:moment} 的班次轮到过您，没有在时限内答复，已退出候补。还想去，可以重新排队。"
    ),
    "sign_up.offered": (
        "轮到您了：“{title}”有名额\n"
        "{start:moment}，地点：{place}。名额给您留到 {until:moment}，请打开活动页点“我要去”或“不去了”。"
        "过时不答，就让给下一位。"
    ),
    "sign_up.offered_together": (
        "轮到你们了：“{title}”有 {count} 个名额\n"
        "{start:moment}，地点：{place}。一起报名的 {count} 人的名额都留到 {until:moment}，一个人点“我们都去”就行。"
        "过时不答，就让给下一位。"
    ),
    "sign_up.taken_off": (
        "您在“{title}”的报名已由工作人员取消\n{start:moment} 的班次，原因：{reason}。有疑问请联系活动联系人。"
    ),
    "sign_up.taken_off_by_family": (
        "{by} 替您退出了“{title}”\n{start:moment} 的班次，原因：{reason}。还想去，可以自己再报名。"
    ),
    "statement.ready": (
        "您 {month}的对账单出来了\n月末余额 {closing:coins}。这个月每一笔存入和用去都在里面，可以打印。"
    ),
}
