"""志愿服务证明: what a branch recorded about somebody's service, frozen, numbered, signed, and open to anybody's check.

Promises: free and at once; says only what is approved and booked; one recording branch per certificate; what was issued
never changes, is printed again byte for byte, and is withdrawn in the transaction that corrects a record it lists; a
number leads strangers to masked name, hours, issuer and state, and to nothing else.
Owns: certificate, certificate_entry, certificate_withdrawal, certificate_look, certificate_seal.
Refuses: a certificate about nothing; withdrawing by one hand alone, or one's own; printing what was withdrawn.
Words: certificate 志愿服务证明 · number 编号 · withdraw 撤回 · look 查验 · seal 印章 (an image; signatures are by key).
"""
