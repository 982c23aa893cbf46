"""What all tests here share beyond `crmcore.testing`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from crmcore.testing import ProcessRunner

# A busy computer is no failure: no example is timed.
settings.register_profile("crm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("crm")


@pytest.fixture
def python(run_in_process: ProcessRunner) -> ProcessRunner:
    """Run a piece of Python in a process of its own, with the plugins that this test installed."""
    return run_in_process
