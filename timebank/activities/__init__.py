"""活动: activities with shifts, and who signed up for them.

Promises: a shift never holds more people than its capacity; a freed place is offered along the waiting list, in order,
with a deadline; a published activity changes only visibly; a cancelled one says why.
Refuses: publishing past dates or high risk without insurance; fewer places than are taken; two shifts of one member at
the same time; leaving or cancelling what has begun.
Owns: activity, shift, sign_up, activity_change.
Words: activity 活动 · shift 班次 · sign-up 报名 · waiting list 候补.
"""
