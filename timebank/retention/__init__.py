"""保管与销毁: how long each kind of record is kept, what is destroyed by two people, and whether stored packages hold.

Promises: what the books rest on is kept for ever, and no setting shortens it. A term is a row with a day and a reason.
Past its term a record is proposed, listed by one person and signed by another; only what stands in a signed list can be
deleted, the database refuses the rest; the list itself stays. What is under dispute or inspection is left alone. Every
stored package is read again, in slices, and what is wrong is told with what to do.
Owns: retention_term, legal_hold, disposal, disposal_item, package_check.
Refuses: terms below the least of a kind, signing one's own list, a list that changed after it was prepared.
Words: term 保管期限 · disposal 销毁 · list 销毁清单 · hold 暂停销毁 · recheck 复查.
"""
