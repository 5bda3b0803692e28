"""A deterministic small town for trying things out, built only through the features' own services.

Promises: loads once, the same people and hours every time; its sign-ins are shown in demo mode only.
"""
