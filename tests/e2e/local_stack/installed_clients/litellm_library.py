import base64
import os
from pathlib import Path

import litellm

api = {"api_base": os.environ["IMAGINEART_BASE_URL"] + "/v1", "api_key": os.environ["IMAGINEART_TOKEN"]}
prompt = "A lighthouse at dusk"
made = litellm.image_generation(prompt=prompt, model="openai/text-to-image", size="1024x1024", **api)
Path("generated.png").write_bytes(base64.b64decode(made.data[0].b64_json))
with open("portrait.jpg", "rb") as photo, open("reference.png", "rb") as reference:
    edited = litellm.image_edit(
        image=[photo, reference], prompt=prompt, model="openai/image-edit", size="1024x1536", **api
    )
Path("edited.png").write_bytes(base64.b64decode(edited.data[0].b64_json))
