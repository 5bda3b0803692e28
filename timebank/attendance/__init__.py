"""服务记录: codes at the door, scans, and the attendance judged from them; approval books coins and points.

Promises: scans are append-only, refused ones too; attendance can always be judged again from its scans; nobody approves
their own minutes nor those they typed; a round of a shift books everybody who was chosen, or nobody.
Owns: scan, attendance, attendance_correction, shift_approval, approval_held, points_carry.
Words: pass 签到码 · check-in 签到 · check-out 签退 · scan 扫码记录 · attendance 服务记录 ·
signed / manual minutes 签到时长/补录时长.
"""
