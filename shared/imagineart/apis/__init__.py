"""The APIs, one package each."""

import pydantic

# FastAPI has some forty models of OpenAPI documents, which no function uses: none is built before it is used.
pydantic.BaseModel.model_config["defer_build"] = True
