"""POST /v1/images/generations: images from a prompt."""

import os

from imagineart.apis.imagineart.errors import error_response
from imagineart.apis.imagineart.generate_image import router
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
