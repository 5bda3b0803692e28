"""Who may open a route. Every view carries exactly one of ``@guard(permission)`` and ``@public``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import g, has_request_context
from flask_login import LoginManager, UserMixin, current_user

from timebank.core.actor import Actor
from timebank.core.permissions import PERMISSIONS

View = TypeVar("View", bound=Callable[..., Any])

login_manager = LoginManager()
PUBLIC = "public"


class SignedIn(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    """Flask-Login's user: the member's id for the cookie, and the actor the services ask."""

    def __init__(self, actor: Actor, session_mark: str) -> None:
        self.actor = actor
        self.id = f"{actor.member_id}:{session_mark}"


def find_actor() -> Actor | None:
    """The actor of this request, or None for a visitor."""
    if not has_request_context() or not current_user.is_authenticated:
        return None
    return cast(Actor, current_user.actor)


def current_actor() -> Actor:
    """The actor of this request; only for views behind ``@guard``."""
    actor = find_actor()
    if actor is None:
        raise RuntimeError("current_actor() outside a guarded view")
    return actor


def public(view: View) -> View:
    """Mark a view that anybody may open, signed in or not."""
    view.permission = PUBLIC  # type: ignore[attr-defined]
    return view


def guard(permission: str) -> Callable[[View], View]:
    """Mark a view that needs ``permission`` somewhere; which object it reaches is the service's question."""
    if permission not in PERMISSIONS:
        raise KeyError(permission)

    def mark(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            actor = find_actor()
            if actor is None:
                return login_manager.unauthorized()
            actor.require(permission)
            g.permission = permission
            return view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return cast(View, guarded)

    return mark
