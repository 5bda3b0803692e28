"""Refusals and HTTP errors as pages: the one place where a kind becomes a status and a code becomes a sentence."""

from __future__ import annotations

import structlog
from flask import Flask, Response, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from timebank.core.errors import Refusal

log = structlog.get_logger()

_TITLES = {
    400: "这一步没有办成",
    403: "这里需要别的身份",
    404: "没有找到这一页",
    405: "这个网址不能这样打开",
    409: "情况已经变了",
    413: "文件太大了",
    422: "填写的内容要改一改",
    429: "操作太快了",
    500: "系统出了差错",
}
_TEXTS = {
    404: "网址可能打错了，或者内容已经移走。请回到首页再找。",
    405: "请回到上一页，用页面上的按钮操作。",
    413: "一次最多上传 {most} MB。请分几次传，或者删掉用不到的内容。",
    429: "为了保护大家的账户，请等一分钟再试。",
    500: "不是您的错，账目没有变动。请稍后再试；如果一直这样，请告诉网点工作人员。",
}


def answer(status: int, text: str) -> Response:
    """The error page for a status."""
    page = render_template("error.html", status=status, title=_TITLES.get(status, _TITLES[400]), text=text)
    return make_response(page, status)


def _on_refusal(refusal: Refusal) -> Response:
    return answer(refusal.status, refusal.message)


def _on_csrf(_error: CSRFError) -> Response:
    return answer(400, "页面打开太久，已经过期。请回到上一页刷新，再提交一次。")


def _on_http(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return make_response(error.get_response())
    status = error.code or 500
    text = _TEXTS.get(status, "请求不对，请回到上一页再试。")
    response = answer(status, text.format(most=(request.max_content_length or 0) >> 20))
    for name, value in error.get_headers():
        if name == "Retry-After":
            response.headers[name] = value
    return response


def _on_bug(error: Exception) -> Response:
    # The exception's text may quote personal data (a statement's parameters): only its type and place are logged.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    log.error("unexpected_error", kind=type(error).__name__, place=place)
    try:
        return answer(500, _TEXTS[500])
    except Exception:  # the page itself needs the database to know who is reading
        return make_response(f"{_TITLES[500]}。{_TEXTS[500]}", 500, {"Content-Type": "text/plain; charset=utf-8"})


def init_app(app: Flask) -> None:
    """Register the translations."""
    app.register_error_handler(Refusal, _on_refusal)
    app.register_error_handler(CSRFError, _on_csrf)
    app.register_error_handler(HTTPException, _on_http)
    if not app.testing:
        app.register_error_handler(Exception, _on_bug)
