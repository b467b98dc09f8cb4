"""`zenbeat completion`: the script that makes a shell complete the command line."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    r"""Print the completion script of a shell.

    \b
    bash   eval "$(zenbeat completion bash)"        in ~/.bashrc
    zsh    eval "$(zenbeat completion zsh)"         in ~/.zshrc
    fish   zenbeat completion fish | source         in ~/.config/fish/config.fish
    """
    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"this version of click knows no completion for {shell}")
    click.echo(maker(ctx.find_root().command, {}, "zenbeat", "_ZENBEAT_COMPLETE").source())
