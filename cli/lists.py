"""Options that hold several values."""


def comma_list(text: str | None) -> frozenset[str] | None:
    """The values between the commas, without what is blank; None where the option is not given."""
    if text is None:
        return None
    return frozenset(value.strip() for value in text.split(",")) - {""}
