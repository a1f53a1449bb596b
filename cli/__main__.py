"""`python -m cli`: what an operator changes, on the local stack or on AWS."""

from typing import Annotated

import typer

from cli import consumers, credits, models, peppers, sessions, tokens, usage, webhooks
from cli.deployments import Deployment, services_of
from cli.failures import EXIT_CODES_HELP, ExitCode, reported_failures
from cli.printing import out
from cli.smoke import show_trials, try_backends

app = typer.Typer(
    help="Operate an ImagineArt API: consumers, credits, models, tokens, peppers, usage and webhooks.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    # A traceback that shows local variables would show secrets.
    pretty_exceptions_enable=False,
)
app.add_typer(consumers.app, name="consumer")
app.add_typer(credits.app, name="credits")
app.add_typer(models.app, name="models")
app.add_typer(tokens.app, name="token")
app.add_typer(peppers.app, name="pepper")
app.add_typer(sessions.app, name="session-key")
app.add_typer(usage.app, name="usage")
app.add_typer(webhooks.app, name="webhook")


_EXAMPLES = """\
# An image from a prompt
curl -X POST $IMAGINEART_BASE_URL/v1/images/generations \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "prompt=A sailing boat at dusk" -F "aspect_ratio=3:2" --output image.png

# An image from reference images, up to about 4.4 MB in all
curl -X POST $IMAGINEART_BASE_URL/v1/images/edits \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "prompt=Make it winter." -F "images=@image.png" --output edited.png

# Larger reference images, up to 25 MB each: request an upload, PUT the image to its url, send its id
curl -X POST $IMAGINEART_BASE_URL/v1/uploads \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "content_type=image/jpeg" -F "size=$(wc -c < photo.jpg | tr -d ' ')"
curl -T photo.jpg -H "Content-Type: image/jpeg" "URL-OF-THE-RESPONSE"
curl -X POST $IMAGINEART_BASE_URL/v1/images/edits \\
  -H "Authorization: Bearer $IMAGINEART_TOKEN" \\
  -F "prompt=Make it dusk." -F "images=ID-OF-THE-RESPONSE" --output edited.png
"""


@app.command("examples")
def show_examples() -> None:
    """Print curl commands for the image endpoints, with uploads of large images."""
    print(_EXAMPLES, end="")


@app.command("smoke")
def smoke(context: typer.Context) -> None:
    """Request an image, or what else it makes, from each backend, and say what is wrong where none comes."""
    with reported_failures():
        if not show_trials(try_backends(services_of(context)), out):
            raise typer.Exit(ExitCode.FAILED)


@app.command("accept")
def accept(
    context: typer.Context,
    update_stack: Annotated[
        bool,
        typer.Option(
            "--update-stack", help="Also change a parameter of the stack and change it back: two updates."
        ),
    ] = False,
) -> None:
    """Check what only a deployment shows, with up to five images and a consumer that is removed at the end.

    An alarm of the stack fires once, and its subscribers get mail.
    """
    # Other commands need no HTTP client.
    from cli.acceptance.accept import accept as accept_deployment
    from cli.acceptance.model import Verdict

    deployment: Deployment = context.find_root().obj
    with reported_failures():
        services = deployment.find_services()
        findings = accept_deployment(services, deployment.stack, updates_stack=update_stack)
        if any(each.verdict is Verdict.FAILED for each in findings.values()):
            raise typer.Exit(ExitCode.FAILED)


@app.callback()
def choose_deployment(
    context: typer.Context,
    stack: Annotated[
        str | None, typer.Option(help="CloudFormation stack on AWS; without it, the local stack.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="AWS region of the stack.")] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile to use.")] = None,
) -> None:
    """Choose the deployment to work on."""
    context.obj = Deployment(stack, region, profile)


if __name__ == "__main__":
    app(prog_name="imagineart")
