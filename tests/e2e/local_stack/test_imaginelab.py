"""`make run` serves ImagineLab: the script of the reference, and the whole life of an account."""

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import httpx
from PIL import Image

from tests.e2e.local_stack.running_stack import RunningStack

SEED = Path(__file__).parent / "imaginelab_seed.txt"
PATH = "/imaginelab/api/v1"
EMAIL, PASSWORD = "you@example.com", "YOUR_PASSWORD"


def is_image(content: bytes) -> bool:
    image = Image.open(io.BytesIO(content))
    return (image.format, image.size) == ("PNG", (1024, 1024))


def plays(kind: str, content: bytes) -> bool:
    with av.open(io.BytesIO(content)) as file:
        return len(list(file.decode(**{kind: 0}))) > 1


TYPES: dict[str, tuple[str, int, Callable[[bytes], object]]] = {
    "text": ("text-to-text", 2, bytes.decode),
    "voice": ("text-to-speech", 3, partial(plays, "audio")),
    "image": ("seedream-5.0-lite", 5, is_image),
    "music": ("text-to-music", 8, partial(plays, "audio")),
    "infographic": ("text-to-image", 10, is_image),
    "video": ("text-to-video", 15, partial(plays, "video")),
}
"""Each type with a model, its cost, and what finds its output whole."""


def test_the_script_of_the_reference_works_and_the_account_ends_without_a_trace(stack: RunningStack) -> None:
    base = f"{stack.base_url}{PATH}"
    with httpx.Client(base_url=base, timeout=60) as client:
        assert client.post("/auth/signup", json={"email": EMAIL, "password": PASSWORD}).status_code == 201
        granted = json.loads(stack.target.succeed(f"credits grant {EMAIL} 50 --reference order-1 --json"))
        assert granted == {"email": EMAIL, "granted": 50, "balance": 50}
        again = json.loads(stack.target.succeed(f"credits grant {EMAIL} 50 --reference order-1 --json"))
        assert again["balance"] == 50
        for kind, (model, _, is_whole) in TYPES.items():
            (output,) = run_the_seed(base, kind, model)
            content = output["text"].encode() if "text" in output else httpx.get(output["url"]).content
            assert output["type"] == ("image" if kind == "infographic" else kind)
            assert is_whole(content), kind
        shown = json.loads(stack.target.succeed(f"credits show {EMAIL} --json"))
        assert (shown["balance"], shown["reserved"]) == (7, 0)
        assert sorted(each["amount"] for each in shown["ledger"]) == sorted(
            [50, *(-cost for _, cost, _ in TYPES.values())]
        )
        client.post("/auth/forgot-password", json={"email": EMAIL})
        mailbox = stack.folder / "mailbox.jsonl"
        stack.wait_until(lambda: mailbox.exists() and mailbox.read_text().endswith("\n"))
        (token,) = re.findall(r"token=([\w.]+)", json.loads(mailbox.read_text())["text"])
        assert f"Mail to {EMAIL}" in stack.output
        client.post("/auth/reset-password", json={"token": token, "new_password": "another password"})
        session = client.post("/auth/login", data={"username": EMAIL, "password": "another password"}).json()
        client.headers["Authorization"] = f"Bearer {session['access_token']}"
        assert client.get("/auth/me").json()["credits"] == 7
        assert client.delete("/auth/me").status_code == 200
        assert client.get("/auth/me").status_code == 401
        assert httpx.get(output["url"]).status_code == 404


def run_the_seed(base: str, kind: str, model: str) -> list[dict[str, str]]:
    """What the script prints, which is unmodified but for its BASE, its type and its model."""
    script = SEED.read_text().replace("https://api.imagineview.art/api/v1", base)
    script = script.replace('"generation_type": "image"', f'"generation_type": "{kind}"')
    script = script.replace('"model_name": "seedream-5.0-lite"', f'"model_name": "{model}"')
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=False, env=os.environ | {"NO_PROXY": "127.0.0.1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outputs: list[dict[str, str]] = ast.literal_eval(done.stdout)
    return outputs
