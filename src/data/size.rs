//! Cutouts of another size than is wanted: padded or cropped.

use super::CutoutShape;

/// A cutout of `shape` as one of `wanted`: where it is smaller, NaN is added at
/// its bottom and right. `None` if it is larger somewhere or has another number
/// of images.
///
/// Stamps of alerts are smaller where the image ends. Which side that is, a
/// packet does not say; bottom and right is where ZTF's braai pads. What NaN
/// becomes, the normalisation says.
pub fn pad(values: Vec<f32>, shape: CutoutShape, wanted: CutoutShape) -> Option<Vec<f32>> {
    if shape == wanted {
        return Some(values);
    }
    let (row, wanted_row) = (shape.width * shape.channels, wanted.width * wanted.channels);
    if !fits(shape, wanted) || row == 0 {
        return None;
    }
    let mut out = vec![f32::NAN; wanted.len()];
    for (to, from) in out
        .chunks_exact_mut(wanted_row)
        .zip(values.chunks_exact(row))
    {
        to[..row].copy_from_slice(from);
    }
    Some(out)
}

/// Whether a cutout of `shape` can be padded to `wanted`, or is of that size.
pub fn fits(shape: CutoutShape, wanted: CutoutShape) -> bool {
    shape.height <= wanted.height
        && shape.width <= wanted.width
        && shape.channels == wanted.channels
}

/// The middle `size` x `size` pixels of a cutout of `shape`, as O'TRAIN's
/// `--cutout-size` takes them: from pixel n/2 - size/2 on, in whole numbers.
/// `None` if it is smaller than that.
pub fn crop(values: &[f32], shape: CutoutShape, size: usize) -> Option<Vec<f32>> {
    if size == 0 || shape.height < size || shape.width < size {
        return None;
    }
    let (top, left) = (shape.height / 2 - size / 2, shape.width / 2 - size / 2);
    let row = shape.width * shape.channels;
    let (from, to) = (left * shape.channels, (left + size) * shape.channels);
    let rows = values.chunks_exact(row).skip(top).take(size);
    Some(rows.flat_map(|row| &row[from..to]).copied().collect())
}

/// What a user should know when `padded` of `total` cutouts were made larger.
pub fn notice(padded: usize, total: usize, shape: CutoutShape) -> String {
    format!(
        "{padded} of {total} cutouts are smaller than {}x{} and were padded with NaN at the \
         bottom and right",
        shape.height, shape.width
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: CutoutShape = CutoutShape {
        height: 3,
        width: 4,
        channels: 1,
    };

    #[test]
    fn the_middle_is_otrains() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        // numpy: x = arange(12).reshape(3, 4); x[3//2-1:3//2+1, 4//2-1:4//2+1]
        assert_eq!(crop(&values, SHAPE, 2).unwrap(), [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(crop(&values, SHAPE, 1).unwrap(), [6.0]);
        assert_eq!(crop(&values, SHAPE, 4), None);
    }

    #[test]
    fn smaller_ones_grow_at_the_bottom_and_right() {
        let small = CutoutShape {
            height: 2,
            width: 3,
            channels: 1,
        };
        let padded = pad(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], small, SHAPE).unwrap();
        let known: Vec<Option<f32>> = padded.iter().map(|v| (!v.is_nan()).then_some(*v)).collect();
        let row = |a: f32| [Some(a), Some(a + 1.0), Some(a + 2.0), None];
        assert_eq!(known, [row(1.0), row(4.0), [None; 4]].concat());
        assert_eq!(pad(vec![0.0; 12], SHAPE, small), None);
    }
}
