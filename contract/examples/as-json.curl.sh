curl -X POST https://api.ml.imagine.art/v1/images/generations \
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"prompt": "A lighthouse at dusk", "size": "1024x1024", "n": 2, "seed": 7}' \
  --max-time 300 --fail-with-body --output pictures.json
