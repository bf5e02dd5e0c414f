"""The questions that come with the package: one TOML file each (`experiments.spec`)."""
