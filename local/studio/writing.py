"""Text from templates, which says that it is that."""

import random
import re
from typing import Final

SIGNATURE: Final = "(Written from a template by the studio of the local stack, a stand-in that is no model.)"

_OPENINGS: Final = (
    "Here is a first draft about {subject}.",
    "There are three things to say about {subject}.",
    "What comes to mind with {subject} is this.",
)
_SENTENCES: Final = (
    "It begins with {word}, and {word} is what stays.",
    "Seen from close by, {word} has more colours than one thinks.",
    "Where {word} ends, the rest of {subject} begins.",
    "Nobody who has seen {word} in the morning forgets it.",
    "Ask three people about {word} and you get four opinions.",
)
_SUBJECT_WORDS: Final = 12


def write(prompt: str, max_tokens: int) -> str:
    """A few sentences with the words of the prompt, of at most so many words; equal prompts, equal texts."""
    dice = random.Random(prompt)
    words = re.findall(r"\w+", prompt) or ["nothing"]
    subject = " ".join(words[:_SUBJECT_WORDS]).lower()
    telling = [each.lower() for each in words if len(each) > 3] or [subject]
    sentences = [dice.choice(_OPENINGS), *dice.sample(_SENTENCES, 3)]
    body = " ".join(each.format(subject=subject, word=dice.choice(telling)) for each in sentences)
    return f"{' '.join(body.split()[:max_tokens])}\n\n{SIGNATURE}"
