//! Scores simulated candidates with a model and draws them: the picture at the
//! top of README.md.
//!
//! ```text
//! rbgpu train --network des1 --simulated 4000 --learning-rate 1e-3 --out des1.safetensors
//! cargo run --release --example picture -- des1.safetensors docs/what-it-does.png
//! ```

use std::path::Path;

use rbgpu::backend::Device;
use rbgpu::engine::Tensor;
use rbgpu::formats::ModelFile;
use rbgpu::report::{Tile, gallery};
use rbgpu::simulate::{Kind, SurveyConfig, survey_of};
use rbgpu::{Error, Result};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, picture] = &arguments[..] else {
        return Err(Error::config("arguments", "others", "MODEL PICTURE"));
    };
    let device = Device::cpu();
    let file = ModelFile::read(Path::new(model), &device)?;
    // Real sources from bright to faint, and the plainest of each kind of bogus.
    let wanted = [
        (Kind::Real, 18.5),
        (Kind::Dipole, 0.0),
        (Kind::Real, 20.0),
        (Kind::CosmicRay, 0.0),
        (Kind::Real, 20.8),
        (Kind::SatelliteTrail, 0.0),
        (Kind::Real, 21.4),
        (Kind::Saturated, 0.0),
    ];
    let mut tiles = Vec::new();
    for (i, (kind, mag)) in wanted.into_iter().enumerate() {
        // A seed of its own for each, so that no two tiles share a sky.
        let config = SurveyConfig {
            count: 12,
            seed: 100 + i as u64,
            ..SurveyConfig::triplets()
        };
        let set = survey_of(&config, kind)?.dataset;
        let shape = set.shape;
        let distance = |row: &usize| (set.candidates[*row].mag - mag).abs();
        let nearest = (0..set.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let row = nearest.expect("twelve candidates");
        let mut pixels = vec![0.0; shape.len()];
        set.pixels.read(row, &mut pixels)?;
        let made = file.preprocess.output_shape(shape)?;
        let mut input = vec![0.0; made.len()];
        file.preprocess.apply(&pixels, shape, &mut input);
        let size = [1, made.height, made.width, made.channels];
        let score = file.model.score(Tensor::new(&device, size, &input)?)?[0];
        let mag = set.candidates[row].mag;
        let title = match kind.is_real() {
            true => format!("real, {mag:.1} mag"),
            false => kind.to_string().replace('_', " "),
        };
        tiles.push(Tile {
            pixels,
            height: shape.height,
            width: shape.width,
            channels: shape.channels,
            title,
            captions: vec![format!("P(real) = {score:.2}")],
            real: kind.is_real(),
            ..Tile::default()
        });
    }
    gallery(&tiles, 4)?.save(picture)
}
