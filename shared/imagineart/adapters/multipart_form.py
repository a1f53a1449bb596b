"""Forms as multipart/form-data.

Source: https://www.rfc-editor.org/rfc/rfc7578
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field; a file where it has a file name. All but `content` are plain ASCII without quotes."""

    name: str
    content: bytes
    filename: str | None = None
    media_type: str | None = None

    @property
    def head(self) -> str:
        """Its headers, without the line that ends them."""
        filename = f'; filename="{self.filename}"' if self.filename is not None else ""
        media_type = f"\r\nContent-Type: {self.media_type}" if self.media_type else ""
        return f'Content-Disposition: form-data; name="{self.name}"{filename}{media_type}'


def encode_form(parts: Sequence[FormPart]) -> tuple[str, Sequence[bytes]]:
    """The content type, and the body in parts that are not joined, for files are large."""
    boundary = secrets.token_hex(16)
    body: list[bytes] = []
    for part in parts:
        body += [f"--{boundary}\r\n{part.head}\r\n\r\n".encode(), part.content, b"\r\n"]
    body.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", body
