"""GET /results/{file}: a finished file at a URL that needs no token."""

import os

from imagineart.apis.imagineart.errors import error_response
from imagineart.apis.imagineart.serve_result import router
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
