import httpx

httpx.get("https://api.ml.imagine.art/v1/health", timeout=10.0).raise_for_status()
print("up")
