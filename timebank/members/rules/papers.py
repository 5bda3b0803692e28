"""What people can be asked to know, and which documents prove what the law or good sense reserves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

# code → the name, then other words that tell of it in what people write about themselves
SKILLS: Final[dict[str, tuple[str, ...]]] = {
    "haircut": ("理发", "剪发", "美发"),
    "repair": ("家电维修", "修电器", "维修", "修理"),
    "plumbing": ("管道疏通", "水电", "水管"),
    "nursing": ("陪护", "护理", "照料"),
    "blood_pressure": ("量血压", "测血压"),
    "teaching": ("辅导功课", "辅导", "教书", "老师"),
    "computer": ("电脑", "手机"),
    "photo": ("摄影", "拍照"),
    "music": ("唱歌", "乐器", "越剧", "合唱"),
    "driving": ("开车", "驾驶"),
    "sign_language": ("手语",),
    "english": ("英语", "外语"),
}
SKILL_NAMES: Final = {code: words[0] for code, words in SKILLS.items()}

PAPERS: Final[dict[str, str]] = {
    "first_aid": "急救证",
    "electrician": "电工证",
    "lawyer": "律师执业证",
    "doctor": "医师执业证",
    "nurse": "护士执业证",
    "lifeguard": "救生员证",
    "driver": "驾驶证",
    "social_worker": "社会工作者证",
    "counsellor": "心理咨询证书",
    "teacher": "教师资格证",
    "cook": "健康证",
}

# Work that the law reserves to people with a licence → the papers of which one has to be asked for.
RESERVED: Final[dict[str, tuple[str, ...]]] = {
    "legal": ("lawyer",),
    "medical": ("doctor", "nurse"),
    "electrical": ("electrician",),
}


def codes_in(text: str) -> tuple[str, ...]:
    """The codes in a column that holds several, with commas between."""
    return tuple(code for code in text.split(",") if code)


def one_text(codes: Collection[str]) -> str:
    """Several codes as a column holds them: sorted, each once."""
    return ",".join(sorted(set(codes)))
