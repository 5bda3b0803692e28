"""服务记录: codes at the door, scans, and the attendance judged from them; approval books coins and points.

Promises: scans are append-only, refused ones too; attendance can always be judged again from its scans; nobody approves
their own minutes nor those they typed, nor overtime they confirmed; whoever stays longer never counts less; flags ask
a person to look and refuse nothing; a round of a shift books everybody who was chosen, or nobody.
An uploaded scan is recorded, then judged: what no rule accepts becomes a case that a person decides.
Paper: a printed list's lines are frozen; a page is typed in whole or not at all, with a photo as evidence, and whoever
looks at a photo is written down. A kiosk takes personal codes of one shift and opens nothing else.
Owns: scan, scan_evidence, scan_case, unread_scan, overtime, attendance, attendance_correction, shift_approval,
approval_held, points_carry, shift_poster, sheet, sheet_line, sheet_photo, sheet_typing, sheet_look, kiosk.
Words: pass 签到码 · check-in 签到 · check-out 签退 · scan 扫码记录 · attendance 服务记录 ·
signed / manual minutes 签到时长/补录时长 · overtime 加时 · flag 提醒 · sheet 纸质登记单 · kiosk 自助签到平板.
"""
