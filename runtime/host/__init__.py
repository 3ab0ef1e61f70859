"""What a host has: probes, one module per subject, and the table of checks that `doctor` and `preflight` share."""
