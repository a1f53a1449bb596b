import base64
import os
from pathlib import Path

import httpx
from generated import EditRequestForm, GenerationRequest, GenerationRequestForm, ImagesResponse
from pydantic import BaseModel

client = httpx.Client(
    base_url=os.environ["IMAGINEART_BASE_URL"],
    headers={"Authorization": f"Bearer {os.environ['IMAGINEART_TOKEN']}"},
    timeout=300,
)
text, photo = "A lighthouse at dusk", Path("portrait.jpg").read_bytes()


def fields(request: BaseModel) -> dict[str, object]:
    return request.model_dump(mode="json", exclude_none=True, exclude={"images"})


def post(path: str, **body: object) -> httpx.Response:
    return client.post(path, **body).raise_for_status()


def png(response: httpx.Response) -> bytes:
    return base64.b64decode(ImagesResponse.model_validate(response.json()).data[0].b64_json)


form = GenerationRequestForm(prompt=text, aspect_ratio="1:1", resolution="1K")
Path("form.png").write_bytes(post("/v1/images/generations", data=fields(form)).content)

request = GenerationRequest(prompt=text, size="1024x1024")
Path("json.png").write_bytes(png(post("/v1/images/generations", json=fields(request))))

edit = EditRequestForm(prompt=text, images=[photo], size="1024x1536")
files = [("images", image) for image in edit.images]
Path("edited.png").write_bytes(png(post("/v1/images/edits", data=fields(edit), files=files)))
