"""存折 · 每月对账单: what a member's coins came to, month by month and line by line, on the screen and on paper.

Promises: a monthly statement says what the month's archive says; each member who had anything is told of it once; a
passbook goes on where its last printed line ended, no line is left out or printed twice, and the whole can be printed
anew.
Owns: passbook_print, passbook_line, statement_run.
Refuses: the statement of a month that is not closed; printing where there is nothing new.
Words: passbook 存折 · monthly statement 每月对账单 · line 行.
"""
