"""密钥换代: which generation of a purpose's key codes are made with, and how long older ones are still taken.

Promises: a fresh database has one generation of every purpose (0) without a row; making a new one leaves the older ones
accepted for an overlap, so that what is printed can be replaced in peace; no key material is ever stored, since keys
are derived from the secret, the purpose and the generation.
Owns: code_key.
Refuses: an overlap beyond what is sensible; so many generations at once that their marks would be taken for each other.
Words: generation 代 · rotate 换代 · overlap 新旧并用期 · accepted until 旧码用到.
"""
