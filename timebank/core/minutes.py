"""Amounts as people read them. Stored amounts are whole minutes; 60 minutes are one hour and one 爱心币."""

COIN_MINUTES = 60


def _two_parts(minutes: int, unit: str, small: str) -> str:
    sign = "−" if minutes < 0 else ""
    whole, rest = divmod(abs(minutes), COIN_MINUTES)
    if not rest:
        return f"{sign}{whole} {unit}"
    if not whole:
        return f"{sign}{rest} {small}"
    return f"{sign}{whole} {unit} {rest} {small}"


def coins(minutes: int) -> str:
    """``150`` → ``2 币 30 分``: exact to the minute, no fractions to round."""
    return _two_parts(minutes, "币", "分")


def hours(minutes: int) -> str:
    """``150`` → ``2 小时 30 分钟``."""
    return _two_parts(minutes, "小时", "分钟")


def points(amount: int) -> str:
    """``1200`` → ``1,200 分``."""
    return f"{amount:,} 分".replace("-", "−")
