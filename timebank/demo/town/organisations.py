"""The organisations of the neighbourhood, and what they and the branches promise each other. All are made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from timebank.demo.town.places import DAQI, XINQI

TO_THE_END: Final = 400  # later than any year has days: until its last one


@dataclass(frozen=True, kw_only=True)
class PromiseOf:
    """A promise. ``due`` and the first of each ``done`` are days from the opening; then how much, and why we know."""

    side: str
    category: str
    words: str
    quantity: int
    unit: str
    due: int
    done: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """An organisation. ``people`` are residents, its contact first; without promises there is no agreement yet."""

    branch: str
    name: str
    kind: str
    contact: str
    words: str
    address: str = ""
    credit_code: str = ""
    people: tuple[str, ...] = ()
    promises: tuple[PromiseOf, ...] = ()
    left: str = ""


ORGANISATIONS: Final = (
    Neighbour(
        branch=DAQI,
        name="坝头卫生服务站",
        kind="hospital",
        contact="史海燕",
        words="家门口的小医院。每月在邻里中心量血压、测血糖，教大家急救。",
        address="坝头路 26 号",
        credit_code="12330206MB1D0000X1",
        people=("史海燕", "庄静怡", "忻月琴"),
        promises=(
            PromiseOf(
                side="organisation",
                category="skill",
                words="到邻里中心义诊，量血压、测血糖",
                quantity=3,
                unit="场次",
                due=TO_THE_END,
                done=(
                    (9, 1, "两位医生到场，38 人量了血压，登记表在站里"),
                    (30, 1, "41 人，加了一台血压计"),
                    (47, 1, "教了海姆立克法，26 人"),
                ),
            ),
            PromiseOf(
                side="organisation",
                category="talk",
                words="讲慢病用药和防流感",
                quantity=4,
                unit="场次",
                due=TO_THE_END,
                done=((22, 1, "用大碶话讲高血压用药，签到 24 人"),),
            ),
            PromiseOf(
                side="branch",
                category="people",
                words="疫苗接种日派志愿者引导、搀扶",
                quantity=20,
                unit="人次",
                due=TO_THE_END,
                done=((15, 8, "两个半天，签到记录在活动里"), (36, 7, "一个上午，七位志愿者")),
            ),
            PromiseOf(
                side="branch",
                category="place",
                words="邻里中心一楼每月留一间做义诊",
                quantity=2,
                unit="次",
                due=55,
                done=((9, 1, "一楼 102"), (30, 1, "一楼 102")),
            ),
        ),
    ),
    Neighbour(
        branch=DAQI,
        name="灵岩小学",
        kind="school",
        contact="沈慧敏",
        words="孩子们来当小志愿者，老师们教作业，周末操场向居民开放。",
        address="灵岩路 8 号",
        people=("沈慧敏", "戴晓燕"),
        promises=(
            PromiseOf(
                side="organisation",
                category="place",
                words="周末开放操场和图书室",
                quantity=60,
                unit="小时",
                due=TO_THE_END,
                done=((20, 16, "两个周末，孩子和老人都来"), (48, 24, "三个周末，保安有进出登记")),
            ),
            PromiseOf(
                side="organisation",
                category="people",
                words="老师来邻里中心给孩子答疑",
                quantity=6,
                unit="人次",
                due=40,
                done=((18, 4, "四位老师，一个下午"),),
            ),
            PromiseOf(
                side="branch",
                category="event",
                words="请老党员到学校讲大碶的故事",
                quantity=2,
                unit="场次",
                due=TO_THE_END,
                done=((26, 1, "顾老师给四年级讲，照片在学校公众号"),),
            ),
        ),
    ),
    Neighbour(
        branch=DAQI,
        name="甬东物业大碶项目部",
        kind="company",
        contact="杨旭峰",
        words="管着三个小区。能出电工和维修师傅，也愿意借会议室。",
        credit_code="91330206MA2D000180",
        people=("杨旭峰", "卢海涛", "江文斌"),
    ),
    Neighbour(
        branch=DAQI,
        name="横杨针织厂",
        kind="company",
        contact="",
        words="",
        left="厂子搬去外地了",
    ),
    Neighbour(
        branch=XINQI,
        name="向阳幼儿园",
        kind="school",
        contact="周丽君",
        words="园里的操场和多功能厅，节假日给邻居办活动。",
        address="向阳路 15 号",
        people=("周丽君", "俞梦婷"),
        promises=(
            PromiseOf(
                side="organisation",
                category="place",
                words="多功能厅给社区办活动",
                quantity=3,
                unit="场次",
                due=TO_THE_END,
                done=((21, 1, "敬老联欢"), (45, 1, "亲子手工")),
            ),
            PromiseOf(
                side="branch",
                category="people",
                words="放学时派志愿者护校",
                quantity=30,
                unit="人次",
                due=TO_THE_END,
                done=((14, 10, "两周，每天一人"), (40, 12, "排班表在站里")),
            ),
        ),
    ),
)
