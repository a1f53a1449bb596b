"""A Lambda function that answers as its event says; run by the real runtime in a process of its own."""

from pathlib import Path

from lambda_response_streaming import FollowedResponse, StreamedResponse, is_streaming

done = []


def handler(event, context):
    kind = event["kind"]
    if kind == "environment":
        return {"streaming": is_streaming(), "request_id": context.aws_request_id}
    if kind == "failure":
        raise ValueError("failed in the handler")
    if kind == "buffered":
        return {"statusCode": 200, "body": "as ever"}
    if kind == "what was done":
        return done
    if kind == "followed":
        return FollowedResponse({"statusCode": 200, "body": "first"}, lambda: _follow(event))
    headers = {"Content-Type": ["image/png"], "X-Twice": ["1", "2"], **event.get("headers", {})}
    afterwards = (lambda: _follow(event)) if "pipe" in event else None
    return StreamedResponse(event.get("status", 200), headers, _body(event), afterwards)


def _follow(event):
    """Wait for what the test says when it has the answer."""
    with Path(event["pipe"]).open() as pipe:
        done.append(pipe.readline())
    if event.get("fails"):
        raise ValueError("failed after the answer")


def _body(event):
    if event["kind"] == "failure before the first byte":
        raise ValueError("failed before the first byte")
    remaining = event["bytes"]
    piece = bytes(range(256)) * 256
    while remaining > 0:
        yield piece[:remaining]
        remaining -= len(piece)
        if event["kind"] == "stream with empty pieces":
            yield b""
    if event["kind"] == "failure after the first byte":
        raise ValueError("failed after the first byte")
