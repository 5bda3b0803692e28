"""The slab every floor stands on: database, clock, amounts, errors, actor, permissions, keys.

Promises: nothing here knows a feature, a page or a form.
Owns: the declarative base, the unit of work, the one clock, the one permission table.
Words: instant = aware UTC datetime · minutes = int · actor = who acts, in which role, for whom.
"""
