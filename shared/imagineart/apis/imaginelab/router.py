"""All routes of ImagineLab's API, which one function serves."""

from typing import Final

from fastapi import APIRouter

from imagineart.apis.imaginelab import auth, generations

router: Final = APIRouter()
for part in (auth.anonymous, auth.own, auth.closing, generations.router):
    router.include_router(part)
