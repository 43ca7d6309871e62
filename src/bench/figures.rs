//! Medians and shares of what was measured.

#![expect(clippy::cast_precision_loss, reason = "figures are shown with three digits")]

use std::time::Duration;

/// The middle of some figures; 0 where there are none.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => 0.0,
        (_, 1) => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// A count as a figure.
pub const fn count(count: u64) -> f64 {
    count as f64
}

/// A number of things as a figure.
pub const fn places(count: usize) -> f64 {
    count as f64
}

/// How many there were in a second.
pub fn a_second(done: u64, took: Duration) -> f64 {
    done as f64 / took.as_secs_f64().max(f64::EPSILON)
}

/// The time under which `share` percent of the answers stayed, in milliseconds.
pub fn percentile(sorted_micros: &[u32], share: usize) -> f64 {
    let last = sorted_micros.len().saturating_sub(1);
    let place = (sorted_micros.len() * share / 100).min(last);
    sorted_micros.get(place).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn the_median_is_the_middle_one() {
        let exactly = |figures: &[f64], middle: f64| (median(figures) - middle).abs() < 1e-9;
        assert!(exactly(&[3.0, 1.0, 2.0], 2.0));
        assert!(exactly(&[4.0, 1.0, 2.0, 3.0], 2.5));
        assert!(exactly(&[], 0.0));
    }

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let sorted: Vec<u32> = (1..=100).map(|n| n * 1_000).collect();
        assert!((percentile(&sorted, 99) - 100.0).abs() < 1e-9);
        assert!((percentile(&sorted, 50) - 51.0).abs() < 1e-9);
        assert!(percentile(&[], 50).abs() < 1e-9);
    }
}
