//! The one error type of the crate. Every message has what was expected and what was given; none has a secret.

/// What went wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A number outside its range.
    #[error("{name}: expected {min} to {max}, got {given}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// The smallest legal value.
        min: i128,
        /// The largest legal value.
        max: i128,
        /// The value given.
        given: i128,
    },
    /// Too few or too many of something.
    #[error("{what}: expected {expected}, got {given}")]
    Length {
        /// What is counted.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        given: usize,
    },
    /// Bytes that aren't a number below q, which EIP-4844 refuses.
    #[error("element {index}: expected a number below the order of BLS12-381's scalar field, got one that isn't")]
    NotCanonical {
        /// Which element of a blob, or which word.
        index: usize,
    },
    /// Bytes that aren't a point of the subgroup in the encoding that is asked for.
    #[error("{what}: expected a point of BLS12-381's G1, got bytes that are none")]
    NotAPoint {
        /// What the point is.
        what: &'static str,
    },
    /// A value beyond the bound.
    #[error("value {place}: expected -{bound} to {bound}, got one outside")]
    Value {
        /// Which value of the chunk.
        place: usize,
        /// Q.
        bound: u64,
    },
    /// A sum that no uploads in their range have (B8).
    #[error("group {group}, element {index}: expected a sum of 0 to {max}, got {given}")]
    SumOutOfRange {
        /// The group.
        group: usize,
        /// Which element of the vector: 4096 for each chunk before, then the place in the blob.
        index: usize,
        /// 2 N Q.
        max: u64,
        /// The sum, in hexadecimal.
        given: String,
    },
    /// A sum beyond the vector's end that isn't zero (B8).
    #[error("group {group}, element {index}: expected padding, {expected}, got {given}")]
    Padding {
        /// The group.
        group: usize,
        /// Which element.
        index: usize,
        /// N Q.
        expected: u64,
        /// The sum.
        given: u64,
    },
    /// A digit of a packed sum that no uploads in their range have (B12).
    #[error("group {group}, element {index}, digit {digit}: expected a sum of 0 to {max}, got {given}")]
    DigitOutOfRange {
        /// The group.
        group: usize,
        /// Which element of the blobs: 4096 for each chunk before, then the place in the blob.
        index: usize,
        /// Which lane of the chunk.
        digit: usize,
        /// 2 N Q.
        max: u64,
        /// The digit.
        given: u64,
    },
    /// A packed sum with something above its chunk's lanes (B12).
    #[error("group {group}, element {index}: expected nothing above {lanes} digits, got more")]
    AboveLanes {
        /// The group.
        group: usize,
        /// Which element of the blobs.
        index: usize,
        /// Lanes of the chunk.
        lanes: usize,
    },
    /// A digit of a packed sum beyond the vector's end that isn't zero (B12).
    #[error("group {group}, element {index}, digit {digit}: expected padding, {expected}, got {given}")]
    DigitPadding {
        /// The group.
        group: usize,
        /// Which element of the blobs.
        index: usize,
        /// Which lane of the chunk.
        digit: usize,
        /// N Q.
        expected: u64,
        /// The digit.
        given: u64,
    },
    /// The proof of the sums doesn't hold for these commitments.
    #[error("commitments: expected those of the sums, got others")]
    NotTheCommitments,
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// `given` as a number from `min` to `max`, or [`Error::OutOfRange`].
pub(crate) fn in_range<T: Copy + Into<i128>>(name: &'static str, min: T, max: T, given: T) -> Result<T> {
    let (min, max, number) = (min.into(), max.into(), given.into());
    if (min..=max).contains(&number) { Ok(given) } else { Err(Error::OutOfRange { name, min, max, given: number }) }
}

/// `Ok` when the lengths agree, or [`Error::Length`].
pub(crate) fn same_length(what: &'static str, expected: usize, given: usize) -> Result<()> {
    if expected == given { Ok(()) } else { Err(Error::Length { what, expected, given }) }
}
