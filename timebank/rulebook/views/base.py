"""The blueprint that all pages of the rules hang on."""

from flask import Blueprint

blueprint = Blueprint("rulebook", __name__)
