"""点单: what people ask for, and micro-wishes; a branch checks and dispatches, a volunteer says yes, serves, is rated.

Promises: nobody is sent without having said yes; one volunteer gets it; what is served passes through the attendance
and the four eyes of every activity, and is paid once: from the recipient's coins, from the fund by two people, or else
by issuance. A confidential recipient is seen by the assigned volunteer and the coordinator alone, every look is kept.
Owns: help_request, help_step, help_invitation, help_look, help_rating.
Refuses: a second volunteer, one's own request, family, more than was agreed to pay, a look without a record of it.
Words: request 需求 · ask 点单 · dispatch 派单 · claim 接单 · rate 评单 · wish 微心愿 · coordinator 负责人 ·
recipient 服务对象 · look 查看.
"""
