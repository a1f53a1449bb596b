"""The engines of AWS: text by Amazon Bedrock's Converse, and speech by Amazon Polly.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
https://docs.aws.amazon.com/polly/latest/APIReference/API_SynthesizeSpeech.html
"""

import asyncio
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from imagineart.aws import AwsClients
from imagineart.backends.aws_errors import translated_errors
from imagineart.backends.responses import refused_content
from imagineart.errors import ModelError
from imagineart.media.model import MAX_MEDIA_BYTES, TextRequest, VoiceRequest
from imagineart.models.routes import ConverseRoute, PollyRoute

_REFUSED: Final = ("content_filtered", "guardrail_intervened")


@dataclass(frozen=True, slots=True)
class ConverseEngine:
    """Writes text with a model on Amazon Bedrock. boto3 blocks, so that calls run in `threads`."""

    clients: AwsClients
    threads: Executor
    route: ConverseRoute

    async def make(self, request: TextRequest) -> bytes:
        """See `MediaEngine`."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._call, request)

    def _call(self, request: TextRequest) -> bytes:
        client = self.clients.client(
            "bedrock-runtime", region=self.route.region, endpoint_url=self.route.endpoint
        )
        inference: dict[str, Any] = {"maxTokens": request.max_tokens}
        if request.temperature is not None:
            # Bedrock's scale ends at 1, where OpenAI's ends at 2.
            inference["temperature"] = min(1.0, request.temperature)
        with translated_errors(request.prompt):
            response = client.converse(
                modelId=self.route.model,
                messages=[{"role": "user", "content": [{"text": request.prompt}]}],
                inferenceConfig=inference,
                **({"system": [{"text": request.instructions}]} if request.instructions else {}),
            )
        if response.get("stopReason") in _REFUSED:
            raise refused_content("prompt", f"stop reason {response['stopReason']}")
        try:
            blocks = response["output"]["message"]["content"]
            # A model that reasons puts its thoughts into blocks of another kind.
            return "".join(block["text"] for block in blocks if "text" in block).encode(errors="replace")
        except (LookupError, TypeError) as error:
            message = "The inference backend returned something that is not text."
            raise ModelError(message, detail="no message") from error


@dataclass(frozen=True, slots=True)
class PollyEngine:
    """Reads a prompt aloud with Amazon Polly. boto3 blocks, so that calls run in `threads`."""

    clients: AwsClients
    threads: Executor
    route: PollyRoute

    async def make(self, request: VoiceRequest) -> bytes:
        """See `MediaEngine`."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._call, request)

    def _call(self, request: VoiceRequest) -> bytes:
        client = self.clients.client("polly", region=self.route.region, endpoint_url=self.route.endpoint)
        with translated_errors(request.prompt):
            response = client.synthesize_speech(
                Engine=self.route.engine,
                OutputFormat="mp3",
                Text=request.prompt,
                TextType="text",
                VoiceId=request.voice,
            )
            with closing(response["AudioStream"]) as stream:
                content: bytes = stream.read(MAX_MEDIA_BYTES + 1)
                if len(content) <= MAX_MEDIA_BYTES:
                    # botocore notices at the end alone that a stream broke off.
                    stream.read(1)
        return content
