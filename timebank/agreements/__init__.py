"""共建: what a branch and the organisations of its neighbourhood promise each other for a year, and what came of it.

Promises: an agreement counts once a second person of the branch has said yes, and is then what it was signed as; it is
changed only by additions that two people agree to. Whether a promise is kept, open or overdue follows from what was
written down as done; nobody types it.
Owns: agreement, promise, promise_deed. The organisations themselves and their people belong to members.
Refuses: a second agreement of a year, one without promises of both sides, deeds in the future, changes of what was
signed.
Words: agreement 共建协议 · promise 承诺 · deed 履约记录 · terms 约定 (as they stand now) · amendment 变更.
"""
