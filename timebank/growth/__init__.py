"""成长卡: what a person's record looks like, on the screen and on paper; what of it is recognised, by which rule.

Promises: hours, coins and points are what attendance and the ledger hold; a star stays under the rule by which it was
reached; trainings, awards and evaluations are only ever added, and withdrawn by a second person with a reason; a list
of commendations is granted by two managers to everybody on it at once. A file of many cards is made again after any
stop, lies sealed, is removed after some days, and says who took it.
Owns: recognition_rule, milestone, milestone_question, commendation, commendation_candidate, card_print,
card_print_taken.
Refuses: recording, withdrawing or granting for oneself; a rule that reaches back.
Words: card 成长卡 · star 星级 · points 积分 · statement 流水 · recognition 星级和评优规则 ·
milestone 培训、荣誉、评价 · commendation 评优 · card print 一份成长卡.
"""
