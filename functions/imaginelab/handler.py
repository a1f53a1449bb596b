"""/imaginelab/api/v1 and all below: ImagineLab's API."""

import os

from imagineart.apis.common.application import create_application, lambda_handler
from imagineart.apis.imaginelab.errors import error_response
from imagineart.apis.imaginelab.router import router
from imagineart.bootstrap_accounts import AccountServices

handler = lambda_handler(create_application(router, AccountServices(os.environ), error_response), os.environ)
