"""Once a day: how many tokens are live, due for rotation, or about to expire; the metrics feed an alarm."""

import os
from typing import Any

from imagineart.bootstrap import LambdaServices

services = LambdaServices(os.environ)


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return the ids of the tokens that need attention. A failure is raised, so that Lambda retries."""
    review = services.review_tokens()
    return {"live": review.live, "due": list(review.due), "ending": list(review.ending)}
