"""The door for servers and for the ``flask`` command."""

import gc

from timebank.app import create_app

app = create_app()

# What start-up made lives as long as the process: without it each full collection costs a visitor 40 ms.
gc.collect()
gc.freeze()
