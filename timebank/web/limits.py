"""Rate limits per address, in memory: right for the one worker process the app runs with."""

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=True)
# A square full of people may share one address, and 600 of them may sign in at once. What fails is limited far more
# tightly, per address here and per name by the members' own rules.
SIGN_IN_LIMIT = "600/minute;3000/hour"
FAILED_SIGN_IN_LIMIT = "60/minute;600/hour"
CODE_LIMIT = "60/minute"
VERIFY_LIMIT = "10/minute;100/hour"  # a package of somebody's is unpacked and read through
DOWNLOAD_LIMIT = "20/minute"  # a long table or sheet takes a second to make
