# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The stateless contracts that every session asks
@license Apache-2.0
"""


from interfaces import ISessionRules
from interfaces import IVectorMath


RULES: immutable(ISessionRules)
VECTOR_MATH: immutable(IVectorMath)


@deploy
def __init__(rules: address, vector_math: address):
    """
    @param rules SessionRules.
    @param vector_math VectorMath.
    """
    assert rules.is_contract and vector_math.is_contract, "libraries: no code"
    RULES = ISessionRules(rules)
    VECTOR_MATH = IVectorMath(vector_math)
