"""合作单位: the desk at which an organisation takes vouchers for what it gives, and its monthly slip.

Promises: a desk learns whether a voucher counts for its own organisation, and what to hand out for it; nobody's name,
no balance, nothing of others. The slip of a month is what the books say was redeemed with the organisation in it.
Owns: partner_desk, desk_use.
Refuses: vouchers of others (as if they did not exist), a link that was used, a desk that was closed.
Words: desk 核销台 (one device of an organisation) · link 一次性链接 · slip 月度对账单 ·
tail 券尾号 (the last four of a voucher).
"""
