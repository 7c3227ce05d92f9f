//! Medians.

use alloc::vec::Vec;

/// The median of whole numbers, the mean of the two in the middle where their count is even; nothing of none.
pub(super) fn median(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(middle.checked_sub(1)?)?;
    Some(lower + (upper - lower) / 2)
}

/// The value below which half of the weight lies; nothing of none.
pub(super) fn weighted_median(mut values: Vec<(i64, u64)>) -> Option<i64> {
    values.sort_unstable();
    let all: u64 = values.iter().map(|(_, weight)| weight).sum();
    let mut below = 0;
    values
        .into_iter()
        .find(|(_, weight)| {
            below += weight;
            below * 2 >= all
        })
        .map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![5]), Some(5));
        assert_eq!(median(vec![9, 1]), Some(5));
        assert_eq!(median(vec![9, 1, 2]), Some(2));
        assert_eq!(weighted_median(vec![]), None);
        assert_eq!(weighted_median(vec![(7, 1), (1, 1), (3, 5)]), Some(3));
    }
}
