import os
import random
import time
import uuid
from pathlib import Path

import httpx

ATTEMPTS = 5


def generate(fields: dict[str, str]) -> bytes:
    """One picture, however often it has to be asked for."""
    headers = {
        "Authorization": f"Bearer {os.environ['IMAGINEART_TOKEN']}",
        "Idempotency-Key": str(uuid.uuid4()),  # the same for every attempt
    }
    for attempt in range(ATTEMPTS):
        is_last = attempt == ATTEMPTS - 1
        wait_seconds = 0.0
        try:
            answer = httpx.post(
                "https://api.ml.imagine.art/v1/images/generations",
                headers=headers,
                data=fields,
                timeout=300.0,
            )
            if answer.is_success:
                return answer.content
            if is_last or answer.headers.get("X-Should-Retry") == "false":
                raise RuntimeError(f"HTTP {answer.status_code}: {answer.text}")
            wait_seconds = float(answer.headers.get("Retry-After", 0))
        except httpx.TransportError:
            if is_last:
                raise
        time.sleep(wait_seconds + random.uniform(0, 2**attempt))
    raise AssertionError("the last attempt returns or raises")


Path("image.png").write_bytes(generate({"prompt": "A lighthouse at dusk"}))
