//! Sets of members of a group.

use crate::error::{Result, in_range};

/// Most members that a set has room for; a session has at most [`crate::params::MAX_MEMBERS`].
pub const MAX_PLACES: usize = 255;

/// A set of places of a group, bit k for place k, as the contract keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places([u64; 4]);

impl Places {
    /// Places 0 to `members` - 1.
    #[must_use]
    pub fn all(members: usize) -> Self {
        (0..members).collect()
    }

    /// The set of a `uint256`, big-endian, within a group of `members`.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] for a place that the group doesn't have.
    pub fn from_bytes(bytes: &[u8; 32], members: usize) -> Result<Self> {
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
            *limb = u64::from_be_bytes(*bytes);
        }
        let places = Self(limbs);
        if let Some(highest) = places.iter().last() {
            in_range("place", 0, (members as u64).saturating_sub(1), highest as u64)?;
        }
        Ok(places)
    }

    /// Whether `place` is in the set.
    #[must_use]
    pub fn contains(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|limb| limb >> (place % 64) & 1 == 1)
    }

    /// How many places are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|limb| limb.count_ones() as usize).sum()
    }

    /// Whether no place is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// The places in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + use<> {
        let places = *self;
        (0..=MAX_PLACES).filter(move |place| places.contains(*place))
    }

    /// The places that aren't in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|limb| self.0[limb] & !other.0[limb]))
    }

    /// Whether `other` has all places.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.without(other).is_empty()
    }
}

impl FromIterator<usize> for Places {
    /// Places beyond 255 are left out.
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        let mut limbs = [0; 4];
        for place in places {
            if let Some(limb) = limbs.get_mut(place / 64) {
                *limb |= 1 << (place % 64);
            }
        }
        Self(limbs)
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use crate::error::Error;

    #[test]
    fn sets_are_bitmaps() {
        let mut bytes = [0; 32];
        (bytes[31], bytes[22]) = (0b1001, 1);
        let places = Places::from_bytes(&bytes, 73).unwrap();
        assert_eq!(vec![0, 3, 72], places.iter().collect::<Vec<_>>());
        assert_eq!((3, false), (places.len(), places.is_empty()));
        assert_eq!(places, places.iter().collect());
        assert!(matches!(Places::from_bytes(&bytes, 72), Err(Error::OutOfRange { max: 71, given: 72, .. })));
        assert_eq!(Ok(Places::default()), Places::from_bytes(&[0; 32], 0));
        assert_eq!(256, Places::from_bytes(&[255; 32], 256).unwrap().len());
    }

    #[test]
    fn sets_within_sets() {
        let (some, all) = (Places::from_iter([1, 2]), Places::all(4));
        assert!(some.is_subset(&all) && !all.is_subset(&some) && !all.contains(4) && !all.contains(1000));
        assert_eq!(Places::from_iter([0, 3]), all.without(&some));
    }
}
