"""What `crm doctor` says of erasures: whether one was interrupted, and whether erased persons are back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.builtin.privacy import erasure_list
from crmcore.builtin.privacy.erasing import unfinished
from crmcore.builtin.privacy.replay import returned
from crmcore.builtin.privacy.turns import at_work
from crmcore.i18n import _

if TYPE_CHECKING:
    from crmcore.app import App


def check_erasures(app: App) -> tuple[bool, str]:
    """Return whether all erasures are whole, and what was found."""
    rows, back = unfinished(app), returned(app)
    if rows and at_work(app):
        return True, _("{count} persons are being erased just now").format(count=len(rows))
    if rows:
        message = _("interrupted: {codes}; go on with: crm privacy go-on")
        return False, message.format(codes=", ".join(row.code for row in rows[:5]))
    if back:
        message = _("{count} erased persons came back with a backup; run: crm privacy go-on")
        return False, message.format(count=len(back))
    if lacking := erasure_list.lacking(app):
        message = _("{count} erased persons are not on the list {file}; run: crm privacy go-on")
        return False, message.format(count=lacking, file=erasure_list.FILE)
    return True, _("none is interrupted")
