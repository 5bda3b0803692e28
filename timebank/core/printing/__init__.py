"""Printed matter: Typst templates of ``templates/print`` filled with plain values, as PDF or PNG; no request is needed.

What people typed reaches Typst only as JSON in ``sys.inputs``: it is never parsed as markup. Noto Sans SC prints; what
it lacks comes from Hanazono Mincho, which has every ideograph of Unicode's extensions B to F; what neither has becomes
〓 and can be asked for (``lost``), so that nothing vanishes silently. Fonts come with the browser packages; nothing is
fetched while printing.
"""

from timebank.core.printing.fonts import MISSING
from timebank.core.printing.press import PRESS, Press

__all__ = ["MISSING", "PRESS", "Press"]
