"""网点之间: pairs of branches, the lines between them, and what members of one redeem at another.

Promises: each branch's books balance by themselves, and what one owes another is the mirror image of what that one is
owed; the branch that would be owed decides how much; a payment between branches happens in both books or in neither,
once, however often its messages come; every message is signed with a key that its sender has for this pair, dated, and
used once; every night what does not agree is sorted into four heaps, item by item, each with a branch that has to act;
a difference of the books freezes the pair and opens a case, nothing is rebuilt; pair statements are equal and sealed on
both sides, one after the other, with something open only where a manager of each side has signed it. Where managers
agreed that a minute of one is worth more or less at the other, both amounts are said before, and the rate of the order
holds for all that becomes of it. Coins that find no taker wait until somebody decides. States and messages are those
that two servers need; while both branches live in one database the steps run in one transaction.
Owns: branch_pair, pair_event, pair_key, pair_rate, ceiling_decision, proposal, clearing_message, clearing_receipt,
clearing_nonce, pair_statement, pair_summary, pair_item, pair_exception, pair_signature, clearing_case, parked_payment,
parked_move, netting, netting_leg.
Refuses: a payment over a full line, over the payer's own ceiling, between branches that are not connected or frozen.
Words: clearing 清算 · line 额度 (what the creditor lets the other owe) · ceiling 上限 (what one's own members may spend
outside in a month) · proposal 清算单 · netting 轧差 · case 差异 · item 一项差异 (in one of four heaps 四堆) ·
exception 例外 · rate 折算 (minutes of one branch against another's) · parked 待处理款 (coins without a taker).
"""
