//! A round Gaussian fitted to the middle of the difference.

use super::image::Image;

/// Pixels on each side of the middle one: 15 x 15 in all, as autoScan's own description of it.
const REACH: usize = 7;
/// Pixels that the middle of the Gaussian may be away from the candidate, each way.
const AWAY: f64 = 0.5;
/// Standard deviations of the Gaussian in pixels; a wider one is flat here.
const WIDTHS: [f64; 2] = [0.3, 50.0];
/// Where the fit begins.
const FIRST_WIDTH: f64 = 2.0;
const STEPS: usize = 60;

/// The best Gaussian.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    /// Sum of squared distances, in the image's unit squared.
    pub chi2: f64,
    /// Its standard deviation in pixels.
    pub width: f64,
    /// Its height in the image's unit.
    pub height: f64,
}

/// What is fitted: (dy, dx, height, width), the middle as seen from the middle pixel.
type Parameters = [f64; 4];

/// Least squares by Levenberg and Marquardt. NaN where fewer pixels than parameters are known.
pub fn fit(image: &Image) -> Fit {
    let pixels = middle(image);
    if pixels.len() < 4 {
        return Fit {
            chi2: f64::NAN,
            width: f64::NAN,
            height: f64::NAN,
        };
    }
    let mut best = [0.0, 0.0, height_at(&pixels, FIRST_WIDTH), FIRST_WIDTH];
    let mut chi2 = distance(&pixels, best);
    let mut damping = 1e-3;
    for _ in 0..STEPS {
        let (mut matrix, gradient) = normal_equations(&pixels, best);
        for (i, row) in matrix.iter_mut().enumerate() {
            row[i] += damping * row[i].max(1e-12);
        }
        let step = solve(matrix, gradient);
        let next = bounded(std::array::from_fn(|i| best[i] + step[i]));
        let at_next = distance(&pixels, next);
        if at_next < chi2 {
            let little = chi2 - at_next <= 1e-10 * chi2;
            (best, chi2) = (next, at_next);
            damping = (damping * 0.2).max(1e-12);
            if little {
                break;
            }
        } else {
            damping *= 5.0;
            if damping > 1e9 {
                break;
            }
        }
    }
    Fit {
        chi2,
        width: best[3],
        height: best[2],
    }
}

/// (dy, dx, value) of the known pixels in the middle.
fn middle(image: &Image) -> Vec<[f64; 3]> {
    let [y, x] = [image.height / 2, image.width / 2];
    let rows = y.saturating_sub(REACH)..(y + REACH + 1).min(image.height);
    let columns = x.saturating_sub(REACH)..(x + REACH + 1).min(image.width);
    let places = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
    places
        .map(|(row, column)| {
            let value = image.pixels[row * image.width + column];
            [row as f64 - y as f64, column as f64 - x as f64, value]
        })
        .filter(|[.., value]| !value.is_nan())
        .collect()
}

/// The Gaussian of height 1, and how far its middle is.
fn shape([dy, dx, _, width]: Parameters, [y, x, _]: [f64; 3]) -> (f64, [f64; 2]) {
    let [y, x] = [y - dy, x - dx];
    ((-0.5 * (y * y + x * x) / (width * width)).exp(), [y, x])
}

fn distance(pixels: &[[f64; 3]], p: Parameters) -> f64 {
    let one = |pixel: &[f64; 3]| (p[2] * shape(p, *pixel).0 - pixel[2]).powi(2);
    pixels.iter().map(one).sum()
}

/// The best height of a Gaussian in the middle.
fn height_at(pixels: &[[f64; 3]], width: f64) -> f64 {
    let (mut above, mut below) = (0.0, 0.0);
    for pixel in pixels {
        let (g, _) = shape([0.0, 0.0, 1.0, width], *pixel);
        above += g * pixel[2];
        below += g * g;
    }
    above / below
}

/// J'J and -J'r of the residuals r.
fn normal_equations(pixels: &[[f64; 3]], p: Parameters) -> ([[f64; 4]; 4], [f64; 4]) {
    let [.., height, width] = p;
    let (mut matrix, mut gradient) = ([[0.0; 4]; 4], [0.0; 4]);
    for pixel in pixels {
        let (g, [y, x]) = shape(p, *pixel);
        let by_middle = height * g / (width * width);
        let by_width = height * g * (y * y + x * x) / (width * width * width);
        let slopes = [by_middle * y, by_middle * x, g, by_width];
        let residual = height * g - pixel[2];
        for i in 0..4 {
            gradient[i] -= slopes[i] * residual;
            for j in 0..4 {
                matrix[i][j] += slopes[i] * slopes[j];
            }
        }
    }
    (matrix, gradient)
}

fn bounded([dy, dx, height, width]: Parameters) -> Parameters {
    let near = |d: f64| d.clamp(-AWAY, AWAY);
    [
        near(dy),
        near(dx),
        height,
        width.clamp(WIDTHS[0], WIDTHS[1]),
    ]
}

/// Gauss's elimination with the largest pivot; a direction that nothing is known of stays 0.
fn solve(mut a: [[f64; 4]; 4], mut b: [f64; 4]) -> [f64; 4] {
    for i in 0..4 {
        let pivot = (i..4).max_by(|&r, &s| a[r][i].abs().total_cmp(&a[s][i].abs()));
        let pivot = pivot.unwrap_or(i);
        a.swap(i, pivot);
        b.swap(i, pivot);
        if a[i][i] == 0.0 {
            continue;
        }
        for r in i + 1..4 {
            let by = a[r][i] / a[i][i];
            let above = a[i];
            for (to, from) in a[r].iter_mut().zip(above).skip(i) {
                *to -= by * from;
            }
            b[r] -= by * b[i];
        }
    }
    let mut x = [0.0; 4];
    for i in (0..4).rev() {
        let rest: f64 = (i + 1..4).map(|c| a[i][c] * x[c]).sum();
        x[i] = if a[i][i] == 0.0 {
            0.0
        } else {
            (b[i] - rest) / a[i][i]
        };
    }
    x
}

#[cfg(test)]
mod tests {
    use super::{fit, solve};
    use crate::forest::features::image::Image;

    fn gaussian(n: usize, [y, x]: [f64; 2], height: f64, width: f64) -> Image {
        let pixel = |at: usize| {
            let (dy, dx) = ((at / n) as f64 - y, (at % n) as f64 - x);
            height * (-0.5 * (dy * dy + dx * dx) / (width * width)).exp()
        };
        Image {
            height: n,
            width: n,
            pixels: (0..n * n).map(pixel).collect(),
        }
    }

    #[test]
    fn a_gaussian_is_found_again() {
        for (height, width) in [(1.0, 1.0), (0.8, 2.5), (-0.5, 1.7), (1.0, 5.0)] {
            let found = fit(&gaussian(51, [25.3, 24.8], height, width));
            assert!(
                (found.height - height).abs() < 1e-4,
                "{found:?}, height {height}"
            );
            assert!(
                (found.width - width).abs() < 1e-4,
                "{found:?}, width {width}"
            );
            assert!(found.chi2 < 1e-8, "{found:?}");
        }
    }

    #[test]
    fn masked_pixels_do_not_matter_and_nothing_is_nan() {
        let mut image = gaussian(51, [25.0, 25.0], 1.0, 2.0);
        for at in (0..image.pixels.len()).step_by(3) {
            image.pixels[at] = f64::NAN;
        }
        let found = fit(&image);
        assert!((found.width - 2.0).abs() < 1e-4, "{found:?}");
        assert!(fit(&image.map(|_| f64::NAN)).chi2.is_nan());
        let flat = fit(&image.map(|_| 0.0));
        assert_eq!((flat.chi2, flat.height), (0.0, 0.0));
    }

    #[test]
    fn equations_with_a_known_answer() {
        let a = [
            [0.0, 2.0, 0.0, 1.0],
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 3.0, 0.0],
            [1.0, 0.0, 0.0, 4.0],
        ];
        let x = solve(a, [8.0, 1.0, 9.0, 17.0]);
        for (x, expected) in x.into_iter().zip([1.0, 2.0, 3.0, 4.0]) {
            assert!((x - expected).abs() < 1e-12, "{x} instead of {expected}");
        }
    }
}
