"""POST /v1/uploads: a place for a reference image that is too large for a request."""

import os

from imagineart.apis.imagineart.errors import error_response
from imagineart.apis.imagineart.request_upload import router
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
