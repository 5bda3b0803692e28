"""Where the town lies. Codes down to the street are the official ones; below it they are numbered for the demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CITY: Final = ("330200", "宁波市")
DISTRICT: Final = ("330206", "北仑区")
DAQI: Final = "BL-DQ"
XINQI: Final = "BL-XQ"


@dataclass(frozen=True, kw_only=True)
class Community:
    """A community or village; its grids are called after their numbers."""

    code: str
    name: str
    grids: int


@dataclass(frozen=True, kw_only=True)
class Street:
    """A street, its communities, and the branch in it."""

    code: str
    name: str
    communities: tuple[Community, ...]
    branch_code: str
    branch_name: str
    address: str
    phone: str


STREETS: Final = (
    Street(
        code="330206003",
        name="大碶街道",
        communities=(
            Community(code="330206003001", name="学苑社区", grids=3),
            Community(code="330206003002", name="灵岩社区", grids=2),
            Community(code="330206003003", name="坝头社区", grids=2),
            Community(code="330206003201", name="横杨村", grids=2),
        ),
        branch_code=DAQI,
        branch_name="大碶红领之家",
        address="学苑社区邻里中心一楼",
        phone="0574-86000001",
    ),
    Street(
        code="330206001",
        name="新碶街道",
        communities=(
            Community(code="330206001001", name="向阳社区", grids=3),
            Community(code="330206001002", name="芝兰社区", grids=2),
            Community(code="330206001003", name="高塘社区", grids=2),
        ),
        branch_code=XINQI,
        branch_name="新碶向阳站",
        address="向阳社区居委会东侧平房",
        phone="0574-86000002",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Team:
    """A 服务队; the colours are how people here tell them apart."""

    branch: str
    name: str
    kind: str


TEAMS: Final = (
    Team(branch=DAQI, name="红色宣讲队", kind="政策宣讲"),
    Team(branch=DAQI, name="橙色便民维修队", kind="便民维修"),
    Team(branch=DAQI, name="黄色平安巡逻队", kind="平安巡逻"),
    Team(branch=DAQI, name="绿色环保队", kind="环境清洁"),
    Team(branch=DAQI, name="青色文明劝导队", kind="文明交通"),
    Team(branch=DAQI, name="蓝色健康服务队", kind="健康服务"),
    Team(branch=DAQI, name="紫色文艺队", kind="文化文艺"),
    Team(branch=XINQI, name="向阳敬老队", kind="助老陪伴"),
    Team(branch=XINQI, name="向阳平安巡逻队", kind="平安巡逻"),
    Team(branch=XINQI, name="向阳健康服务队", kind="健康服务"),
    Team(branch=XINQI, name="向阳助学队", kind="助学辅导"),
    Team(branch=XINQI, name="向阳便民维修队", kind="便民维修"),
)
