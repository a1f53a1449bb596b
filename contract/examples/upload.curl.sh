granted=$(curl -sS -X POST https://api.ml.imagine.art/v1/uploads \
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \
  -F "content_type=image/jpeg" \
  -F "size=$(wc -c < photo.jpg | tr -d ' ')" \
  --fail-with-body)
id=$(printf %s "$granted" | sed 's/.*"id": *"\([^"]*\)".*/\1/')
url=$(printf %s "$granted" | sed 's/.*"url": *"\([^"]*\)".*/\1/')

curl -sS -T photo.jpg -H "Content-Type: image/jpeg" "$url" --fail-with-body

curl -X POST https://api.ml.imagine.art/v1/images/edits \
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \
  -F "prompt=Make it dusk." \
  -F "images=$id" \
  --max-time 300 --fail-with-body --output edited.png
