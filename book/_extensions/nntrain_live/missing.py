"""What is raised when a part of the live code cannot be had."""


class Missing(Exception):
    """Names the part, and what to do about it."""
