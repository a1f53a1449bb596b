import base64
import os
from pathlib import Path

from openai import OpenAI

client = OpenAI(
    base_url="https://api.ml.imagine.art/v1",
    api_key=os.environ["IMAGINEART_TOKEN"],
    timeout=300.0,
)
made = client.images.generate(
    prompt="A cinematic portrait of a chef plating ramen, warm tungsten light",
    size="2496x1664",
    quality="high",
    extra_body={"seed": 7},
)
Path("image.png").write_bytes(base64.b64decode(made.data[0].b64_json))
