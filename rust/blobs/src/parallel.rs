//! Work that is split over the cores.

use std::ops::Range;
use std::thread::{available_parallelism, scope};

/// What `work` makes of consecutive ranges that make up `0..count`, one for each core.
pub(crate) fn ranges<T: Send>(count: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let cores = available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(cores).max(1);
    let starts = (0..count).step_by(share).map(|start| start..count.min(start + share));
    if count <= share {
        return starts.map(work).collect();
    }
    scope(|threads| {
        let running: Vec<_> = starts.map(|range| threads.spawn(|| work(range))).collect();
        // a thread that has panicked hands its panic on
        let join = |thread: std::thread::ScopedJoinHandle<'_, T>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running.into_iter().map(join).collect()
    })
}

/// What `work` makes of each number below `count`, in order.
pub(crate) fn each<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    ranges(count, |range| range.map(&work).collect::<Vec<T>>()).into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{each, ranges};

    #[test]
    fn everything_is_done_once_and_in_order() {
        for count in [0, 1, 2, 3, 100, 1_001] {
            assert_eq!(each(count, |index| 2 * index), (0..count).map(|index| 2 * index).collect::<Vec<_>>());
            assert_eq!(ranges(count, |range| range.len()).into_iter().sum::<usize>(), count);
        }
    }
}
