"""Commands that ask a running service: `check`, `elevations`."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from stairgate import Allowed, ArgumentError, Decision, Denied, Elevation, Stairgate, StepUp
from stairgate.cli.commands import Exit
from stairgate.cli.options import answer, json_option, url_option

access_key_option = click.option(
    "--access-key",
    metavar="KEY",
    envvar="STAIRGATE_ACCESS_KEY",
    help="A service client's access key. Better in STAIRGATE_ACCESS_KEY: others can see a command line.",
)
token_option = click.option("--token", metavar="TOKEN", envvar="STAIRGATE_USER_TOKEN", help="The user's access token.")


def connect(url: str, access_key: str | None, token: str | None) -> tuple[Stairgate, str | None]:
    """The client, and the user token to pass on. Without an access key the user asks, with their own token."""
    if access_key is not None:
        return Stairgate(url, access_key=access_key), token
    if token is not None:
        return Stairgate(url, user_token=token), None
    raise ArgumentError("no credentials: set STAIRGATE_ACCESS_KEY, or give --access-key, or the user's own --token")


@click.command()
@click.argument("user")
@click.argument("resource")
@click.argument("action")
@token_option
@click.option("--context", metavar="JSON", help="Details of the request, as a JSON object.")
@click.option("--explain", is_flag=True, help="Say why. Takes no use.")
@access_key_option
@url_option
@json_option
def check(  # one parameter an option
    user: str,
    resource: str,
    action: str,
    token: str | None,
    context: str | None,
    access_key: str | None,
    url: str,
    *,
    explain: bool,
    as_json: bool,
) -> int:
    """May USER do ACTION to RESOURCE? Exit code 0: yes; 1: no; 4: after a step-up. An allow may take a use."""
    details = _object(context)
    client, user_token = connect(url, access_key, token)
    with client:
        if explain:
            document = client.explain(user, resource, action, user_token=user_token, context=details)
            _show_explanation(document, as_json=as_json)
            return Exit.OK
        decision = client.authorize(user, resource, action, user_token=user_token, context=details)
    document, text, code = _told(decision)
    answer(document, text, as_json=as_json)
    return code


def _object(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise click.BadParameter("must be a JSON object", param_hint="--context")
    return value


def _told(decision: Decision) -> tuple[dict[str, object], str, Exit]:
    match decision:
        case Allowed():
            return {"decision": "allowed"}, "allowed", Exit.OK
        case Denied():
            return {"decision": "denied"}, "denied", Exit.REFUSED
        case StepUp():
            wanted = decision.requirement
            document: dict[str, object] = {
                "decision": "step_up_required",
                "reason": decision.reason,
                "level": wanted.level,
                "lifetime": wanted.lifetime,
                "uses": wanted.uses,
                "stepUpChallengeToken": decision.step_up_challenge_token,
                "expiresAt": None if decision.expires_at is None else decision.expires_at.isoformat(),
            }
            text = f"step-up required ({decision.reason}): {decision.title}"
            if decision.step_up_challenge_token is not None:
                text += f"\nchallenge token: {decision.step_up_challenge_token}"
            return document, text, Exit.STEP_UP_REQUIRED


def _show_explanation(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        answer(document, "", as_json=True)
        return
    tree = Tree(escape(str(document.get("outcome", document.get("decision", "explanation")))))
    _grow(tree, document)
    Console(highlight=False, soft_wrap=True).print(tree)


def _grow(tree: Tree, value: object) -> None:
    members: list[tuple[str, object]] = []
    if isinstance(value, dict):
        members = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, list):
        members = [(str(number), item) for number, item in enumerate(value, start=1)]
    for name, item in members:
        if isinstance(item, dict | list) and item:
            _grow(tree.add(escape(name)), item)
        elif item not in (None, [], {}):
            tree.add(escape(f"{name}: {item}"))


@click.group()
def elevations() -> None:
    """Elevations: what a step-up has opened, for which token, until when."""


@elevations.command("list")
@click.argument("user")
@token_option
@access_key_option
@url_option
@json_option
def elevations_list(user: str, token: str | None, access_key: str | None, url: str, *, as_json: bool) -> None:
    """List the live elevations of USER."""
    client, _ = connect(url, access_key, token)
    with client:
        found = client.elevations.list(user)
    if as_json:
        answer({"elevations": [_document(elevation) for elevation in found]}, "", as_json=True)
    elif not found:
        click.echo("no live elevations")
    else:
        table = Table("id", "action", "on", "level", "method", "until", "uses left", box=None)
        for one in found:
            area = one.area
            where = ("?", "?") if area is None else (area.action, area.resource_uri)
            left = "any" if one.uses_left is None else str(one.uses_left)
            cells = (one.elevation_id, *where, one.level, one.method, f"{one.expires_at:%H:%M:%S} UTC", left)
            table.add_row(*(escape(str(cell)) for cell in cells))
        Console(highlight=False).print(table)


def _document(elevation: Elevation) -> dict[str, object]:
    area = elevation.area
    return {
        "elevationId": elevation.elevation_id,
        "resourceUri": None if area is None else area.resource_uri,
        "action": None if area is None else area.action,
        "exact": None if area is None else area.exact,
        "level": elevation.level,
        "method": elevation.method,
        "expiresAt": elevation.expires_at.isoformat(),
        "usesLeft": elevation.uses_left,
    }


@elevations.command("end")
@click.argument("user")
@click.argument("elevation", required=False)
@click.option("--all", "everything", is_flag=True, help="End those of every token of the user.")
@token_option
@access_key_option
@url_option
@json_option
def elevations_end(  # one parameter an option
    user: str,
    elevation: str | None,
    token: str | None,
    access_key: str | None,
    url: str,
    *,
    everything: bool,
    as_json: bool,
) -> None:
    """End one ELEVATION of USER, those of the token (--token), or --all. Once it says so, no check is allowed by it."""
    if elevation is not None and everything:
        raise click.UsageError("give an elevation or --all, not both")
    if elevation is None and not everything and token is None:
        raise click.UsageError("give an elevation, --token or --all")
    client, user_token = connect(url, access_key, token)
    with client:
        if elevation is not None:
            client.elevations.end(user, elevation)
        else:
            client.elevations.end_all(user, user_token=user_token, every_token=True if everything else None)
    answer({"ended": True}, "ended", as_json=as_json)
