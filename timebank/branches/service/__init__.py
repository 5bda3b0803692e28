"""The verbs of areas and branches: open, rename, close. None of them commits."""

from timebank.branches.service.areas import (
    AreaClosed,
    AreaCodeTaken,
    AreaDraft,
    AreaInUse,
    WrongLevel,
    add_area,
    close_area,
    rename_area,
)
from timebank.branches.service.branches import BranchCodeTaken, BranchDraft, change_branch, open_branch

__all__ = [
    "AreaClosed",
    "AreaCodeTaken",
    "AreaDraft",
    "AreaInUse",
    "BranchCodeTaken",
    "BranchDraft",
    "WrongLevel",
    "add_area",
    "change_branch",
    "close_area",
    "open_branch",
    "rename_area",
]
