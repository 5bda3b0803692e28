"""Running a state machine the same way every time: the same examples on every machine, none remembered."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests import databases


def run_machine(
    machine: Callable[[sa.Engine], RuleBasedStateMachine], url: str, *, sqlite: int, postgresql: int, steps: int
) -> None:
    """Let a machine of this kind run on the database at ``url``, as many examples as its engine can bear."""
    engine = databases.make_engine(url)
    run_state_machine_as_test(
        lambda: machine(engine),
        settings=settings(
            max_examples=sqlite if engine.dialect.name == "sqlite" else postgresql,
            stateful_step_count=steps,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    engine.dispose()
