//! The recipes, against numpy; and how a model file keeps them.

use rbgpu::backend::Device;
use rbgpu::data::{Channel, CutoutShape, Normalisation, Preprocess};
use rbgpu::formats::{ImportOptions, ModelFile};

use super::{expected, f32s, fixture, imported};

fn shape(height: usize, width: usize, channels: usize) -> CutoutShape {
    CutoutShape {
        height,
        width,
        channels,
    }
}

fn applied(recipe: Preprocess, values: &[f32], from: CutoutShape) -> Vec<f32> {
    let mut out = vec![f32::NAN; recipe.output_shape(from).unwrap().len()];
    recipe.apply(values, from, &mut out);
    out
}

/// Masked pixels, stamps that end early, sums and squares beyond f32 and below it: the
/// script that made the numbers says which is where.
#[test]
fn braai_is_numpys_to_the_last_bits() {
    let all = expected();
    let stamps = all.get("braai:x");
    let size = shape(stamps.shape[1], stamps.shape[2], 3);
    for (recipe, ulps) in [(Preprocess::BraaiD6m7, 0), (Preprocess::Braai, 2)] {
        let wanted = all.get(&format!("{recipe}:y"));
        let seen = shape(wanted.shape[1], wanted.shape[2], 3);
        let each = f32s(&stamps.values);
        let each = each
            .chunks(size.len())
            .zip(wanted.values.chunks(seen.len()));
        for (n, (stamp, wanted)) in each.enumerate() {
            let out = applied(recipe, stamp, size);
            for (i, value) in out.iter().enumerate() {
                let (pixel, channel) = (i / 3, i % 3);
                let (row, column) = (pixel / 63, pixel % 63);
                let wanted = match row < seen.height && column < seen.width {
                    true => wanted[(row * seen.width + column) * 3 + channel] as f32,
                    false => 1e-9,
                };
                let apart = value.to_bits().abs_diff(wanted.to_bits());
                // numpy asks BLAS for the norm of a whole stamp, which sums in an order
                // of its own.
                assert!(
                    apart <= ulps,
                    "{recipe}, stamp {n}, row {row}, column {column}, image {channel}: {value} is not {wanted}"
                );
            }
        }
    }
}

#[test]
fn braai_takes_stamps_that_were_padded_with_nan_for_what_they_were() {
    let small = shape(40, 50, 3);
    let values: Vec<f32> = (0..small.len()).map(|i| (i % 37) as f32 - 9.0).collect();
    let whole = shape(63, 63, 3);
    let mut padded = vec![f32::NAN; whole.len()];
    for (i, row) in values.chunks(50 * 3).enumerate() {
        padded[i * 63 * 3..][..50 * 3].copy_from_slice(row);
    }
    for recipe in [Preprocess::BraaiD6m7, Preprocess::Braai] {
        assert_eq!(
            applied(recipe, &values, small),
            applied(recipe, &padded, whole)
        );
    }
    // A stamp of nothing but masked pixels is a stamp of zeros.
    let out = applied(Preprocess::Braai, &[f32::NAN; 12], shape(2, 2, 3));
    assert_eq!((out[0], out[3 * 63 + 3], out[6]), (0.0, 0.0, 1e-9));
}

#[test]
fn dia_nodia_stands_the_images_side_by_side() {
    let size = shape(1, 4, 3);
    // difference, search, template of four pixels.
    let values = [
        1.0,
        0.0,
        5.0,
        3.0,
        10.0,
        5.0,
        1.0,
        5.0,
        5.0,
        3.0,
        f32::NAN,
        5.0,
    ];
    let out = applied(Preprocess::DiaNodia, &values, size);
    assert_eq!(out.len(), 12);
    assert_eq!(out[..4], [-1.0, 1.0, -1.0, 1.0]);
    // NaN is the median, 5; an image without contrast is 0.
    assert_eq!(out[4..8], [0.0, 1.0, 0.5, 0.5]);
    assert_eq!(out[8..], [0.0; 4]);
    let made = Preprocess::DiaNodia.output_shape(shape(51, 51, 3)).unwrap();
    assert_eq!(made, shape(51, 153, 1));
    assert_eq!(
        Preprocess::DiaNodia.cutouts_for(made).unwrap(),
        shape(51, 51, 3)
    );
}

/// Pixels beyond three standard deviations do not stretch the range.
#[test]
fn dia_nodias_range_is_that_of_typical_pixels() {
    let size = shape(1, 40, 3);
    let mut values = vec![0.0; size.len()];
    for pixel in 0..40 {
        values[pixel * 3 + 1] = (pixel % 2) as f32;
    }
    values[1] = 100.0;
    let out = applied(Preprocess::DiaNodia, &values, size);
    assert_eq!(out[40..44], [100.0, 1.0, 0.0, 1.0]);
}

#[test]
fn cutouts_that_a_recipe_is_not_made_for_are_refused() {
    for (recipe, size) in [
        (Preprocess::Braai, shape(64, 63, 3)),
        (Preprocess::BraaiD6m7, shape(63, 63, 1)),
        (Preprocess::DiaNodia, shape(51, 51, 2)),
    ] {
        let error = recipe.output_shape(size).unwrap_err().to_string();
        let named = error.contains(recipe.name()) && error.contains(&size.to_string());
        assert!(named, "{error}");
    }
    assert!(Preprocess::DiaNodia.cutouts_for(shape(51, 152, 1)).is_err());
    assert!(Preprocess::Braai.cutouts_for(shape(51, 51, 3)).is_err());
}

#[test]
fn names_are_unique_and_read_back() {
    let all: Vec<Preprocess> = Preprocess::all().collect();
    assert_eq!(all.len(), Normalisation::ALL.len() + 3);
    for recipe in &all {
        assert_eq!(recipe.name().parse::<Preprocess>().unwrap(), *recipe);
        let images = recipe.channels().map(|c| c.contains(&Channel::Difference));
        assert_ne!(images, Some(false));
    }
}

#[test]
fn a_model_file_keeps_its_recipe_and_refuses_one_it_does_not_know() {
    let options = ImportOptions {
        preprocess: Some("l2-rows".into()),
        ..ImportOptions::default()
    };
    let (file, _) = imported(&[&fixture("keras2.h5")], &options);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    file.write(&path).unwrap();
    let back = ModelFile::read(&path, &Device::cpu()).unwrap();
    assert_eq!(
        (back.preprocess, back.channels),
        (Normalisation::L2Rows.into(), None)
    );

    let (tensors, text) = rbgpu::formats::tensors::read(&path, "rbgpu").unwrap();
    // As a file of the first rbgpu has it: nothing of channels.
    assert!(text.contains(r#""normalisation":"l2-rows""#) && !text.contains("channels"));
    let newer = text.replace("l2-rows", "braai-d7");
    rbgpu::formats::tensors::write(&path, &tensors, "rbgpu", &newer).unwrap();
    let error = ModelFile::read(&path, &Device::cpu())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("'braai-d7'") && error.contains("newer rbgpu"),
        "{error}"
    );
}
