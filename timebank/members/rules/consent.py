"""The texts people agree to, by version. A published version is never changed: add another, move CONSENT_VERSION.

What the notice says follows PIPL art. 14–17 and 47: who handles the data, what for, which, how long, and the rights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PERSONAL_DATA: Final = "personal_data"  # 个人信息告知同意书
IDENTITY: Final = "identity"  # 单独同意: 证件号 (sensitive, PIPL art. 29)
GUARDIAN: Final = "guardian"  # 监护人同意: under 14, PIPL art. 31
IMPORTED_ROSTER: Final = "imported_roster"  # staff answer for the consent of a roster's people (MCA Order 67 art. 6)
NAMED: Final = "named_in_lists"  # 单独同意: named in lists that other members see (PIPL art. 25)
CONSENT_NAMES: Final = {
    PERSONAL_DATA: "个人信息告知同意书",
    IDENTITY: "单独同意登记证件号",
    GUARDIAN: "监护人同意",
    IMPORTED_ROSTER: "名册导入（网点已征得本人同意）",
    NAMED: "在服务队积分表上显示称呼",
}


@dataclass(frozen=True)
class ConsentText:
    """One version of the notice: sections of a heading and its paragraphs."""

    version: str
    title: str
    published: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]


_FIRST = ConsentText(
    version="2026-11",
    title="个人信息告知同意书",
    published="2026-11-01",
    sections=(
        (
            "谁来保管",
            ("您报名的网点保管您的信息。网点的名称、地址和电话写在报名页和“我的”里，有疑问可以当面问或打电话。",),
        ),
        (
            "为什么要用，用哪些",
            (
                "姓名：登记服务、开具证明。页面上给别人看的只是您的称呼，例如“张女士”。",
                "电话：登录、活动有变动时联系您。座机也可以；没有电话的，由网点工作人员代为登记。",
                "所在社区、技能、空闲时间：给您推荐合适的活动。可以不填。",
                "性别、出生日期：安排合适的活动，判断是否需要监护人同意。可以不填。",
                "证件号：只在办保险、开证明时用。可以不填；填写时另外征求您的单独同意。",
                "服务记录和爱心币、积分：记下您做了什么、存了多少、兑换了什么。",
            ),
        ),
        (
            "怎样保护",
            (
                "电话和证件号加密保存，页面上只显示头尾几位。工作人员查看完整号码要写明原因，系统会记下是谁、什么时候看的。",
                "不出售，不用于商业，不交给网点以外的人；法律要求报送的除外。",
            ),
        ),
        (
            "保存多久",
            ("在您是会员期间保存。您退出后，联系方式和证件号不再使用；服务记录是志愿服务档案，依照档案要求留存。",),
        ),
        (
            "您的权利",
            (
                "您可以随时查看、更正自己的信息，也可以要求复制或删除。登录后在“我的信息”里办，或到网点办。",
                "您可以撤回同意。撤回以后不再安排新的活动，已有的服务记录仍然有效。",
                "不同意的内容不影响您到现场参加服务，网点可以用纸质方式为您登记。",
            ),
        ),
        (
            "未满 14 周岁",
            ("未满 14 周岁的孩子，要由监护人带到网点，当面同意并登记，不能自己在网上报名。",),
        ),
    ),
)

CONSENT_TEXTS: Final[dict[str, ConsentText]] = {text.version: text for text in (_FIRST,)}
CONSENT_VERSION: Final = _FIRST.version
