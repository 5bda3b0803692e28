"""The schedule and its thin job functions: expire orders, close months, verify the books, remind. ``flask jobs run``.

Promises: each job may run twice, late, or in two processes, and the outcome is the same; one process leads at a time;
log lines name branches and counts, never people.
"""
