"""The published contract of each distribution: described, kept as snapshots, compared."""
