"""Serves the stand-in for Bedrock on loopback until standard input ends."""

import sys
from collections import deque

from local.bedrock.server import BedrockServer

if __name__ == "__main__":
    with BedrockServer() as server:
        # Nobody asks what came, and each request has an image.
        server.invocations = deque(maxlen=1)
        print(f"bedrock listening on {server.url}", flush=True)
        sys.stdin.read()
