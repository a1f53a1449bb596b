"""What the package `runware`, the SDK before `runware-sdk`, does over WebSocket."""

import asyncio
import json
import os
from typing import Any
from urllib.request import urlretrieve

from runware import IImageInference, IInputs, Runware

URL, KEY = os.environ["RUNWARE_WEBSOCKET_URL"], os.environ["IMAGINEART_TOKEN"]


def task(**fields: Any) -> IImageInference:
    """A task of one small image."""
    small = {"width": 1024, "height": 1024} | fields
    return IImageInference(
        model="imagineart:2.0@0", **{"positivePrompt": "a lighthouse", "outputFormat": "PNG"} | small
    )


async def refusal(client: Runware, request: IImageInference) -> str:
    """The text of the error that ends a task."""
    try:
        await client.imageInference(requestImage=request)
    except Exception as error:
        return str(error)
    return "none"


async def main() -> None:
    """One image, four, an edit, a task that is polled; unsafe content, a refused parameter and a bad key."""
    client = Runware(api_key=KEY, url=URL)
    await client.connect()
    (one,) = await client.imageInference(requestImage=task())
    urlretrieve(one.imageURL, "one.png")
    four = await client.imageInference(requestImage=task(numberResults=4))
    edit = task(width=1536, height=1536, inputs=IInputs(referenceImages=[one.imageURL]))
    (edited,) = await client.imageInference(requestImage=edit)
    urlretrieve(edited.imageURL, "edited.png")
    accepted = await client.imageInference(requestImage=task(deliveryMethod="async"))
    (polled,) = await client.getResponse(taskUUID=accepted.taskUUID)
    urls = {each.imageURL for each in (*four, polled)}
    (unsafe,) = await client.imageInference(
        requestImage=task(positivePrompt="an nsfw lighthouse", checkNsfw=True)
    )
    refused = await refusal(client, task(steps=30))
    await client.disconnect()
    stranger = Runware(api_key="no key", url=URL)
    await stranger.connect()
    bad_key = await refusal(stranger, task())
    outcome = {
        "images": len(urls),
        "unsafe": unsafe.NSFWContent,
        "refused": "unsupportedParameter" in refused,
        "bad key": "Invalid API token" in bad_key,
    }
    print(json.dumps(outcome))


asyncio.run(main())
