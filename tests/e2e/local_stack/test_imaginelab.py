"""`make run` serves ImagineLab: the script of the reference, and the whole life of an account."""

import ast
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
from PIL import Image

from tests.e2e.local_stack.running_stack import RunningStack

SEED = Path(__file__).parent / "imaginelab_seed.txt"
PATH = "/imaginelab/api/v1"
EMAIL, PASSWORD = "you@example.com", "YOUR_PASSWORD"


def test_the_script_of_the_reference_works_and_the_account_ends_without_a_trace(stack: RunningStack) -> None:
    base = f"{stack.base_url}{PATH}"
    with httpx.Client(base_url=base, timeout=60) as client:
        assert client.post("/auth/signup", json={"email": EMAIL, "password": PASSWORD}).status_code == 201
        granted = json.loads(stack.target.succeed(f"credits grant {EMAIL} 12 --reference order-1 --json"))
        assert granted == {"email": EMAIL, "granted": 12, "balance": 12}
        again = json.loads(stack.target.succeed(f"credits grant {EMAIL} 12 --reference order-1 --json"))
        assert again["balance"] == 12
        (output,) = run_the_seed(base)
        image = Image.open(io.BytesIO(httpx.get(output["url"]).content))
        assert (output["type"], image.format, image.size) == ("image", "PNG", (1024, 1024))
        shown = json.loads(stack.target.succeed(f"credits show {EMAIL} --json"))
        assert (shown["balance"], shown["reserved"]) == (7, 0)
        assert [(each["kind"], each["amount"]) for each in shown["ledger"]] == [
            ("granted", 12), ("taken", -5),
        ]  # fmt: skip
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


def run_the_seed(base: str) -> list[dict[str, str]]:
    """What the script prints, which is unmodified but for its BASE."""
    script = SEED.read_text().replace("https://api.imagineview.art/api/v1", base)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=False, env=os.environ | {"NO_PROXY": "127.0.0.1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outputs: list[dict[str, str]] = ast.literal_eval(done.stdout)
    return outputs
