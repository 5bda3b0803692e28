"""What people of the town ask for. ``end`` says how far it comes: asked, dispatched, claimed, done, declined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GRID_WORKER: Final = "竺建芬"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, told from its beginning ``hours_ago``."""

    title: str
    recipient: str
    category: str
    end: str
    hours_ago: int
    words: str = ""
    place: str = ""
    minutes: int = 60
    source: str = "none"
    kind: str = "request"
    part_of_day: str = "any"
    asker: str = GRID_WORKER
    volunteer: str = ""
    confidential: bool = False
    praise: str = ""
    reason: str = ""


REQUESTS: Final = (
    Request(
        title="请人陪床三个晚上",
        recipient="钱宝根",
        category="care",
        end="declined",
        hours_ago=14 * 24,
        minutes=8 * 60,
        part_of_day="evening",
        reason="通宵陪床要专业护工，已经帮家属联系了医院。白天的陪护可以再点。",
    ),
    Request(
        title="陪老人去医院配药",
        recipient="郑雪娥",
        category="accompany",
        end="done",
        hours_ago=10 * 24,
        words="走路要扶，医保卡在本人身上。",
        place="灵岩社区一区 7 幢 301，先按门铃",
        minutes=120,
        part_of_day="morning",
        volunteer="忻月琴",
        praise="一路扶着，药怎么吃也讲清楚了，老人很高兴。",
    ),
    Request(
        title="想要一副放大镜看报",
        recipient="王彩娣",
        category="other",
        end="done",
        hours_ago=6 * 24,
        minutes=0,
        kind="wish",
        volunteer="戴晓燕",
        praise="放大镜带灯的，晚上也能看。",
    ),
    Request(
        title="教我用手机视频通话",
        recipient="胡菊芬",
        category="digital",
        end="done",
        hours_ago=5 * 24,
        words="想跟外地的孙子视频，慢一点教。",
        place="学苑社区三区 2 幢 502",
        source="own",
        asker="胡菊芬",
        volunteer="卢海涛",
        praise="教了三遍，还写了纸条，学会了。",
    ),
    Request(
        title="给老人读报、说说话",
        recipient="顾永年",
        category="visit",
        end="claimed",
        hours_ago=20,
        words="耳朵不太好，说话要慢一点、响一点。",
        place="学苑社区三区 9 幢 101，轮椅进出，门没锁",
        volunteer="胡菊芬",
    ),
    Request(
        title="陪一位邻居聊聊心事",
        recipient="谢桂英",
        category="comfort",
        end="dispatched",
        hours_ago=9,
        words="本人愿意，想找懂心理的人，先从喝茶聊天开始。",
        place="灵岩社区二区，电话约好在楼下等",
        volunteer="庄静怡",
        confidential=True,
        part_of_day="afternoon",
    ),
    Request(
        title="换厨房的灯管",
        recipient="钱宝根",
        category="repair",
        end="dispatched",
        hours_ago=8,
        words="灯管已经买好，人字梯也有。",
        place="横杨村二组 15 号",
        minutes=30,
    ),
    Request(
        title="每周一次代买米和油",
        recipient="陈善根",
        category="errand",
        end="dispatched",
        hours_ago=7,
        words="先帮一次，合适再说。钱由本人付给商店。",
        place="横杨村一组 3 号",
        minutes=45,
        part_of_day="afternoon",
    ),
    Request(
        title="想听一次现场越剧",
        recipient="谢桂英",
        category="other",
        end="dispatched",
        hours_ago=5,
        kind="wish",
        minutes=0,
    ),
    Request(
        title="陪去配助听器",
        recipient="徐信康",
        category="accompany",
        end="asked",
        hours_ago=3,
        words="医院约了下周，要有人帮着听医生说。",
        place="坝头社区二区 4 幢 203",
        minutes=150,
        part_of_day="morning",
    ),
)
