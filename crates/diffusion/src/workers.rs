//! Work split over single-thread workers.
//!
//! On a CPU one libtorch thread for each part of a batch is quicker than several threads for the whole, and much quicker
//! when other processes want the cores too. Each worker owns its own modules over the same storage.

/// Latents with at least so many places are worth several threads: on fewer, starting and joining them costs what they win.
const MANY_PLACES: i64 = 32 * 32;

/// Gives each input to a worker, as many at once as there are workers; results come back in order. An input that is alone
/// and of that many places is computed by as many threads as there are workers.
pub fn run<M: Send, I: Send, O: Send>(
    workers: &mut [M],
    inputs: Vec<I>,
    places: i64,
    work: fn(&M, I) -> O,
) -> Vec<O> {
    let _threads = (inputs.len() == 1 && workers.len() > 1 && places >= MANY_PLACES)
        .then(|| Threads::more(workers.len()));
    let mut results = Vec::with_capacity(inputs.len());
    let mut inputs = inputs.into_iter().peekable();
    while inputs.peek().is_some() {
        let wave: Vec<I> = inputs.by_ref().take(workers.len()).collect();
        results.extend(run_wave(workers, wave, work));
    }
    results
}

/// More threads for what this thread computes, as long as it lives.
struct Threads;

impl Threads {
    fn more(count: usize) -> Self {
        tch::set_num_threads(i32::try_from(count).unwrap_or(1));
        Self
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        tch::set_num_threads(1);
    }
}

fn run_wave<M: Send, I: Send, O: Send>(
    workers: &mut [M],
    wave: Vec<I>,
    work: fn(&M, I) -> O,
) -> Vec<O> {
    let mut wave = wave.into_iter().zip(workers.iter_mut());
    let Some((first_input, first_worker)) = wave.next() else {
        return Vec::new();
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = wave
            .map(|(input, worker)| scope.spawn(move || tch::no_grad(|| work(worker, input))))
            .collect();
        // The calling thread is the first worker.
        let first = tch::no_grad(|| work(first_worker, first_input));
        let others = others.into_iter().map(|other| {
            other
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        std::iter::once(first).chain(others).collect()
    })
}

/// Sizes of `parts` nearly equal parts of `rows`; fewer parts where there are fewer rows.
pub fn split(rows: i64, parts: usize) -> Vec<i64> {
    let parts = (parts as i64).clamp(1, rows.max(1));
    (0..parts)
        .map(|part| rows / parts + i64::from(part < rows % parts))
        .filter(|&size| size > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    #[test]
    fn rows_are_split_evenly() {
        assert_eq!(split(8, 2), [4, 4]);
        assert_eq!(split(7, 3), [3, 2, 2]);
        assert_eq!(split(1, 4), [1]);
    }

    #[test]
    fn results_come_back_in_order_when_there_are_more_inputs_than_workers() {
        let mut workers = [10_i64, 10];
        let results = run(&mut workers, (0..5).collect(), 1, |worker, input: i64| {
            Tensor::from(worker * input)
        });
        let results: Vec<i64> = results
            .iter()
            .map(|tensor| tensor.int64_value(&[]))
            .collect();
        assert_eq!(results, [0, 10, 20, 30, 40]);
    }
}
