//! The block's case table: every kind of block at shapes that bite, and every block
//! of the published networks.

use super::{ConvBlock, Norm, Pool};
use crate::engine::{Case, Fill, Shape, Tolerance};
use crate::ops::conv2d::Conv2d;
use crate::ops::window::Padding;

/// The chain's own: a convolution's sums, then for dx a small difference of large
/// terms.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-5,
    reason: "f32 sums of the convolution, dx of batch norm cancels to 1/10",
};

pub(in crate::ops) fn cases() -> Vec<Case> {
    use Padding::{Same, Valid};
    let batch = Some(Norm::Batch { epsilon: 1e-5 });
    let moving = Some(Norm::Moving { epsilon: 1e-5 });
    let max = |n| Some(Pool::Max([n, n], [n, n]));
    let avg = |n| Some(Pool::Avg([n, n], [n, n]));
    let case = |name: &str,
                x: [usize; 4],
                k: usize,
                o,
                stride,
                padding,
                norm: Option<Norm>,
                pool,
                fill| {
        let kernel = Shape::from([k, k, x[3], o]);
        let weights = match fill {
            Fill::Normal(_) => Fill::Normal(1.0 / ((k * k * x[3]) as f64).sqrt()),
            other => other,
        };
        let per_filter = |fill| (Shape::from([o]), fill);
        let mut inputs = vec![(Shape::from(x), fill), (kernel, weights)];
        inputs.push(per_filter(match fill {
            Fill::Normal(_) => Fill::Normal(0.3),
            other => other,
        }));
        if norm.is_some() {
            inputs.push(per_filter(Fill::Uniform(-0.5, 1.5)));
            inputs.push(per_filter(Fill::Normal(0.5)));
        }
        if norm == moving {
            inputs.push(per_filter(Fill::Normal(1.0)));
            inputs.push(per_filter(Fill::Uniform(0.1, 3.0)));
        }
        let conv = Conv2d {
            stride: [stride; 2],
            padding,
        };
        Case::new(name, ConvBlock { conv, norm, pool }, inputs, TOLERANCE)
    };
    let small = |name, x, k, o, stride, padding, norm, pool| {
        case(
            name,
            x,
            k,
            o,
            stride,
            padding,
            norm,
            pool,
            Fill::Normal(1.0),
        )
    };
    let mut all = vec![
        small("rectified only", [2, 5, 6, 2], 3, 3, 1, Same, None, None),
        small("strided, 6x6", [1, 9, 8, 2], 6, 3, 2, Same, None, None),
        small("max", [2, 6, 5, 2], 3, 4, 1, Same, None, max(2)),
        small("average", [2, 5, 6, 2], 3, 3, 1, Same, None, avg(2)),
        small(
            "average of 4x5",
            [1, 8, 10, 2],
            2,
            3,
            1,
            Same,
            None,
            Some(Pool::Avg([4, 5], [4, 5])),
        ),
        small("batch norm", [2, 4, 5, 2], 3, 3, 1, Same, batch, None),
        small(
            "batch norm, max",
            [2, 7, 6, 2],
            3,
            5,
            1,
            Same,
            batch,
            max(2),
        ),
        small(
            "batch norm, max 3x3, valid",
            [2, 8, 8, 1],
            2,
            3,
            1,
            Valid,
            batch,
            max(3),
        ),
        small(
            "batch norm, overlapping max",
            [2, 7, 7, 2],
            4,
            3,
            1,
            Same,
            batch,
            Some(Pool::Max([3, 3], [2, 2])),
        ),
        small(
            "batch norm, average",
            [2, 6, 5, 2],
            3,
            3,
            1,
            Same,
            batch,
            avg(2),
        ),
        small(
            "overlapping average",
            [2, 7, 7, 2],
            3,
            3,
            1,
            Same,
            None,
            Some(Pool::Avg([3, 3], [2, 2])),
        ),
        small(
            "gaps between windows",
            [1, 8, 8, 2],
            3,
            3,
            1,
            Same,
            batch,
            Some(Pool::Max([2, 2], [3, 3])),
        ),
        small("many filters", [2, 4, 4, 3], 3, 37, 1, Same, batch, max(2)),
        small("moving norm", [2, 5, 4, 2], 3, 3, 1, Same, moving, None),
        small(
            "moving norm, max",
            [2, 6, 5, 2],
            3,
            20,
            1,
            Same,
            moving,
            max(2),
        ),
        small(
            "moving norm, average",
            [2, 6, 5, 2],
            3,
            3,
            1,
            Same,
            moving,
            avg(2),
        ),
    ];
    let large = |name, x, k, o, stride, norm, pool| {
        case(name, x, k, o, stride, Same, norm, pool, Fill::Normal(1.0)).large()
    };
    all.extend([
        large("otrain 1", [32, 32, 32, 1], 3, 16, 1, None, None),
        large("otrain 2", [16, 32, 32, 16], 3, 32, 1, None, avg(2)),
        large("otrain 3", [16, 16, 16, 32], 3, 64, 1, None, max(2)),
        large("otrain 4", [16, 8, 8, 64], 3, 128, 1, None, None),
        large("otrain 5", [16, 8, 8, 128], 3, 256, 1, None, max(2)),
        large("des1 1", [8, 51, 51, 3], 3, 80, 1, batch, max(2)),
        large("des1 1, scoring", [8, 51, 51, 3], 3, 80, 1, moving, max(2)),
        large("des1 2", [8, 25, 25, 80], 3, 80, 1, batch, max(2)),
        large("des1 2, scoring", [8, 25, 25, 80], 3, 80, 1, moving, max(2)),
        large("des1 3", [8, 12, 12, 80], 3, 80, 1, batch, max(2)),
        large("des2 2", [2, 51, 51, 80], 4, 80, 1, batch, max(3)),
        large("des3 3", [2, 17, 17, 120], 4, 120, 1, batch, None),
        large("des4 1", [8, 51, 51, 3], 6, 40, 2, batch, None),
        large("des4 2", [8, 26, 26, 40], 6, 60, 2, batch, None),
    ]);
    all
}
