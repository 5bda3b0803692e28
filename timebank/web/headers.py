"""Security headers: no inline script or style anywhere, so no nonce is needed."""

from __future__ import annotations

from flask import Flask, Response, g, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# WebAssembly (the packaged QR decoder) needs its own word, on the scanner page only.
CSP_SCANNER = CSP.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")


def allow_wasm() -> None:
    """Let the page being answered run the packaged QR decoder."""
    g.allow_wasm = True


def allow_geolocation() -> None:
    """Let the page being answered ask where the person is; the browser asks them, and only when they press a button."""
    g.allow_geolocation = True


def _secure(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CSP_SCANNER if g.get("allow_wasm") else CSP)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    geolocation = "(self)" if g.get("allow_geolocation") else "()"
    headers.setdefault("Permissions-Policy", f"camera=(self), geolocation={geolocation}, microphone=()")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint not in {"static", "web.asset"}:
        headers.setdefault("Cache-Control", "no-store")
    return response


class _SecureCookies(SecureCookieSessionInterface):
    """Cookies that came over https never go out over http. Saving the session is the last thing done to an answer."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        super().save_session(app, session, response)
        cookies = response.headers.getlist("Set-Cookie")
        if request.is_secure and cookies:
            response.headers.setlist("Set-Cookie", [_only_over_https(cookie) for cookie in cookies])


def _only_over_https(cookie: str) -> str:
    return cookie if "; Secure" in cookie else f"{cookie}; Secure"


def init_app(app: Flask) -> None:
    """Put the headers on every answer and lock the cookies down."""
    app.session_interface = _SecureCookies()
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
    )
    app.after_request(_secure)
