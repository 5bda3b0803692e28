"""Measurements beside a plain baseline: ``python -m bench [name …]``."""
