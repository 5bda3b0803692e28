"""Pages of 兑换."""

from flask import Blueprint

blueprint = Blueprint("exchange", __name__)

from timebank.exchange.views import branch, keeping, offers, orders, vouchers  # noqa: E402  (they need the blueprint)

__all__ = ["blueprint", "branch", "keeping", "offers", "orders", "vouchers"]
