"""The door for servers and for the ``flask`` command."""

from timebank.app import create_app

app = create_app()
