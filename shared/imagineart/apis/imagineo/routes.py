"""The three endpoints of /imagineo/v1 as one router, for one function."""

from typing import Final

from fastapi import APIRouter

from imagineart.apis.imagineo import generate, get_generation, list_models

router: Final = APIRouter()
for module in (generate, get_generation, list_models):
    router.include_router(module.router)
