"""A company to try everything on: generated files that go through the ordinary importers."""
