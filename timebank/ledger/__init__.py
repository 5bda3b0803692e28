"""账本: accounts, entries, transfers, holds, periods, seals. Knows amounts, not people, pages or Flask.

Promises: every entry balances by construction (each transfer moves an amount > 0 from one account to another);
entries and transfers are append-only for ever; nothing is spent that is not available; a closed month never changes.
Owns: book, account, entry, transfer, hold, hold_end, period, seal.
Refuses: see ``service`` (for a good message) and the triggers and constraints of the migrations (for the truth).
Words: book 账簿 (one branch's books) · account 账户 · entry 分录 · transfer 划转 · hold 冻结 → post 扣款 / void 撤销 /
expire 到期释放 · reverse 冲正 · period 账期 · seal 封签.
Units: ``coin`` counts minutes (60 = 1 爱心币), ``point`` counts points.
"""
