import base64
import os
from pathlib import Path

import httpx
from generated import AuthenticatedClient, models
from generated.api.images import edit_image, generate_image
from generated.api.uploads import request_upload
from generated.types import File

# Such a client reads one kind of response, JSON; so it says that it wants no other.
client = AuthenticatedClient(
    os.environ["IMAGINEART_BASE_URL"],
    os.environ["IMAGINEART_TOKEN"],
    headers={"Accept": "application/json"},
    timeout=httpx.Timeout(300),
)
text, photo = "A lighthouse at dusk", Path("portrait.jpg").read_bytes()


def write(name: str, response: models.ImagesResponse | models.ErrorResponse | None) -> None:
    Path(name).write_bytes(base64.b64decode(response.data[0].b64_json))


form = models.GenerationRequestForm(prompt=text, size=models.GenerationRequestFormSize("1024x1024"))
write("form.png", generate_image.sync(client=client, body=form))

form = models.GenerationRequestUrlencodedForm(
    prompt=text, resolution=models.GenerationRequestUrlencodedFormResolution("1K")
)
write("urlencoded.png", generate_image.sync(client=client, body=form))

fields = models.GenerationRequest(prompt=text, size=models.GenerationRequestSize("1024x1024"))
write("json.png", generate_image.sync(client=client, body=fields))

with Path("portrait.jpg").open("rb") as file:
    images = [File(file, "portrait.jpg", "image/jpeg")]
    form = models.EditRequestForm(text, images, size=models.EditRequestFormSize("1024x1536"))
    write("edited.png", edit_image.sync(client=client, body=form))

kind = models.UploadRequestContentType("image/jpeg")
grant = request_upload.sync(client=client, body=models.UploadRequest(kind, len(photo)))
httpx.put(grant.url, content=photo, headers=grant.headers.to_dict()).raise_for_status()
fields = models.EditRequest(text, [grant.id], size=models.EditRequestSize("1024x1536"))
write("uploaded.png", edit_image.sync(client=client, body=fields))
