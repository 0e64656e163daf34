//! Which axis of a cube is the channels'.

/// How a cube of four axes is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// (N, H, W, C), as it should be.
    ChannelsLast,
    /// As (N, H, W, C), though it might be (N, C, H, W): what to tell the user.
    Unclear(String),
    /// (N, C, H, W): what was found.
    ChannelsFirst(String),
}

/// What to do with a cube whose channels come first.
pub const TRANSPOSE: &str =
    "(N, H, W, C), the images of a candidate last; in Python numpy.moveaxis(x, 1, -1)";

/// So few pixels are no side of an image, but so many images are usual: template, search,
/// difference.
const FEW: usize = 3;

/// More images than any survey gives of a candidate.
const MOST: usize = 8;

/// Tells (N, H, W, C) from (N, C, H, W) by the lengths of the three axes behind N: a candidate
/// has few images of many pixels. `named` is how many images the file names, or are wanted of
/// it, where that is known; C that agrees is believed.
pub fn axes([first, second, last]: [usize; 3], named: Option<usize>) -> Axes {
    let found = || {
        format!(
            "shape (N, {first}, {second}, {last}), which looks like {first} images of {second} x \
             {last} pixels with the images first"
        )
    };
    if named == Some(last) {
        return Axes::ChannelsLast;
    }
    let taken = format!("taken as {last} images of {first} x {second} pixels");
    match (first, last) {
        _ if first < last && last > FEW => Axes::ChannelsFirst(found()),
        _ if first <= last && first <= MOST && last > 1 => Axes::Unclear(format!(
            "cutouts of shape (N, {first}, {second}, {last}) were {taken} (N, H, W, C); if the \
             images come first, save it again as {TRANSPOSE}"
        )),
        _ if last > MOST => Axes::Unclear(format!(
            "cutouts of shape (N, {first}, {second}, {last}) were {taken}, which is many; \
             expected (N, H, W, C)"
        )),
        _ => Axes::ChannelsLast,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_first_is_refused_at_any_size() {
        for shape in [
            [4, 16, 16],
            [2, 12, 10],
            [1, 28, 28],
            [3, 63, 63],
            [10, 40, 40],
            [5, 6, 7],
            [2, 4, 4],
        ] {
            assert!(
                matches!(axes(shape, None), Axes::ChannelsFirst(_)),
                "{shape:?}"
            );
        }
        assert!(matches!(axes([3, 3, 3], Some(3)), Axes::ChannelsLast));
        // One image is wanted of three.
        assert!(matches!(axes([1, 1, 3], Some(1)), Axes::Unclear(_)));
    }

    #[test]
    fn channels_last_is_read_and_what_may_be_either_is_said() {
        for shape in [
            [16, 16, 4],
            [12, 10, 2],
            [63, 63, 3],
            [28, 28, 1],
            [21, 21, 8],
            [1, 5, 1],
        ] {
            assert_eq!(axes(shape, None), Axes::ChannelsLast, "{shape:?}");
        }
        for shape in [[4, 4, 4], [3, 9, 3], [2, 2, 3], [32, 32, 16], [16, 16, 16]] {
            assert!(matches!(axes(shape, None), Axes::Unclear(_)), "{shape:?}");
        }
    }
}
