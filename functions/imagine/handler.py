"""/imagine: both versions of Imagine's API."""

import os

from imagineart.apis.imagine.errors import error_response
from imagineart.apis.imagine.routes import router
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
