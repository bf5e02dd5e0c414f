//! The selection rules in exact integers (PROTOCOL.md section 7, E15, E16 and E37).

use crate::error::{Error, Result, in_range, same_length};
use crate::params::{CodecParams, KrumPicks, MAX_GROUPS, MAX_KRUM_GROUPS, MAX_MEMBERS, MIN_MEMBERS};

const MAX_ENTRY: u128 = 1 << 100;
/// At most 2^20 lanes of at most 2^31 - 1: scaled by lcm(1..16)^2 < 2^39 and summed over 16 groups, distances fit 127 bits.
const MAX_SCALED_ENTRY: u128 = 1 << 82;
const BPS: u128 = 10_000;

/// What a rule says of the aggregated groups P, in order of id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Whether each group is accepted.
    Accepted(Vec<bool>),
    /// The rule isn't defined on that P: the session is `unselected`.
    Undefined,
}

/// Rule `norm` (E15): accepts r iff `4 N^2 G_rr <= u_r^2 d Q^2`. `counts` are the u_r, 1..=N.
///
/// # Errors
/// [`Error::Length`], [`Error::OutOfRange`] for a count.
pub fn norm(params: &CodecParams, norms: &[u128], counts: &[u64]) -> Result<Vec<bool>> {
    same_length("counts", norms.len(), counts.len())?;
    norms.iter().zip(counts).map(|(norm, count)| Ok(*norm <= params.norm_limit(*count)?)).collect()
}

/// Rule `norm+vote` (E37): accepts what `norm` does, but where `2 cast >= |U|` and `2 against > cast`. `against` are the opened
/// votes against each group, `cast` all that were opened, |U| the sum of `counts`.
///
/// # Errors
/// [`Error::Length`], [`Error::OutOfRange`] for a count, for `cast` above |U| or votes above `cast`.
pub fn norm_vote(
    params: &CodecParams,
    norms: &[u128],
    counts: &[u64],
    against: &[u64],
    cast: u64,
) -> Result<Vec<bool>> {
    let passed = norm(params, norms, counts)?;
    same_length("votes", norms.len(), against.len())?;
    let voters = counts.iter().sum();
    in_range("votes cast", 0, voters, cast)?;
    let quorum = 2 * cast >= voters;
    let decide = |(passed, against): (bool, &u64)| {
        let against = in_range("votes against a group", 0, cast, *against)?;
        Ok(passed && !(quorum && 2 * against > cast))
    };
    passed.into_iter().zip(against).map(decide).collect()
}

/// The exact squared distances of aggregates, for rule `krum`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distances {
    groups: usize,
    squared: Vec<i128>,
}

impl Distances {
    /// `G_rr - 2 G_rs + G_ss` of all pairs, from the squared norms and the inner products of r < s row by row.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for more than 64 groups, [`Error::Length`], [`Error::GramEntry`] beyond 2^100.
    pub fn new(norms: &[i128], products: &[i128]) -> Result<Self> {
        in_range("groups", 0, MAX_GROUPS, norms.len() as u64)?;
        Self::scaled(norms, products, &vec![1; norms.len()], MAX_ENTRY)
    }

    /// The same for the means of aggregates of `counts` summands each, times `K = lcm(1..members)`:
    /// `(K/u_r)^2 G_rr - 2 (K/u_r)(K/u_s) G_rs + (K/u_s)^2 G_ss`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for more than 16 groups or members, or for a count, [`Error::Length`], [`Error::GramEntry`]
    /// beyond 2^82.
    pub fn of_means(norms: &[i128], products: &[i128], counts: &[u64], members: u64) -> Result<Self> {
        in_range("groups with rule krum", 0, MAX_KRUM_GROUPS, norms.len() as u64)?;
        in_range("members", MIN_MEMBERS, MAX_MEMBERS, members)?;
        same_length("counts", norms.len(), counts.len())?;
        let multiple = least_common_multiple(1..=members);
        let factor = |count: &u64| Ok(i128::from(multiple / in_range("count", 1, members, *count)?));
        Self::scaled(norms, products, &counts.iter().map(factor).collect::<Result<Vec<_>>>()?, MAX_SCALED_ENTRY)
    }

    fn scaled(norms: &[i128], products: &[i128], factors: &[i128], limit: u128) -> Result<Self> {
        let groups = norms.len();
        same_length("inner products", groups * groups.saturating_sub(1) / 2, products.len())?;
        let illegal = |entry: &&i128| entry.unsigned_abs() > limit;
        let negative = |norm: &&i128| **norm < 0;
        if let Some(&given) = norms.iter().find(negative).or(norms.iter().chain(products).find(illegal)) {
            return Err(Error::GramEntry { bits: limit.ilog2(), given });
        }
        let mut squared = vec![0; groups * groups];
        let pairs = (0..groups).flat_map(|r| (r + 1..groups).map(move |s| (r, s)));
        for ((r, s), product) in pairs.zip(products) {
            let (of_r, of_s) = (factors[r], factors[s]);
            let distance = of_r * of_r * norms[r] - 2 * of_r * of_s * product + of_s * of_s * norms[s];
            squared[r * groups + s] = distance;
            squared[s * groups + r] = distance;
        }
        Ok(Self { groups, squared })
    }

    /// The groups' squared distance.
    fn between(&self, r: usize, s: usize) -> i128 {
        self.squared[r * self.groups + s]
    }

    /// The sum of the `neighbours` smallest squared distances from r to the others in `rest`.
    fn score(&self, r: usize, rest: &[usize], neighbours: usize) -> i128 {
        let mut distances: Vec<i128> = rest.iter().filter(|s| **s != r).map(|s| self.between(r, *s)).collect();
        distances.sort_unstable();
        distances.iter().take(neighbours).sum()
    }
}

/// The least common multiple; 1 of nothing.
pub(crate) fn least_common_multiple(numbers: impl IntoIterator<Item = u64>) -> u64 {
    fn common_divisor(a: u64, b: u64) -> u64 {
        if b == 0 { a } else { common_divisor(b, a % b) }
    }
    numbers.into_iter().filter(|number| *number > 0).fold(1, |all, one| all / common_divisor(all, one) * one)
}

/// `f = ceil(mu |P|)`, the outliers that Krum expects.
#[must_use]
pub fn krum_outliers(groups: usize, mu_bps: u64) -> u128 {
    (u128::from(mu_bps) * groups as u128).div_ceil(BPS)
}

/// How many picks Krum makes among `groups`, or `None` where the rule isn't defined.
#[must_use]
pub fn krum_picks(groups: usize, mu_bps: u64, m: u64, picks: KrumPicks) -> Option<usize> {
    let with_neighbours = (groups as u128).saturating_sub(krum_outliers(groups, mu_bps) + 2);
    let count = match picks {
        KrumPicks::Strict => {
            // m < (1 - 2 mu)|P| - 2, times 10^4, with everything negative on the left
            let left = u128::from(m).saturating_add(2).saturating_mul(BPS) + 2 * u128::from(mu_bps) * groups as u128;
            if left < BPS * groups as u128 { u128::from(m).min(with_neighbours) } else { 0 }
        }
        KrumPicks::Paper => u128::from(m).min(with_neighbours),
    };
    usize::try_from(count).ok().filter(|count| *count > 0)
}

/// Every group's score at the first pick (T = P), or nothing where `|P| - f - 2 < 1`.
#[must_use]
pub fn krum_scores(distances: &Distances, mu_bps: u64) -> Vec<i128> {
    let all: Vec<usize> = (0..distances.groups).collect();
    let neighbours = (all.len() as u128).saturating_sub(krum_outliers(all.len(), mu_bps) + 2) as usize;
    if neighbours == 0 {
        return Vec::new();
    }
    all.iter().map(|r| distances.score(*r, &all, neighbours)).collect()
}

/// Rule `krum` (E16), the paper's Algorithm 1: scored again within T after every pick; ties go to the lowest id.
///
/// # Errors
/// [`Error::OutOfRange`] for more than 16 groups.
pub fn krum(distances: &Distances, mu_bps: u64, m: u64, picks: KrumPicks) -> Result<Selection> {
    let groups = distances.groups;
    in_range("groups with rule krum", 0, MAX_KRUM_GROUPS, groups as u64)?;
    let Some(picks) = krum_picks(groups, mu_bps, m, picks) else {
        return Ok(Selection::Undefined);
    };
    let outliers = krum_outliers(groups, mu_bps) as usize;
    let mut rest: Vec<usize> = (0..groups).collect();
    let mut accepted = vec![false; groups];
    for _ in 0..picks {
        let neighbours = rest.len().saturating_sub(outliers + 2);
        let best = rest.iter().copied().min_by_key(|r| (distances.score(*r, &rest, neighbours), *r));
        let Some(best) = best else { break };
        accepted[best] = true;
        rest.retain(|r| *r != best);
    }
    Ok(Selection::Accepted(accepted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Distances, Selection, krum, krum_outliers, krum_picks};
    use crate::gram::{products, squared_norm};
    use crate::params::KrumPicks;

    fn distances(vectors: &[Vec<i32>]) -> Distances {
        let norms: Vec<i128> = vectors.iter().map(|vector| squared_norm(vector) as i128).collect();
        Distances::new(&norms, &products(vectors).unwrap()).unwrap()
    }

    #[test]
    fn the_bound_on_picks() {
        for groups in 0..=16usize {
            for mu_bps in (0..=5000).step_by(125) {
                let mu = mu_bps as f64 / 10_000.0;
                let outliers = (mu * groups as f64 - 1e-9).ceil().max(0.0) as usize;
                assert_eq!(outliers as u128, krum_outliers(groups, mu_bps));
                for m in 1..=17 {
                    let legal = m as f64 + 1e-9 < (1.0 - 2.0 * mu) * groups as f64 - 2.0;
                    assert_eq!(legal.then_some(m as usize), krum_picks(groups, mu_bps, m, KrumPicks::Strict));
                    let most = groups.saturating_sub(outliers + 2).min(m as usize);
                    assert_eq!((most > 0).then_some(most), krum_picks(groups, mu_bps, m, KrumPicks::Paper));
                }
            }
        }
        assert_eq!(None, krum_picks(16, 5000, u64::MAX, KrumPicks::Strict));
        assert_eq!(Some(6), krum_picks(16, 5000, u64::MAX, KrumPicks::Paper));
    }

    #[test]
    fn the_bound_of_the_paper_at_its_own_numbers() {
        assert_eq!(None, krum_picks(6, 2500, 1, KrumPicks::Strict));
        assert_eq!(Some(1), krum_picks(8, 2500, 1, KrumPicks::Strict));
        assert_eq!(None, krum_picks(8, 2500, 2, KrumPicks::Strict));
    }

    proptest! {
        #[test]
        fn a_shift_of_all_groups_changes_nothing(
            vectors in prop::collection::vec(prop::collection::vec(-1000..1000i32, 3), 4..10), shift in -1000..1000i32, m in 1..5u64
        ) {
            let shifted: Vec<Vec<i32>> = vectors.iter().map(|v| v.iter().map(|v| v + shift).collect()).collect();
            let select = |vectors: &[Vec<i32>]| krum(&distances(vectors), 1250, m, KrumPicks::Paper).unwrap();
            prop_assert_eq!(select(&vectors), select(&shifted));
            let picks = krum_picks(vectors.len(), 1250, m, KrumPicks::Paper);
            let Selection::Accepted(accepted) = select(&vectors) else { panic!("defined from 4 groups on") };
            prop_assert_eq!(picks, Some(accepted.iter().filter(|accepted| **accepted).count()));
        }
    }
}
