"""The blueprint."""

from flask import Blueprint

blueprint = Blueprint("passbooks", __name__)
ID = "int(max=2147483647)"
