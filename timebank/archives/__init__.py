"""月度归档: closes a month, seals it, packs it.

Promises: closing is idempotent at every step; one seal and one package per branch and month; a package can be checked
without us (``reading``: files and a public key), by anybody at /verify, and by foreign tools. Owns: archive, close_run, audit_run.
Words: close 结账 · archive 月度归档 · package 归档包.
"""
