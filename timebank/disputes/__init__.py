"""争议: a case about an order, with both sides, a deadline, and a decision by somebody who has no part in it.

Promises: both sides are heard before it is decided; who is a side, of a side's family, or had a hand in the order does
not decide; a decision moves coins only by new entries, in its own transaction, and never changes; where somebody would
owe what they spent meanwhile, a second person without a part agrees first; both sides see aliases only.
Owns: dispute, dispute_statement, dispute_ruling.
Refuses: a case before the time agreed on, or a month after the end; a second one by the same side; words after the
deadline; a decision before the other side had its time.
Words: dispute 争议 · statement 说明 · ruling 决定.
"""
