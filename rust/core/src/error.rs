//! The one error type of the crate. Every message has what was expected and what was given; none has a secret.

use std::fmt;

/// What a dealer shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// sk, by f: opened if the dealer drops out.
    MaskKey,
    /// b, by g: opened if it has uploaded.
    SelfMask,
}

impl fmt::Display for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MaskKey => "the mask key",
            Self::SelfMask => "the self-mask secret",
        })
    }
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number outside its range (PROTOCOL.md section 2).
    #[error("{name}: expected {min} to {max}, got {given}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// The smallest legal value.
        min: u64,
        /// The largest legal value.
        max: u64,
        /// The value given.
        given: u64,
    },
    /// The clip of `delta` isn't a positive number, or the clip of `weights` isn't zero.
    #[error("clip: expected {expected}, got {given}")]
    Clip {
        /// What the encoding asks for.
        expected: &'static str,
        /// The value given.
        given: f32,
    },
    /// A lane width that isn't in the table.
    #[error("lane_bits: expected one of 6, 8, 10, 12, 16, 32, got {given}")]
    LaneWidth {
        /// The width given, in bits.
        given: u64,
    },
    /// No lane width holds a sum of that many summands of that size.
    #[error("no lane holds {members} summands of up to {bound}: expected {members}*{bound} < 2^31")]
    NoLane {
        /// Summands, N.
        members: u64,
        /// Largest absolute value of a summand, Q.
        bound: u64,
    },
    /// A lane width other than the smallest that holds the sum.
    #[error("lane_bits: expected {expected}, the smallest that holds {members} summands of up to {bound}, got {given}")]
    LaneNotSmallest {
        /// Summands, N.
        members: u64,
        /// Largest absolute value of a summand, Q.
        bound: u64,
        /// The smallest width that holds the sum, in bits.
        expected: u64,
        /// The width given, in bits.
        given: u64,
    },
    /// The bound of `weights` is fixed by N.
    #[error("bound: expected {expected} with `weights` and {members} members, got {given}")]
    WeightsBound {
        /// Members of a group, N.
        members: u64,
        /// floor((2^31 - 1) / N).
        expected: u64,
        /// The bound given.
        given: u64,
    },
    /// Rule `norm` is only defined on differences.
    #[error("rule: expected 1 (krum) with encoding 1 (weights), got 0 (norm)")]
    NormNeedsDelta,
    /// Data of the wrong length.
    #[error("{what}: expected {expected}, got {given}")]
    Length {
        /// What was measured, with its unit.
        what: &'static str,
        /// The expected length.
        expected: usize,
        /// The length given.
        given: usize,
    },
    /// A value that isn't finite.
    #[error("{what}: expected finite values, got {value} at parameter {index}")]
    NotFinite {
        /// The vector.
        what: &'static str,
        /// The first parameter that isn't finite.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// An unused lane of the published words that isn't zero.
    #[error("unused lanes of the last word: expected 0, got {given:#x}")]
    Padding {
        /// The lane's bits.
        given: u32,
    },
    /// An integer outside its lane.
    #[error("lane {index}: expected {min} to {max}, got {given}")]
    LaneValue {
        /// The parameter.
        index: usize,
        /// -2^(b-1).
        min: i64,
        /// 2^(b-1) - 1.
        max: i64,
        /// The value given.
        given: i32,
    },
    /// The update couldn't be shrunk under the limit of rule `norm` (E4).
    #[error(
        "expected an update that passes the norm limit within {passes} passes of rounding, got {squared_norm} over {limit}"
    )]
    NotShrinkable {
        /// Passes tried.
        passes: u32,
        /// Squared norm of the last pass.
        squared_norm: u128,
        /// The largest squared norm that passes.
        limit: u128,
    },
    /// Bytes that aren't a secret key.
    #[error("mask key: expected a scalar from 1 to n-1 in 32 bytes, got something else in {given} bytes")]
    SecretKey {
        /// Length given, in bytes.
        given: usize,
    },
    /// An x coordinate without a point on secp256k1, zero, or not below the group order.
    #[error("mask key of place {place}: expected x of a point on secp256k1 with 0 < x < n, got {x}")]
    PublicKey {
        /// The place of the key in its group.
        place: usize,
        /// The coordinate given, in hexadecimal.
        x: String,
    },
    /// The key at the member's own place isn't the member's key.
    #[error("mask key of place {place}: expected the member's own key {expected}, got {given}")]
    NotOwnKey {
        /// The member's place.
        place: usize,
        /// x of its own key, in hexadecimal.
        expected: String,
        /// x of the key given, in hexadecimal.
        given: String,
    },
    /// Two members of a group with one key.
    #[error("mask keys: expected {members} different keys, got the same at places {first} and {second}")]
    DuplicateKey {
        /// Members of the group.
        members: usize,
        /// The lower place.
        first: usize,
        /// The higher place.
        second: usize,
    },
    /// A signature that can't be written with v = 27 or 28 (probability below 2^-127).
    #[error("signature: expected a recovery id of 0 or 1, got {given}")]
    Signature {
        /// The recovery id.
        given: u8,
    },
    /// The transport key at the member's own place isn't the member's.
    #[error("transport key of place {place}: expected the member's own {expected}, got {given}")]
    NotOwnTransport {
        /// The member's place.
        place: usize,
        /// Its own public key, in hexadecimal.
        expected: String,
        /// The key given, in hexadecimal.
        given: String,
    },
    /// Fewer shares than rebuild a secret.
    #[error("shares: expected at least {expected}, got {given}")]
    TooFewShares {
        /// T.
        expected: usize,
        /// Shares given.
        given: usize,
    },
    /// Two shares of one holder.
    #[error("shares: expected different ids, got {id} twice")]
    DuplicateShare {
        /// The id.
        id: u64,
    },
    /// Shares that rebuild no secret.
    #[error("rebuilt secret: expected a scalar from 1 to n-1, got 0")]
    ZeroSecret,
    /// A rebuilt or disclosed secret that isn't that of its key.
    #[error("secret: expected that of {expected}, got {given}")]
    NotTheSecret {
        /// The address of the key, in hexadecimal.
        expected: String,
        /// The address of the secret's point, in hexadecimal, or 0.
        given: String,
    },
    /// A member among the dealers whose dealings it is to check.
    #[error("dealings: expected those of others, got one of the member's own place {place}")]
    OwnDealing {
        /// The member's place.
        place: usize,
    },
    /// A member of U that isn't in S.
    #[error("members that delivered: expected members that shared, got place {place}")]
    NotASharer {
        /// The place.
        place: usize,
    },
    /// A place outside U.
    #[error("place {place}: expected one that has delivered, got one that hasn't")]
    NotDelivered {
        /// The place.
        place: usize,
    },
    /// An entry of a Gram matrix that no session can have.
    #[error("Gram matrix: expected entries of at most 2^{bits} in absolute value and squared norms >= 0, got {given}")]
    GramEntry {
        /// The exponent of the largest legal entry.
        bits: u32,
        /// The entry given.
        given: i128,
    },
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether it is about a vector or about how vectors are encoded, rather than about keys, groups or selection.
    #[must_use]
    pub fn is_about_encoding(&self) -> bool {
        !matches!(
            self,
            Self::SecretKey { .. }
                | Self::PublicKey { .. }
                | Self::NotOwnKey { .. }
                | Self::DuplicateKey { .. }
                | Self::Signature { .. }
                | Self::NotOwnTransport { .. }
                | Self::TooFewShares { .. }
                | Self::DuplicateShare { .. }
                | Self::ZeroSecret
                | Self::NotTheSecret { .. }
                | Self::OwnDealing { .. }
                | Self::NotASharer { .. }
                | Self::NotDelivered { .. }
                | Self::GramEntry { .. }
        )
    }
}

/// What a receiver has against a dealing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Objection {
    /// Points of the wrong length.
    #[error("points: expected {expected} bytes, got {given}")]
    Points {
        /// 64 (2N - 1).
        expected: usize,
        /// Bytes given.
        given: usize,
    },
    /// Ciphertexts of the wrong length.
    #[error("sealed: expected {expected} bytes, got {given}")]
    Sealed {
        /// 112 (N - 1).
        expected: usize,
        /// Bytes given.
        given: usize,
    },
    /// A point off the curve.
    #[error("point {index}: expected x and y of a point on secp256k1, got something else")]
    OffCurve {
        /// Which of the 2N - 1.
        index: usize,
    },
    /// The points aren't those that the contract has the root of.
    #[error("root: expected {expected}, got points with {given}")]
    Root {
        /// The contract's, in hexadecimal.
        expected: String,
        /// That of the points' addresses, in hexadecimal.
        given: String,
    },
    /// A ciphertext for another receiver, dealer, group, session or chain, for other points, or none at all.
    #[error("ciphertext: expected one that the transport key opens for this dealer, group and session, got another")]
    Unopened,
    /// Shares that aren't scalars.
    #[error("shares: expected two scalars from 1 to n-1, got something else")]
    NotScalars,
    /// A share that isn't that of its point.
    #[error("share of {shared}: expected the one of the published point, got another")]
    WrongShare {
        /// The secret.
        shared: Shared,
    },
    /// Points that no polynomial of degree T - 1 goes through: subsets of T holders would rebuild different secrets.
    #[error("points of {shared}: expected those of a polynomial of degree {expected} at most, got a higher one")]
    Degree {
        /// The secret.
        shared: Shared,
        /// T - 1.
        expected: usize,
    },
}

/// `given` as a number from `min` to `max`, or [`Error::OutOfRange`].
pub(crate) fn in_range(name: &'static str, min: u64, max: u64, given: u64) -> Result<u64> {
    if (min..=max).contains(&given) { Ok(given) } else { Err(Error::OutOfRange { name, min, max, given }) }
}

/// `Ok` when the lengths agree, or [`Error::Length`].
pub(crate) fn same_length(what: &'static str, expected: usize, given: usize) -> Result<()> {
    if expected == given { Ok(()) } else { Err(Error::Length { what, expected, given }) }
}
