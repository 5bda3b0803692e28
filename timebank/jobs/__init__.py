"""The schedule and its thin job functions: expire orders, close months, verify the books, remind. ``flask jobs run``.

Promises: each job may run twice, late, or in two processes, and the outcome is the same; one process leads at a time;
every run is written down (``watch``), what was missed is made up for, what failed is tried again; log lines name
branches and counts, never people.
"""
