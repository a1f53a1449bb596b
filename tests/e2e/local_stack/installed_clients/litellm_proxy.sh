# LiteLLM's proxy, and the curl lines of its documentation with another address and model.
export LITELLM_MASTER_KEY="sk-$IMAGINEART_TOKEN"
proxy="http://127.0.0.1:$FREE_PORT"
litellm --config litellm_proxy.yaml --host 127.0.0.1 --port "$FREE_PORT" > proxy.log 2>&1 &
trap 'kill $!; wait' EXIT
until curl -sf "$proxy/health/liveliness"; do
  kill -0 $! || { cat proxy.log >&2; exit 1; }
  sleep 1
done

curl -sS --fail-with-body -X POST "$proxy/v1/images/generations" \
  -H "Authorization: Bearer $LITELLM_MASTER_KEY" \
  -H "Content-Type: application/json" \
  -d '{"model": "text-to-image", "prompt": "A lighthouse at dusk", "size": "1024x1024"}' \
  > generated.json
curl -sS --fail-with-body -X POST "$proxy/v1/images/edits" \
  -H "Authorization: Bearer $LITELLM_MASTER_KEY" \
  -F "model=image-edit" \
  -F "image=@portrait.jpg" \
  -F "image=@reference.png" \
  -F "size=1024x1536" \
  -F 'prompt=Create a lovely gift basket with these items in it' \
  > edited.json
