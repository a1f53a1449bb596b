"""`make run` runs jobs and delivers their webhooks; PyPI's standardwebhooks verifies them."""

import json

import httpx
from standardwebhooks import Webhook as Verifier

from tests.e2e.local_stack.running_stack import RunningStack
from tests.receiver import Receiver


def test_a_job_ends_at_its_webhook(stack: RunningStack) -> None:
    target = stack.target
    target.succeed("consumer create hooked")
    secret = target.succeed("webhook secret hooked").strip()
    headers = {
        "Authorization": f"Bearer {target.succeed('token create hooked').strip()}",
        "Prefer": "respond-async",
    }
    with Receiver() as receiver, httpx.Client(base_url=stack.base_url, headers=headers, timeout=60) as client:
        fields = {"prompt": "a lighthouse", "resolution": "1K", "webhook_url": receiver.url}
        accepted = client.post("/v1/images/generations", data=fields)
        assert accepted.status_code == 202, accepted.text
        stack.wait_until(lambda: bool(receiver.requests))
        request = receiver.requests[0]
        payload = Verifier(secret).verify(request.body, request.headers)
        assert (payload["type"], payload["data"]) == (
            "job.completed",
            client.get(accepted.headers["Location"]).json(),
        )
        webhook_id = request.headers["webhook-id"]
        stack.wait_until(lambda: shown_state(stack, webhook_id) == "delivered")
        assert len(receiver.requests) == 1


def shown_state(stack: RunningStack, webhook_id: str) -> str:
    """What the operator sees of the webhook."""
    shown = json.loads(stack.target.succeed(f"webhook attempts hooked --webhook {webhook_id} --json"))
    state: str = shown["webhooks"][0]["state"]
    return state
