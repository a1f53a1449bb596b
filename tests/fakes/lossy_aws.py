"""AWS behind a network that loses calls on their way, or responses on their way back."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from imagineart.aws import AwsClients


class LossyAws(AwsClients):
    """The clients of one environment; see `lose`. botocore sends a lost call again, three times in all."""

    def __init__(self, variables: Mapping[str, str], session: boto3.Session) -> None:
        super().__init__(variables, session=session)
        self._http = URLLib3Session()
        self._losing: dict[str, tuple[int, bool]] = {}
        self.calls: list[str] = []

    def lose(self, operation: str, times: int, *, after_effect: bool) -> None:
        """Lose the next `times` calls of an operation, such as ``UpdateItem``.

        With `after_effect` the call is made and its response is lost; otherwise the call is lost.
        """
        self._losing[operation] = (times, after_effect)

    def client(self, service: str, **where: Any) -> Any:
        known = len(self._clients)
        client = super().client(service, **where)
        if len(self._clients) > known:
            client.meta.events.register("before-send", self._send)
        return client

    def _send(self, request: Any, event_name: str, **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        self.calls.append(operation)
        times, after_effect = self._losing.get(operation, (0, False))
        if times:
            self._losing[operation] = (times - 1, after_effect)
            if after_effect:
                self._http.send(request)
            raise ConnectionClosedError(endpoint_url=request.url)
