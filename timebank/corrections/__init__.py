"""更正: setting booked entries right: reversed whole, or reversed and booked anew with the right amount, in one go.

Promises: nobody corrects what moves coins of their own; where somebody would fall below their floor, or hours or coins
are added, a second person decides; an entry is corrected at most once and has at most one open correction; every figure
that was made from the entry follows, through ``attendance_correction`` and ``order_correction``.
Owns: correction, correction_request.
Refuses: reversals, what was reversed before, and entries between branches.
Words: correction 更正 · reverse 冲正 · replacement 更正后的分录 · request 核对申请 (a member asks).
"""
