import os
from pathlib import Path

import httpx

answer = httpx.post(
    "https://api.ml.imagine.art/v1/images/edits",
    headers={"Authorization": f"Bearer {os.environ['IMAGINEART_TOKEN']}"},
    data={
        "prompt": "Replace the background with a sunset beach.",
        "aspect_ratio": "auto",
        "resolution": "2K",
    },
    files=[
        ("images", ("portrait.jpg", Path("portrait.jpg").read_bytes(), "image/jpeg")),
        ("images", ("reference.png", Path("reference.png").read_bytes(), "image/png")),
    ],
    timeout=300.0,
)
answer.raise_for_status()
Path("edited.png").write_bytes(answer.content)
