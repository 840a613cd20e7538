"""Every migration has a number of its own, without a gap."""

from bigdipper_exporter.archive.migrate import migrations


def test_numbers_are_unique_and_without_a_gap() -> None:
    numbers = [version for version, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1)), "two branches took the same number: the later one renumbers its file"
