//! The products themselves, on integers.

use crate::parallel::each;
use crate::statement::Statement;

/// The products of the groups' vectors, in the statement's order.
pub(crate) fn products(statement: &Statement, vectors: &[Vec<i64>]) -> Vec<i128> {
    let pairs: Vec<(usize, usize)> = statement.pairs().collect();
    each(pairs.len(), |index| {
        let (r, s) = pairs[index];
        vectors[r].iter().zip(&vectors[s]).map(|(a, b)| i128::from(*a) * i128::from(*b)).sum()
    })
}
