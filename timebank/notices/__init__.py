"""通知: what the bank has to tell a member. Written in the same transaction as the thing it tells of; read on 我的.

Promises: no notice without its event, no event told twice (unique key). Owns: notice.
Words: notice 通知.
"""
