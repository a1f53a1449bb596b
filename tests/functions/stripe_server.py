"""A stand-in for the parts of Stripe's API that tell what was bought.

Source: https://docs.stripe.com/api/checkout/sessions
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from local.wsgi_server import serving

API_KEY = "sk_test_key"


@dataclass
class StripeServer:
    """Sessions by id; `is_down` lets every request fail."""

    url: str = ""
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_down: bool = False

    def sell(self, number: int, account: object, *, credits: object = 50, quantity: int = 1) -> str:
        """A paid session; returns its id."""
        name = f"cs_test_{number}"
        self.sessions[name] = {
            "id": name,
            "object": "checkout.session",
            "client_reference_id": str(account),
            "payment_intent": f"pi_{number}",
            "payment_status": "paid",
            "amount_total": 1000,
            "items": [
                {
                    "id": "li_1",
                    "object": "item",
                    "quantity": quantity,
                    "price": {"id": "price_1", "object": "price", "metadata": {"credits": str(credits)}},
                }
            ],
        }
        return name

    def respond(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application."""
        found = self._find(environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"]))
        known = environ.get("HTTP_AUTHORIZATION") == f"Bearer {API_KEY}" and not self.is_down
        status = "200 OK" if known and found is not None else "400 Bad Request"
        body = json.dumps(found if known and found else {"error": {"type": "invalid_request_error"}}).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _find(self, path: str, query: dict[str, list[str]]) -> dict[str, Any] | None:
        parts = path.removeprefix("/v1/checkout/sessions").strip("/").split("/")
        if parts == [""]:
            wanted = query["payment_intent"][0]
            data = [each for each in self.sessions.values() if each["payment_intent"] == wanted]
        elif parts[1:] == ["line_items"]:
            data = self.sessions[parts[0]]["items"]
        else:
            return self.sessions.get(parts[0])
        return {"object": "list", "data": data, "has_more": False, "url": path}


@contextmanager
def serving_stripe() -> Iterator[StripeServer]:
    """A server that knows no session yet."""
    server = StripeServer()
    with serving(server.respond) as url:
        server.url = url
        yield server
