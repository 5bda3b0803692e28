"""What notices say. A kind's sentence takes plain facts; how a fact is read stands behind its colon.

``{start:moment}`` an instant as ISO text → 2026-11-21 周六 09:00 · ``{minutes:coins}`` → 2 币 30 分 ·
``{minutes:hours}`` → 2 小时 30 分钟 · ``{amount:points}`` → 1,200 分.
"""

from __future__ import annotations

from typing import Final

# Kept sorted. A kind is "feature.event"; its first line is the title, the rest says why and what to do.
SENTENCES: Final[dict[str, str]] = {
    "activity.cancelled": "“{title}”取消了\n原定 {start:moment} 的班次取消，原因：{reason}。您不用来了，欢迎看看别的活动。",
    "activity.changed": (
        "“{title}”的时间或地点变了\n现在是 {start:moment} 到 {end:moment}，地点：{place}。去不了请尽早退出，让给下一位。"
    ),
    "sign_up.by_staff": "已替您报名“{title}”\n{start:moment}，地点：{place}。由工作人员代报，去不了请尽早退出。",
    "sign_up.moved_up": "候补成功：“{title}”\n有人退出，名额轮到您了：{start:moment}，地点：{place}。去不了请尽早退出，让给下一位。",
    "sign_up.taken_off": "您在“{title}”的报名已由工作人员取消\n{start:moment} 的班次，原因：{reason}。有疑问请联系活动联系人。",
}
