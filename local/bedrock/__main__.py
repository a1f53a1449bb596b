"""Serves the stand-in for Amazon Bedrock until its parent closes stdin or a signal asks it to stop."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from types import FrameType

from local.bedrock.faults import Fault
from local.bedrock.models import SERVICE_REGIONS, TEXT_REGION
from local.bedrock.server import BedrockServer


def main() -> None:
    """Prints one line with the address once connections are accepted, then serves."""
    options = argparse.ArgumentParser(prog="bedrock", description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, required=True, help="0 takes any free port")
    options.add_argument("--region", choices=SERVICE_REGIONS, default=TEXT_REGION)
    options.add_argument("--fail", choices=[fault.name for fault in Fault], help="fail every request so")
    chosen = options.parse_args()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _leave)
    always = Fault[chosen.fail] if chosen.fail else None
    with BedrockServer(host=chosen.host, port=chosen.port, region=chosen.region, always=always) as bedrock:
        print(f"bedrock listening on {bedrock.url}", flush=True)
        # Past the buffered reader, whose lock the interpreter would wait for when a signal ends the process.
        while os.read(sys.stdin.fileno(), 4096):
            pass


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
