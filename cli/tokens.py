"""`token`: the tokens that consumers call the API with."""

from typing import Annotated, Any

import typer

from cli.deployments import services_of
from cli.failures import Yes, confirm, reported_failures
from cli.printing import AsJson, print_note, show_json, show_line, show_record, show_table
from cli.views import TOKEN_HEADER, comma_list, date_of, token_document, token_row
from imagineart.access.manage_tokens import DEFAULT_OVERLAP_DAYS, ManageTokens, TokenState
from imagineart.access.tokens import ALL_SCOPES, Scope, StoredToken, TokenKind
from imagineart.errors import InvalidRequestError

app = typer.Typer(help="The tokens that consumers call the API with.", no_args_is_help=True)

TokenId = Annotated[str, typer.Argument(help="The id: the part between 'iart_' and the next '_'.")]


@app.command("create")
def create_token(
    context: typer.Context,
    consumer_id: Annotated[str, typer.Argument(help="A registered consumer.")],
    internal: Annotated[
        bool, typer.Option("--internal", help="Keep it in Secrets Manager, for a service of your own.")
    ] = False,
    scopes: Annotated[
        str | None,
        typer.Option(help=f"What it may be used for, separated by commas, of {', '.join(Scope)}."),
    ] = None,
    expires_in_days: Annotated[
        int | None, typer.Option(help="Days it stays valid; without it, until revoked.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a token and show it, which is possible only now."""
    with reported_failures():
        kind = TokenKind.INTERNAL if internal else TokenKind.PARTNER
        allowed = _parse_scopes(scopes)
        tokens = services_of(context).manage_tokens
        token, stored = tokens.issue(consumer_id, kind, life_days=expires_in_days, scopes=allowed)
    if as_json:
        show_json({"token": token.text} | _document(stored, tokens))
        return
    print_note(f"{_introduction(stored)} Shown only now:")
    print(token.text)


@app.command("list")
def list_tokens(
    context: typer.Context,
    consumer: Annotated[str | None, typer.Option(help="Only tokens of this consumer.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only tokens that are due for rotation.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the tokens, without their secrets, which are not stored."""
    with reported_failures():
        tokens = services_of(context).manage_tokens
        listed = [
            token
            for token in tokens.list(consumer_id=consumer)
            if not due or tokens.state_of(token) is TokenState.DUE
        ]
    if as_json:
        show_json({"tokens": [_document(token, tokens) for token in listed]})
    else:
        show_table(TOKEN_HEADER, [token_row(token, tokens.state_of(token)) for token in listed])


@app.command("describe")
def describe_token(context: typer.Context, token_id: TokenId, as_json: AsJson = False) -> None:
    """Show one token, without its secret, which is not stored."""
    with reported_failures():
        tokens = services_of(context).manage_tokens
        token = tokens.find(token_id)
    if as_json:
        show_json(_document(token, tokens))
        return
    show_record(
        dict(zip(TOKEN_HEADER, token_row(token, tokens.state_of(token)), strict=True))
        | {"scopes": ", ".join(sorted(token.scopes)), "pepper": token.pepper_version}
    )


@app.command("rotate")
def rotate_token(
    context: typer.Context,
    token_id: TokenId,
    overlap_days: Annotated[
        int,
        typer.Option(help="Days the old one stays valid, to deploy the new one in; 0 revokes it at once."),
    ] = DEFAULT_OVERLAP_DAYS,
    expires_in_days: Annotated[
        int | None, typer.Option(help="Days the new one stays valid; needed where the old one expires.")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Create a token in place of another, and show it, which is possible only now; the old one ends later."""
    with reported_failures():
        tokens = services_of(context).manage_tokens
        if overlap_days == 0:
            confirm(f"Revoke {_named(tokens.find(token_id))} at once, with a new one in its place?", yes=yes)
        rotation = tokens.rotate(token_id, overlap_days=overlap_days, life_days=expires_in_days)
    stored, old = rotation.stored, rotation.replaced
    if as_json:
        show_json(
            {"token": rotation.token.text} | _document(stored, tokens) | {"replaces": _document(old, tokens)}
        )
        return
    if old.revoked_at is not None or old.expires_at is None:
        print_note(f"Token {old.id} is revoked.")
    else:
        print_note(
            f"Token {old.id} stays valid until {date_of(old.expires_at)}; deploy the new one before that day."
        )
    print_note(f"{_introduction(stored)} Shown only now:")
    print(rotation.token.text)


@app.command("expire")
def expire_token(
    context: typer.Context,
    token_id: TokenId,
    in_days: Annotated[int, typer.Option(help="Days it stays valid from now on.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """End a token in some days, never later than it would end."""
    with reported_failures():
        tokens = services_of(context).manage_tokens
        confirm(f"End {_named(tokens.find(token_id))} in {str(in_days)[:20]} days?", yes=yes)
        token = tokens.expire(token_id, in_days=in_days)
    if as_json:
        show_json(_document(token, tokens))
    elif token.expires_at is not None:
        show_line(f"Token {token.id} of {token.consumer_id} ends on {date_of(token.expires_at)}.")


@app.command("revoke")
def revoke_token(
    context: typer.Context, token_id: TokenId, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Revoke a token, from the next request on."""
    with reported_failures():
        tokens = services_of(context).manage_tokens
        confirm(f"Revoke {_named(tokens.find(token_id))}?", yes=yes)
        token = tokens.revoke(token_id)
    if as_json:
        show_json(_document(token, tokens))
    else:
        show_line(f"Token {token.id} of {token.consumer_id} is revoked.")


def _document(token: StoredToken, tokens: ManageTokens) -> dict[str, Any]:
    return token_document(token, tokens.state_of(token))


def _introduction(token: StoredToken) -> str:
    end = "" if token.expires_at is None else f" It expires on {date_of(token.expires_at)}."
    return f"Token {token.id} of {token.consumer_id}; rotate it by {date_of(token.rotation_due_at)}.{end}"


def _named(token: StoredToken) -> str:
    return f"{token.id} of {token.consumer_id} (last used: {token.last_used_on or 'never'})"


def _parse_scopes(text: str | None) -> frozenset[Scope]:
    names = comma_list(text)
    if names is None:
        return ALL_SCOPES
    for name in sorted(names - set(Scope)):
        raise InvalidRequestError("scopes", f"got '{name[:80]}'; allowed: {', '.join(Scope)}.")
    return frozenset(map(Scope, names))
