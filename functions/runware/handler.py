"""POST /runware/v1: Runware's task API."""

import os

from imagineart.apis.runware.errors import error_response
from imagineart.apis.runware.rest import router
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
