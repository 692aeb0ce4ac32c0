"""Whole numbers that are held three times, the third with every bit the other way round, so that a flipped bit loses.

Off nominal: when all three differ nobody knows; the first stands, as it would without copies.
"""


def agree(one: int, two: int, inverse: int) -> bool:
    """Whether the three copies of a number say the same."""
    return one == two == ~inverse


def outvote(one: int, two: int, inverse: int) -> int:
    """What two of the three copies say."""
    return two if two == ~inverse else one
