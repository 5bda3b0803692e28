"""月度归档: closes a month, seals it, packs it.

Promises: closing is idempotent at every step; one seal and one package per branch and month; every check is named,
shown before the month ends, and kept with the seal; a correction is a further version that says why; a package can be
checked by anybody (/verify), with a public key alone (``reading``) and by foreign tools. Refuses to reopen anything.
Owns: archive, close_run, audit_run.
Words: close 结账 · archive 月度归档 · package 归档包.
"""
