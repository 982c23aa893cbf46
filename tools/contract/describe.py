"""Describe a published contract as plain data that reads well in a diff: one key per name, one text per argument.

An argument or field is a text such as `limit: int | None = 50`; what stands behind a lone `*` is given by name only.
"""

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

Description = dict[str, Any]
_NOTHING = object()
_DUNDERS = ("__init__", "__call__", "__enter__", "__exit__", "__iter__")
# Plugins are handed these; how the core makes them is its own affair.
_HANDED_OUT = frozenset({"App", "Session", "Tx"})


def module_names(module: ModuleType) -> dict[str, Description]:
    """Describe the public names of an `api` module: those of `__all__`, or those that it defines itself."""
    names = getattr(module, "__all__", None) or [
        name
        for name, content in vars(module).items()
        if not name.startswith("_")
        and not inspect.ismodule(content)
        and getattr(content, "__module__", module.__name__) == module.__name__
    ]
    found = {name: _loaded(module, name) for name in sorted(names)}
    return {name: value(content) for name, content in found.items() if content is not _NOTHING}


def _loaded(module: ModuleType, name: str) -> Any:
    """Return a name that may be loaded only now; one that cannot be loaded is not there."""
    try:
        return getattr(module, name)
    except (AttributeError, ImportError):
        return _NOTHING


def value(found: Any) -> Description:
    """Describe one value: class, hook specification, function, fixture, or anything else by its type."""
    if inspect.isclass(found):
        return _class(found)
    if hasattr(found, "crmcore_spec"):
        return {"kind": "hook", **_function(found)}
    if inspect.isroutine(found):
        return {"kind": "function", **_function(found)}
    if type(found).__name__ == "FixtureFunctionDefinition":
        return {"kind": "fixture"}
    return {"kind": "value", "type": type(found).__name__}


def hooks(module: ModuleType) -> dict[str, Description]:
    """Describe the hooks of `crmcore.hookspecs`: family, arguments, result, since."""
    return {
        name: {"family": family, **_function(spec := getattr(module, name)), "since": _since(spec)}
        for name, family in sorted(module.FAMILIES.items())
    }


def _since(spec: Any) -> str:
    found = re.search(r"^Since (\S+)\.$", inspect.getdoc(spec) or "", re.MULTILINE)
    return found[1] if found else ""


# -- functions -----------------------------------------------------------------------------------------------


def _function(function: Callable[..., Any]) -> Description:
    signature = inspect.signature(function)
    return {
        "arguments": list(_arguments(signature)),
        "returns": _annotation(signature.return_annotation) or "None",
    }


def _arguments(signature: inspect.Signature) -> Iterator[str]:
    named_only = False
    for parameter in signature.parameters.values():
        if parameter.name in {"self", "cls"}:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            named_only = True
        elif parameter.kind is parameter.KEYWORD_ONLY and not named_only:
            named_only = True
            yield "*"
        stars = "*" * {"VAR_POSITIONAL": 1, "VAR_KEYWORD": 2}.get(parameter.kind.name, 0)
        given = parameter.default is not parameter.empty
        yield _text(stars + parameter.name, _annotation(parameter.annotation), given, parameter.default)


def _text(name: str, annotation: str, given: bool, default: Any) -> str:  # noqa: FBT001
    typed = f"{name}: {annotation}" if annotation else name
    return f"{typed} = {_default(default)}" if given else typed


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:t|typing|datetime|crmcore(?:\.\w+)*)\.(?=\w)", "", text)


def _default(default: Any) -> str:
    if callable(default):
        return getattr(default, "__name__", type(default).__name__)
    text = repr(default)
    return type(default).__name__ if " at 0x" in text else text


# -- classes -------------------------------------------------------------------------------------------------


def _class(found: type) -> Description:
    own = [c for c in found.__mro__ if c.__module__.split(".")[0] == found.__module__.split(".")[0]]
    described: Description = {"kind": _kind(found)}
    described["bases"] = [c.__name__ for c in own[1:] if not c.__name__.startswith("_")] + _foreign_bases(
        found
    )
    if fields := list(_fields(found)):
        described["fields"] = fields
    described.update(_members(found, own))
    return {key: content for key, content in described.items() if content}


def _kind(found: type) -> str:
    if issubclass(found, BaseException):
        return "exception"
    return "dataclass" if dataclasses.is_dataclass(found) else "class"


def _foreign_bases(found: type) -> list[str]:
    """Name what it is from elsewhere: of an exception all that it can be caught as, else the first base."""
    top = found.__module__.split(".")[0]
    foreign = [c.__name__ for c in found.__mro__ if c.__module__.split(".")[0] != top and c is not object]
    return foreign if issubclass(found, BaseException) else foreign[:1]


def _fields(found: Any) -> Iterator[str]:
    """Give the fields of a dataclass, a NamedTuple or a table in order."""
    if dataclasses.is_dataclass(found):
        for field in dataclasses.fields(found):
            made = field.default_factory is not dataclasses.MISSING
            given = made or field.default is not dataclasses.MISSING
            default = field.default_factory if made else field.default
            yield _text(field.name, _annotation(field.type), given, default)
    elif hasattr(found, "model_fields"):
        for name, info in found.model_fields.items():
            default = info.default_factory or info.default
            yield _text(name, _annotation(info.annotation), not info.is_required(), default)
    elif hasattr(found, "_fields"):
        for name in found._fields:
            default = found._field_defaults.get(name)
            annotation = _annotation(found.__annotations__[name])
            yield _text(
                name, annotation.removeprefix("ForwardRef(").strip("')"), default is not None, default
            )


def _members(found: type, own: list[type]) -> Description:
    """Describe what its public methods, properties and class attributes are, inherited ones of ours among them."""
    methods: dict[str, Description] = {}
    properties: dict[str, str] = {}
    plain = not dataclasses.is_dataclass(found) and not hasattr(found, "model_fields")
    dunders = _DUNDERS[1:] if found.__name__ in _HANDED_OUT else _DUNDERS
    for owner in reversed(own):
        for name, member in vars(owner).items():
            kept = not name.startswith("_") or (plain and name in dunders)
            if kept and (function := _function_of(member)):
                methods[name] = _function(function)
            elif kept and (getter := getattr(member, "fget", None) or _cached(member)):
                properties[name] = _annotation(inspect.signature(getter).return_annotation)
        if plain and not hasattr(found, "_fields"):
            stated: Mapping[str, Any] = vars(owner).get("__annotations__", {})
            properties.update({n: _annotation(a) for n, a in stated.items() if not n.startswith("_")})
    return {"properties": dict(sorted(properties.items())), "methods": dict(sorted(methods.items()))}


def _function_of(member: Any) -> Callable[..., Any] | None:
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    return member if inspect.isfunction(member) else None


def _cached(member: Any) -> Any:
    return getattr(member, "func", None) if type(member).__name__ == "cached_property" else None
