"""The kinds of damage a package can have: a stable code each, what it is called, and what it means for who holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "not_a_package", "dangerous", "changed_file", "missing_file", "extra_file", "swapped_month", "missing_month",
    "broken_chain", "wrong_key", "bad_signature", "unsigned", "wrong_total", "not_as_described",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meaning:
    """A kind of damage in words: its name, and what it means."""

    title: str
    text: str


MEANINGS: Final[dict[Kind, Meaning]] = {
    "not_a_package": Meaning(
        "不是完整的归档包",
        "文件不全、打不开，或者根本不是归档包。请重新下载或重新拷贝一份再核对。",
    ),
    "dangerous": Meaning(
        "包里有不该有的东西",
        "路径、大小或压缩方式不正常，为安全起见没有打开。正常的归档包不会这样。",
    ),
    "changed_file": Meaning(
        "文件被改动",
        "内容与封存时不一样，哪怕只差一个字节。这份文件不能作准。",
    ),
    "missing_file": Meaning(
        "少了文件",
        "清单里有，包里没有。",
    ),
    "extra_file": Meaning(
        "多了文件",
        "清单里没有，是后来放进去的。",
    ),
    "swapped_month": Meaning(
        "换成了别的月份",
        "名字说是这个月，内容却是另一个月的。",
    ),
    "missing_month": Meaning(
        "中间缺月份",
        "几个归档包应当一个月接一个月，缺了的月份要补齐才能证明没有被抽走。",
    ),
    "broken_chain": Meaning(
        "前后月份接不上",
        "后一个月写的前月封签，与前一个月归档包里的封签不同：其中一个不是原来的。",
    ),
    "wrong_key": Meaning(
        "不是用已知的密钥签的",
        "签名本身完好，但签它的密钥不在公布的公钥里：可能是别家银行的包，也可能是有人自己做的。",
    ),
    "bad_signature": Meaning(
        "电子签名对不上",
        "清单在签名以后被改过，或者签名是从别处拿来的。整个包不能作准。",
    ),
    "unsigned": Meaning(
        "没有电子签名",
        "旧格式的归档包，或者签名被拿掉了。校验值只能发现无意的损坏，不能证明是谁做的。",
    ),
    "wrong_total": Meaning(
        "合计对不上",
        "清单里写的合计，与表里逐行相加的不同。",
    ),
    "not_as_described": Meaning(
        "表格与说明不符",
        "行里的栏目或者数据类型，与清单里写的不同。",
    ),
}


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing wrong with a package: its kind, the file or month it is about, and what was seen."""

    kind: Kind
    about: str
    seen: str

    @property
    def title(self) -> str:
        """What this kind of damage is called."""
        return MEANINGS[self.kind].title

    @property
    def meaning(self) -> str:
        """What it means for who holds the package."""
        return MEANINGS[self.kind].text

    def __str__(self) -> str:
        return f"{self.title}：{self.about}{'，' if self.about and self.seen else ''}{self.seen}"
