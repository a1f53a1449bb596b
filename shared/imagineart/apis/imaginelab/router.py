"""All routes of ImagineLab's API, which one function serves."""

from typing import Final

from fastapi import APIRouter

from imagineart.apis.imaginelab import auth

router: Final = APIRouter()
for part in (auth.anonymous, auth.own, auth.closing):
    router.include_router(part)
