"""Who takes part: an adapter joins by one line here."""

from imagineart.adapters.openai_profiles import PROFILES
from tests.conformance.bedrock_region import BedrockRegion
from tests.conformance.contestant import Contestant
from tests.conformance.imagineart_deployment import ImagineArtDeployment
from tests.conformance.openai_servers import OpenAiServer

CONTESTANTS: tuple[Contestant, ...] = (
    *map(OpenAiServer, PROFILES),
    ImagineArtDeployment(),
    BedrockRegion(),
)
