//! Isotonic regression: the map of the least squared error among those that never fall.

/// Candidates of neighbouring scores that share a probability.
struct Block {
    /// Lowest and highest score.
    ends: [f64; 2],
    candidates: f64,
    real: f64,
}

/// The ends of the level parts, (x, y), by pool adjacent violators; candidates of equal score
/// are one point that weighs as much as they are.
pub(super) fn fitted(labels: &[u8], scores: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut rows: Vec<(f64, u8)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    // -0 is 0.
    rows.sort_unstable_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)));
    let mut blocks: Vec<Block> = Vec::new();
    for run in rows.chunk_by(|a, b| a.0 == b.0) {
        let mut block = Block {
            ends: [run[0].0; 2],
            candidates: run.len() as f64,
            real: run.iter().map(|row| f64::from(row.1)).sum(),
        };
        // Counts are whole numbers: these products are exact.
        while let Some(last) =
            blocks.pop_if(|last| last.real * block.candidates >= block.real * last.candidates)
        {
            block.ends[0] = last.ends[0];
            block.candidates += last.candidates;
            block.real += last.real;
        }
        blocks.push(block);
    }
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for block in blocks {
        let [first, last] = block.ends;
        x.push(first);
        y.push(block.real / block.candidates);
        if last > first {
            x.push(last);
            y.push(block.real / block.candidates);
        }
    }
    (x, y)
}

/// On the straight lines between the points (x, y), level outside of them; NaN of NaN.
pub(super) fn interpolated(x: &[f64], y: &[f64], at: f64) -> f64 {
    if at.is_nan() {
        return at;
    }
    let above = x.partition_point(|&x| x <= at);
    if above == 0 {
        return y[0];
    }
    if above == x.len() {
        return y[above - 1];
    }
    let (low, high) = (above - 1, above);
    let part = (at - x[low]) / (x[high] - x[low]);
    // Rounding must not lift it above what follows.
    (y[low] + part * (y[high] - y[low])).min(y[high])
}
