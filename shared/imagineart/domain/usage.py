"""What pictures cost where a backend tells it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as OpenAI counts them.

    Source: https://platform.openai.com/docs/api-reference/images/object
    """

    input_text_tokens: int
    input_image_tokens: int
    output_tokens: int

    @property
    def input_tokens(self) -> int:
        """Those of the prompt and of the references."""
        return self.input_text_tokens + self.input_image_tokens

    @property
    def total_tokens(self) -> int:
        """All of them."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_text_tokens + other.input_text_tokens,
            self.input_image_tokens + other.input_image_tokens,
            self.output_tokens + other.output_tokens,
        )
