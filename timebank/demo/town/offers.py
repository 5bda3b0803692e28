"""What people offer each other for coins, what the branches have to give, and what is said afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from timebank.demo.town.places import DAQI, XINQI
from timebank.exchange.models import EVERYWHERE, OWN_BRANCH

# Licence numbers are made up; the words are what a person would write there.
_LAWYER: Final = "律师执业证（证号：演示 0001）"
_LAWYER_TOO: Final = "律师执业证（证号：演示 0002）"
_NURSE: Final = "护士执业证书（编号：演示 0003）"
_THERAPIST: Final = "中医（专长）医师资格证（编号：演示 0004）"
_ELECTRICIAN: Final = "低压电工作业证（编号：演示 0005）"
_ELECTRICIAN_TOO: Final = "低压电工作业证（编号：演示 0006）"


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a member does for others."""

    provider: str
    category: str
    title: str
    price_minutes: int
    description: str
    place: str = ""
    licence: str = ""
    shared_with: str = OWN_BRANCH


@dataclass(frozen=True, kw_only=True)
class Goods:
    """What a branch hands out while stock lasts."""

    branch: str
    category: str
    title: str
    price_minutes: int
    stock: int
    description: str
    per_member_limit: int | None = None


SERVICES: Final = (
    Service(
        provider="周阿明",
        category="haircut",
        title="理发（男女老少）",
        price_minutes=45,
        description="三十年手艺，剪、洗、修面。行动不便的可以上门，请在心愿里写楼号楼层。",
        place="学苑社区邻里中心，或上门",
    ),
    Service(
        provider="励国良",
        category="repair",
        title="家电维修",
        price_minutes=60,
        description="电视、洗衣机、电风扇、电饭煲。先看毛病再动手，要换零件的您自己买，我不收钱。",
        place="上门",
        shared_with=EVERYWHERE,
    ),
    Service(
        provider="夏志刚",
        category="drain",
        title="管道疏通",
        price_minutes=60,
        description="厨房、卫生间下水道堵了找我，自带弹簧机。化粪池和主管道请找物业。",
        place="上门，大碶范围内",
    ),
    Service(
        provider="江文斌",
        category="car_wash",
        title="洗车（小轿车、面包车）",
        price_minutes=60,
        description="周末上午洗，里外都洗，水是河水沉淀过的，不用自来水。",
        place="坝头社区停车场",
    ),
    Service(
        provider="董丽娜",
        category="legal",
        title="法律咨询：婚姻、继承、劳动",
        price_minutes=60,
        description="一次一小时，带上材料复印件。只答疑、不代理，谈话内容不外传。",
        place="灵岩社区老年活动室小间",
        licence=_LAWYER,
    ),
    Service(
        provider="张亚君",
        category="medical",
        title="上门换药、测血糖",
        price_minutes=60,
        description="退休护士，可以照医嘱换药、打胰岛素针前后的指导。急症请打 120。",
        place="上门",
        licence=_NURSE,
    ),
    Service(
        provider="杨旭峰",
        category="electrical",
        title="家庭电路检查",
        price_minutes=90,
        description="查插座、换开关、装灯。先断电后干活，老房子建议一年查一次。",
        place="上门",
        licence=_ELECTRICIAN,
    ),
    Service(
        provider="童嘉诚",
        category="teaching",
        title="教长辈用手机",
        price_minutes=30,
        description="想学什么教什么，写成大字步骤贴在冰箱上。一次半小时，不赶时间。",
        place="您家里或邻里中心",
    ),
    Service(
        provider="卢海涛",
        category="repair",
        title="电脑、手机小毛病",
        price_minutes=45,
        description="太慢、弹广告、存满了、连不上网。换屏换电池请去店里。",
    ),
    Service(
        provider="刘亚芬",
        category="other",
        title="缝补：换拉链、改裤脚",
        price_minutes=30,
        description="家里有缝纫机，两三天好。拉链请自己买来，颜色准。",
        place="学苑社区 2 网格，电话约",
    ),
    Service(
        provider="竺建芬",
        category="care",
        title="陪护半天",
        price_minutes=180,
        description="陪老人吃饭、吃药、走走路，家里人好出门办事。不做医疗护理。",
        place="上门",
    ),
    Service(
        provider="沈慧敏",
        category="teaching",
        title="小学作文辅导",
        price_minutes=60,
        description="一对一，看孩子写的再讲，不讲大道理。周末上午。",
    ),
    Service(
        provider="徐亚萍",
        category="haircut",
        title="上门理发（老人、病人）",
        price_minutes=60,
        description="自带围布和电推，剪完收拾干净。卧床的也行，家里要有一个人搭把手。",
        place="上门，新碶范围内",
        shared_with=EVERYWHERE,
    ),
    Service(
        provider="乐永康",
        category="repair",
        title="修电风扇、电饭煲、收音机",
        price_minutes=45,
        description="老物件我喜欢修。修不好的当面说，不勉强。",
        place="芝兰社区 2 网格",
    ),
    Service(
        provider="贺志明",
        category="drain",
        title="疏通下水道、换水龙头",
        price_minutes=60,
        description="自带工具。周末都有空，水漫出来的先关总阀再打电话。",
        place="上门",
    ),
    Service(
        provider="柯志远",
        category="car_wash",
        title="洗车加室内除尘",
        price_minutes=75,
        description="约一小时，提前一天约，下雨顺延。",
        place="向阳社区地面停车场",
    ),
    Service(
        provider="屠婉清",
        category="legal",
        title="法律咨询：合同、欠薪、物业",
        price_minutes=60,
        description="周六上午，先讲清事情经过，我告诉您该找哪个部门、带什么材料。",
        place="向阳社区二楼社工室",
        licence=_LAWYER_TOO,
    ),
    Service(
        provider="张旭斌",
        category="electrical",
        title="装灯、换开关、查漏电",
        price_minutes=90,
        description="灯具和开关您先买好。高过三米的活不接。",
        place="上门",
        licence=_ELECTRICIAN_TOO,
    ),
    Service(
        provider="周丽君",
        category="teaching",
        title="小学数学答疑",
        price_minutes=60,
        description="四到六年级，带上错题本。",
        place="芝兰社区图书室",
    ),
    Service(
        provider="陈海英",
        category="care",
        title="陪诊一次",
        price_minutes=120,
        description="陪去医院挂号、检查、取药，结果记在本子上交给家里人。",
        place="北仑区内医院",
        shared_with=EVERYWHERE,
    ),
    Service(
        provider="曹雅琴",
        category="medical",
        title="艾灸、拔罐体验",
        price_minutes=60,
        description="先问身体情况再做，皮肤破损、孕期不做。",
        place="向阳社区二楼",
        licence=_THERAPIST,
    ),
    Service(
        provider="谢伟杰",
        category="repair",
        title="重装系统、调路由器",
        price_minutes=60,
        description="晚上七点以后有空。资料请自己先备份。",
    ),
)

GOODS: Final = (
    Goods(
        branch=DAQI,
        category="newspaper",
        title="晚报订报卡（一个月）",
        price_minutes=240,
        stock=24,
        description="到邮局或报亭凭卡订阅一个月。由爱心企业捐赠。",
        per_member_limit=3,
    ),
    Goods(
        branch=DAQI,
        category="ticket",
        title="越剧演出门票（本月末场）",
        price_minutes=90,
        stock=6,
        description="文化馆剧场，凭票对号入座，演出前半小时进场。先兑先选座。",
        per_member_limit=2,
    ),
    Goods(
        branch=DAQI,
        category="daily",
        title="洗衣粉 1.5 千克",
        price_minutes=60,
        stock=60,
        description="红领之家柜台领取。由爱心超市捐赠。",
    ),
    Goods(
        branch=DAQI,
        category="daily",
        title="厨房剪刀",
        price_minutes=75,
        stock=18,
        description="周三便民集市的师傅免费开刃。",
        per_member_limit=1,
    ),
    Goods(
        branch=XINQI,
        category="newspaper",
        title="日报订报卡（一个月）",
        price_minutes=240,
        stock=20,
        description="凭卡到邮局订阅。由共建单位捐赠。",
        per_member_limit=3,
    ),
    Goods(
        branch=XINQI,
        category="ticket",
        title="甬剧专场门票",
        price_minutes=90,
        stock=10,
        description="区文化中心小剧场，每月末一场。",
        per_member_limit=2,
    ),
    Goods(
        branch=XINQI,
        category="daily",
        title="抽纸一提",
        price_minutes=60,
        stock=48,
        description="向阳站值班时间领取。由爱心商户捐赠。",
    ),
    Goods(
        branch=XINQI,
        category="other",
        title="保温杯",
        price_minutes=180,
        stock=15,
        description="印有“向阳站”字样，夜巡的伙伴最需要。",
        per_member_limit=1,
    ),
)

PAUSED: Final = "教长辈用手机"

WISHES: Final = {
    "haircut": ("给我妈剪，她腿脚不方便，最好上门", "这周都可以", "想剪短一点", ""),
    "repair": ("电饭煲按了不跳", "电风扇转不动了", "电视有声音没图像", "洗衣机脱水响得厉害"),
    "drain": ("厨房水槽堵了两天", "卫生间地漏下水慢", "阳台地漏反味"),
    "car_wash": ("周六上午可以", "车停在小区里", ""),
    "legal": ("想问问房子给儿子怎么办", "公司欠我两个月工资", "楼上漏水一直不修"),
    "medical": ("早上测空腹血糖", "肩膀疼了一个星期", ""),
    "electrical": ("卧室插座发热", "想换客厅吸顶灯", "一下雨就跳闸"),
    "teaching": ("想学和孙子视频", "四年级，应用题不会", "作文写不长"),
    "care": ("星期四要去一趟医院", "儿子出差，想有人陪半天", "陪我妈去复查"),
    "other": ("羽绒服拉链坏了", "三条裤子改短两寸", ""),
}
REPLIES: Final = (
    "好的，到时候电话联系",
    "可以，我带工具过去",
    "没问题，麻烦您把地方腾一腾",
    "行，我准时到，您家里留个人",
    "好，您先别用，我来看看",
)
PRAISE: Final = {
    "haircut": ("剪得清爽，人也和气", "师傅很耐心，老人家高兴", "上门来的，剪完还帮着扫了地"),
    "repair": ("修好了，还教我怎么清灰", "半小时就弄好了", "师傅说不用换零件，省了一笔"),
    "drain": ("通了，水流得飞快", "干活麻利，地面擦得干干净净"),
    "car_wash": ("洗得仔细，轮毂都擦了", "很干净，谢谢"),
    "legal": ("讲得明白，心里有底了", "知道该去哪里办了"),
    "medical": ("手势轻，问得细", "舒服多了"),
    "electrical": ("查出两个老化插座，换好了", "干活先断电，放心"),
    "teaching": ("教了三遍，自己会发视频了", "孩子愿意听", "写成大字贴在冰箱上，方便"),
    "care": ("陪得好，记得比我还清楚", "母亲说像自己女儿"),
    "other": ("缝得结实，看不出来", "改得正好"),
}
GOODS_PRAISE: Final = ("东西实在，谢谢捐赠的单位", "领的时候不用等", "老伴很喜欢", "正好用得上", "")
THANKS: Final = ("客气了，有事再找我", "应该的", "阿姨准时，沟通也清楚", "")
LUKEWARM: Final = ("时间晚了半个钟头，手艺是好的", "修了一半零件没到，下次再来", "还可以")
DECLINED_BECAUSE: Final = ("这周在外地，下周再约好吗", "您家这个型号我没修过，怕弄坏", "那天正好有活动，实在抽不出空")
CANCELLED_BECAUSE: Final = ("家里人已经弄好了，谢谢", "临时要去女儿家住几天", "时间对不上，下次再约")
