"""POST /v1/images/edits and /v1/images/variations: images from reference images."""

import os

from imagineart.apis.imagineart.edit_image import router
from imagineart.apis.imagineart.errors import error_response
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
