"""POST /v1/images/edits: images from reference images and an instruction."""

import os

from imagineart.apis.imagineart.edit_image import router
from imagineart.apis.imagineart.errors import error_response
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
