"""POST /imaginelab/payments/stripe: payments for credits."""

import os

from imagineart.apis.common.application import create_application, lambda_handler
from imagineart.apis.imaginelab.errors import error_response
from imagineart.apis.imaginelab.payments import router
from imagineart.bootstrap_payments import PaymentServices

handler = lambda_handler(create_application(router, PaymentServices(os.environ), error_response), os.environ)
