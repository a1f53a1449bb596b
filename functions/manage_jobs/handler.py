"""/v1/jobs and what is below: the jobs of a caller and their images."""

import os

from imagineart.apis.imagineart.errors import error_response
from imagineart.apis.imagineart.manage_jobs import router
from imagineart.bootstrap import create_handler

handler = create_handler(os.environ, router, error_response)
