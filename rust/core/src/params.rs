//! What encoding, masking and selection need of `SessionParams`, checked once (PROTOCOL.md section 2).

use crate::error::{Error, Result, in_range};
use crate::lanes::LaneWidth;
use crate::places::MAX_PLACES;

/// Largest d.
pub const MAX_PARAMETERS: u64 = 1 << 20;
/// Fewest members of a group.
pub const MIN_MEMBERS: u64 = 2;
/// Most members of a session's group.
pub const MAX_MEMBERS: u64 = 16;
/// Most chunks of a vector.
pub const MAX_CHUNKS: u64 = 64;
/// Most groups of a session with rule `krum`.
pub const MAX_KRUM_GROUPS: u64 = 16;
/// Most groups of a session.
pub const MAX_GROUPS: u64 = 64;
/// Units of `weights` in 1.0 (E3).
pub const WEIGHTS_SCALE: f64 = 1e8;

/// How weights become integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    /// The difference to the published weights, clipped to `[-clip, clip]` and rounded stochastically (E2).
    Delta {
        /// C, in units of a weight; finite, above 0.
        clip: f32,
    },
    /// The weights themselves at scale 10^8 (E3).
    Weights,
}

/// The generator that expands masks (E11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// AES-128 in counter mode.
    Aes,
    /// keccak256 of seed and index.
    Keccak,
}

/// What bounds the number of Krum's picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KrumPicks {
    /// m < (1 - 2 mu)|P| - 2 must hold.
    Strict,
    /// As many of the m picks as have a neighbour to measure.
    Paper,
}

/// The selection rule (PROTOCOL.md section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// E15.
    Norm,
    /// E16.
    Krum {
        /// mu in 1/10,000, 0..=5000.
        mu_bps: u64,
        /// m, at least 1.
        m: u64,
        /// The bound on m.
        picks: KrumPicks,
    },
    /// E37.
    NormVote,
}

impl Rule {
    /// Whether members shrink their steps below the limit of rule `norm` (E4).
    #[must_use]
    pub fn shrinks(self) -> bool {
        matches!(self, Self::Norm | Self::NormVote)
    }
}

/// What happens when a member drops out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Its group fails.
    Abort,
    /// Its group goes on with as many as `threshold` members (PROTOCOL.md section 5, E31-E36).
    Recover {
        /// T, 2..=N.
        threshold: usize,
    },
}

/// How values become words: `members * bound < 2^(lane_bits - 1)`, so that no sum of one group leaves its lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coding {
    members: u64,
    encoding: Encoding,
    bound: u64,
    width: LaneWidth,
}

impl Coding {
    /// Checks the ranges of PROTOCOL.md section 2; of `raw` the first fields count, up to `lane_bits`, but for the number
    /// of parameters, which no encoding limits. Nor does it limit groups to a session's 16 members, but to 255.
    ///
    /// # Errors
    /// The variant of [`Error`] that belongs to the first parameter that can't work.
    pub fn new(raw: &RawParams) -> Result<Self> {
        let members = in_range("members", MIN_MEMBERS, MAX_PLACES as u64, raw.members)?;
        let encoding = encoding(raw)?;
        let bound = in_range("bound", 1, (1 << 31) - 1, raw.bound)?;
        Ok(Self { members, encoding, bound, width: lane_width(raw, encoding)? })
    }

    /// How weights become integers.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Q.
    #[must_use]
    pub fn bound(&self) -> u64 {
        self.bound
    }

    /// N.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.members
    }

    /// b.
    #[must_use]
    pub fn width(&self) -> LaneWidth {
        self.width
    }

    /// The largest squared norm of a sum of `count` uploads of `parameters` values that rule `norm` accepts:
    /// `floor(count^2 d Q^2 / (4 N^2))` (E15).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `1 <= count <= N`.
    pub fn norm_limit(&self, parameters: usize, count: u64) -> Result<u128> {
        let count = u128::from(in_range("count", 1, self.members, count)?);
        let corner = parameters as u128 * u128::from(self.bound).pow(2);
        Ok(count.pow(2) * corner / (4 * u128::from(self.members).pow(2)))
    }
}

/// The fields of `SessionParams` that matter here, as numbers, unchecked; the names and codes are those of PROTOCOL.md.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct RawParams {
    pub parameter_count: u64,
    pub members: u64,
    pub encoding: u64,
    pub clip: u64,
    pub bound: u64,
    pub lane_bits: u64,
    pub chunk_words: u64,
    pub suite: u64,
    pub rule: u64,
    pub krum_mu_bps: u64,
    pub krum_m: u64,
    pub krum_m_rule: u64,
    pub policy: u64,
    pub threshold: u64,
    pub colluders: u64,
    pub unsafe_small: u64,
}

/// Checked parameters of a session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodecParams {
    parameter_count: usize,
    coding: Coding,
    chunk_words: usize,
    suite: Suite,
    rule: Rule,
    policy: Policy,
}

impl CodecParams {
    /// Checks the ranges of PROTOCOL.md section 2.
    ///
    /// # Errors
    /// The variant of [`Error`] that belongs to the first parameter that can't work.
    pub fn new(raw: &RawParams) -> Result<Self> {
        let parameter_count = in_range("parameter_count", 1, MAX_PARAMETERS, raw.parameter_count)?;
        in_range("members", MIN_MEMBERS, MAX_MEMBERS, raw.members)?;
        let coding = Coding::new(raw)?;
        let chunk_words = in_range("chunk_words", 8, 720, raw.chunk_words)?;
        let words = parameter_count.div_ceil(coding.width.lanes() as u64);
        in_range("chunks", 1, MAX_CHUNKS, words.div_ceil(chunk_words))?;
        let suite = if in_range("suite", 0, 1, raw.suite)? == 0 { Suite::Aes } else { Suite::Keccak };
        let rule = rule(raw, coding.encoding)?;
        let (parameter_count, chunk_words) = (parameter_count as usize, chunk_words as usize);
        Ok(Self { parameter_count, coding, chunk_words, suite, rule, policy: policy(raw)? })
    }

    /// d.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameter_count
    }

    /// N.
    #[must_use]
    pub fn members(&self) -> u64 {
        self.coding.members
    }

    /// How values become words.
    #[must_use]
    pub fn coding(&self) -> &Coding {
        &self.coding
    }

    /// b.
    #[must_use]
    pub fn width(&self) -> LaneWidth {
        self.coding.width
    }

    /// Words of a vector, `ceil(d / L)`.
    #[must_use]
    pub fn words(&self) -> usize {
        self.parameter_count.div_ceil(self.width().lanes())
    }

    /// Words of a chunk; the last may be shorter.
    #[must_use]
    pub fn chunk_words(&self) -> usize {
        self.chunk_words
    }

    /// Chunks of a vector.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.words().div_ceil(self.chunk_words)
    }

    /// The generator that expands masks.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The selection rule.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What happens when a member drops out.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The largest squared norm of a sum of `count` uploads that rule `norm` accepts: `floor(count^2 d Q^2 / (4 N^2))` (E15).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `1 <= count <= N`.
    pub fn norm_limit(&self, count: u64) -> Result<u128> {
        self.coding.norm_limit(self.parameter_count, count)
    }

    /// Units of a weight in one unit of the mean of `count` summands: `C / (Q count)`, or `1 / (10^8 count)`, as a fraction.
    #[must_use]
    pub(crate) fn mean_fraction(&self, count: f64) -> (f64, f64) {
        match self.coding.encoding {
            Encoding::Delta { clip } => (f64::from(clip), self.coding.bound as f64 * count),
            Encoding::Weights => (1.0, WEIGHTS_SCALE * count),
        }
    }
}

/// Q of `weights`: `floor((2^31 - 1) / members)`.
///
/// # Errors
/// [`Error::OutOfRange`] unless `2 <= members <= 16`.
pub fn weights_bound(members: u64) -> Result<u64> {
    Ok(((1 << 31) - 1) / in_range("members", MIN_MEMBERS, MAX_MEMBERS, members)?)
}

fn encoding(raw: &RawParams) -> Result<Encoding> {
    let bits = in_range("clip", 0, u64::from(u32::MAX), raw.clip)?;
    let clip = f32::from_bits(bits as u32);
    if in_range("encoding", 0, 1, raw.encoding)? == 1 {
        return if bits == 0 {
            Ok(Encoding::Weights)
        } else {
            Err(Error::Clip { expected: "0 with `weights`", given: clip })
        };
    }
    if clip.is_finite() && clip > 0.0 {
        Ok(Encoding::Delta { clip })
    } else {
        Err(Error::Clip { expected: "a finite number above 0 with `delta`", given: clip })
    }
}

fn lane_width(raw: &RawParams, encoding: Encoding) -> Result<LaneWidth> {
    let RawParams { members, bound, .. } = *raw;
    let width = LaneWidth::from_bits(raw.lane_bits)?;
    let smallest = LaneWidth::smallest(members, bound)?;
    let expected = if encoding == Encoding::Weights {
        let expected = weights_bound(members)?;
        if bound != expected {
            return Err(Error::WeightsBound { members, expected, given: bound });
        }
        LaneWidth::W32
    } else {
        smallest
    };
    if width == expected {
        Ok(width)
    } else {
        Err(Error::LaneNotSmallest { members, bound, expected: expected.bits().into(), given: raw.lane_bits })
    }
}

fn policy(raw: &RawParams) -> Result<Policy> {
    if in_range("policy", 0, 1, raw.policy)? == 0 {
        return Ok(Policy::Abort);
    }
    in_range("suite with policy recover", 1, 1, raw.suite)?;
    let small = in_range("unsafe_small", 0, 1, raw.unsafe_small)? == 1;
    let least = if small { MIN_MEMBERS } else { raw.colluders.saturating_add(2) };
    let threshold = in_range("threshold with policy recover", least, raw.members, raw.threshold)?;
    Ok(Policy::Recover { threshold: threshold as usize })
}

fn rule(raw: &RawParams, encoding: Encoding) -> Result<Rule> {
    if in_range("rule", 0, 2, raw.rule)? != 1 {
        if encoding == Encoding::Weights {
            return Err(Error::NormNeedsDelta);
        }
        in_range("krum_mu_bps with rule norm", 0, 0, raw.krum_mu_bps)?;
        in_range("krum_m with rule norm", 0, 0, raw.krum_m)?;
        in_range("krum_m_rule", 0, 1, raw.krum_m_rule)?;
        return Ok(if raw.rule == 0 { Rule::Norm } else { Rule::NormVote });
    }
    let mu_bps = in_range("krum_mu_bps", 0, 5_000, raw.krum_mu_bps)?;
    let m = in_range("krum_m", 1, u64::MAX, raw.krum_m)?;
    let strict = in_range("krum_m_rule", 0, 1, raw.krum_m_rule)? == 0;
    Ok(Rule::Krum { mu_bps, m, picks: if strict { KrumPicks::Strict } else { KrumPicks::Paper } })
}
