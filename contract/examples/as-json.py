import base64
import os
from pathlib import Path

import httpx

answer = httpx.post(
    "https://api.ml.imagine.art/v1/images/generations",
    headers={"Authorization": f"Bearer {os.environ['IMAGINEART_TOKEN']}"},
    json={"prompt": "A lighthouse at dusk", "size": "1024x1024", "n": 2, "seed": 7},
    timeout=300.0,
)
answer.raise_for_status()
for number, picture in enumerate(answer.json()["data"], start=1):
    Path(f"image-{number}.png").write_bytes(base64.b64decode(picture["b64_json"]))
