"""工作台: start pages put together from several features (首页, 我的, 网点, 监督). No tables of its own.

Promises: shows each person what waits for them first; a page of the inspector adds nothing to what the books say.
Owns: nothing but navigation and the words under which the books are read (分录种类, 账户种类).
"""
