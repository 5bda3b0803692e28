"""规则: how many coins and points an hour brings, what caps them, when they expire, what may be given on.

Promises: a version of the rules holds from a day after the one it was saved on, so the past never changes; every entry
names the version it was made under; whatever a rule does, an hour served stays an hour served, and no minute is made or
lost between member, give-away account, fund, and what a cap leaves without a coin.
Owns: coin_rule. Uses a member's give-away account, which it opens when there is something to put on it.
Refuses: a version that would reach back, or change nothing.
Words: version 规则版本 · daily cap 每日上限 · holding cap 持有上限 · group hours 集体活动时间 ·
give-away coins 可赠币 · expire 过期.
"""
