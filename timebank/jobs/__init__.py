"""The schedule and its thin job functions: expire orders, close months, verify the books. ``flask jobs run``."""
