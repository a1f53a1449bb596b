import os

import httpx

answer = httpx.get(
    "https://api.ml.imagine.art/v1/models",
    headers={"Authorization": f"Bearer {os.environ['IMAGINEART_TOKEN']}"},
    timeout=30.0,
)
answer.raise_for_status()
for model in answer.json()["data"]:
    print(model["id"], "takes", ", ".join(model["parameters"]))
