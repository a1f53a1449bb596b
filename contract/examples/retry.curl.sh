curl -X POST https://api.ml.imagine.art/v1/images/generations \
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \
  -H "Idempotency-Key: order-4711" \
  -F "prompt=A lighthouse at dusk" \
  --retry 4 --retry-connrefused --max-time 300 --fail-with-body --output image.png
