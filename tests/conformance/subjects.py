"""Every adapter that has to conform: one joins by one line here."""

from imagineart.backends.openai_profiles import PROFILES
from tests.conformance.bedrock_region import BedrockRegion
from tests.conformance.imagineart_deployment import ImagineArtDeployment
from tests.conformance.openai_servers import OpenAiServer
from tests.conformance.subject import Subject

SUBJECTS: tuple[Subject, ...] = (
    *map(OpenAiServer, PROFILES),
    ImagineArtDeployment(),
    BedrockRegion(),
)
