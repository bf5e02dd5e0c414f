# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The stateless contracts that every session asks
@license Apache-2.0
"""


from interfaces import ISessionRules
from interfaces import ISessionTerms
from interfaces import IVectorMath


RULES: immutable(ISessionRules)
TERMS: immutable(ISessionTerms)
VECTOR_MATH: immutable(IVectorMath)
METER: immutable(address)


@deploy
def __init__(rules: address, terms: address, vector_math: address, meter: address):
    """
    @param rules SessionRules.
    @param terms SessionTerms.
    @param vector_math VectorMath.
    @param meter Meter.
    """
    assert rules.is_contract and terms.is_contract and vector_math.is_contract and meter.is_contract, "libraries: no code"
    RULES = ISessionRules(rules)
    TERMS = ISessionTerms(terms)
    VECTOR_MATH = IVectorMath(vector_math)
    METER = meter
