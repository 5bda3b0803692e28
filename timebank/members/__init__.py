"""会员: people, their sign-in, roles, teams, cards, consents, and the roster import.

Promises: one person, one member number (not the ID number, with a check character); phone and ID number are encrypted
at rest and masked on pages; nobody acts before the branch has approved them; every consent names the text it was for.
Owns: member, credential, sign_in_attempt, consent, member_access, role_grant, team, team_membership, card,
roster_import, family_link, qualification, organisation, organisation_member, organisation_access.
Words: member 会员 · volunteer 志愿者 · card 成长卡 · organisation 单位 · team 服务队 · one-time PIN 一次性密码.
"""
