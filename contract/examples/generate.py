import os
from pathlib import Path

import httpx

answer = httpx.post(
    "https://api.ml.imagine.art/v1/images/generations",
    headers={"Authorization": f"Bearer {os.environ['IMAGINEART_TOKEN']}"},
    data={
        "prompt": "A cinematic portrait of a chef plating ramen, warm tungsten light",
        "aspect_ratio": "3:2",
        "resolution": "2K",
        "seed": "7",
        "reasoning": "high",
    },
    timeout=300.0,
)
answer.raise_for_status()
Path("image.png").write_bytes(answer.content)
print("seed", answer.headers.get("X-Seed"))
