"""The four kinds of refusal. A feature declares its own refusals as subclasses beside the code that raises them.

``code`` is stable and for machines; ``text`` is Chinese for people, formatted with the plain facts given.
The doors translate once: kind → HTTP status or exit code, text → page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROGRAM_FAILED: Final = "程序出错，没有完成。请联系系统管理员看运行日志。"  # where its own words might quote a row


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a malfunction
    """A request that the rules do not allow. Nothing was written."""

    code = "refused"
    text = "这一步没有办成。"
    status = 400

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """What happened, why, and what the person can do, in Chinese."""
        return self.text.format(**self.facts)


class NotFound(Refusal):
    """What was asked for does not exist, or not for this actor."""

    code = "not_found"
    text = "没有找到您要的内容，可能已经移走了。"
    status = 404


class NotAllowed(Refusal):
    """The actor's roles do not reach this act here."""

    code = "not_allowed"
    text = "您的身份不能做这一步。如果需要，请联系本网点管理员。"
    status = 403


class Conflict(Refusal):
    """The state of things does not allow it now: full, used up, closed, already different."""

    code = "conflict"
    text = "情况已经变了，请刷新页面再看一看。"
    status = 409


class FormUsed(Conflict):
    """A form's key came before, with other content or from somebody else: the first answer is not theirs to see."""

    code = "form_used"
    text = "这一页已经提交过一次，请刷新页面再填。"


class Invalid(Refusal):
    """The input cannot be understood or breaks a rule; ``fields`` ties messages to form fields."""

    code = "invalid"
    text = "填写的内容有几处需要改一改。"
    status = 422

    def __init__(self, *, fields: Mapping[str, str] | None = None, **facts: object) -> None:
        self.fields = dict(fields or {})
        super().__init__(**facts)
