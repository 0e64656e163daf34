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
    let kinds = [
        (Kind::Real, "real"),
        (Kind::Dipole, "dipole"),
        (Kind::Real, "real, on a galaxy"),
        (Kind::CosmicRay, "cosmic ray"),
        (Kind::Real, "real, faint"),
        (Kind::SatelliteTrail, "satellite trail"),
        (Kind::Real, "real"),
        (Kind::Saturated, "saturated star"),
    ];
    let mut tiles = Vec::new();
    for (i, (kind, title)) in kinds.iter().enumerate() {
        // A seed of its own for each, so that no two tiles share a sky.
        let config = SurveyConfig {
            count: 1,
            seed: 100 + i as u64,
            ..SurveyConfig::triplets()
        };
        let set = survey_of(&config, *kind)?.dataset;
        let shape = set.shape;
        let mut pixels = vec![0.0; shape.len()];
        set.pixels.read(0, &mut pixels)?;
        let mut input = pixels.clone();
        file.normalisation.apply(&mut input, shape);
        let size = [1, shape.height, shape.width, shape.channels];
        let score = file.model.score(Tensor::new(&device, size, &input)?)?[0];
        tiles.push(Tile {
            pixels,
            height: shape.height,
            width: shape.width,
            channels: shape.channels,
            title: (*title).into(),
            caption: format!("P(real) = {score:.2}"),
            real: kind.is_real(),
        });
    }
    gallery(&tiles, 2)?.save(picture)
}
