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
    prompt="A lighthouse at dusk", size="1024x1024", n=2, extra_body={"seed": 7}
)
for number, picture in enumerate(made.data, start=1):
    Path(f"image-{number}.png").write_bytes(base64.b64decode(picture.b64_json))
