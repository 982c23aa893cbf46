"""A plugin with a setting of every kind, and the workspace in which it runs."""

import json

import pytest

from crmcore.text import SECRETS

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "sender": {"title": "Sender", "description": "Who sends.", "type": "string", "default": "us"},
        "per_day": {
            "title": "A day",
            "description": "Letters a day.",
            "type": "integer",
            "minimum": 1,
            "default": 50,
        },
        "weight": {"title": "Weight", "description": "Kilograms.", "type": "number", "default": 0.5},
        "by_air": {"title": "By air", "description": "By air.", "type": "boolean", "default": False},
        "class": {
            "title": "Class",
            "description": "Class.",
            "enum": ["first", "second"],
            "default": "second",
        },
        "from": {"title": "From", "description": "First day.", "type": "string", "format": "date"},
        "stamp": {
            "title": "Stamp",
            "description": "Stamp.",
            "type": ["string", "integer", "null"],
            "default": None,
        },
        "towns": {
            "title": "Towns",
            "description": "Where to.",
            "type": "array",
            "items": {"type": "string"},
            "default": [],
        },
        "rates": {
            "title": "Rates",
            "description": "Price by town.",
            "type": "object",
            "additionalProperties": {"type": "integer", "minimum": 0},
            "default": {},
        },
        "box": {
            "title": "Box",
            "description": "Letter box.",
            "type": "object",
            "additionalProperties": False,
            "default": {},
            "properties": {
                "number": {"title": "Number", "description": "Its number.", "type": "integer", "default": 1},
                "key": {"title": "Key", "description": "Opens it.", "x-secret": True},
            },
        },
        "api_key": {
            "title": "API key",
            "description": "Opens the carrier.",
            "type": "string",
            "x-secret": True,
        },
    },
}

CODE = """
import json
from crmcore.api import WorkItem, hookimpl

@hookimpl
def work_items(actor, since, ctx):
    if ctx.settings["sender"] == "leaky":
        raise RuntimeError(f"cannot log in with {ctx.secret('api_key')}")
    if ctx.settings["sender"] == "careful":
        found = ctx.secret("api_key"), ctx.secret("box.key")
        yield WorkItem("post", None, None, f"{len(found[0])} and {len(found[1])} characters")
    if ctx.settings["sender"] == "chatty":
        secret = ctx.secret("api_key")
        yield WorkItem(f"key {secret}", None, None, f"open with {secret}", command=secret)
    if ctx.settings["sender"] == "quoting":
        raise RuntimeError(json.dumps({"login": ctx.secret("api_key")}))
"""

CLI = """
import click
from crmcore.api import Command, echo, pass_session

@click.command(cls=Command, help="Send.")
@click.argument("how")
@pass_session
def post(session, how):
    with session.app.read("post") as ctx:
        secret = ctx.secret("api_key")
    echo(f"sent with {secret}")
    if how == "badly":
        raise RuntimeError(f"refused {secret}")
"""

MANIFEST = {
    "title": "Post",
    "commands": [{"name": "post", "help": "Send.", "target": "crmcore_post.cli:post"}],
}


@pytest.fixture(autouse=True)
def _forget_secrets():
    yield
    SECRETS.clear()


@pytest.fixture
def post(install_plugin, make_app):
    """Install the plugin, and return what makes a workspace with it."""
    install_plugin("post", CODE, MANIFEST, files={"settings.schema.json": json.dumps(SCHEMA), "cli.py": CLI})

    def make(settings="", database="sqlite"):
        return make_app(["post"], database, settings=settings and f"\n[plugins.post]\n{settings}\n")

    return make


@pytest.fixture
def rows(crm):
    """Return what `crm plugins settings post --json` says, by key."""

    def read(**options):
        return {row["key"]: row for row in crm.lines("plugins", "settings", "post", **options)}

    return read
