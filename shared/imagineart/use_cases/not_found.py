"""What the operator names and the deployment does not hold."""


class NotFoundError(LookupError):
    """There is no such consumer, token or pepper; the text says which was asked for.

    No caller of the API is ever told of it, so it has no public code.
    """

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind}: got '{name[:80]}', which does not exist.")
