"""Rate limits per address, in memory: right for the one worker process the app runs with."""

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=True)
SIGN_IN_LIMIT = "60/minute;600/hour"  # a venue shares one address; failed attempts are counted per name besides
CODE_LIMIT = "60/minute"
DOWNLOAD_LIMIT = "20/minute"  # a long table or sheet takes a second to make
