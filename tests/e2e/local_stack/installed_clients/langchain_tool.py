import os
from pathlib import Path

import httpx
from langchain_community.tools.openai_dalle_image_generation import OpenAIDALLEImageGenerationTool
from langchain_community.utilities.dalle_image_generator import DallEAPIWrapper

wrapper = DallEAPIWrapper(
    base_url=os.environ["OPENAI_URL"], api_key=os.environ["IMAGINEART_TOKEN"], model="dall-e-3"
)
url = OpenAIDALLEImageGenerationTool(api_wrapper=wrapper).run("A lighthouse at dusk")
Path("generated.png").write_bytes(httpx.get(url, trust_env=False).content)
