import os
from pathlib import Path

import httpx
from llama_index.tools.openai.image_generation.base import OpenAIImageGenerationToolSpec

# It has no parameter for the base URL.
os.environ["OPENAI_BASE_URL"] = os.environ["OPENAI_URL"]
tool = OpenAIImageGenerationToolSpec(api_key=os.environ["IMAGINEART_TOKEN"], cache_dir="saved")
url = tool.image_generation("A lighthouse at dusk")
Path("generated.png").write_bytes(httpx.get(url, trust_env=False).content)
(saved,) = tool.image_generation("A lighthouse at dusk", download=True)
Path(saved).rename("saved.png")
