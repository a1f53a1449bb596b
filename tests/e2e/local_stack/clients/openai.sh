# As OpenAI's documentation has it, with another address and model.
curl -s -X POST "$IMAGINEART_BASE_URL/v1/images/edits" \
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \
  -F "model=image-edit" \
  -F "image[]=@portrait.jpg" \
  -F "image[]=@reference.png" \
  -F "size=1024x1536" \
  -F 'prompt=Create a lovely gift basket with these items in it' \
  > edited.json
