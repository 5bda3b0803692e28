"""活动: activities with shifts, and who signed up for them.

Promises: a shift never holds more people than its capacity; a freed place is offered along the waiting list, in order,
with a deadline; a published activity changes only visibly; a cancelled one says why.
Refuses: publishing past dates, risk without insurance, reserved work without a licence; fewer places than are taken;
two shifts of one member at the same time; minors in danger, or without their guardian's word; leaving or cancelling
what has begun.
Owns: activity, shift, sign_up, sign_up_party, sign_up_override, sign_up_rule, no_show, no_show_appeal,
guardian_consent, activity_change.
Words: activity 活动 · shift 班次 · sign-up 报名 · waiting list 候补 · offer of a place 轮到 · no-show 缺席 ·
excused 请假.
"""
