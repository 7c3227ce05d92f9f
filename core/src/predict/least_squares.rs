//! Non-negative least squares: the smallest `|A x - b|` with no `x` below zero.
//!
//! Source: Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23. Columns come in one at a time, the one with the steepest
//! descent first; each time the others are solved for by a QR decomposition (of the crate `nalgebra`), and what falls to zero
//! goes out again.

use alloc::vec::Vec;
use nalgebra::{DMatrix, DVector};

/// A column whose part that the others don't explain is smaller than this share of it counts as explained by them.
const DEPENDENT: f64 = 1e-10;
/// A descent smaller than this, of columns and targets of about 1, is none.
const FLAT: f64 = 1e-12;

/// Solves for `K` coefficients from rows of `A` and as many targets, all of them finite; `None` where there are no rows or a number is not
/// finite.
#[must_use]
pub fn non_negative<const K: usize>(rows: &[[f64; K]], targets: &[f64]) -> Option<[f64; K]> {
    if rows.is_empty()
        || rows.len() != targets.len()
        || !targets.iter().chain(rows.iter().flatten()).all(|x| x.is_finite())
    {
        return None;
    }
    // Columns of one length each: what "steepest" and "small" mean must not hang on their units.
    let lengths: [f64; K] = core::array::from_fn(|column| {
        libm::sqrt(rows.iter().map(|row| row.get(column).map_or(0.0, |x| x * x)).sum::<f64>())
    });
    let size = libm::sqrt(targets.iter().map(|target| target * target).sum::<f64>());
    if size == 0.0 {
        return Some([0.0; K]);
    }
    if !size.is_finite() || lengths.iter().any(|length| !length.is_finite()) {
        return None;
    }
    let all = DMatrix::from_fn(rows.len(), K, |row, column| {
        let length = lengths.get(column).copied().unwrap_or(0.0);
        let value = rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0.0);
        if length > 0.0 { value / length } else { 0.0 }
    });
    let target = DVector::from_fn(targets.len(), |row, _| targets.get(row).copied().unwrap_or(0.0) / size);
    let solved = descend(&all, &target);
    Some(core::array::from_fn(|column| {
        let length = lengths.get(column).copied().unwrap_or(0.0);
        let value = solved.get(column).copied().unwrap_or(0.0);
        if length > 0.0 { value * size / length } else { 0.0 }
    }))
}

fn descend(all: &DMatrix<f64>, target: &DVector<f64>) -> Vec<f64> {
    let columns = all.ncols();
    let mut x = DVector::zeros(columns);
    let mut inside: Vec<usize> = Vec::new();
    let mut refused: Vec<usize> = Vec::new();
    // Each turn lowers the distance, so no set of columns comes twice; the bound is for rounding.
    for _ in 0..4 * columns {
        let descent = all.tr_mul(&(target - all * &x));
        let steepest = (0..columns)
            .filter(|column| !inside.contains(column) && !refused.contains(column))
            .map(|column| (column, descent.get(column).copied().unwrap_or(0.0)))
            .filter(|(_, down)| *down > FLAT)
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((next, _)) = steepest else { break };
        inside.push(next);
        if solve(all, target, &inside).is_none() {
            inside.pop();
            refused.push(next);
            continue;
        }
        while let Some(found) = solve(all, target, &inside) {
            if found.iter().all(|value| *value > 0.0) {
                x.fill(0.0);
                set(&mut x, &inside, &found);
                break;
            }
            // As far towards the solution as nothing falls below zero; what gets there goes out.
            let old: Vec<f64> = inside.iter().map(|column| x.get(*column).copied().unwrap_or(0.0)).collect();
            let step = old
                .iter()
                .zip(&found)
                .filter(|(_, new)| **new <= 0.0)
                .map(|(old, new)| old / (old - new))
                .fold(1.0, |least: f64, step| if step < least { step } else { least });
            let moved: Vec<f64> = old.iter().zip(&found).map(|(old, new)| old + step * (new - old)).collect();
            set(&mut x, &inside, &moved);
            let (stay, go): (Vec<usize>, Vec<usize>) = inside.iter().zip(&moved).zip(&found).fold(
                (Vec::new(), Vec::new()),
                |(mut stay, mut go), ((column, value), new)| {
                    if *new <= 0.0 && *value <= FLAT {
                        go.push(*column)
                    } else {
                        stay.push(*column)
                    }
                    (stay, go)
                },
            );
            for column in &go {
                set(&mut x, &[*column], &[0.0]);
            }
            if go.is_empty() {
                break;
            }
            inside = stay;
        }
    }
    x.iter().copied().collect()
}

fn set(x: &mut DVector<f64>, columns: &[usize], values: &[f64]) {
    for (column, value) in columns.iter().zip(values) {
        if let Some(slot) = x.get_mut(*column) {
            *slot = *value;
        }
    }
}

/// Plain least squares on some of the columns; `None` where they depend on one another.
fn solve(all: &DMatrix<f64>, target: &DVector<f64>, columns: &[usize]) -> Option<Vec<f64>> {
    if columns.len() > all.nrows() {
        return None;
    }
    let qr = all.select_columns(columns).qr();
    let r = qr.r();
    if r.diagonal().iter().any(|value| libm::fabs(*value) < DEPENDENT) {
        return None;
    }
    let mut rotated = target.clone();
    qr.q_tr_mul(&mut rotated);
    let solved = r.solve_upper_triangular(&rotated.rows(0, columns.len()).into_owned())?;
    Some(solved.iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The obvious way: of all sets of columns whose plain solution is nowhere negative, the closest.
    fn slowly(rows: &[[f64; 3]], targets: &[f64]) -> f64 {
        let all = DMatrix::from_fn(rows.len(), 3, |row, column| rows[row][column]);
        let target = DVector::from_column_slice(targets);
        (0..8_usize)
            .filter_map(|set| {
                let columns: Vec<usize> = (0..3).filter(|column| set >> column & 1 == 1).collect();
                let found = if columns.is_empty() { Vec::new() } else { solve(&all, &target, &columns)? };
                if found.iter().any(|value| *value < 0.0) {
                    return None;
                }
                let mut x = DVector::zeros(3);
                super::set(&mut x, &columns, &found);
                Some((&all * x - &target).norm())
            })
            .fold(f64::INFINITY, f64::min)
    }

    proptest! {
        #[test]
        fn it_is_as_close_as_the_obvious_way(
            rows in prop::collection::vec(prop::array::uniform3(-5.0..5.0_f64), 3..12),
            seed in prop::collection::vec(-5.0..5.0_f64, 12),
        ) {
            let targets = &seed[..rows.len()];
            let found = non_negative(&rows, targets).unwrap();
            prop_assert!(found.iter().all(|x| *x >= 0.0));
            let distance = rows
                .iter()
                .zip(targets)
                .map(|(row, target)| (row.iter().zip(&found).map(|(a, x)| a * x).sum::<f64>() - target).powi(2))
                .sum::<f64>()
                .sqrt();
            prop_assert!(distance <= slowly(&rows, targets) + 1e-6, "{distance} against {}", slowly(&rows, targets));
        }

        #[test]
        fn nothing_in_it_is_ever_negative_or_not_a_number(
            rows in prop::collection::vec(prop::array::uniform3(prop::num::f64::ANY), 0..6),
            targets in prop::collection::vec(prop::num::f64::ANY, 0..6),
        ) {
            if let Some(found) = non_negative(&rows, &targets) {
                prop_assert!(found.iter().all(|x| *x >= 0.0));
            }
        }
    }

    #[test]
    fn columns_that_repeat_one_another_are_no_trouble() {
        let rows = [[1.0, 1.0, 2.0], [2.0, 2.0, 4.0], [3.0, 3.0, 6.0]];
        let found = non_negative(&rows, &[2.0, 4.0, 6.0]).unwrap();
        let fitted = found[0] + found[1] + 2.0 * found[2];
        assert!((fitted - 2.0).abs() < 1e-9, "{found:?}");
        assert_eq!(non_negative::<3>(&[], &[]), None);
        assert_eq!(non_negative(&[[0.0; 3]], &[1.0]), Some([0.0; 3]));
    }
}
