"""成长卡: what a person's record looks like: totals, stars, the card with the personal code, the statement in words.

Promises: shows only what attendance and the ledger hold; adds nothing of its own. Owns: no tables yet.
Words: card 成长卡 · star 星级 · points 积分 · statement 流水.
"""
