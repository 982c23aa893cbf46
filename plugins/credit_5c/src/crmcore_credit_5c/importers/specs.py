"""What the plugin imports; the loaders are imported when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from crmcore.api import N_, Change, Importable, LoadContext, Loaded, Row

from .columns import EVIDENCE, STATEMENTS

if TYPE_CHECKING:
    from crmcore.api import Tx


def importables() -> list[Importable]:
    """Return the two. Nothing is exported: reading the credit of persons is recorded one by one."""
    return [
        Importable("credit_evidence", N_("Evidence on credit"), EVIDENCE, _evidence, undone=_undone),
        Importable("credit_statements", N_("Financial statements"), STATEMENTS, _statements, undone=_undone),
    ]


def _evidence(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from .evidence import load_evidence

    return load_evidence(tx, rows, ctx)


def _statements(tx: Tx, rows: Sequence[Row], ctx: LoadContext) -> Loaded:
    from .statements import load_statements

    return load_statements(tx, rows, ctx)


def _undone(
    tx: Tx,
    changes: Sequence[Change],  # noqa: ARG001  (the host says it to each)
    left: AbstractSet[tuple[str, int, str]],  # noqa: ARG001
) -> AbstractSet[tuple[str, int, str]]:
    """Let only those take evidence back who may enter it; what was withdrawn since is left, and told as such."""
    from .loading import require_assessor

    require_assessor(tx)
    return frozenset()
