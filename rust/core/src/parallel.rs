//! Work that is split over processors. What comes out doesn't depend on how many there are.

use std::ops::Range;
use std::thread::{available_parallelism, scope};

/// What `work` makes of consecutive ranges that make up `0..count`, one for each processor.
pub fn ranges<T: Send>(count: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    ranges_on(available_parallelism().map_or(1, usize::from), count, work)
}

/// What `work` makes of each number below `count`, in order.
pub fn each<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    joined(ranges(count, |range| range.map(&work).collect()))
}

/// As [`each`], on so many threads; on this one alone if it is 0 or 1.
pub fn each_on<T: Send>(threads: usize, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    joined(ranges_on(threads, count, |range| range.map(&work).collect()))
}

fn joined<T>(parts: Vec<Vec<T>>) -> Vec<T> {
    parts.into_iter().flatten().collect()
}

fn ranges_on<T: Send>(threads: usize, count: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let share = count.div_ceil(threads.max(1)).max(1);
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

#[cfg(test)]
mod tests {
    use super::{each, each_on, ranges};

    #[test]
    fn everything_is_done_once_and_in_order() {
        for count in [0, 1, 2, 3, 100, 1_001] {
            let expected: Vec<usize> = (0..count).map(|index| 2 * index).collect();
            assert_eq!(each(count, |index| 2 * index), expected);
            for threads in [0, 1, 3, 2_000] {
                assert_eq!(each_on(threads, count, |index| 2 * index), expected);
            }
            assert_eq!(ranges(count, |range| range.len()).into_iter().sum::<usize>(), count);
        }
    }
}
