"""What `doctor` says about one part."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One part: whether it is fine, and a sentence, which says what to do when it is not."""

    fine: bool
    part: str
    sentence: str

    def __str__(self) -> str:
        return f"{'fine ' if self.fine else 'WRONG'}  {self.part:<10} {self.sentence}"
