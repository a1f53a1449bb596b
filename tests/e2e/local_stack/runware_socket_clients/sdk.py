"""What `runware-sdk` does over WebSocket, its default transport."""

import asyncio
import json
import os
from collections.abc import Awaitable
from typing import Any
from urllib.request import urlretrieve

from runware import Runware, RunwareError

URL, KEY = os.environ["RUNWARE_WEBSOCKET_URL"], os.environ["IMAGINEART_TOKEN"]
TASK = {
    "taskType": "imageInference",
    "model": "imagineart:2.0@0",
    "positivePrompt": "a lighthouse",
    "outputFormat": "PNG",
}
SMALL = {"width": 1024, "height": 1024}


async def refusal(running: Awaitable[Any]) -> str:
    """The code of the error that ends it."""
    try:
        await running
    except RunwareError as error:
        return str(error.code)
    return "none"


async def main() -> None:
    """One image, four, an edit of the first; unsafe content, a refused parameter and a bad key."""
    async with Runware(api_key=KEY, ws_base_url=URL) as client:
        (one,) = await client.run(TASK | SMALL)
        urlretrieve(one["imageURL"], "one.png")
        four = await client.run(TASK | SMALL | {"numberResults": 4, "deliveryMethod": "sync"})
        references = {"referenceImages": [one["imageURL"]]}
        (edited,) = await client.run(TASK | {"inputs": references, "resolution": "1.5K"})
        urlretrieve(edited["imageURL"], "edited.png")
        nsfw = {"positivePrompt": "an nsfw lighthouse", "safety": {"checkContent": True}}
        (unsafe,) = await client.run(TASK | SMALL | nsfw)
        refused = await refusal(client.run(TASK | SMALL | {"steps": 30}))
    bad_key = await refusal(Runware(api_key="no key", ws_base_url=URL).connect())
    urls = {each["imageURL"] for each in four}
    outcome = {"images": len(urls), "unsafe": unsafe["NSFWContent"], "refused": refused, "bad key": bad_key}
    print(json.dumps(outcome))


asyncio.run(main())
