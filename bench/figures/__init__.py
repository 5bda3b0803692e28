"""One module per figure, each with ``measure() -> None`` that calls ``bench.harness.compare``."""
