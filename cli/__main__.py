"""`python -m cli`: consumers, tokens, peppers, usage and webhooks, on the local stack or on AWS."""

from typing import Annotated

import typer

from cli import consumers, peppers, tokens, usage, webhooks
from cli.deployments import Deployment, services_of
from cli.failures import EXIT_CODES_HELP, ExitCode, reported_failures
from cli.printing import out
from cli.smoke import show_trials, try_backends

app = typer.Typer(
    help="Operate an ImagineArt API: consumers, tokens, peppers, usage and webhooks.",
    epilog=EXIT_CODES_HELP,
    no_args_is_help=True,
    # A traceback that shows local variables would show secrets.
    pretty_exceptions_enable=False,
)
app.add_typer(consumers.app, name="consumer")
app.add_typer(tokens.app, name="token")
app.add_typer(peppers.app, name="pepper")
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
    """Request an image from each configured backend, and say what is wrong where none comes."""
    with reported_failures():
        if not show_trials(try_backends(services_of(context)), out):
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
