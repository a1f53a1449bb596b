"""Once a day: how many tokens are live, due for rotation, or about to end; nobody waits for the answer."""

import os
from typing import Any

from imagineart.bootstrap import Services

review_tokens = Services(os.environ).review_tokens


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer which tokens somebody should look at. What fails is raised, so that Lambda tries again."""
    review = review_tokens()
    return {"live": review.live, "due": list(review.due), "ending": list(review.ending)}
