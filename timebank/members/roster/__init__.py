"""名册导入: the spreadsheets offices really have, read, looked at, then imported whole.

Promises: a file is read without guessing (what cannot be known is refused with its row and column); nothing is written
before a person has seen the preview; all or nothing; the same file or the same person is never imported twice.
Owns: roster_import (its table stands among those of 会员). The rows wait sealed and are wiped after the import.
Refuses: files that are not tables, lost digits, rows that cannot be told apart from others.
Words: roster 名册 · finding 提示 (one thing noticed in one row: 错误 stops the import, 提醒 does not) · preview 预览.
"""
