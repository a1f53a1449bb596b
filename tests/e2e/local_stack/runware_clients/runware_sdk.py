"""What a reader does with runware-sdk over REST; the images and the errors' codes are written to files."""

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
from runware import Runware
from runware.errors import RunwareError

URL = os.environ["IMAGINEART_BASE_URL"] + "/runware/v1"
TOKEN = os.environ["IMAGINEART_TOKEN"]
REFERENCE = base64.b64encode(Path("reference.png").read_bytes()).decode()
TASK = {
    "taskType": "imageInference",
    "model": "imagineart:2.0@0",
    "positivePrompt": "A lighthouse at dusk",
    "width": 1024,
    "height": 1024,
    "outputFormat": "PNG",
}
SYNC = {"deliveryMethod": "sync"}
RUNS: dict[str, dict[str, Any]] = {
    "one": SYNC,
    "four": SYNC | {"numberResults": 4},
    "async": {"numberResults": 2},
    # One at a URL, as it was made before, and one in base64.
    "reference": SYNC | {"width": 2048, "height": 1152},
    "unsafe": SYNC | {"positivePrompt": "An nsfw lighthouse", "safety": {"checkContent": True}},
}


def client(key: str) -> Runware:
    return Runware(api_key=key, transport="rest", http_base_url=URL)


async def failure(key: str, **fields: Any) -> str:
    async with client(key) as runware:
        try:
            await runware.run(TASK | fields)
        except RunwareError as error:
            return str(error.code)
    return "no error"


async def main() -> None:
    notes: dict[str, Any] = {}
    async with client(TOKEN) as runware, aiohttp.ClientSession() as session:
        made = ""
        for name, fields in RUNS.items():
            references = {"inputs": {"referenceImages": [made, REFERENCE]}} if name == "reference" else {}
            results = await runware.run(TASK | fields | references)
            made = results[0]["imageURL"]
            notes[name] = [result.get("NSFWContent") for result in results]
            for number, result in enumerate(results):
                async with session.get(result["imageURL"]) as response:
                    Path(f"{name}-{number}.png").write_bytes(await response.read())
    notes["refused"] = await failure(TOKEN, numberResults=21)
    notes["bad key"] = await failure("wrong")
    Path("notes.txt").write_text(json.dumps(notes))


asyncio.run(main())
