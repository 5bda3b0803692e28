"""工作台: start pages put together from several features (首页, 我的, 网点, 监督). No tables of its own.

Promises: shows each person what waits for them first. Owns: nothing but navigation.
"""
