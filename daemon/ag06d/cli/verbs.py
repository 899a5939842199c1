"""How verbs are declared: each of them takes `--json`, as `ag06ctl` itself does."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from ag06d.cli.output import Output, error_document

Function = Callable[..., Any]
# Its base has no public name in typer, which is built on one click or another.
UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
Json = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")]


class Verbs(typer.Typer):
    """A family of verbs: a module makes one, and `control` adds it, with a name or among its own."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of typer.Typer
        super().__init__(no_args_is_help=True, pretty_exceptions_enable=False, **options)

    def command(self, name: str | None = None, **options: Any) -> Callable[[Function], Function]:  # type: ignore[override]  # noqa: ANN401 - likewise
        """Declare a verb; the function itself is returned."""
        register = super().command(name, **options)

        def declare(function: Function) -> Function:
            register(taking_json(function))
            return function

        return declare


class Program(TyperGroup):
    """`ag06ctl` itself: with `--json` among its words, wrong usage too is told as a document."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401 - whichever click typer is built on
        """As the base does."""
        wanted = "--json" in args
        with telling_usage(wanted=wanted):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[__name__] = wanted
        return context

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - likewise
        """As the base does."""
        with telling_usage(wanted=ctx.meta[__name__]):
            return super().invoke(ctx)


@contextmanager
def telling_usage(*, wanted: bool) -> Iterator[None]:
    """Print the document of a wrong usage, if it is wanted; what a person reads follows on stderr."""
    try:
        yield
    except UsageError as error:
        if wanted:
            context = getattr(error, "ctx", None)
            program = context.command_path if context else "ag06ctl"
            message = error.format_message() or "Missing command."
            typer.echo(error_document("usage", message, f"see {program} --help"))
        raise


def group_with_default(default: str) -> type[TyperGroup]:
    """A family in which what begins with no verb of its own is for the verb `default`."""

    class Group(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - whichever click typer is built on
            verb = args[0] if args else ""
            return super().parse_args(ctx, args if verb in (*self.commands, "--help") else [default, *args])

    return Group


def taking_json(function: Function) -> Function:
    """`function` with one more option."""
    signature = inspect.signature(function, eval_str=True)
    own = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)

    @functools.wraps(function)
    def verb(*, as_json: bool, **arguments: Any) -> None:  # noqa: ANN401 - those of the verb
        Output.as_json |= as_json
        function(**arguments)

    parameters = [*signature.parameters.values(), own]
    verb.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # what inspect reads
    verb.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return verb


def version_option(program: str) -> Any:  # noqa: ANN401 - as typer tells its type
    """The option `--version` of a program."""

    def tell(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
        if wanted:
            from ag06d.wire import PROTOCOL  # noqa: PLC0415 - numpy is slow to import

            document = {"version": version("ag06d"), "protocol": PROTOCOL.decode()}
            line = f"{program} {document['version']}, protocol {document['protocol']}"
            typer.echo(json.dumps(document) if Output.as_json else line)
            raise typer.Exit

    help_line = "Print the versions of the package and of the protocol."
    return typer.Option("--version", is_eager=True, callback=tell, help=help_line)
