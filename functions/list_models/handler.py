"""GET /v1/models and /v1/models/{id}: the models that a caller may use."""

import os

from imagineart.apis.imagineart.errors import error_response
from imagineart.apis.imagineart.list_models import router
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
