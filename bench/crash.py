"""``python -m bench.crash --engine sqlite --rounds 20``: kill under load, start again, look what is there."""

import sys

if __name__ == "__main__":  # the processes it starts import this file too, and are to start at once
    from bench.crashing import main

    sys.exit(main(sys.argv[1:]))
