import os
from pathlib import Path

import httpx

photo = Path("photo.jpg").read_bytes()
api = httpx.Client(
    base_url="https://api.ml.imagine.art",
    headers={"Authorization": f"Bearer {os.environ['IMAGINEART_TOKEN']}"},
    timeout=300.0,
)

answer = api.post(
    "/v1/uploads", json={"content_type": "image/jpeg", "size": len(photo)}
)
upload = answer.raise_for_status().json()

# Without the token: the address itself is the permission.
httpx.put(
    upload["url"], content=photo, headers=upload["headers"], timeout=300.0
).raise_for_status()

edited = api.post(
    "/v1/images/edits", data={"prompt": "Make it dusk.", "images": upload["id"]}
)
Path("edited.png").write_bytes(edited.raise_for_status().content)
