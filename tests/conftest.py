"""What holds for every test."""

from hypothesis import settings

# A busy machine is slow, not wrong: no example of a property test has a time limit.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")
