"""The verbs of 存折 and 每月对账单. They never commit; a door's unit of work does."""

from timebank.passbooks.service.printing import PrintDraft, print_passbook
from timebank.passbooks.service.telling import tell_statements

__all__ = ["PrintDraft", "print_passbook", "tell_statements"]
