"""AWS's runtime client, extended: a `StreamedResponse` is posted as a stream, everything else as before.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

import base64
import gc
import http.client
import json
import logging
import socket
import traceback
from typing import Any, Final

from awslambdaric.lambda_runtime_client import LambdaMultiConcurrentRuntimeClient, LambdaRuntimeClient
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

from lambda_response_streaming.response import CONTENT_TYPE, StartedStream, StreamedResponse

_ERROR_TYPE: Final = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY: Final = "Lambda-Runtime-Function-Error-Body"

logger: Final = logging.getLogger(__name__)


class StreamingMarshaller(LambdaMarshaller):  # type: ignore[misc]
    """Starts a streamed response while the runtime can still report an ordinary error for it."""

    def marshal_response(self, response: Any) -> tuple[Any, str]:
        if isinstance(response, StreamedResponse):
            return StartedStream(response), CONTENT_TYPE
        marshalled: tuple[Any, str] = super().marshal_response(response)
        return marshalled


class _Streaming:
    """The extension; goes before one of AWS's client classes in the order of bases."""

    marshaller = StreamingMarshaller()
    lambda_runtime_address: str

    def wait_next_invocation(self) -> Any:
        """The next event. Before the first, what the init has made is left out of later collections."""
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        return super().wait_next_invocation()  # type: ignore[misc]

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: Any,
        content_type: str = "application/json",
        invocation_id: str | None = None,
    ) -> None:
        """Post a streamed response here and any other with AWS's client."""
        if isinstance(result_data, StartedStream):
            try:
                self._post_stream(invoke_id, result_data, content_type, invocation_id)
            finally:
                result_data.close()
        else:
            super().post_invocation_result(  # type: ignore[misc]
                invoke_id, result_data, content_type, invocation_id
            )

    def _post_stream(
        self, invoke_id: str, stream: StartedStream, content_type: str, invocation_id: str | None
    ) -> None:
        connection = http.client.HTTPConnection(self.lambda_runtime_address)
        try:
            _send_head(connection, invoke_id, content_type, invocation_id)
            failure = _send_pieces(connection.sock, stream)
            _send_end(connection.sock, failure)
            status = connection.getresponse().status
            if status != http.HTTPStatus.ACCEPTED:
                logger.error("The runtime API responded %d to the stream of %s", status, invoke_id)
        except (OSError, http.client.HTTPException) as error:
            logger.warning("The stream of %s was cut off by its reader: %s", invoke_id, error)
        finally:
            connection.close()


def _send_head(
    connection: http.client.HTTPConnection, invoke_id: str, content_type: str, invocation_id: str | None
) -> None:
    """Raises OSError."""
    path = f"/2018-06-01/runtime/invocation/{invoke_id}/response"
    connection.putrequest("POST", path, skip_accept_encoding=True)
    connection.putheader("Content-Type", content_type)
    connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.putheader("Trailer", f"{_ERROR_TYPE}, {_ERROR_BODY}")
    connection.putheader("Connection", "close")
    if invocation_id:
        connection.putheader("Lambda-Runtime-Invocation-Id", invocation_id)
    connection.endheaders()


def _send_pieces(sock: socket.socket, stream: StartedStream) -> Exception | None:
    """Send every piece as a chunk; return what the body's producer raised, if anything. Raises OSError."""
    while True:
        try:
            piece = next(stream)
        except StopIteration:
            return None
        except Exception as error:
            logger.exception("The body of a streamed response failed after it had begun")
            return error
        # Apart, so that no piece is copied.
        sock.sendall(b"%x\r\n" % len(piece))
        sock.sendall(piece)
        sock.sendall(b"\r\n")


def _send_end(sock: socket.socket, failure: Exception | None) -> None:
    trailers = b""
    if failure is not None:
        error = {
            "errorType": type(failure).__name__,
            "errorMessage": str(failure),
            "stackTrace": traceback.format_tb(failure.__traceback__),
        }
        encoded = base64.b64encode(json.dumps(error).encode())
        trailers = (
            f"{_ERROR_TYPE}: Runtime.{error['errorType']}\r\n{_ERROR_BODY}: ".encode() + encoded + b"\r\n"
        )
    sock.sendall(b"0\r\n" + trailers + b"\r\n")


class StreamingRuntimeClient(_Streaming, LambdaRuntimeClient):  # type: ignore[misc]
    """The client of an environment that runs one invocation at a time."""


class StreamingMultiConcurrentRuntimeClient(_Streaming, LambdaMultiConcurrentRuntimeClient):  # type: ignore[misc]
    """The client of each process on a managed instance."""
