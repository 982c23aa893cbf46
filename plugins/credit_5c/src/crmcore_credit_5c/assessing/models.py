"""The models that a company can assess by: those that ship, and its own, each version kept for ever."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crmcore.api import NotFound, Refused, language, translator
from crmcore_credit_5c.rules.building import build_model, check_weighted
from crmcore_credit_5c.rules.model import Model, Rank, Texts
from crmcore_credit_5c.rules.problems import ModelProblem
from crmcore_credit_5c.rules.scales import scale_of
from crmcore_credit_5c.tables.models import CreditScoreModel

from .files import check_schema, read_json
from .sentences import said

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from crmcore.api import App, Context, Tx

_ = translator("crmcore_credit_5c")
PLUGIN = "credit_5c"
SHIPPED = Path(__file__).parent.parent / "models"
models: sa.Table = CreditScoreModel.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model, checked."""

    name: str
    version: int
    digest: str
    author: str
    """Empty for one that ships."""
    content: Mapping[str, Any]
    model: Model


def load_model(ctx: Context, name: str | None = None) -> Version:
    """Return the newest version of a model; without a name that of the setting `model`; NotFound names those there are."""
    name = name or str(ctx.settings["model"])
    row = ctx.connection.execute(
        sa.select(models).where(models.c.name == name).order_by(models.c.version.desc()).limit(1)
    ).first()
    if row is not None:
        return _scaled(ctx, _stored(row))
    if name in shipped():
        return _scaled(ctx, _shipped(name))
    known = ", ".join(one.name for one in all_models(ctx))
    message = _(
        "there is no credit model {name!r}; there are {known}, and others by: crm credit model import"
    )
    raise NotFound(message.format(name=name, known=known))


def _scaled(ctx: Context, version: Version) -> Version:
    """Return a model with the grades that the settings choose; BadConfig where they are not in order."""
    try:
        grades = scale_of(ctx.settings["grade_scale"], ctx.settings["own_grades"])
    except ModelProblem as problem:
        raise said(problem, "crm.toml: plugins.credit_5c.own_grades") from None
    return version if grades is None else with_grades(version, grades)


def with_grades(version: Version, grades: tuple[Rank, ...]) -> Version:
    """Return a model with other grades than its own."""
    return replace(version, model=replace(version.model, grades=grades))


def model_of(ctx: Context, name: str, version: int) -> Version | None:
    """Return a version by which somebody was assessed, if it is still known."""
    query = sa.select(models).where(models.c.name == name, models.c.version == version)
    if (row := ctx.connection.execute(query).first()) is not None:
        return _stored(row)
    return _shipped(name) if version == 1 and name in shipped() else None


def all_models(ctx: Context) -> list[Version]:
    """Return the newest version of each model, by name."""
    found = {name: _shipped(name) for name in shipped()}
    for row in ctx.connection.execute(sa.select(models).order_by(models.c.name, models.c.version)):
        found[row.name] = _stored(row)
    return [found[name] for name in sorted(found)]


def check_file(path: Path, fields: Collection[str] | None) -> Version:
    """Return the model of a file; BadConfig says in one sentence what is wrong, and where in the file."""
    return check_content(read_json(path), fields, path.name)


def check_content(content: Any, fields: Collection[str] | None, file: str) -> Version:
    """Return the model that a JSON object describes; BadConfig as `check_file`."""
    check_schema(content, "credit_model", file)
    plain = json.loads(_canonical(content))
    try:
        model = build_model(plain, fields)
        check_weighted(model)
    except ModelProblem as problem:
        raise said(problem, file) from None
    return Version(model.name, 0, _digest(plain), "", plain, model)


def import_model(app: App, actor: str, path: Path) -> Version:
    """Store a file as the next version of its name; the same content again is the version that is there.

    Needs the permission `credit.models`. BadConfig for a mistake in the file, Refused for a scorecard that nobody has
    approved: then nothing is stored.
    """
    read = check_file(path, fields_of(app))
    if "fitted" in read.content:
        message = _(
            "{file} is a fitted scorecard, which is a proposal until it is approved; use: crm credit scorecard fit --propose"
        )
        raise Refused(message.format(file=path.name))
    with app.write(actor, "import credit model", plugin=PLUGIN, permission="credit.models") as tx:
        return store_model(tx, read)


def store_model(tx: Tx, read: Version) -> Version:
    """Store a checked model inside a transaction; returns it with its version."""
    query = sa.select(models).where(models.c.name == read.name).order_by(models.c.version.desc()).limit(1)
    newest = tx.connection.execute(query).first()
    if newest is None and read.name in shipped():
        newest_version, newest_digest = 1, _shipped(read.name).digest
    else:
        newest_version, newest_digest = (newest.version, newest.digest) if newest else (0, "")
    if newest_digest == read.digest:
        return load_model(tx.ctx, read.name)
    row = {
        "name": read.name,
        "version": newest_version + 1,
        "title": next(iter(read.model.title.values()))[:200],
        "content": dict(read.content),
        "digest": read.digest,
        "author": tx.actor,
        "imported_on": tx.ctx.today,
        "imported_at": tx.now,
    }
    tx.insert(CreditScoreModel, [row])
    return load_model(tx.ctx, read.name)


def fields_of(app: App) -> frozenset[str]:
    """Return the names of the customer card that indicators may take."""
    return frozenset(app.catalogue.fields)


def text_of(texts: Texts) -> str:
    """Return a text of a model in the reader's language."""
    return texts.get(language()[:2]) or texts.get("en") or next(iter(texts.values()))


@cache
def shipped() -> tuple[str, ...]:
    """Return the names of the models that ship with the plugin."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.json")))


@cache
def _shipped(name: str) -> Version:
    content = read_json(SHIPPED / f"{name}.json")
    plain = json.loads(_canonical(content))
    return Version(name, 1, _digest(plain), "", plain, build_model(plain))


def _stored(row: sa.Row[Any]) -> Version:
    model = _built(_canonical(row.content))
    return Version(row.name, row.version, row.digest, row.author, row.content, model)


@lru_cache(maxsize=32)
def _built(text: str) -> Model:
    return build_model(json.loads(text))


def _canonical(content: Any) -> str:
    """Return JSON in one form only: numbers with a point become decimal text, keys are sorted."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def _digest(content: Any) -> str:
    return sha256(_canonical(content).encode()).hexdigest()


def known_indicators(ctx: Context) -> dict[str, list[Version]]:
    """Return indicator → the models that ask for it."""
    found: dict[str, list[Version]] = {}
    for one in all_models(ctx):
        for indicator in one.model.indicators:
            found.setdefault(indicator.name, []).append(one)
    return found
