"""The local stack in front of a backend, with one consumer."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.processes import WORK
from cli.deployments import local_services
from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.access.tokens import TokenKind
from local.rough_stack import running_stack


@contextmanager
def local_stack(name: str, backend_url: str, *, slots: int) -> Iterator[tuple[str, str]]:
    """Its base URL and the token of a consumer with so many slots; its state and output are below `WORK`."""
    shutil.rmtree(folder := WORK / name, ignore_errors=True)
    folder.mkdir()
    route = f"openai-compatible {backend_url}/v1 load response_format=png"
    variables = {"IMAGINEART_LOCAL_STATE": str(folder), "IMAGINEART_GENERATION_BACKENDS": route}
    with running_stack(folder, os.environ | variables, killed=0, doubled=0):
        services = local_services(variables)
        services.consumers.add_consumer(Consumer("bench", Limits(6_000, slots)))
        token, _ = services.manage_tokens.issue("bench", TokenKind.PARTNER, life_days=None)
        yield services.base_url, token.text
