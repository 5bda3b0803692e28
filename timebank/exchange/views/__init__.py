"""Pages of 兑换."""

from flask import Blueprint

blueprint = Blueprint("exchange", __name__)
ID = "int(max=2147483647)"  # an id in an address

from timebank.exchange.views import branch, keeping, needs, offers, orders, photos, resources, vouchers  # noqa: E402  (they need the blueprint)

__all__ = ["ID", "blueprint", "branch", "keeping", "needs", "offers", "orders", "photos", "resources", "vouchers"]
