"""区域 · 网点: the area tree with official codes and dated names, and the branches attached to it.

Promises: an area's code and past names stay findable; a branch always has books of its own in the ledger.
Owns: area, area_name, branch.
Words: area 区域 (city → district → street → community → grid) · branch 网点 · grid 网格.
"""
