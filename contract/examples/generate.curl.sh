curl -X POST https://api.ml.imagine.art/v1/images/generations \
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \
  -F "prompt=A cinematic portrait of a chef plating ramen, warm tungsten light" \
  -F "aspect_ratio=3:2" \
  -F "resolution=2K" \
  -F "seed=7" \
  -F "reasoning=high" \
  --max-time 300 --fail-with-body --output image.png
