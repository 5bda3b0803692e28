"""赠与: coins that people give, to the branch's fund or to each other, and what the fund gives on.

Promises: what is given is in the books at once, under both names for those who read them; the fund never goes below
zero; nothing leaves the fund on one person's word.
Owns: gift, fund_grant. Donations to the fund are entries alone.
Refuses: giving more than there is or than the month's limit, to oneself, to who may not hold more, to somebody whose
number and name do not go together; grants to oneself and one's family, or decided by who asked for them.
Words: donate 捐给爱心基金 · gift 赠币 · purse 从哪里给 · fund 爱心基金 · grant 帮扶 (from the fund, by two people).
"""
