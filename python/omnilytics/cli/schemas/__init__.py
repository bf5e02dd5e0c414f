"""JSON Schemas of what `--json` writes: demo-1, observe-1, verify-1, fetch-1 (docs/CLI.md)."""
