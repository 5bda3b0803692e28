"""What people write when things do not go as planned."""

from __future__ import annotations

from typing import Final

LEAVING: Final = ("家里老人要去医院", "临时加班", "孙子发烧走不开", "感冒了，怕传给别人", "要出门几天，下次补上")
FORGOT: Final = ("忘记签退，组长证明做到结束", "走得急没扫码，同组伙伴证明", "手机没电了，离开时口头说过")
BY_HAND: Final = (
    "没带手机也没带卡，现场点名确认到场",
    "摄像头坏了扫不了码，纸质签到表有签名",
    "到场时网络不通，组织者看着来的",
)
NOT_COUNTED: Final = ("签到后有事离开，没有参加", "本人说不用计，是顺路来看看的")
RETURNED: Final = ("有两位的离开时间和群里说的对不上，请再核一遍", "请补上缺签退那位的说明")
