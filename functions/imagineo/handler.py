"""/imagineo/v1: ImagineoAI's REST API."""

import os

from imagineart.apis.imagineo.errors import error_response
from imagineart.apis.imagineo.routes import router
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
