"""Lambda's handler in the tests of what is imported when: the function's own, and a note of every import.

Runs in the function's process, on what is deployed. Each line that it writes into the pipe is the name of a
module that is looked for, ``=loaded`` when a thread beside the first has ended that looked for some, and
``=answered`` when the answer to a request was read.
"""

import os
import sys
import threading
from typing import ClassVar

_PIPE = os.open(os.environ["IMPORTS_PIPE"], os.O_WRONLY)


class _Recorder:
    """Finds nothing, but learns of everything that is not imported yet."""

    followed: ClassVar[set] = set()

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        _note(name)
        thread = threading.current_thread()
        if thread is not threading.main_thread() and thread not in cls.followed:
            cls.followed.add(thread)
            threading.Thread(target=_note_end, args=(thread,), daemon=True).start()


def _note_end(thread):
    thread.join()
    _note("=loaded")


def _note(line):
    os.write(_PIPE, f"{line}\n".encode())


sys.meta_path.insert(0, _Recorder)
sys.path.insert(0, os.environ["FUNCTION_FOLDER"])

import handler as function  # noqa: E402

from lambda_response_streaming import StreamedResponse  # noqa: E402


def handler(event, context):
    answer = function.handler(event, context)
    if not isinstance(answer, StreamedResponse):
        _note("=answered")
        return answer
    return StreamedResponse(answer.status, answer.headers, _read(answer.body), answer.afterwards)


def _read(body):
    yield from body
    _note("=answered")
