"""A Lambda function that answers as its event says; run by the real runtime in a process of its own."""

from lambda_response_streaming import StreamedResponse, is_streaming


def handler(event, context):
    kind = event["kind"]
    if kind == "environment":
        return {"streaming": is_streaming(), "request_id": context.aws_request_id}
    if kind == "failure":
        raise ValueError("failed in the handler")
    if kind == "buffered":
        return {"statusCode": 200, "body": "as ever"}
    headers = {"Content-Type": ["image/png"], "X-Twice": ["1", "2"], **event.get("headers", {})}
    return StreamedResponse(event.get("status", 200), headers, _body(event))


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
