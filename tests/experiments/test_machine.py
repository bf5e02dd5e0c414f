"""What the machine is called where the system says it, and where it doesn't."""

from __future__ import annotations

from pathlib import Path

from omnilytics.experiments.machine import describe

TWO_PROCESSORS = "".join(
    f"processor\t: {i}\nmodel name\t: Fast {i}\nflags\t\t: fpu aes avx2 vaes odd\npower management:\n\n"
    for i in range(2)
)


def test_the_first_processor_is_named_with_the_flags_that_matter(tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(TWO_PROCESSORS, encoding="utf-8")
    machine = describe(path)
    assert (machine.cpu, machine.flags) == ("Fast 0", ("aes", "avx2", "vaes"))
    assert machine.cores >= 1


def test_a_system_that_tells_nothing_has_a_name_and_no_flags(tmp_path: Path) -> None:
    machine = describe(tmp_path / "missing")
    assert machine.cpu
    assert machine.flags == ()
